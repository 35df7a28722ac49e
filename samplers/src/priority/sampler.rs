//! The sampler.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use throughline_model::{Clock, SelfMeter, SystemClock};

use super::in_force::InForce;
use super::latest::Latest;
use super::ready::Ready;
use super::rules::PriorityRules;
use crate::Error;
use crate::handle::sampler_handle;
use crate::probability::{ComposableSampler, CompositeSampler, SamplingIntent, SpanStart};

/// Samples a trace as the first rule says that is for its root; children follow their parent.
///
/// A handle: clones share the rules, which can be [replaced](Self::replace) while spans start. A span is
/// decided by the rules from before or by those from after, never by none.
///
/// As it is, it is a sampler for a tracer provider, the same as
/// `CompositeSampler::new(ComposableParentThreshold::new(sampler))`. As a [`ComposableSampler`] it can be
/// put together with others. Either way its decisions are consistent from one service to the next, and
/// `th` says how many spans a sampled one stands for.
///
/// On a root that is sampled stand `sample.rate`, the probability that it had, and `sampled.high_value`
/// where the rule says so.
///
/// A decision takes no lock and allocates for what is sampled alone, but for a thread's first one. It costs
/// about the same with 100 rules as with 5.
///
/// # Example
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_samplers::{Pattern, PriorityRules, PrioritySampler, Rule};
///
/// let sampler = PrioritySampler::new(
///     PriorityRules::new()
///         .rule(Rule::new("checkout").operation(Pattern::contains("checkout")).rate(1.0))
///         .rule(Rule::new("search").route("/search").budget(10.0)),
/// )?;
/// let provider = SdkTracerProvider::builder().with_sampler(sampler.clone()).build();
///
/// // Later, while it runs:
/// sampler.replace(PriorityRules::preset())?;
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone)]
pub struct PrioritySampler {
    shared: Arc<Shared>,
    for_providers: CompositeSampler,
}

struct Shared {
    active: Latest,
    ready: Ready,
    clock: Arc<dyn Clock>,
    /// Held by who replaces the rules: what the new ones take over is what the old ones had.
    replacing: Mutex<()>,
}

/// How many spans one rule was for.
///
/// ```
/// use throughline_samplers::{PriorityRules, PrioritySampler};
///
/// let sampler = PrioritySampler::new(PriorityRules::preset())?;
/// let counts = sampler.counts();
/// assert_eq!((&*counts[0].rule, counts[0].matched), ("checkout", 0));
/// assert_eq!(&*counts[counts.len() - 1].rule, "default");
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCount {
    /// The rule's id; `default` for spans that none was for.
    pub rule: Box<str>,
    /// How many spans it decided, sampled or not, since a rule of this id is there.
    pub matched: u64,
}

impl PrioritySampler {
    /// Samples by these rules.
    ///
    /// # Errors
    ///
    /// What [`PriorityRules::check`] finds.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{PriorityRules, PrioritySampler, Rule};
    ///
    /// let rules = PriorityRules::new().rule(Rule::new("jobs").span_name("job").rate(10.0));
    /// assert_eq!(
    ///     PrioritySampler::new(rules).unwrap_err().to_string(),
    ///     "rule \"jobs\": rate is 10: expected 0, or 2^-56 to 1",
    /// );
    /// ```
    pub fn new(rules: PriorityRules) -> Result<Self, Error> {
        Self::with_clock(rules, Arc::new(SystemClock))
    }

