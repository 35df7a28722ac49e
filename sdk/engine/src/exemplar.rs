//! Exemplars: measurements that stand for others, with the span they were made in.
//!
//! Every measurement that may become an exemplar is thought to draw a key, uniform in (0, 1); a reservoir of size k
//! keeps the k largest keys of an interval, which is a uniform sample whatever the number of threads. Almost no
//! key is ever drawn: once a reservoir is full, a thread draws how many measurements in a row will have keys that are
//! too small, and counts them down.
//!
//! ```text
//! exemplar word of a thread, one per reservoir:   [ generation 26 | skip 32 | level 6 ]
//!
//!   generation is old ──► offer: the first measurement of each generation always
//!   skip > 0          ──► skip −= 1, done                       (the hot path)
//!   skip = 0          ──► offer: its key is above 1 − 2^−level
//! ```
//!
//! Where the filter wants a sampled span and none is current, no reservoir fills and every measurement is due: it is asked
//! for its span before all else ([`Idle`]), and that is all.
//!
//! An [`offer`] reads ids and flags of the current span, asks the filter, takes the series' small mutex if
//! it is free, draws the key, keeps the measurement if the key is large enough for some reader's reservoir, and
//! draws the next skip for the largest level whose 1 − 2^−level no reservoir is below. Levels rather than exact
//! thresholds, so that they fit into the word; a measurement that is offered and has too small a key is dropped then.
//!
//! A collection takes the exemplars of its reader and moves the series' generation on, which makes every
//! thread offer its next measurement with a fresh key. Keys are independent, so it is as right to draw the keys to
//! come anew as to count the old skip down: the samples of the other readers stay uniform.
//!
//! An [`outlier`](crate::Outliers) is offered whatever its skip, with a key in (1, 2): it goes before all that are none, and
//! outliers among themselves are sampled uniformly like the others. Where exemplars must be resolvable, a collection
//! [`settle`]s what it took: only what was delivered is published.

use std::sync::LazyLock;
use std::thread;

mod custom;
mod filter;
mod offer;
mod outlier;
mod reservoir;
mod settle;
mod span;

pub(crate) use custom::Factory;
pub use custom::{ExemplarReservoir, Measurement};
pub use filter::ExemplarFilter;
pub(crate) use offer::{NONE, Offered, offer, pass};
pub(crate) use outlier::claim;
pub(crate) use reservoir::{Reservoirs, take};
pub(crate) use settle::{Carries, Waiting, publish, settle};
pub(crate) use span::Idle;

/// How many exemplars a reservoir of fixed size holds unless its aggregation says otherwise: one per CPU
/// (specification: `metrics/sdk.md`, "SimpleFixedSizeExemplarReservoir"), 8 at most.
pub(crate) fn default_size() -> usize {
    // The standard library reads files of the system for it, each time.
    static SIZE: LazyLock<usize> =
        LazyLock::new(|| thread::available_parallelism().map_or(1, |cpus| cpus.get().min(8)));
    *SIZE
}
