//! `tracestate` as it comes from another service.
#![no_main]

use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use opentelemetry::trace::TraceState;
use throughline_samplers::probability::OtelTraceState;

fuzz_target!(|header: &str| {
    let Ok(received) = TraceState::from_str(header) else {
        return;
    };
    let read = OtelTraceState::of(&received);
    for threshold in [None, read.threshold()] {
        let sent = read.with_threshold(threshold);
        let again = OtelTraceState::of(&sent);
        assert_eq!(
            again.randomness(),
            read.randomness(),
            "rv is never changed: {header:?}"
        );
        if threshold.is_none() {
            assert_eq!(
                again.threshold(),
                None,
                "an erased threshold is gone: {header:?}"
            );
        }
    }
});
