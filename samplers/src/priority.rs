//! Rules that say which traces are worth how much.
//!
//! A [`PrioritySampler`] asks its [`PriorityRules`] about each root: the first [`Rule`] that is for it says
//! with which rate it is sampled, or how many of its like there may be a second. The rules come from code
//! or from a TOML file and can be replaced while the process runs.
//!
//! [`PriorityRules::first_match`] says what rules mean; the sampler asks an index made of all of them, which
//! gives the same answer.
//!
//! ```
//! use throughline_samplers::{Pattern, PriorityRules, PrioritySampler, Rule};
//!
//! let sampler = PrioritySampler::new(
//!     PriorityRules::new()
//!         .rule(Rule::new("checkout").operation(Pattern::contains("checkout")).rate(1.0).high_value())
//!         .rule(Rule::new("gold").attribute("customer.tier", "gold").rate(0.5))
//!         .rule(Rule::new("search").route("/search").budget(10.0))
//!         .rule(Rule::new("probes").route(["/health", "/ready"]).rate(0.0))
//!         .default_rate(0.05),
//! )?;
//! # Ok::<(), throughline_samplers::Error>(())
//! ```

mod bits;
mod check;
mod counter;
mod file;
mod in_force;
mod index;
mod keys;
mod latest;
mod memo;
mod pattern;
mod ready;
mod rule;
mod rules;
mod sampler;
mod seen;
mod text_index;

pub use pattern::{Pattern, Patterns};
pub use rule::Rule;
pub use rules::PriorityRules;
pub use sampler::{PrioritySampler, RuleCount};
