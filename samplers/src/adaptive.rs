//! Adaptive sampling: a target of traces per second, whatever the load does.
//!
//! A ratio is right for one load. Ten times the load is ten times the bill, and at night there is nothing to
//! see; and it shows the frequent, of which there is enough, and misses the rare. An [`AdaptiveSampler`] is told
//! how many traces a second to sample and shares them between operations: three quarters evenly, so that what is
//! called once an hour is seen and a flood in one cannot starve the others, and one quarter by how often they are
//! called, so that totals over all operations are told well too.
//!
//! ```
//! use throughline_samplers::{AdaptiveSampler, Pattern};
//!
//! let sampler = AdaptiveSampler::builder()
//!     .target_per_second(50.0)                             // traces that start here
//!     .base_rate(0.2)                                      // of an operation, at most
//!     .high_value(Pattern::prefix("POST /checkout"), 1.0)  // but of these all
//!     .build()?;
//! for operation in sampler.state().operations {
//!     println!("{}: {:.1} %", operation.name, 100.0 * operation.rate);
//! }
//! # Ok::<(), throughline_samplers::Error>(())
//! ```
//!
//! # How it works
//!
//! ```text
//!  span starts ──► name ──► number ──► counter (by thread)
//!                             │           │ ten times a second
//!                             │           ▼
//!                             │    rates ──► shares of the budget ──► probabilities
//!                             ▼                                          │
//!                  threshold ◄── guard ◄─────────────────────────────────┘
//! ```
//!
//! - **Rates** of calls have two speeds: a mean over 20 s, which starts anew where the last half second, or
//!   the last tenth, is too far off to be chance.
//! - **Shares**: three quarters of the budget are poured like water; it rises over all operations alike, and none
//!   is given more than it asks for. What is left goes to the frequent, in proportion to what they lack. What is
//!   of high value comes first.
//! - The **guard** counts what decisions cost as they are made, and halves probabilities for each tenth of the
//!   target by which the last second is too expensive: so a step of the load is held before it is understood.
//! - A probability is a function of the calls before. The trace's own randomness has no part in it, nor has
//!   what became of other traces: so counts are unbiased while rates change.
//!
//! A decision takes no lock and allocates for what is sampled alone, but for the first call of an operation. It
//! reads the clock at most where fewer than some thousand spans a second start. The work that is done ten times
//! a second is done by one of the threads that start spans, in tens of microseconds for a thousand operations.

mod builder;
mod calls;
mod check;
mod file;
mod guard;
mod ladder;
mod law;
mod load;
mod operation;
mod plan;
mod rate;
mod sampler;
mod self_observed;
mod settings;
mod shared;
mod shares;
mod state;
mod table;

pub use builder::AdaptiveBuilder;
pub use load::{CpuLoad, LoadSignal};
pub use sampler::AdaptiveSampler;
pub use settings::AdaptiveSettings;
pub use state::{AdaptiveState, OperationState};
