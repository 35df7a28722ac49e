//! How long each sender has been measuring.
//!
//! A cumulative series starts with its first measurement, so that one measured once, a moment ago, would seem to be
//! measured many times a second. The sender's own time is the longer one: from the earliest start of any of its series
//! to the newest point.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::operations::count_of;
use crate::data::{Origin, Time, Total};
use crate::store::Series;

/// From the earliest start to the newest point, by sender.
#[derive(Debug)]
pub(super) struct Lifetimes(BTreeMap<*const Origin, (Time, Time)>);

impl Lifetimes {
    /// Of everybody who sent one of these series.
    pub(super) fn of(series: &[Arc<Series>]) -> Self {
        let mut lifetimes = BTreeMap::new();
        for series in series.iter().filter(|series| series.start.is_known()) {
            let (start, time) = lifetimes
                .entry(Arc::as_ptr(&series.id.origin))
                .or_insert((series.start, series.time));
            *start = (*start).min(series.start);
            *time = (*time).max(series.time);
        }
        Self(lifetimes)
    }

    /// The sum over the senders of what each measured per second; `None` where no start was sent.
    pub(super) fn per_second(&self, series: &[Arc<Series>]) -> Option<f64> {
        let rates = series.iter().map(|series| {
            let (start, time) = self.0.get(&Arc::as_ptr(&series.id.origin))?;
            let seconds = time.nanos_since(*start) as f64 / 1e9;
            let amount = match &series.total {
                Total::Number(number) => number.as_f64(),
                total => count_of(total) as f64,
            };
            (series.start.is_known() && seconds > 0.0).then(|| amount / seconds)
        });
        rates.sum()
    }
}
