use super::{Counts, Tally};

#[test]
fn closing_lines_add_up() {
    let mut tally = Tally::default();
    tally.read("running 2 tests\n");
    tally.read("test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.25s\n");
    tally.read("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n");
    tally.read("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.00s\n");

    assert_eq!(
        tally.counts(),
        Counts {
            passed: 13,
            failed: 2,
            skipped: 3
        }
    );
    assert_eq!(tally.closing_lines().len(), 2);
}

#[test]
fn a_line_that_merely_mentions_a_result_is_passed_over() {
    let mut tally = Tally::default();
    tally.read("the test result: ok. 1 passed; 0 failed");
    tally.read("test result: ok");

    assert_eq!(tally.counts(), Counts::default());
}

#[test]
fn a_test_that_says_it_is_skipped_has_not_passed() {
    let mut tally = Tally::default();
    tally.read("SKIPPED metrics_arrive: THROUGHLINE_COLLECTOR is not set\n");
    tally.read("test spans_arrive ... SKIPPED spans_arrive: THROUGHLINE_COLLECTOR is not set\n");
    tally.read("SKIPPED spans_arrive: THROUGHLINE_PROMETHEUS is not set\n");
    tally.read("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.25s\n");
    tally.read("test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.25s\n");

    assert_eq!(
        tally.counts(),
        Counts {
            passed: 3,
            failed: 0,
            skipped: 3
        }
    );
}
