//! Samplers that can be put together.

use std::fmt::Debug;
use std::sync::Arc;

use super::intent::{Prepared, SamplingIntent};
use super::span_start::SpanStart;
use super::threshold::Threshold;
use crate::Error;

/// Says with which threshold a span should be sampled, and leaves the decision to the
/// [`CompositeSampler`](super::CompositeSampler): so several of them work together.
///
/// The threshold must not depend on the trace's randomness, nor on anything derived from it; else the
/// counts are wrong. It is called for every span, on the thread that starts it: no lock, no allocation, and
/// no `tracing` event.
///
/// Specification: `trace/sdk.md`, "ComposableSampler".
///
/// # Example
///
/// ```
/// use throughline_samplers::probability::*;
///
/// /// Samples what is named in a longer way less often.
/// #[derive(Debug)]
/// struct ByLength;
///
/// impl ComposableSampler for ByLength {
///     fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
///         match Threshold::from_probability(1.0 / span.name.len() as f64) {
///             Ok(threshold) => SamplingIntent::reliable(threshold),
///             Err(_) => SamplingIntent::dropped(),
///         }
///     }
/// }
///
/// let sampler = CompositeSampler::new(ComposableParentThreshold::new(ByLength));
/// ```
pub trait ComposableSampler: Debug + Send + Sync {
    /// What it wants for this span.
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a>;
}

impl<S: ComposableSampler + ?Sized> ComposableSampler for Box<S> {
    #[inline]
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        (**self).intent(span)
    }
}

impl<S: ComposableSampler + ?Sized> ComposableSampler for Arc<S> {
    #[inline]
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        (**self).intent(span)
    }
}

/// Samples every span, whatever its parent says; `th` is 0.
///
/// Specification: `trace/sdk.md`, "ComposableAlwaysOn".
///
/// ```
/// use throughline_samplers::probability::*;
///
/// let intent = ComposableAlwaysOn::new().intent(&SpanStart::root("job")).threshold();
/// assert_eq!(intent, Some(Threshold::ALWAYS));
/// ```
#[derive(Clone, Debug)]
pub struct ComposableAlwaysOn(Prepared);

impl ComposableAlwaysOn {
    /// The only one there is.
    ///
    /// ```
    /// use throughline_samplers::probability::{ComposableAlwaysOn, CompositeSampler};
    ///
    /// let sampler = CompositeSampler::new(ComposableAlwaysOn::new());
    /// ```
    pub fn new() -> Self {
        Self(Prepared::new(Threshold::ALWAYS))
    }
}

impl Default for ComposableAlwaysOn {
    fn default() -> Self {
        Self::new()
    }
}

impl ComposableSampler for ComposableAlwaysOn {
    #[inline]
    fn intent<'a>(&'a self, _: &SpanStart<'_>) -> SamplingIntent<'a> {
        self.0.intent()
    }
}

/// Samples no span, whatever its parent says.
///
/// Specification: `trace/sdk.md`, "ComposableAlwaysOff".
///
/// ```
/// use throughline_samplers::probability::*;
///
/// assert_eq!(ComposableAlwaysOff.intent(&SpanStart::root("job")).threshold(), None);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ComposableAlwaysOff;

impl ComposableSampler for ComposableAlwaysOff {
    #[inline]
    fn intent<'a>(&'a self, _: &SpanStart<'_>) -> SamplingIntent<'a> {
        SamplingIntent::dropped()
    }
}

/// Samples a share of all traces, whatever the span's parent says.
///
/// Whoever uses a higher probability keeps these traces too, in any language.
///
/// Specification: `trace/sdk.md`, "ComposableProbability".
///
/// ```
/// use throughline_samplers::probability::*;
///
/// let sampler = ComposableProbability::new(0.01)?;
/// let threshold = sampler.intent(&SpanStart::root("job")).threshold();
/// assert_eq!(threshold.map(|th| th.to_string()).as_deref(), Some("fd70a"));
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ComposableProbability(
    /// `None` if the probability is 0.
    Option<Prepared>,
);

impl ComposableProbability {
    /// Samples with a probability from 2^-56 to 1, at the default precision of the threshold, or nothing
    /// if it is 0.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the probability is neither 0 nor in that range.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::probability::ComposableProbability;
    ///
    /// assert!(ComposableProbability::new(0.0).is_ok());
    /// assert_eq!(
    ///     ComposableProbability::new(10.0).unwrap_err().to_string(),
    ///     "probability is 10: expected 0, or 2^-56 to 1",
    /// );
    /// ```
    pub fn new(probability: f64) -> Result<Self, Error> {
        if probability == 0.0 {
            return Ok(Self(None));
        }
        match Threshold::from_probability(probability) {
            Ok(threshold) => Ok(Self::with_threshold(threshold)),
            Err(_) => Err(Error::Setting {
                field: "probability",
                value: probability.to_string(),
                expected: "0, or 2^-56 to 1".to_owned(),
            }),
        }
    }

    /// Samples with exactly this threshold.
    ///
    /// ```
    /// use throughline_samplers::probability::{ComposableProbability, Threshold};
    ///
    /// let sampler = ComposableProbability::with_threshold("fd70a4".parse()?);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn with_threshold(threshold: Threshold) -> Self {
        Self(Some(Prepared::new(threshold)))
    }

    /// The threshold, or `None` if it samples nothing.
    ///
    /// ```
    /// use throughline_samplers::probability::{ComposableProbability, Threshold};
    ///
    /// assert_eq!(ComposableProbability::new(1.0)?.threshold(), Some(Threshold::ALWAYS));
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn threshold(&self) -> Option<Threshold> {
        self.0.as_ref().map(Prepared::threshold)
    }
}

impl ComposableSampler for ComposableProbability {
    #[inline]
    fn intent<'a>(&'a self, _: &SpanStart<'_>) -> SamplingIntent<'a> {
        match &self.0 {
            Some(prepared) => prepared.intent(),
            None => SamplingIntent::dropped(),
        }
    }
}
