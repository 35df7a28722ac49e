//! The adaptive sampler from outside: its numbers under a load, what it does in a program, what it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod behaviour;
mod numbers;
mod program;
mod reports;
mod simulation;
