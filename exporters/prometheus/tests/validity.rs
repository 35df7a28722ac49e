//! Whatever the snapshot, the exposition is valid and nothing is lost without being counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "support/any.rs"]
mod any;
#[path = "support/validator.rs"]
mod validator;

use proptest::prelude::*;
use throughline_model::Snapshot;
use throughline_prometheus::{Format, Options, render};
use validator::{Dialect, validate};

fn check(snapshot: &Snapshot, options: &Options) -> Result<(), TestCaseError> {
    for (accept, dialect) in [
        ("text/plain;version=0.0.4", Dialect::Text),
        (
            "application/openmetrics-text;version=1.0.0",
            Dialect::OpenMetrics,
        ),
    ] {
        let exposition = render(snapshot, Format::negotiate(Some(accept)), options);
        let points = validate(&exposition.text, dialect)
            .map_err(|reason| TestCaseError::fail(format!("{reason}\n\n{}", exposition.text)))?;
        let target = options.target_info && !snapshot.resource.attributes.is_empty();
        let target = u64::from(target);
        let report = exposition.report;
        prop_assert_eq!(
            points as u64,
            report.points() + target,
            "{}",
            &exposition.text
        );
        let lost = report
            .drops()
            .iter()
            .filter(|drops| drops.cause.what() == "points");
        let lost: u64 = lost.map(|drops| drops.count).sum();
        prop_assert_eq!(report.points() + lost, snapshot.point_count() as u64);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_snapshot_gives_a_valid_exposition(
        snapshot in any::snapshot(),
        scope_labels: bool,
        target_info: bool,
        created: bool,
    ) {
        check(&snapshot, &Options { scope_labels, target_info, created })?;
    }
}

// The validator itself: each of these breaks one rule.

#[test]
fn the_validator_takes_what_the_specification_shows() {
    let shown = "# TYPE foo_seconds counter\n# UNIT foo_seconds seconds\n# HELP foo_seconds Some text and \\n some \\\" escaping\n\
                 foo_seconds_total{a=\"x\",b=\"escaping\\\" example \\n \"} 17.0 # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879607.789\n\
                 # TYPE h histogram\nh_bucket{le=\"0.01\"} 0\nh_bucket{le=\"0.1\"} 8 # {} 0.054 1.5\nh_bucket{le=\"+Inf\"} 17\n\
                 h_sum 324789.3\nh_count 17\n# TYPE i info\ni_info{name=\"x\"} 1\n# EOF\n";
    assert_eq!(validate(shown, Dialect::OpenMetrics), Ok(3));
}

#[test]
fn the_validator_refuses_what_breaks_openmetrics() {
    for bad in [
        "",
        "# EOF",
        "# EOF\n\n",
        "# TYPE a gauge\n\na 1\n# EOF\n",
        "a 1\n# EOF\n",
        "# TYPE a gauge\n# TYPE a gauge\n# EOF\n",
        "# HELP a x\n# TYPE a gauge\n# EOF\n",
        "# TYPE a gauge\n# UNIT a seconds\n# EOF\n",
        "# TYPE a gauge\na 1\n# HELP a x\n# EOF\n",
        "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na{x=\"y\"} 1\n# EOF\n",
        "# TYPE a gauge\na 1\na 1\n# EOF\n",
        "# TYPE a counter\na 1\n# EOF\n",
        "# TYPE a counter\na_total -1\n# EOF\n",
        "# TYPE a counter\na_total NaN\n# EOF\n",
        "# TYPE a counter\n# TYPE a_created gauge\n# EOF\n",
        "# TYPE a gauge\na 1 # {} 1 1\n# EOF\n",
        "# TYPE a counter\na_total 1 # {} 1\n# EOF\n",
        "# TYPE a counter\na_total 1 # {} 1 NaN\n# EOF\n",
        "# TYPE a gauge\na{__x=\"y\"} 1\n# EOF\n",
        "# TYPE a gauge\na{x=\"\\q\"} 1\n# EOF\n",
        "# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n# EOF\n",
        "# TYPE a gauge\na Inf\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"1.0\"} 1\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"2.0\"} 1\na_bucket{le=\"1.0\"} 1\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1.0\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1.0\na_count 2\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"-1.0\"} 1\na_bucket{le=\"+Inf\"} 1\na_sum 1.0\na_count 1\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"1.0\"} 1 # {} 2.0 1\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
        "# TYPE a histogram\na_bucket{x=\"1\",le=\"+Inf\"} 1\na_bucket{le=\"+Inf\"} 1\na_sum{x=\"1\"} 1.0\n# EOF\n",
    ] {
        assert!(validate(bad, Dialect::OpenMetrics).is_err(), "{bad}");
    }
    let long = "x".repeat(128);
    let bad = format!("# TYPE a counter\na_total 1 # {{k=\"{long}\"}} 1 1\n# EOF\n");
    assert!(validate(&bad, Dialect::OpenMetrics).is_err());
}

#[test]
fn the_validator_refuses_what_breaks_the_text_format() {
    for bad in [
        "# TYPE a gauge\na 1",
        "# TYPE a counter\na 1 # {} 1 1\n",
        "# TYPE a gauge\n# UNIT a x\na 1\n",
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\n",
        "# TYPE a gauge\na 1\n# EOF\n",
        "# TYPE a info\na_info 1\n",
    ] {
        assert!(validate(bad, Dialect::Text).is_err(), "{bad}");
    }
}
