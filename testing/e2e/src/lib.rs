//! Real servers for tests: an OpenTelemetry Collector and a Prometheus as child processes, what they received, and
//! what is true of it.
//!
//! The tests of this crate need programs that `cargo xtask tools` puts under `target/tools/`, and find them by
//! variables of the environment; `cargo xtask e2e` sets all of it up and runs them. Under a plain `cargo test` a
//! test whose program is missing says that it is skipped, and passes; with
//! `THROUGHLINE_REQUIRE_TOOLS=1` it fails.
//!
//! Knows none of the other crates: what it checks is what left the process. Only a test that runs services of its own
//! knows the face.
//!
//! ```no_run
//! use throughline_e2e::{Collector, Failure, Scratch, tool};
//!
//! # fn main() -> Result<(), Failure> {
//! let Some(program) = tool("THROUGHLINE_COLLECTOR")? else { return Ok(()) };
//! let scratch = Scratch::new("metrics_arrive")?;
//! let collector = Collector::start(&program, &scratch)?;
//! // … a service exports to collector.grpc() or collector.http() …
//! let received = collector.stop()?;
//! assert!(!received.points.is_empty());
//! scratch.passed();
//! # Ok(())
//! # }
//! ```

mod collector;
mod failure;
mod http;
mod ledger;
mod ports;
mod process;
mod prometheus;
mod quickstart;
mod received;
mod resolve;
mod scratch;
mod tools;
mod wait;

pub use collector::Collector;
pub use failure::Failure;
pub use http::{Answer, get, post};
pub use ledger::{Entry, Ledger};
pub use process::Process;
pub use prometheus::{Prometheus, PrometheusExemplar, Sample};
pub use quickstart::Quickstart;
pub use received::{
    Attributes, Exemplar, Histogram, Log, Point, Received, Span, Temporality, Value,
};
pub use resolve::unresolved;
pub use scratch::Scratch;
pub use tools::tool;
pub use wait::{Look, until};
