//! A scraper's `Accept` header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use throughline_prometheus::Format;

fuzz_target!(|accept: &str| {
    let format = Format::negotiate(Some(accept));
    // What we answer with is a type that we would choose again, if a scraper asked for just that.
    assert_eq!(
        Format::negotiate(Some(format.content_type())),
        format,
        "{accept:?}"
    );
});
