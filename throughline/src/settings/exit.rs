//! Which way a signal leaves.

use throughline_config::{Environment, Exporter};

use super::Source;
use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::describe::{Description, Lines};

/// The way out of a signal.
#[derive(Clone, Debug)]
pub(crate) enum Exit {
    /// It does not leave.
    None,
    /// Through the exporter that code gave.
    Own,
    #[cfg(feature = "otlp")]
    Otlp(Box<throughline_otlp::Endpoint>),
}

/// A signal, and the names of its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    #[cfg(feature = "logs")]
    Logs,
}

impl Signal {
    fn variable(self) -> &'static str {
        match self {
            Signal::Traces => "OTEL_TRACES_EXPORTER",
            Signal::Metrics => "OTEL_METRICS_EXPORTER",
            #[cfg(feature = "logs")]
            Signal::Logs => "OTEL_LOGS_EXPORTER",
        }
    }

    #[cfg(feature = "otlp")]
    fn of_otlp(self) -> throughline_otlp::Signal {
        match self {
            Signal::Traces => throughline_otlp::Signal::Traces,
            Signal::Metrics => throughline_otlp::Signal::Metrics,
            #[cfg(feature = "logs")]
            Signal::Logs => throughline_otlp::Signal::Logs,
        }
    }
}

/// What `OTEL_*_EXPORTER` asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Also where the variable is not set.
    otlp: bool,
    pub(super) prometheus: bool,
    console: bool,
}

impl Wanted {
    pub(super) fn by(exporters: &Option<Vec<Exporter>>) -> Self {
        let has = |exporter| exporters.as_ref().is_some_and(|it| it.contains(&exporter));
        Self {
            otlp: exporters.is_none() || has(Exporter::Otlp),
            prometheus: has(Exporter::Prometheus),
            console: has(Exporter::Console),
        }
    }
}

impl Exit {
    /// Decides the way out of a signal; `own` says whether code gave an exporter.
    pub(super) fn resolve(
        signal: Signal,
        own: bool,
        builder: &TelemetryBuilder,
        environment: &Environment,
        lines: &mut Lines,
        description: &mut Description,
    ) -> Result<Self, Error> {
        let variable = signal.variable();
        let exporters = match signal {
            Signal::Traces => &environment.traces_exporters,
            Signal::Metrics => &environment.metrics_exporters,
            #[cfg(feature = "logs")]
            Signal::Logs => &environment.logs_exporters,
        };
        let wanted = Wanted::by(exporters);
        if wanted.console {
            description.notices.push(format!(
                "ignored: {variable} asks for console: expected otlp or none, nothing is written to the console"
            ));
        }
        #[cfg(not(feature = "prometheus"))]
        if wanted.prometheus {
            description.notices.push(format!(
                "ignored: {variable} asks for prometheus: expected a build with the feature `prometheus`"
            ));
        }
        if own {
            lines.push("exporter", "given", Source::Code);
            return Ok(Exit::Own);
        }
        let by_variable = match exporters {
            Some(_) => Source::Variable(variable),
            None => Source::Default,
        };
        #[cfg(feature = "otlp")]
        {
            let by_code = builder.otlp.has(signal.of_otlp());
            let source = match (by_code, exporters) {
                (Some(_), Some(_)) => Source::CodeBeats(variable),
                (Some(_), None) => Source::Code,
                (None, _) => by_variable,
            };
            if !by_code.unwrap_or(wanted.otlp) {
                lines.push("exporter", "none", source);
                return Ok(Exit::None);
            }
            lines.push("exporter", "otlp", source);
            let endpoint = builder.otlp.resolve(signal.of_otlp(), environment, lines)?;
            let unsent = builder
                .otlp
                .unsent_query(signal.of_otlp(), environment, &endpoint);
            if let Some(notice) = unsent
                && !description.notices.contains(&notice)
            {
                description.notices.push(notice);
            }
            Ok(Exit::Otlp(Box::new(endpoint)))
        }
        #[cfg(not(feature = "otlp"))]
        {
            let _ = builder;
            if wanted.otlp && exporters.is_some() {
                description.notices.push(format!(
                    "ignored: {variable} asks for otlp: expected a build with the feature `otlp`"
                ));
            }
            lines.push("exporter", "none", by_variable);
            Ok(Exit::None)
        }
    }
}
