//! So many spans a second, consistently.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use throughline_model::Clock;

use super::composable::ComposableSampler;
use super::intent::SamplingIntent;
use super::span_start::SpanStart;
use super::threshold::Threshold;
use crate::Error;

/// Wants what another sampler wants, at most so many spans a second.
///
/// A token bucket that says yes or no cannot be counted: whether a span is sampled would depend on the ones
/// just before it, on every machine differently. This bucket hands out *probabilities*:
///
/// - It holds up to k tokens and gains `per_second` tokens a second. It starts full.
/// - A span that comes when b tokens are left is sampled with probability p = min(b / k, what the other
///   sampler wants), and takes p tokens out: what it costs on average, whether it is sampled or not.
/// - k is what a second brings, at least 2.
///
/// So p depends on when spans came, never on their randomness: decisions are consistent and counts
/// unbiased, since no span's probability is 0. The spans that are sampled in d seconds are, on average, at
/// most `per_second * d + k`. Below the limit the bucket is full and the other sampler has its way; above
/// it, p settles where as many tokens come as go, within the time in which k spans come, and falls on the
/// frequent and the rare alike to the same level. That is the mean; how many are sampled scatters around it
/// as their trace ids do.
///
/// Put it inside [`ComposableParentThreshold`](super::ComposableParentThreshold), so that it counts traces
/// and leaves none in halves. A decision reads the clock and updates one word that all threads share.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use throughline_model::SystemClock;
/// use throughline_samplers::probability::*;
///
/// let everything = ComposableAlwaysOn::new();
/// let roots = ComposableRateLimiting::new(everything, 100.0, Arc::new(SystemClock))?;
/// let sampler = CompositeSampler::new(ComposableParentThreshold::new(roots));
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Debug)]
pub struct ComposableRateLimiting<S> {
    sampler: S,
    /// In nanoseconds: how long one token takes to come.
    token: f64,
    /// In nanoseconds: how long k tokens take to come.
    window: u64,
    /// The time of the clock when the sampler was made, which counts as `window`: the bucket is full.
    origin: Duration,
    clock: Arc<dyn Clock>,
    /// The time at which the bucket would have been empty to be as full as it is: it holds
    /// `(now - empty) / token`. Where it is less than `now - window`, the bucket is full.
    empty: AtomicU64,
}

/// How long the tokens of a full bucket take to come, unless these are fewer than two.
const WINDOW: Duration = Duration::from_secs(1);
/// With one, a full bucket would be empty after one span, and the next would have next to no chance.
const FEWEST_TOKENS: f64 = 2.0;

impl<S: ComposableSampler> ComposableRateLimiting<S> {
    /// At most `per_second` of the spans that this sampler wants, 10^-6 to 10^6.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the rate is not in that range.
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    /// use throughline_model::SystemClock;
    /// use throughline_samplers::probability::*;
    ///
    /// let clock = Arc::new(SystemClock);
    /// let refused = ComposableRateLimiting::new(ComposableAlwaysOff, 0.0, clock).unwrap_err();
    /// assert_eq!(refused.to_string(), "per_second is 0: expected 0.000001 to 1000000");
    /// ```
    pub fn new(sampler: S, per_second: f64, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        if !(1e-6..=1e6).contains(&per_second) {
            return Err(Error::Setting {
                field: "per_second",
                value: per_second.to_string(),
                expected: "0.000001 to 1000000".to_owned(),
            });
        }
        let token = 1e9 / per_second;
        Ok(Self {
            sampler,
            token,
            window: (WINDOW.as_nanos() as f64).max(FEWEST_TOKENS * token) as u64,
            origin: clock.monotonic(),
            clock,
            empty: AtomicU64::new(0),
        })
    }

    /// The probability of a span that comes now and is wanted with this one; takes its tokens.
    fn take(&self, wanted: f64) -> f64 {
        let elapsed = self.clock.monotonic().saturating_sub(self.origin);
        let now = self.window.saturating_add(elapsed.as_nanos() as u64);
        let full = now - self.window;
        let mut empty = self.empty.load(Ordering::Relaxed);
        loop {
            let since = empty.max(full);
            // Not zero, even where another thread saw a later time: no span is without a chance.
            let level = now.saturating_sub(since).max(1);
            let probability = wanted.min(level as f64 / self.window as f64);
            let taken = since.saturating_add((probability * self.token).round() as u64);
            // The word stands for itself; nothing is published with it.
            match self.empty.compare_exchange_weak(
                empty,
                taken,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return probability,
                Err(changed) => empty = changed,
            }
        }
    }
}

impl<S: ComposableSampler> ComposableSampler for ComposableRateLimiting<S> {
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        let intent = self.sampler.intent(span);
        let Some(wanted) = intent.threshold() else {
            return intent;
        };
        let probability = self.take(wanted.probability());
        if probability < wanted.probability() {
            intent.at_least(Threshold::rounded(
                probability,
                Threshold::DEFAULT_PRECISION,
            ))
        } else {
            intent
        }
    }
}

#[cfg(test)]
mod tests;
