//! Throughline beside its peers: what a measurement costs, in one run on one machine.
//!
//! ```text
//! cargo xtask bench                      all cases, minutes; a Markdown table on standard output
//! cargo xtask bench --quick              fewer and shorter rounds, under a minute
//! cargo xtask bench --case counter       cases whose name contains the word
//! cargo xtask bench --json FILE          the rows as JSON too
//! cargo xtask bench --instructions       instructions per operation under callgrind, against instructions.json
//! cargo xtask bench --budget             what a service of 100,000 requests a second pays, see [`budget`]
//! ```
//!
//! # How it measures
//!
//! A [`Case`] is one question ("a bound counter"), its [`Subject`]s are those who answer it: Throughline in its
//! layers, its peers, and the limits of the machine. All subjects of a case live in one process and take turns, round
//! by round, so that whatever else the machine does meets all of them. A round does one step as many times as fill a
//! few milliseconds; what is shown is the fastest round and the median, in nanoseconds per step. With several threads
//! each does that many steps, from a common start, and the time is the mean of theirs: 2 threads that do not disturb
//! each other take as long as one. There the median counts: the fastest round may be one in which they took turns.
//! More threads than cores wait for each other, whoever is measured.
//!
//! # What makes it fair
//!
//! - Every subject gets the same values ([`values`]): additions of 1, latencies from one table, attribute sets in one
//!   pseudo-random order. Attributes are made ahead, for all alike.
//! - Handles and values pass through [`std::hint::black_box`], for all alike, so that nothing is hoisted out of the
//!   loop or folded together; `machine/empty loop` is what that costs, and is part of every number.
//! - After each round each subject is asked what it has counted ([`Verify`]); a subject that lost or dreamt up a
//!   measurement ends the run.
//! - Thread-locals and caches are warm: each run begins with steps that are not timed (but counted). What the first
//!   touch costs is a case of its own.
//! - Spans have queues that are larger than a round, so that nobody is fast because it drops them.
//! - Defaults are left alone: minimum and maximum on, exemplars on (`trace_based`, which offers nothing where no span
//!   is current), 2,000 series per instrument.
//!
//! A mean hides what one in a hundred waits for: `single/…` times each step by the processor's own counter and tells
//! quantiles; two readings of that counter, [`overhead`], are subtracted. [`targets`] are ratios of rows of one run.
//!
//! Times on a shared machine wander, instructions do not: `bench instructions` counts them for the single-threaded
//! cases, and `instructions.json` keeps what they were.

pub mod budget;
mod callgrind;
mod case;
pub mod cases;
mod measure;
mod memory;
mod prototype;
mod report;
mod rigs;
mod single;
mod stopwatch;
mod targets;
pub mod values;
mod work;

pub use callgrind::{Counts, STEPS, count};
pub use case::{Case, Subject};
pub use measure::{Pace, measure};
pub use memory::{PROBES, Probe, probe};
pub use report::{Row, markdown};
pub use single::{SINGLES, single};
pub use stopwatch::overhead;
pub use targets::targets;
pub use work::{Done, Verify, Work, Workload};
