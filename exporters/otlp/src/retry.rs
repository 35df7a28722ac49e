//! Which failures are worth another attempt, and when.
//!
//! A synchronous core: [`Verdict`] says what a status means (OTLP, "Failures", "Retryable Response
//! Codes"), [`decide`] turns it into a wait. [`run`] is the shell that sleeps.

use std::time::{Duration, SystemTime};

use throughline_model::{PushError, Random};
use tokio::time::Instant;
use tonic::Code;

/// Backoff before the second attempt is drawn from zero to this.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// Backoff doubles up to this.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// What a failed attempt says about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same request would fail again.
    Fatal,
    /// Another attempt may succeed.
    Transient,
    /// Another attempt may succeed, but not before this long.
    Throttled(Duration),
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) verdict: Verdict,
    /// The protocol's status, or a word of ours where there was none.
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn text(&self) -> String {
        format!("{}: {}", self.code, self.message)
    }
}

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Another attempt, after this wait.
    Retry(Duration),
    /// No other attempt. Where the server asked for more time than the batch has left, the wait is what
    /// is left, so that the next batch does not press a server that asked for rest.
    GiveUp(Duration),
}

impl Verdict {
    /// OTLP, "Failures": the table of gRPC codes. `RESOURCE_EXHAUSTED` is worth another attempt only
    /// where the server says when (`RetryInfo`).
    pub(crate) fn of_grpc(code: Code, retry_info: Option<Duration>) -> Self {
        match code {
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => retry_info.map_or(Verdict::Transient, Verdict::Throttled),
            Code::ResourceExhausted => retry_info.map_or(Verdict::Fatal, Verdict::Throttled),
            Code::Ok
            | Code::Unknown
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Unimplemented
            | Code::Internal
            | Code::Unauthenticated => Verdict::Fatal,
        }
    }

    /// OTLP, "Retryable Response Codes": 429, 502, 503 and 504, all others are final.
    pub(crate) fn of_http(status: u16, retry_after: Option<Duration>) -> Self {
        match status {
            429 | 502 | 503 | 504 => retry_after.map_or(Verdict::Transient, Verdict::Throttled),
            _ => Verdict::Fatal,
        }
    }
}

/// `Retry-After`: seconds, or a date that lies `now` or later (RFC 9110, section 10.2.3). What is neither
/// is no answer; a date in the past means at once.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// What to do after attempt number `attempt` (the first is 1) failed with `verdict`, `elapsed` of the
/// batch's `timeout` being over.
///
/// Exponential backoff with full jitter: the wait is drawn between zero and a ceiling that starts at
/// 500 ms and doubles up to 5 s. A server's own wish is waited for in full, and the jitter comes on top,
/// so that the clients it sent away do not return together.
pub(crate) fn decide(
    attempt: u32,
    verdict: Verdict,
    elapsed: Duration,
    timeout: Duration,
    random: &dyn Random,
) -> Decision {
    let asked = match verdict {
        Verdict::Fatal => return Decision::GiveUp(Duration::ZERO),
        Verdict::Transient => Duration::ZERO,
        Verdict::Throttled(asked) => asked,
    };
    let remaining = timeout.saturating_sub(elapsed);
    let ceiling = FIRST_BACKOFF
        .saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1).min(16)))
        .min(MAX_BACKOFF);
    let wait = asked.saturating_add(ceiling.mul_f64(random.open01()));
    if wait < remaining {
        Decision::Retry(wait)
    } else if asked >= remaining {
        Decision::GiveUp(remaining)
    } else {
        Decision::GiveUp(Duration::ZERO)
    }
}

/// What [`run`] repeats.
pub(crate) trait Attempt: Send {
    /// What a success gives.
    type Done;

    /// Tries once.
    fn attempt(&mut self) -> impl Future<Output = Result<Self::Done, Failure>> + Send;
}

/// Makes attempts until one succeeds, one is final, or `timeout` is over. The time covers the batch: all
/// attempts and the waits between them (specification: `protocol/exporter.md`, "Timeout": the longest
/// wait for each batch).
pub(crate) async fn run<A: Attempt>(
    timeout: Duration,
    random: &dyn Random,
    attempt: &mut A,
) -> Result<A::Done, PushError> {
    let start = Instant::now();
    let mut attempts = 0;
    let mut before: Option<Failure> = None;
    loop {
        attempts += 1;
        let remaining = timeout.saturating_sub(start.elapsed());
        let failure = match tokio::time::timeout(remaining, attempt.attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(out_of_time(timeout, attempts, before)),
        };
        if failure.verdict == Verdict::Fatal {
            return Err(PushError::Refused {
                code: failure.code,
                message: failure.message,
            });
        }
        match decide(attempts, failure.verdict, start.elapsed(), timeout, random) {
            Decision::Retry(wait) => tokio::time::sleep(wait).await,
            Decision::GiveUp(hold) => {
                tokio::time::sleep(hold).await;
                return Err(PushError::Unavailable {
                    attempts,
                    message: failure.text(),
                });
            }
        }
        before = Some(failure);
    }
}

/// The time ran out during an attempt. What the one before it met says more than that.
fn out_of_time(timeout: Duration, attempts: u32, before: Option<Failure>) -> PushError {
    match before {
        None => PushError::Timeout(timeout),
        Some(failure) => PushError::Unavailable {
            attempts,
            message: format!(
                "the time was over during the last attempt; the one before met {}",
                failure.text()
            ),
        },
    }
}

#[cfg(test)]
mod tests;
