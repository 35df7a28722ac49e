//! What a sampler wants done with traces when they end.

use std::time::Duration;

/// Rates that a sampler is told and cannot apply: whether a trace fails or takes long is known at its end, by
/// whoever holds it until then.
///
/// ```
/// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings, Policies};
///
/// let sampler = AdaptiveSampler::new(AdaptiveSettings::new().error_rate(0.5))?;
/// let Policies { error_rate, slow_rate, slow_threshold } = sampler.policies();
/// assert_eq!((error_rate, slow_rate, slow_threshold.as_millis()), (0.5, 0.5, 500));
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policies {
    /// The share of the traces with an error to keep, 0 to 1.
    pub error_rate: f64,
    /// The share of the slow traces to keep, 0 to 1.
    pub slow_rate: f64,
    /// From how long on a trace is slow.
    pub slow_threshold: Duration,
}
