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
    /// It is ours since an earlier `install()`, and does what that one said: this.
    Earlier(&'static str),
    /// Somebody else set one before: spans and events of `tracing` do not reach us unless they add our layer.
    Theirs,
    /// We were told to leave it alone.
    LeftAlone,
}

/// Our global subscriber; it is set once per process and never taken back.
static OURS: OnceLock<Set> = OnceLock::new();

struct Set {
    /// What its layers write to.
    outlets: Outlets,
    /// Its filters, in words.
    filters: String,
}

/// Sets the global subscriber, or has the one that we set before write to `outlets`. Its filters stay those
/// of the first time.
pub(crate) fn subscribe(
    outlets: &Outlets,
    filter: &Targets,
    console: Option<EnvFilter>,
) -> Subscription {
    let shown = console
        .as_ref()
        .map_or("off".to_owned(), EnvFilter::to_string);
    let filters = format!("exported {filter}, console {shown}");
    if let Some(ours) = OURS.get() {
        ours.outlets.replace_by(outlets);
        return match ours.filters == filters {
            true => Subscription::Ours,
            false => Subscription::Earlier(&ours.filters),
        };
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
    let outlets = outlets.clone();
    let _ = OURS.set(Set { outlets, filters });
    Subscription::Ours
}
