//! The global subscriber, where nobody set one.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

use super::{Outlets, layers};

/// What became of the global subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// It is ours.
    Ours,
    /// Somebody else set one before: spans and events of `tracing` do not reach us unless they add our layer.
    Theirs,
    /// We were told to leave it alone.
    LeftAlone,
}

/// What the layers of our global subscriber write to; it is set once per process and never taken back.
static OURS: OnceLock<Outlets> = OnceLock::new();

/// Sets the global subscriber, or has the one that we set before write to `outlets`. Its filters stay those
/// of the first time.
pub(crate) fn subscribe(
    outlets: &Outlets,
    filter: &Targets,
    console: Option<EnvFilter>,
) -> Subscription {
    if let Some(ours) = OURS.get() {
        ours.replace_by(outlets);
        return Subscription::Ours;
    }
    let console = console.map(|filter| {
        fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_filter(filter)
    });
    let subscriber = Registry::default()
        .with(layers(outlets, filter))
        .with(console);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        return Subscription::Theirs;
    }
    let _ = OURS.set(outlets.clone());
    Subscription::Ours
}
