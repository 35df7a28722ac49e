//! Says on the span why it was sampled.

use opentelemetry::KeyValue;

use super::composable::ComposableSampler;
use super::intent::SamplingIntent;
use super::span_start::SpanStart;

/// Wants what another sampler wants, and adds attributes to the spans that are sampled.
///
/// They follow those that the other sampler adds. Up to two samplers that annotate one span, one around
/// the other, allocate nothing for a span that is dropped.
///
/// Specification: `trace/sdk.md`, "ComposableAnnotating".
///
/// # Example
///
/// ```
/// use opentelemetry::KeyValue;
/// use throughline_samplers::probability::*;
///
/// let why = KeyValue::new("sampling.rule", "checkout");
/// let sampler = ComposableAnnotating::new(ComposableAlwaysOn::new(), [why.clone()]);
/// assert_eq!(sampler.intent(&SpanStart::root("job")).into_attributes(), [why]);
/// ```
#[derive(Clone, Debug)]
pub struct ComposableAnnotating<S> {
    sampler: S,
    attributes: Box<[KeyValue]>,
}

impl<S: ComposableSampler> ComposableAnnotating<S> {
    /// Adds these attributes to what this sampler samples.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    /// use throughline_samplers::probability::*;
    ///
    /// let why = [KeyValue::new("sampling.rule", "default")];
    /// let sampler = ComposableAnnotating::new(ComposableProbability::new(0.01)?, why);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn new(sampler: S, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        Self {
            sampler,
            attributes: attributes.into_iter().collect(),
        }
    }
}

impl<S: ComposableSampler> ComposableSampler for ComposableAnnotating<S> {
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        self.sampler.intent(span).annotated(&self.attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::composable::ComposableAlwaysOn;
    use super::*;

    #[test]
    fn attributes_add_up_from_the_inside_out() {
        let annotated = |sampler: Box<dyn ComposableSampler>, key: &'static str| {
            Box::new(ComposableAnnotating::new(sampler, [KeyValue::new(key, 1)]))
        };
        let mut sampler: Box<dyn ComposableSampler> = Box::new(ComposableAlwaysOn::new());
        // More than there is room for inline, and one that adds nothing.
        for key in ["a", "b", "c", "d", "e", "f"] {
            sampler = annotated(sampler, key);
            sampler = Box::new(ComposableAnnotating::new(sampler, []));
        }
        let attributes = sampler.intent(&SpanStart::root("job")).into_attributes();
        let keys: Vec<_> = attributes.iter().map(|a| a.key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c", "d", "e", "f"]);
    }
}
