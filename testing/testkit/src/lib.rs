//! What tests of telemetry need: time and chance under control, exporters that collect, and assertions
//! that say what was there when they fail.
//!
//! It knows the model and the `opentelemetry` traits, not the engine: anything that implements
//! [`Collect`](throughline_model::Collect) can be read, anyone's pipeline can be tested.
//!
//! ```
//! use std::time::Duration;
//! use throughline_model::{Clock, Random};
//! use throughline_testkit::{ManualClock, SeededRandom};
//!
//! let clock = ManualClock::new();
//! let before = clock.now();
//! clock.advance(Duration::from_secs(60));
//! assert_eq!(clock.now().duration_since(before).unwrap(), Duration::from_secs(60));
//!
//! // The same seed gives the same numbers, on every machine.
//! assert_eq!(SeededRandom::new(1).next_u64(), SeededRandom::new(1).next_u64());
//! ```
//!
//! | item | what it is for |
//! |---|---|
//! | [`ManualClock`] | a clock that moves when the test says so |
//! | [`SeededRandom`] | repeatable randomness |
//! | [`CollectingPush`], [`CollectingSpanExporter`] | exporters that keep what they are given, or refuse it |
//! | [`InMemoryReader`] | collects from a reader and keeps the newest snapshot |
//! | `otlp_sink` | with the feature of that name: an OTLP receiver in the test's process that can misbehave |
//! | [`Seen`] | looks into a snapshot, and panics with what was there instead |
#![expect(
    clippy::panic,
    reason = "assertions of a test kit panic: that is how a test fails"
)]

mod clock;
mod exporters;
#[cfg(feature = "otlp-sink")]
pub mod otlp_sink;
mod random;
mod reader;
mod seen;

pub use clock::ManualClock;
pub use exporters::{CollectingPush, CollectingSpanExporter};
pub use random::SeededRandom;
pub use reader::InMemoryReader;
pub use seen::{AttributePair, NONE, Seen};
