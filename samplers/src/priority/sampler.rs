//! The sampler.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arc_swap::ArcSwap;
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};
use throughline_model::{Clock, SelfMeter, SystemClock};

use super::check::DEFAULT_ID;
use super::counter::Counter;
use super::index::Index;
use super::rule::Rule;
use super::rules::{DEFAULT_RATE, PriorityRules};
use crate::Error;
use crate::probability::{
    ComposableAlwaysOn, ComposableParentThreshold, ComposableRateLimiting, ComposableSampler,
    CompositeSampler, SamplingIntent, SpanStart, Threshold,
};

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
    active: ArcSwap<Active>,
    clock: Arc<dyn Clock>,
    /// Held by who replaces the rules: what the new ones take over is what the old ones had.
    replacing: Mutex<()>,
}

/// Rules in force.
struct Active {
    rules: PriorityRules,
    index: Index,
    /// Those of the rules, and the default's after them.
    outcomes: Box<[Outcome]>,
}

struct Outcome {
    share: Share,
    high_value: bool,
    matched: Arc<Counter>,
}

enum Share {
    Never,
    Rate(Threshold, f64),
    Budget(Arc<Budget>),
}

/// Spans per second, and who hands them out.
struct Budget(f64, ComposableRateLimiting<ComposableAlwaysOn>);

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
        let active = Active::new(rules, None, &clock)?;
        let shared = Arc::new(Shared {
            active: ArcSwap::from_pointee(active),
            clock,
            replacing: Mutex::default(),
        });
        let roots = Arc::clone(&shared);
        Ok(Self {
            shared,
            for_providers: CompositeSampler::new(ComposableParentThreshold::new(roots)),
        })
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
        let before = shared.active.load_full();
        let active = Active::new(rules, Some(&before), &shared.clock)?;
        shared.active.store(Arc::new(active));
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
        self.shared.active.load().rules.clone()
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
        let counts = active.ids().zip(&active.outcomes);
        counts
            .map(|(rule, outcome)| RuleCount {
                rule: rule.into(),
                matched: outcome.matched.total(),
            })
            .collect()
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
                    for (rule, outcome) in active.ids().zip(&active.outcomes) {
                        let total = outcome.matched.total();
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

impl Active {
    fn new(
        rules: PriorityRules,
        before: Option<&Self>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        rules.check()?;
        let known: HashMap<&str, &Outcome> = before
            .into_iter()
            .flat_map(|before| before.ids().zip(&before.outcomes))
            .collect();
        let outcome = |id: &str, rate: Option<f64>, budget: Option<f64>, high_value: bool| {
            let known = known.get(id).copied();
            let share = match budget {
                Some(budget) => Share::Budget(Budget::new(budget, known, clock)?),
                None => Share::rate(rate.unwrap_or(DEFAULT_RATE))?,
            };
            let matched = known.map(|known| Arc::clone(&known.matched));
            Ok(Outcome {
                share,
                high_value,
                matched: matched.unwrap_or_default(),
            })
        };
        let of_rule = |rule: &Rule| outcome(&rule.id, rule.rate, rule.budget, rule.high_value);
        let default = outcome(DEFAULT_ID, rules.default_rate, rules.default_budget, false);
        let outcomes = rules.rules.iter().map(of_rule).chain([default]);
        let outcomes = outcomes.collect::<Result<_, Error>>()?;
        Ok(Self {
            index: Index::new(&rules.rules),
            outcomes,
            rules,
        })
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        let ids = self.rules.rules.iter().map(|rule| &*rule.id);
        ids.chain([DEFAULT_ID])
    }

    fn outcome(&self, span: &SpanStart<'_>) -> &Outcome {
        let rules = &self.rules.rules;
        let first = self.index.first(rules, span).unwrap_or(rules.len());
        &self.outcomes[first]
    }
}

impl Share {
    fn rate(rate: f64) -> Result<Self, Error> {
        if rate == 0.0 {
            return Ok(Self::Never);
        }
        Ok(Self::Rate(Threshold::from_probability(rate)?, rate))
    }
}

impl Budget {
    /// The known one, with what it has left, if it is the same.
    fn new(
        per_second: f64,
        known: Option<&Outcome>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        match known.map(|known| &known.share) {
            Some(Share::Budget(budget)) if budget.0 == per_second => Ok(Arc::clone(budget)),
            _ => {
                let everything = ComposableAlwaysOn::new();
                let clock = Arc::clone(clock);
                let limited = ComposableRateLimiting::new(everything, per_second, clock)?;
                Ok(Arc::new(Self(per_second, limited)))
            }
        }
    }
}

static HIGH_VALUE: LazyLock<[KeyValue; 1]> =
    LazyLock::new(|| [KeyValue::new("sampled.high_value", true)]);

impl Active {
    fn intent(&self, span: &SpanStart<'_>) -> SamplingIntent<'static> {
        let outcome = self.outcome(span);
        outcome.matched.add_one();
        let intent = match &outcome.share {
            Share::Never => return SamplingIntent::dropped(),
            Share::Rate(threshold, rate) => {
                SamplingIntent::reliable(*threshold).with_sample_rate(*rate)
            }
            Share::Budget(budget) => match budget.1.intent(span).threshold() {
                None => return SamplingIntent::dropped(),
                Some(threshold) => {
                    SamplingIntent::reliable(threshold).with_sample_rate(threshold.probability())
                }
            },
        };
        if outcome.high_value {
            intent.annotated(&*HIGH_VALUE)
        } else {
            intent
        }
    }
}

impl ComposableSampler for Shared {
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        self.active.load().intent(span)
    }
}

impl ComposableSampler for PrioritySampler {
    fn intent<'a>(&'a self, span: &SpanStart<'_>) -> SamplingIntent<'a> {
        self.shared.intent(span)
    }
}

impl ShouldSample for PrioritySampler {
    fn should_sample(
        &self,
        context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        self.for_providers
            .should_sample(context, trace_id, name, kind, attributes, links)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrioritySampler")
            .field(&self.active.load().rules)
            .finish()
    }
}

impl fmt::Debug for PrioritySampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

#[cfg(test)]
mod tests;
