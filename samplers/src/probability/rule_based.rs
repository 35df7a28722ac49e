//! The first rule that matches.

use super::composable::ComposableSampler;
use super::intent::SamplingIntent;
use super::predicate::Predicate;
use super::span_start::SpanStart;

/// Asks the sampler of the first rule that is for the span; a span that no rule is for is dropped.
///
/// Rules are tried in order, so the cost grows with their number.
///
/// Specification: `trace/sdk.md`, "ComposableRuleBased".
///
/// # Example
///
/// ```
/// use throughline_samplers::probability::*;
///
/// // No health checks, every checkout, a tenth of the rest; children as their parents.
/// let roots = ComposableRuleBased::new()
///     .rule(Predicate::attribute("http.route", "/health"), ComposableAlwaysOff)
///     .rule(Predicate::attribute("http.route", "/checkout"), ComposableAlwaysOn::new())
///     .rule(Predicate::anything(), ComposableProbability::new(0.1)?);
/// let sampler = CompositeSampler::new(ComposableParentThreshold::new(roots));
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ComposableRuleBased {
    rules: Vec<(Predicate, Box<dyn ComposableSampler>)>,
}

impl ComposableRuleBased {
    /// No rules: every span is dropped.
    ///
    /// ```
    /// use throughline_samplers::probability::*;
    ///
    /// let none = ComposableRuleBased::new();
    /// assert_eq!(none.intent(&SpanStart::root("job")).threshold(), None);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule after the others.
    ///
    /// ```
    /// use throughline_samplers::probability::*;
    ///
    /// let jobs = ComposableRuleBased::new().rule(Predicate::name("job"), ComposableAlwaysOn::new());
    /// assert_eq!(jobs.intent(&SpanStart::root("job")).threshold(), Some(Threshold::ALWAYS));
    /// assert_eq!(jobs.intent(&SpanStart::root("task")).threshold(), None);
    /// ```
    #[must_use]
    pub fn rule(mut self, predicate: Predicate, sampler: impl ComposableSampler + 'static) -> Self {
        self.rules.push((predicate, Box::new(sampler)));
        self
    }
}

impl ComposableSampler for ComposableRuleBased {
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        let mut rules = self.rules.iter();
        match rules.find(|(predicate, _)| predicate.matches(span)) {
            Some((_, sampler)) => sampler.intent(span),
            None => SamplingIntent::dropped(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::composable::{ComposableAlwaysOff, ComposableAlwaysOn};
    use super::super::threshold::Threshold;
    use super::*;

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rules = ComposableRuleBased::new()
            .rule(Predicate::name("probe"), ComposableAlwaysOff)
            .rule(Predicate::name_prefix("pro"), ComposableAlwaysOn::new())
            .rule(Predicate::anything(), ComposableAlwaysOff);
        let threshold = |name| rules.intent(&SpanStart::root(name)).threshold();
        assert_eq!(threshold("probe"), None);
        assert_eq!(threshold("produce"), Some(Threshold::ALWAYS));
        assert_eq!(threshold("other"), None);
    }

    #[test]
    fn what_a_rule_does_not_match_it_does_not_ask() {
        #[derive(Debug)]
        struct NotAsked;
        impl ComposableSampler for NotAsked {
            fn intent<'a>(&'a self, _: &SpanStart<'_>) -> SamplingIntent<'a> {
                panic!("asked")
            }
        }
        let rules = ComposableRuleBased::new()
            .rule(!Predicate::anything(), NotAsked)
            .rule(Predicate::anything(), ComposableAlwaysOff)
            .rule(Predicate::anything(), NotAsked);
        assert_eq!(rules.intent(&SpanStart::root("a")).threshold(), None);
    }
}
