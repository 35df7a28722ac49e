//! Decides everything, signal by signal.

use throughline_config::{Environment, Propagator};

#[cfg(feature = "otlp")]
use super::exit::Exit;
#[cfg(feature = "prometheus")]
use super::exit::Wanted;
#[cfg(feature = "logs")]
use super::logs::LogSettings;
use super::metrics::MetricSettings;
use super::traces::TraceSettings;
use super::{Source, pick};
use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::describe::{Description, Lines};
use crate::resource::Detected;

/// What was decided, apart from what only the builder holds: views, own exporters, an own sampler.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// How much we say about ourselves.
    #[cfg(feature = "tracing")]
    pub(crate) log_level: Option<throughline_config::LogLevel>,
    pub(crate) resource: Detected,
    pub(crate) propagators: Vec<Propagator>,
    /// The HTTP methods that are named, where the environment says which.
    #[cfg(feature = "tower")]
    pub(crate) http_methods: Option<Vec<String>>,
    /// `None` where the SDK is disabled.
    pub(crate) signals: Option<Signals>,
    pub(crate) description: Description,
}

/// What was decided about each signal.
#[derive(Debug)]
pub(crate) struct Signals {
    pub(crate) traces: TraceSettings,
    pub(crate) metrics: MetricSettings,
    #[cfg(feature = "logs")]
    pub(crate) logs: LogSettings,
    #[cfg(feature = "prometheus")]
    pub(crate) prometheus: Option<(throughline_prometheus::Settings, &'static str)>,
}

/// Decides everything.
///
/// # Errors
/// What cannot be used: the setting, its value, what was expected. A variable that is not understood is no
/// error but a notice, and its default holds; but not that of an endpoint, since telemetry would go
/// somewhere else. What is disabled, overridden or has no way out is not looked at.
pub(crate) fn resolve(builder: &TelemetryBuilder) -> Result<Resolved, Error> {
    let (environment, invalid) = builder.environment.read();
    let mut description = Description::default();
    let resource = Detected::new(
        &*builder.random,
        &environment,
        &builder.service_name,
        &builder.resource,
    );
    let (name, named) = (resource.service_name(), environment.service_name.as_ref());
    if let Some(named) = named.filter(|named| **named != name) {
        description.notices.push(format!(
            "ignored: the environment calls the service {named:?}: code calls it {name:?}; \
             `Telemetry::builder(\"\")` leaves it to the environment"
        ));
    }
    let mut lines = Lines::default();
    for (pair, source) in &resource.attributes {
        lines.push(pair.key.to_string(), &pair.value, *source);
    }
    description.sections.push(("resource", lines));

    let signals = if environment.sdk_disabled {
        None
    } else {
        Some(Signals::resolve(builder, &environment, &mut description)?)
    };
    for invalid in &invalid {
        #[cfg(feature = "otlp")]
        if signals
            .as_ref()
            .is_some_and(|it| it.need(builder, invalid.variable))
        {
            let (value, expected) = (&*invalid.value, &*invalid.expected);
            return Err(Error::invalid(invalid.variable, value, expected));
        }
        description.notices.push(format!("ignored: {invalid}"));
    }
    let propagators = process(&environment, &mut description);
    Ok(Resolved {
        #[cfg(feature = "tracing")]
        log_level: environment.log_level,
        resource,
        propagators,
        #[cfg(feature = "tower")]
        http_methods: environment.http_known_methods,
        signals,
        description,
    })
}

impl Signals {
    fn resolve(
        builder: &TelemetryBuilder,
        environment: &Environment,
        description: &mut Description,
    ) -> Result<Self, Error> {
        Ok(Self {
            traces: TraceSettings::resolve(builder, environment, description)?,
            metrics: MetricSettings::resolve(builder, environment, description)?,
            #[cfg(feature = "prometheus")]
            prometheus: prometheus(builder, environment, description)?,
            #[cfg(feature = "logs")]
            logs: LogSettings::resolve(builder, environment, description)?,
        })
    }

    /// Whether it is this variable that says where telemetry goes.
    #[cfg(feature = "otlp")]
    fn need(&self, builder: &TelemetryBuilder, variable: &str) -> bool {
        let exits = [
            ("TRACES_", &self.traces.exit),
            ("METRICS_", &self.metrics.exit),
            #[cfg(feature = "logs")]
            ("LOGS_", &self.logs.exit),
        ];
        let Some(whose) = builder.otlp.endpoint_of(variable) else {
            return false;
        };
        let mut exits = exits
            .into_iter()
            .filter(|(signal, _)| whose.is_empty() || whose == *signal);
        exits.any(|(_, exit)| matches!(exit, Exit::Otlp(_)))
    }
}

#[cfg(feature = "prometheus")]
fn prometheus(
    builder: &TelemetryBuilder,
    environment: &Environment,
    description: &mut Description,
) -> Result<Option<(throughline_prometheus::Settings, &'static str)>, Error> {
    let by_variable = Wanted::by(&environment.metrics_exporters).prometheus;
    if builder.prometheus.is_none() && !by_variable {
        return Ok(None);
    }
    let mut lines = Lines::default();
    let given = builder.prometheus.clone().unwrap_or_default();
    let resolved = given.resolve(environment, &mut lines)?;
    description.sections.push(("prometheus", lines));
    Ok(Some(resolved))
}

/// What concerns all signals.
fn process(environment: &Environment, description: &mut Description) -> Vec<Propagator> {
    let mut lines = Lines::default();
    let (propagators, source) = pick(
        None,
        environment.propagators.clone(),
        "OTEL_PROPAGATORS",
        || vec![Propagator::TraceContext, Propagator::Baggage],
    );
    let names: Vec<&str> = propagators.iter().map(|it| it.as_str()).collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(",")
    };
    lines.push("propagators", names, source);
    #[cfg(feature = "tower")]
    if let Some(methods) = &environment.http_known_methods {
        let source = Source::Variable("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS");
        lines.push("HTTP methods", methods.join(","), source);
    }
    if environment.sdk_disabled {
        let source = Source::Variable("OTEL_SDK_DISABLED");
        lines.push(
            "disabled",
            "true: nothing is recorded, context travels on",
            source,
        );
    }
    description.sections.push(("process", lines));
    propagators
}
