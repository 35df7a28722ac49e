//! What an adaptive sampler does at present.

use std::fmt;

use super::law::{Law, Published};
use super::operation::Operation;

/// What an adaptive sampler does at present, for people and for metrics.
///
/// [`Display`](fmt::Display) is a table, the most frequent operations first.
///
/// ```
/// use throughline_samplers::AdaptiveSampler;
///
/// let state = AdaptiveSampler::builder().build()?.state();
/// assert_eq!(state.target_per_second, 100.0);
/// assert!(state.to_string().starts_with("0.0 of 100.0 traces/s sampled"));
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveState {
    /// Traces per second that should be sampled, as the settings say.
    pub target_per_second: f64,
    /// What the load leaves of it at present.
    pub budget_per_second: f64,
    /// Traces per second that its decisions sample, a mean over about 20 s.
    pub sampled_per_second: f64,
    /// Calls per second.
    pub calls_per_second: f64,
    /// How busy the process is, as far as its signals tell: 1 is all that it can do.
    pub load: f64,
    /// It is busier than the settings allow.
    pub overloaded: bool,
    /// The operations that are told apart, the most frequent ones first.
    pub operations: Vec<OperationState>,
    /// What did not find room among them. Has no name.
    pub others: OperationState,
}

/// What is done with one operation at present.
///
/// ```
/// use throughline_samplers::{AdaptiveSampler, OperationState};
///
/// let others: OperationState = AdaptiveSampler::builder().build()?.state().others;
/// assert_eq!(others.calls_per_second, 0.0);
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OperationState {
    /// Its span name.
    pub name: Box<str>,
    /// Calls per second.
    pub calls_per_second: f64,
    /// The share of them that is sampled, 0 to 1.
    pub rate: f64,
    /// It has a rate of its own.
    pub high_value: bool,
}

impl AdaptiveState {
    pub(super) fn of(law: &Law, published: &Published) -> Self {
        let state = |operation: &Operation| OperationState {
            name: operation.name.clone(),
            calls_per_second: operation.rate.per_second(),
            rate: published.ladder.rate(operation.rung),
            high_value: operation.high_value.is_some(),
        };
        let mut operations: Vec<_> = law.operations().map(state).collect();
        let others = operations.remove(0);
        operations.sort_by(|a, b| b.calls_per_second.total_cmp(&a.calls_per_second));
        Self {
            target_per_second: law.settings().target_per_second,
            budget_per_second: law.budget(),
            sampled_per_second: law.sampled_per_second(),
            calls_per_second: law.calls_per_second(),
            load: law.overload().load(),
            overloaded: law.overload().is_overloaded(),
            operations,
            others,
        }
    }
}

impl fmt::Display for AdaptiveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} of {:.1} traces/s sampled, {:.1} calls/s, load {:.2}",
            self.sampled_per_second, self.budget_per_second, self.calls_per_second, self.load,
        )?;
        if self.overloaded {
            f.write_str(", overloaded")?;
        }
        let others = (self.others.calls_per_second > 0.0).then_some(&self.others);
        for operation in self.operations.iter().chain(others) {
            let name = match &*operation.name {
                "" => "(others)",
                name => name,
            };
            let (calls, rate) = (operation.calls_per_second, 100.0 * operation.rate);
            write!(f, "\n{calls:>10.1}/s {rate:>8.3} %  {name}")?;
            if operation.high_value {
                f.write_str("  (high value)")?;
            }
        }
        Ok(())
    }
}
