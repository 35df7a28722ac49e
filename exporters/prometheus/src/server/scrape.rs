//! One scrape: collect, render, compress, within its time.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use throughline_model::{Collect, CollectError, Snapshot};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};

use super::exemplars::Recent;
use super::telemetry::Telemetry;
use super::{Settings, encoding};
use crate::{Format, render};

/// How long a scrape may take that says nothing about it: Prometheus' own default.
const DEFAULT_TIME: Duration = Duration::from_secs(10);
/// How long it may take whatever it says.
pub(super) const MAX_TIME: Duration = Duration::from_secs(120);
/// The part of the scraper's time that is ours; the rest is for the way back.
const SHARE: f64 = 0.9;
/// Scrapes under way at once; each holds an exposition in memory.
const MAX_SCRAPES: usize = 16;

/// What a request asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) format: Format,
    pub(super) gzip: bool,
    /// In seconds, as the scraper said.
    pub(super) timeout: Option<f64>,
}

impl Asked {
    fn time(&self) -> Duration {
        let seconds = self.timeout.filter(|seconds| *seconds > 0.0);
        match seconds.map(|seconds| Duration::try_from_secs_f64(seconds * SHARE)) {
            Some(Ok(time)) => time.min(MAX_TIME),
            // More seconds than a duration holds.
            Some(Err(_)) => MAX_TIME,
            None => DEFAULT_TIME,
        }
    }
}

/// Why a scrape was not answered.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Busy,
    Collect(CollectError),
    Panicked,
    Late(Duration),
    Stopping,
}

impl Failure {
    /// The value of `error.type` in self-telemetry.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Failure::Busy => "busy",
            Failure::Collect(CollectError::NotRegistered) => "not_registered",
            Failure::Collect(CollectError::Shutdown) | Failure::Stopping => "already_shutdown",
            Failure::Collect(CollectError::Timeout(_)) | Failure::Late(_) => "timeout",
            Failure::Collect(_) => "collection",
            Failure::Panicked => "panic",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Busy => write!(f, "{MAX_SCRAPES} scrapes are under way already"),
            Failure::Collect(error) => write!(f, "no metrics: {error}"),
            Failure::Panicked => f.write_str("no metrics: the collection panicked"),
            Failure::Late(time) => {
                write!(f, "no metrics: the collection was not done within {time:?}")
            }
            Failure::Stopping => f.write_str("no metrics: the process is shutting down"),
        }
    }
}

type Collected = Result<Arc<Snapshot>, Failure>;

/// What all connections share.
pub(super) struct Scrapes {
    settings: Settings,
    collect: Arc<dyn Collect>,
    /// The collection that is running, which later scrapes wait for instead of starting their own.
    running: Mutex<Option<watch::Receiver<Option<Collected>>>>,
    /// Exemplars of earlier collections, for the next.
    recent: Mutex<Recent>,
    places: Semaphore,
    telemetry: Telemetry,
}

impl Scrapes {
    pub(super) fn new(settings: Settings, collect: Arc<dyn Collect>) -> Self {
        Self {
            telemetry: Telemetry::new(&settings.self_meter),
            settings,
            collect,
            running: Mutex::new(None),
            recent: Mutex::default(),
            places: Semaphore::new(MAX_SCRAPES),
        }
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.settings.bearer_token.as_deref()
    }

    pub(super) async fn scrape(self: &Arc<Self>, asked: Asked) -> Result<Bytes, Failure> {
        let began = Instant::now();
        let time = asked.time();
        let done = timeout_at(began + time, self.answer(asked, time)).await;
        let result = done.unwrap_or(Err(Failure::Late(time)));
        let failure = result.as_ref().err();
        self.telemetry.scraped(began.elapsed(), failure);
        result
    }

    async fn answer(self: &Arc<Self>, asked: Asked, time: Duration) -> Result<Bytes, Failure> {
        let _place = self.places.try_acquire().map_err(|_| Failure::Busy)?;
        // The rest is for the rendering of what there is, also where callbacks use up theirs.
        let snapshot = self.snapshot(time * 4 / 5).await?;
        let this = Arc::clone(self);
        let rendered = tokio::task::spawn_blocking(move || this.body(&snapshot, asked));
        match rendered.await {
            Ok(body) => Ok(body),
            Err(error) if error.is_panic() => Err(Failure::Panicked),
            Err(_) => Err(Failure::Stopping),
        }
    }

    /// The snapshot of the running collection, or of a new one. One that another scraper's time cut short is not taken: that
    /// scraper may have been in more of a hurry.
    async fn snapshot(self: &Arc<Self>, time: Duration) -> Collected {
        let began = Instant::now();
        let mut left = time;
        loop {
            let (mut receiver, is_ours) = self.join_or_start(left);
            let collected = match receiver.wait_for(Option::is_some).await {
                Ok(collected) => collected.clone().unwrap_or(Err(Failure::Stopping)),
                // The runtime dropped the collection before it ran.
                Err(_) => Err(Failure::Stopping),
            };
            if is_ours || !is_cut_short(&collected) {
                return collected;
            }
            left = time.saturating_sub(began.elapsed());
        }
    }

    /// The collection to wait for, and whether it is a new one, which may take `time`.
    fn join_or_start(
        self: &Arc<Self>,
        time: Duration,
    ) -> (watch::Receiver<Option<Collected>>, bool) {
        let mut running = self.running();
        if let Some(receiver) = running
            .as_ref()
            .filter(|running| running.has_changed().is_ok())
        {
            return (receiver.clone(), false);
        }
        let (sender, receiver) = watch::channel(None);
        *running = Some(receiver.clone());
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            // A callback that panics must not leave later scrapes waiting.
            let collected = catch_unwind(AssertUnwindSafe(|| this.collect.collect(time)));
            let collected = match collected {
                Ok(Ok(mut snapshot)) => {
                    let recent = this.recent.lock();
                    let mut recent = recent.unwrap_or_else(PoisonError::into_inner);
                    recent.complete(&mut snapshot);
                    Ok(Arc::new(snapshot))
                }
                Ok(Err(error)) => Err(Failure::Collect(error)),
                Err(_) => Err(Failure::Panicked),
            };
            // Before the result is out: who comes after it starts a new collection.
            *this.running() = None;
            sender.send_replace(Some(collected));
        });
        (receiver, true)
    }

    fn body(&self, snapshot: &Snapshot, asked: Asked) -> Bytes {
        let exposition = render(snapshot, asked.format, &self.settings.options);
        self.telemetry.rendered(&exposition.report);
        if asked.gzip {
            // Writing to memory does not fail; were it to, an empty body would be no gzip and is refused.
            encoding::gzip(&exposition.text).unwrap_or_default()
        } else {
            exposition.text.into()
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<watch::Receiver<Option<Collected>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether more time would have given more.
fn is_cut_short(collected: &Collected) -> bool {
    match collected {
        Ok(snapshot) => snapshot.incomplete.is_some(),
        Err(failure) => matches!(failure, Failure::Collect(CollectError::Timeout(_))),
    }
}

impl fmt::Debug for Scrapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrapes")
            .field("settings", &self.settings)
            .field("collect", &self.collect)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
