//! Children follow their parent.

use super::composable::ComposableSampler;
use super::intent::SamplingIntent;
use super::span_start::SpanStart;
use super::threshold::Threshold;

/// Lets children do as their parent did, and asks another sampler about roots.
///
/// | the parent has | and is | the child's threshold | its count |
/// |---|---|---|---|
/// | `th` | sampled, and R >= `th` | `th` | reliable |
/// | `th` | not sampled, and R < `th` | `th`, so it is dropped too | - |
/// | `th` that disagrees with the sampled flag | sampled | 0, and `th` is erased | unknown |
/// | `th` that disagrees with the sampled flag | not sampled | none, and `th` is erased | - |
/// | no `th` | sampled | 0 | unknown |
/// | no `th` | not sampled | none | - |
///
/// R is the parent's `rv`, else the last 56 bits of the trace id. A disagreement is what a sampler that
/// drops and leaves a stale `th` behind looks like from here, or one that changes the flag on the way.
///
/// Specification: `trace/sdk.md`, "ComposableParentThreshold", and
/// `trace/tracestate-probability-sampling.md`, "General requirements".
///
/// # Example
///
/// ```
/// use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};
/// use throughline_samplers::probability::*;
///
/// let sampler = ComposableParentThreshold::new(ComposableAlwaysOff);
/// let (trace, span) = (TraceId::from(0xff << 48), SpanId::from(1));
/// let state = "ot=th:c".parse().unwrap();
/// let parent = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, state);
/// assert_eq!(sampler.intent(&SpanStart::child(&parent, "job")).threshold(), Some("c".parse()?));
/// assert_eq!(sampler.intent(&SpanStart::root("job")).threshold(), None);
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ComposableParentThreshold<S> {
    root: S,
}

impl<S: ComposableSampler> ComposableParentThreshold<S> {
    /// Asks `root` about spans that have no parent.
    ///
    /// ```
    /// use throughline_samplers::probability::*;
    ///
    /// let sampler = ComposableParentThreshold::new(ComposableProbability::new(0.1)?);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn new(root: S) -> Self {
        Self { root }
    }
}

impl<S: ComposableSampler> ComposableSampler for ComposableParentThreshold<S> {
    #[inline]
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        let Some(parent) = span.parent() else {
            return self.root.intent(span);
        };
        let randomness = span.randomness(parent.trace_id());
        match span.otel_trace_state().threshold() {
            Some(th) if th.keeps(randomness) == parent.is_sampled() => SamplingIntent::reliable(th),
            _ if parent.is_sampled() => SamplingIntent::unreliable(Threshold::ALWAYS),
            _ => SamplingIntent::dropped(),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

    use super::super::composable::{ComposableAlwaysOff, ComposableAlwaysOn};
    use super::*;

    /// Threshold and reliability of the child of this parent, whose trace id ends in `80000000000000`.
    fn child_of(state: &str, sampled: bool) -> (Option<String>, bool) {
        let parent = SpanContext::new(
            TraceId::from(0x80_0000_0000_0000),
            SpanId::from(1),
            TraceFlags::default().with_sampled(sampled),
            true,
            state.parse().unwrap(),
        );
        let sampler = ComposableParentThreshold::new(ComposableAlwaysOff);
        let intent = sampler.intent(&SpanStart::child(&parent, "child"));
        let threshold = intent.threshold().map(|th| th.to_string());
        (threshold, intent.adjusted_count_reliable())
    }

    fn reliable(th: &str) -> (Option<String>, bool) {
        (Some(th.to_owned()), true)
    }

    const DROPPED: (Option<String>, bool) = (None, false);

    fn unreliable() -> (Option<String>, bool) {
        (Some("0".to_owned()), false)
    }

    #[test]
    fn a_parent_that_agrees_with_its_threshold_hands_it_down() {
        assert_eq!(child_of("ot=th:8", true), reliable("8"));
        assert_eq!(child_of("ot=th:0", true), reliable("0"));
        assert_eq!(child_of("ot=th:c", false), reliable("c"));
        assert_eq!(child_of("ot=th:c;rv:c0000000000000", true), reliable("c"));
        assert_eq!(child_of("ot=th:8;rv:7fffffffffffff", false), reliable("8"));
    }

    #[test]
    fn a_parent_that_disagrees_with_its_threshold_is_believed_without_it() {
        assert_eq!(child_of("ot=th:c", true), unreliable());
        assert_eq!(child_of("ot=th:8;rv:7fffffffffffff", true), unreliable());
        // A stale threshold on a span that was dropped.
        assert_eq!(child_of("ot=th:0", false), DROPPED);
        assert_eq!(child_of("ot=th:c;rv:c0000000000000", false), DROPPED);
    }

    #[test]
    fn a_parent_without_threshold_is_believed_and_not_counted() {
        for state in ["", "a=1", "ot=th:C", "ot=rv:80000000000000"] {
            assert_eq!(child_of(state, true), unreliable());
            assert_eq!(child_of(state, false), DROPPED);
        }
    }

    #[test]
    fn a_root_is_up_to_the_root_sampler() {
        let sampler = ComposableParentThreshold::new(ComposableAlwaysOn::new());
        let intent = sampler.intent(&SpanStart::root("root"));
        assert_eq!(intent.threshold(), Some(Threshold::ALWAYS));
        assert!(intent.adjusted_count_reliable());
        // A parent that is none.
        let intent = sampler.intent(&SpanStart::child(&SpanContext::NONE, "root"));
        assert!(intent.adjusted_count_reliable());
    }
}
