//! A simulator of samplers: the field's laws and ours, offered the same requests in virtual time.
//!
//! A [`Workload`] is a [`Load`] over time and a popularity over operations; its requests come from a seed,
//! each with what a sampler may know (operation, time, randomness) and what it may not (error, outlier). A
//! [`Candidate`] keeps some of them. [`run`] lets any number of candidates see the same requests side by
//! side and returns a [`Recording`] each, from which [`Measures`] are taken: the numbers of the table, of
//! the JSON rows, of the pictures and of the tests.
//!
//! `cargo run --release --bin sampling-lab` is the shell around it. Nothing here reads a clock or draws a
//! number that a seed does not determine, so every figure can be had again.
//!
//! ```
//! use std::time::Duration;
//! use throughline_lab::{Load, Measures, Setup, Workload, ours, run};
//!
//! let load = Load::Steady { rate: 1_000.0 };
//! let workload = Workload::new("steady", load, Duration::from_secs(20), 50, 100.0);
//! let mut candidates = vec![ours::ratio(&Setup::of(&workload))];
//! let recordings = run(&workload, 1, &mut candidates, &|_| {});
//! let measures = Measures::of(&workload, &recordings[0]);
//! assert!(measures.steady_error.abs() < 0.2, "{measures:?}");
//! ```

mod bars;
mod candidate;
pub mod field;
mod load;
mod measures;
pub mod ours;
mod picture;
mod recording;
mod request;
mod run;
mod seeds;
mod svg;
mod table;
mod workload;

pub use bars::Bars;
pub use candidate::{Candidate, Footprint, Setup};
pub use load::Load;
pub use measures::{Measures, Settled};
pub use picture::{Picture, Row};
pub use recording::{BIN, Recording};
pub use request::Request;
pub use run::{TICK, run};
pub use seeds::Bias;
pub use table::Table;
pub use workload::Workload;
