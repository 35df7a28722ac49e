//! Waiting for something to become true, with a deadline and no fixed sleeps.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::Failure;

/// How long to leave the processor to others between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until `look` finds something.
///
/// # Errors
/// `within` is over, which is reported with `what` and the last reason that `look` gave; or `look` fails for good.
pub fn until<T>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> Result<Look<T>, Failure>,
) -> Result<T, Failure> {
    let started = Instant::now();
    loop {
        let reason = match look()? {
            Look::Found(found) => return Ok(found),
            Look::NotYet(reason) => reason,
        };
        if started.elapsed() >= within {
            return Err(Failure::new(format!(
                "waited {within:?} for {what}: {reason}"
            )));
        }
        thread::sleep(PAUSE);
    }
}

/// What a look found.
#[derive(Debug)]
pub enum Look<T> {
    /// What was waited for.
    Found(T),
    /// Not there yet, and why.
    NotYet(String),
}
