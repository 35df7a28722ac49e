//! Compression of the answer.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::format::weight;

/// Whether an `Accept-Encoding` header accepts gzip (RFC 9110, 12.5.3).
pub(super) fn accepts_gzip(header: &str) -> bool {
    let mut anything = false;
    for element in header.split(',') {
        let mut parts = element.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weights = parts.filter_map(|part| part.split_once('='));
        let q = weights.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        let accepted = q
            .map(|(_, value)| weight(value.trim()))
            .all(|q| q.is_some_and(|q| q > 0));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            return accepted;
        }
        anything |= coding == "*" && accepted;
    }
    anything
}

/// Compresses quickly rather than tightly: the work is done in the user's process, and repeated labels
/// compress well at any level.
pub(super) fn gzip(text: &str) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?.into())
}
