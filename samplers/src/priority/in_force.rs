//! Rules in force: compiled, with what they have handed out and counted.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use opentelemetry::KeyValue;
use throughline_model::Clock;

use super::check::DEFAULT_ID;
use super::counter::Counter;
use super::index::Index;
use super::ready::Ready;
use super::rule::Rule;
use super::rules::{DEFAULT_RATE, PriorityRules};
use crate::Error;
use crate::probability::{
    ComposableAlwaysOn, ComposableRateLimiting, ComposableSampler, SamplingIntent, SpanStart,
    Threshold,
};

pub(super) struct InForce {
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
    Rate {
        rate: f64,
        threshold: Threshold,
        /// Of its `tracestate`, among those that are ready.
        place: Option<usize>,
    },
    Budget(Arc<Budget>),
}

/// What a rule says of one span: little, to be handed on by value. The intent is made of it where it is used.
#[derive(Clone, Copy)]
pub(super) struct Decided {
    threshold: Option<Threshold>,
    rate: f64,
    place: Option<usize>,
    high_value: bool,
}

/// Spans per second, and who hands them out.
struct Budget(f64, ComposableRateLimiting<ComposableAlwaysOn>);

static HIGH_VALUE: LazyLock<[KeyValue; 1]> =
    LazyLock::new(|| [KeyValue::new("sampled.high_value", true)]);

impl InForce {
    /// These rules, which take over counts and budgets from those before.
    pub(super) fn new(
        rules: PriorityRules,
        before: Option<&Self>,
        ready: &Ready,
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
                None => Share::rate(rate.unwrap_or(DEFAULT_RATE), ready)?,
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

    pub(super) fn rules(&self) -> &PriorityRules {
        &self.rules
    }

    /// How many spans each rule decided, by its id; the default last.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        let totals = self.outcomes.iter().map(|outcome| outcome.matched.total());
        self.ids().zip(totals)
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        let ids = self.rules.rules.iter().map(|rule| &*rule.id);
        ids.chain([DEFAULT_ID])
    }

    #[inline]
    pub(super) fn decide(&self, span: &SpanStart<'_>) -> Decided {
        let rules = &self.rules.rules;
        let first = self.index.first(rules, span).unwrap_or(rules.len());
        let outcome = &self.outcomes[first];
        outcome.matched.add_one();
        let (threshold, rate, place) = match &outcome.share {
            Share::Never => (None, 0.0, None),
            Share::Rate {
                rate,
                threshold,
                place,
            } => (Some(*threshold), *rate, *place),
            Share::Budget(budget) => {
                let threshold = budget.1.intent(span).threshold();
                (
                    threshold,
                    threshold.map_or(0.0, Threshold::probability),
                    None,
                )
            }
        };
        Decided {
            threshold,
            rate,
            place,
            high_value: outcome.high_value,
        }
    }
}

impl Decided {
    #[inline(always)]
    pub(super) fn intent(self, ready: &Ready) -> SamplingIntent<'_> {
        let Some(threshold) = self.threshold else {
            return SamplingIntent::dropped();
        };
        let intent = match ready.at(self.place) {
            Some(prepared) => prepared.intent(),
            None => SamplingIntent::reliable(threshold),
        };
        let intent = intent.with_sample_rate(self.rate);
        if self.high_value {
            intent.annotated(&*HIGH_VALUE)
        } else {
            intent
        }
    }
}

impl Share {
    fn rate(rate: f64, ready: &Ready) -> Result<Self, Error> {
        if rate == 0.0 {
            return Ok(Self::Never);
        }
        let threshold = Threshold::from_probability(rate)?;
        Ok(Self::Rate {
            rate,
            threshold,
            place: ready.place_of(threshold),
        })
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
