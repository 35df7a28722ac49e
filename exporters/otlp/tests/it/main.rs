//! The exporters against a receiver on a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod delivery;
mod faults;
mod fixtures;
mod golden;
mod logs;
mod outage;
mod self_telemetry;
mod support;
mod suppression;
mod tls;
