//! How many requests come, over time.

use std::f64::consts::TAU;
use std::time::Duration;

/// How many requests a second come, over time.
///
/// ```
/// use std::time::Duration;
/// use throughline_lab::Load;
///
/// let (up, down) = (Duration::from_secs(10), Duration::from_secs(20));
/// let load = Load::Step { low: 100.0, high: 1_000.0, up, down };
/// assert_eq!(load.rate(Duration::from_secs(9)), 100.0);
/// assert_eq!(load.rate(Duration::from_secs(10)), 1_000.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Always the same.
    Steady {
        /// Per second.
        rate: f64,
    },
    /// From `low` to `high` all at once, and back.
    Step {
        /// Per second, before and after.
        low: f64,
        /// Per second, in between.
        high: f64,
        /// When it rises.
        up: Duration,
        /// When it falls.
        down: Duration,
    },
    /// Linear between two times, constant before and after.
    Ramp {
        /// Per second, before.
        low: f64,
        /// Per second, after.
        high: f64,
        /// When it begins to rise.
        from: Duration,
        /// When it has risen.
        to: Duration,
    },
    /// On and off in turn, on first.
    Bursts {
        /// Per second while on.
        on: f64,
        /// Per second while off.
        off: f64,
        /// How long it is on.
        on_for: Duration,
        /// How long it is off.
        off_for: Duration,
    },
    /// A wave with a period of a day, lowest at its start.
    Day {
        /// Per second at night.
        trough: f64,
        /// Per second at noon.
        peak: f64,
    },
}

impl Load {
    /// Requests per second at this time.
    pub fn rate(&self, at: Duration) -> f64 {
        match *self {
            Self::Steady { rate } => rate,
            Self::Step {
                low,
                high,
                up,
                down,
            } => {
                if (up..down).contains(&at) {
                    high
                } else {
                    low
                }
            }
            Self::Ramp {
                low,
                high,
                from,
                to,
            } => {
                let part = at.saturating_sub(from).as_secs_f64() / (to - from).as_secs_f64();
                low + (high - low) * part.min(1.0)
            }
            Self::Bursts {
                on,
                off,
                on_for,
                off_for,
            } => {
                let period = (on_for + off_for).as_secs_f64();
                if at.as_secs_f64() % period < on_for.as_secs_f64() {
                    on
                } else {
                    off
                }
            }
            Self::Day { trough, peak } => {
                let phase = TAU * at.as_secs_f64() / 86_400.0;
                trough + (peak - trough) * (1.0 - phase.cos()) / 2.0
            }
        }
    }
}
