//! Conformance of the samplers: tables of cases, each with the rule that it is worked out from.
//!
//! `cargo xtask conformance` runs these tables alone. The rules are those of the OpenTelemetry specification
//! (`specification/trace/`), and of two implementations that others have to agree with: the Collector's
//! `pkg/sampling` (opentelemetry-collector-contrib) and Java's consistent sampling (the `samplers` of
//! opentelemetry-java's incubator and java-contrib's `consistent56`). The numbers are our own. Where the two
//! differ from each other or from the specification, the table says so and follows the specification.
//!
//! What a table does not list, an oracle does: the same rule written down once more, in another way, and
//! compared over all combinations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod decisions;
mod entries;
mod stages;
mod thresholds;

/// Thresholds as 14 digits, so that tables can be read.
fn bits(digits: &str) -> u64 {
    assert!(digits.len() <= 14);
    u64::from_str_radix(&format!("{digits:0<14}"), 16).unwrap()
}
