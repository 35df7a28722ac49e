//! What the bridge is set up with, and the bridge itself.

use throughline_config::LogLevel;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use super::{Outlets, Subscription, layers, outlets::Outlet, subscribe};
use crate::Error;
use crate::describe::{Description, Lines};
use crate::settings::{Lookup, Source};

/// What code said about `tracing`.
#[derive(Clone, Debug)]
pub(crate) struct BridgeSettings {
    pub(crate) filter: Option<String>,
    pub(crate) console: bool,
    pub(crate) subscriber: bool,
}

impl Default for BridgeSettings {
    fn default() -> Self {
        Self {
            filter: None,
            console: true,
            subscriber: true,
        }
    }
}

/// What goes where.
#[derive(Debug)]
pub(crate) struct Filters {
    /// What is exported.
    export: Targets,
    /// What the console shows; `None`, nothing.
    console: Option<EnvFilter>,
    subscriber: bool,
}

impl BridgeSettings {
    pub(crate) fn resolve(
        &self,
        environment: &Lookup,
        own_level: Option<LogLevel>,
        description: &mut Description,
    ) -> Result<Filters, Error> {
        let mut lines = Lines::default();
        let export = match &self.filter {
            None => Targets::new().with_default(LevelFilter::INFO),
            Some(filter) => filter.parse().map_err(|error| {
                let expected = "targets and levels, such as info,shop=debug,noisy=off";
                Error::invalid("`.tracing_filter(..)`", filter, expected)
                    .because(tracing_error(error))
            })?,
        };
        let source = match self.filter {
            Some(_) => Source::Code,
            None => Source::Default,
        };
        lines.push("exported", &export, source);
        let console = self
            .console
            .then(|| console(environment, own_level, &mut lines, description));
        if !self.console {
            lines.push("console", "off", Source::Code);
        }
        description.sections.push(("tracing", lines));
        Ok(Filters {
            export,
            console,
            subscriber: self.subscriber,
        })
    }
}

fn tracing_error(
    error: tracing_subscriber::filter::ParseError,
) -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(error)
}

/// What the console shows where `RUST_LOG` says nothing. At `info`, the API and its SDK tell of their own
/// doings, such as each provider that becomes the global one.
const DEFAULT_CONSOLE: &str = "info,opentelemetry=warn";

/// What `RUST_LOG` says, and of us and of `opentelemetry` what `OTEL_LOG_LEVEL` says.
fn console(
    environment: &Lookup,
    own_level: Option<LogLevel>,
    lines: &mut Lines,
    description: &mut Description,
) -> EnvFilter {
    let (mut filter, source) = match rust_log(environment, description) {
        Some(filter) => (filter, Source::Variable("RUST_LOG")),
        None => (EnvFilter::new(DEFAULT_CONSOLE), Source::Default),
    };
    lines.push("console", &filter, source);
    if let Some(level) = own_level {
        let name = match level {
            LogLevel::None => "off",
            named => named.as_str(),
        };
        let own = ["throughline", "opentelemetry"].map(|target| format!("{target}={name}").parse());
        for directive in own.into_iter().flatten() {
            filter = filter.add_directive(directive);
        }
        let source = Source::Variable("OTEL_LOG_LEVEL");
        lines.push("console, about ourselves", name, source);
    }
    filter
}

fn rust_log(environment: &Lookup, description: &mut Description) -> Option<EnvFilter> {
    let value = environment.get("RUST_LOG")?;
    match EnvFilter::builder().parse(&value) {
        Ok(filter) => Some(filter),
        Err(error) => {
            description.notices.push(format!(
                "ignored: RUST_LOG is {value:?}: expected targets and levels, such as \
                 info,shop=debug ({error})"
            ));
            None
        }
    }
}

/// The way from `tracing` to a telemetry.
#[derive(Debug)]
pub(crate) struct Bridge {
    outlets: Outlets,
    filters: Option<Filters>,
}

impl Bridge {
    pub(crate) fn new(outlets: Outlets, filters: Filters) -> Self {
        Self {
            outlets,
            filters: Some(filters),
        }
    }

    /// One that leads nowhere.
    pub(crate) fn closed() -> Self {
        Self {
            outlets: Outlets::new(Outlet::default()),
            filters: None,
        }
    }

    /// A layer for a subscriber of the user's.
    pub(crate) fn layer<S>(&self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        match &self.filters {
            Some(filters) => layers(&self.outlets, &filters.export),
            None => layers(&self.outlets, &Targets::new()),
        }
    }

    /// Makes this the process' bridge, and says what became of the subscriber.
    pub(crate) fn subscribe(&mut self, description: &mut Description) {
        let mut lines = Lines::default();
        let subscription = match &mut self.filters {
            Some(filters) if filters.subscriber => {
                subscribe(&self.outlets, &filters.export, filters.console.take())
            }
            _ => Subscription::LeftAlone,
        };
        let said = match subscription {
            Subscription::Ours => "set by install()",
            Subscription::LeftAlone => "left alone",
            Subscription::Earlier(filters) => {
                description.notices.push(format!(
                    "ignored: what was said about `tracing` and its console: the subscriber of the first \
                     install() stays for the life of the process, with {filters}"
                ));
                "set by an earlier install()"
            }
            Subscription::Theirs => {
                description.notices.push(
                    "another `tracing` subscriber was set before install(): its spans and events are \
                     not exported. Install telemetry first, or add `telemetry.layer()` to that \
                     subscriber and say `.without_subscriber()`"
                        .to_owned(),
                );
                "somebody else's"
            }
        };
        lines.push("subscriber", said, Source::Detected);
        description.sections.push(("global", lines));
    }
}