    /// The same with another clock, by which budgets count seconds.
    ///
    /// # Errors
    ///
    /// What [`PriorityRules::check`] finds.
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    /// use throughline_samplers::{PriorityRules, PrioritySampler};
    /// use throughline_testkit::ManualClock;
    ///
    /// let clock = Arc::new(ManualClock::new());
    /// let sampler = PrioritySampler::with_clock(PriorityRules::preset(), clock)?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn with_clock(rules: PriorityRules, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let ready = Ready::default();
        let active = InForce::new(rules, None, &ready, &clock)?;
        Ok(Self::sharing(Arc::new(Shared {
            active: Latest::new(active),
            ready,
            clock,
            replacing: Mutex::default(),
        })))
    }

    /// Samples by the rules in this file, which [`PriorityRules`] shows.
    ///
    /// # Errors
    ///
    /// As [`PriorityRules::from_file`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// use throughline_samplers::PrioritySampler;
    ///
    /// let sampler = PrioritySampler::from_file("sampling.toml")?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(PriorityRules::from_file(path)?)
    }

    /// Samples by these rules from now on, in all clones.
    ///
    /// Counts go on for ids that stay; so do budgets, if they stay the same, with what they have left.
    ///
    /// # Errors
    ///
    /// What [`PriorityRules::check`] finds; the rules stay as they were.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{PriorityRules, PrioritySampler};
    ///
    /// let sampler = PrioritySampler::new(PriorityRules::preset())?;
    /// assert!(sampler.replace(PriorityRules::new()).is_err());
    /// sampler.replace(PriorityRules::preset().default_rate(0.01))?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn replace(&self, rules: PriorityRules) -> Result<(), Error> {
        let shared = &self.shared;
        let held = shared.replacing.lock();
        let _held = held.unwrap_or_else(PoisonError::into_inner);
        let before = shared.active.load();
        let active = InForce::new(rules, Some(&before), &shared.ready, &shared.clock)?;
        shared.active.replace(active);
        Ok(())
    }

    /// Samples by the rules in this file from now on, as [`replace`](Self::replace) does.
    ///
    /// # Errors
    ///
    /// As [`PriorityRules::from_file`]; the rules stay as they were.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{PriorityRules, PrioritySampler};
    ///
    /// let sampler = PrioritySampler::new(PriorityRules::preset())?;
    /// assert!(sampler.reload_from("no/such/rules.toml").is_err());
    /// assert_eq!(sampler.rules(), PriorityRules::preset());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn reload_from(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.replace(PriorityRules::from_file(path)?)
    }

    /// The rules in force.
    ///
    /// ```
    /// use throughline_samplers::{PriorityRules, PrioritySampler};
    ///
    /// let sampler = PrioritySampler::new(PriorityRules::preset())?;
    /// assert_eq!(sampler.rules(), PriorityRules::preset());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn rules(&self) -> PriorityRules {
        self.shared.active.load().rules().clone()
    }

    /// How many spans each rule in force decided, in their order, the default last.
    ///
    /// ```
    /// use throughline_samplers::probability::{ComposableSampler, SpanStart};
    /// use throughline_samplers::{PriorityRules, PrioritySampler};
    ///
    /// let sampler = PrioritySampler::new(PriorityRules::preset())?;
    /// sampler.intent(&SpanStart::root("POST /checkout"));
    /// assert_eq!(sampler.counts()[0].matched, 1);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn counts(&self) -> Vec<RuleCount> {
        let active = self.shared.active.load();
        let counts = active.counts().map(|(rule, matched)| RuleCount {
            rule: rule.into(),
            matched,
        });
        counts.collect()
    }

    /// Reports [`counts`](Self::counts) as `throughline.sampler.rule.matched`, a counter of `{span}` with
    /// the rule's id as `sampler.rule`, for as long as a clone of this handle lives.
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{PriorityRules, PrioritySampler};
    ///
    /// let meter = SelfMeter::new(); // bound when the engine stands
    /// PrioritySampler::new(PriorityRules::preset())?.report_to(&meter);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn report_to(&self, meter: &SelfMeter) {
        let shared = Arc::downgrade(&self.shared);
        meter.when_bound(move |meter| {
            meter
                .u64_observable_counter("throughline.sampler.rule.matched")
                .with_description("The number of spans that a sampling rule decided.")
                .with_unit("{span}")
                .with_callback(move |matched| {
                    let Some(shared) = shared.upgrade() else {
                        return;
                    };
                    let active = shared.active.load();
                    for (rule, total) in active.counts() {
                        // What never matched makes no series.
                        if total > 0 {
                            let rule = KeyValue::new("sampler.rule", rule.to_owned());
                            matched.observe(total, &[rule]);
                        }
                    }
                })
                .build();
        });
    }
}

sampler_handle!(PrioritySampler, Shared);

impl ComposableSampler for Shared {
    #[inline]
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        self.active
            .read(|rules| rules.decide(span))
            .intent(&self.ready)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrioritySampler")
            .field(self.active.load().rules())
            .finish()
    }
}

#[cfg(test)]
mod tests;
