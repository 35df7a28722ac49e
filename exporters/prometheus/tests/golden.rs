//! Both formats of one rich snapshot, as files. `UPDATE_EXPECT=1 cargo test -p throughline-prometheus` rewrites
//! them; what changed is then read in the diff.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "support/rich.rs"]
mod rich;
#[path = "support/snapshots.rs"]
mod snapshots;
#[path = "support/validator.rs"]
mod validator;

use expect_test::expect_file;
use snapshots::{openmetrics, text};
use throughline_prometheus::{Cause, Exposition};
use validator::{Dialect, validate};

fn losses(exposition: &Exposition) -> Vec<(&str, Cause, u64)> {
    let drops = exposition.report.drops().iter();
    drops
        .map(|drops| (&*drops.metric, drops.cause, drops.count))
        .collect()
}

#[test]
fn text_0_0_4_of_everything() {
    let exposition = text(&rich::rich());
    expect_file!["golden/rich.txt"].assert_eq(&exposition.text);
    validate(&exposition.text, Dialect::Text).unwrap();
    assert_eq!(
        losses(&exposition),
        [
            ("orders", Cause::HelpConflict, 1),
            ("orders.total", Cause::TypeConflict, 1),
            ("target.info", Cause::TypeConflict, 1),
            ("delta", Cause::DeltaTemporality, 1),
            ("%", Cause::InvalidName, 1),
            ("twice", Cause::DuplicateSeries, 1),
            ("broken", Cause::InvalidPoint, 1),
        ]
    );
}

#[test]
fn openmetrics_of_everything() {
    let exposition = openmetrics(&rich::rich());
    expect_file!["golden/rich.om"].assert_eq(&exposition.text);
    validate(&exposition.text, Dialect::OpenMetrics).unwrap();
    assert_eq!(
        losses(&exposition),
        [
            ("orders", Cause::HelpConflict, 1),
            ("orders.total", Cause::TypeConflict, 1),
            ("target.info", Cause::TypeConflict, 1),
            ("delta", Cause::DeltaTemporality, 1),
            ("%", Cause::InvalidName, 1),
            ("money.spent", Cause::ExemplarTooLong, 1),
            ("twice", Cause::DuplicateSeries, 1),
            ("broken", Cause::InvalidPoint, 1),
        ]
    );
}
