//! Assembles the parts: the engine, the queues, the exporters, the delivery thread.
//!
//! ```text
//! settings ─► resource        converted once, for the engine and for opentelemetry_sdk
//!          ─► traces          sampler ─ SdkTracerProvider ─ RetentionBuffer ─ worker
//!          ─► metrics         engine, which asks the buffer for traces; its readers: one for the push, one for /metrics
//!          ─► logs            SdkLoggerProvider ─ LogQueue ─ worker
//!          ─► delivery thread workers, pushes, /metrics
//!          ─► SelfMeter       bound last: from here on the parts report on themselves
//! ```

#[cfg(feature = "logs")]
mod logs;
mod metrics;
mod traces;

use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::metrics::noop::NoopMeterProvider;
use opentelemetry::trace::TracerProvider as _;
use throughline_model::{SelfMeter, SystemClock, TraceKeeper};

#[cfg(feature = "tracing")]
use crate::bridge::{Bridge, Outlet, Outlets};
use crate::builder::TelemetryBuilder;
use crate::delivery::{Delivery, Plan};
use crate::describe::Description;
use crate::operation::Scope;
use crate::settings::{Resolved, resolve};
use crate::telemetry::Parts;
use crate::{Error, Telemetry, global};

/// Builds telemetry and makes it the process'.
pub(crate) fn install(builder: TelemetryBuilder) -> Result<Telemetry, Error> {
    global::install(|| {
        let resolved = resolve(&builder)?;
        assemble(builder, resolved)
    })
}

/// Builds telemetry.
pub(crate) fn build(builder: TelemetryBuilder) -> Result<Telemetry, Error> {
    let resolved = resolve(&builder)?;
    let telemetry = Telemetry::new(assemble(builder, resolved)?);
    telemetry.say_notices();
    Ok(telemetry)
}

/// Telemetry that goes nowhere and works.
pub(crate) fn disabled(description: Description) -> Parts {
    Parts {
        scope: Scope {
            meter: NoopMeterProvider::new().meter("throughline"),
            tracer: None,
            clock: Arc::new(SystemClock),
        },
        service: String::new(),
        instrumentation: InstrumentationScope::builder("throughline").build(),
        meter_provider: None,
        tracer_provider: None,
        spans: None,
        delivery: None,
        propagators: Vec::new(),
        #[cfg(feature = "tower")]
        http_methods: crate::tower::Methods::default(),
        keeper: None,
        prometheus: None,
        #[cfg(feature = "tracing")]
        bridge: Bridge::closed(),
        description,
    }
}

fn assemble(mut builder: TelemetryBuilder, mut resolved: Resolved) -> Result<Parts, Error> {
    #[cfg(feature = "tracing")]
    let filters = builder.tracing.resolve(
        &builder.environment,
        resolved.log_level,
        &mut resolved.description,
    )?;
    let Some(signals) = resolved.signals.take() else {
        return Ok(Parts {
            // The console goes on.
            #[cfg(feature = "tracing")]
            bridge: Bridge::new(Outlets::new(Outlet::default()), filters),
            // What others propagate goes on.
            propagators: resolved.propagators,
            ..disabled(resolved.description)
        });
    };
    let meter = SelfMeter::new();
    let resource = resolved.resource.for_sdk();
    let traces = traces::assemble(&mut builder, &signals.traces, &resource, &meter)?;
    let buffer = traces.as_ref().map(|it| it.buffer.clone());
    let described = resolved.resource.for_metrics();
    let metrics = metrics::assemble(&mut builder, &signals, described, buffer.as_ref(), &meter)?;
    #[cfg(feature = "logs")]
    let logs = logs::assemble(&mut builder, &signals.logs, &resource, &meter)?;

    let service = resolved.resource.service_name();
    let instrumentation = InstrumentationScope::builder(service.clone()).build();
    let tracer_provider = traces.as_ref().map(|it| it.provider.clone());
    let tracer = tracer_provider
        .as_ref()
        .map(|it| it.tracer_with_scope(instrumentation.clone()));

    #[cfg(feature = "tracing")]
    let outlets = Outlets::new(Outlet {
        tracer: tracer.clone(),
        #[cfg(feature = "logs")]
        logger: logs.as_ref().map(logs::Assembled::logger),
    });
    #[cfg(feature = "prometheus")]
    let prometheus = metrics.server.as_ref().map(|it| it.local_addr());
    #[cfg(not(feature = "prometheus"))]
    let prometheus = None;
    resolved.description.metrics_at = prometheus;

    #[cfg(feature = "logs")]
    let logger_provider = logs.as_ref().map(|it| it.provider.clone());
    let end = {
        let (tracer_provider, meter_provider) = (tracer_provider.clone(), metrics.provider.clone());
        move || {
            // The queues are shut down already, which these then say: there is nothing more to lose.
            if let Some(provider) = tracer_provider {
                let _ = provider.shutdown();
            }
            #[cfg(feature = "logs")]
            if let Some(provider) = logger_provider {
                let _ = provider.shutdown();
            }
            meter_provider.shutdown();
        }
    };
    let delivery = Delivery::start(Plan {
        resource,
        meter: meter.clone(),
        spans: traces.map(|it| (it.buffer, it.worker, it.sink)),
        #[cfg(feature = "logs")]
        logs: logs.map(|it| (it.queue, it.worker, it.sink)),
        metrics: metrics.pusher,
        provider: metrics.provider.clone(),
        #[cfg(feature = "prometheus")]
        prometheus: metrics.server,
        #[cfg(feature = "tracing")]
        close: {
            let outlets = outlets.clone();
            Box::new(move || outlets.close())
        },
        #[cfg(not(feature = "tracing"))]
        close: Box::new(|| ()),
        end: Box::new(end),
    })?;

    let ours = InstrumentationScope::builder("throughline").with_version(env!("CARGO_PKG_VERSION"));
    meter.bind(metrics.provider.meter_with_scope(ours.build()));
    Ok(Parts {
        scope: Scope {
            meter: metrics.provider.meter_with_scope(instrumentation.clone()),
            tracer,
            clock: builder.clock,
        },
        service,
        instrumentation,
        meter_provider: Some(metrics.provider),
        tracer_provider,
        keeper: buffer
            .clone()
            .map(|it| Arc::new(it) as Arc<dyn TraceKeeper>),
        spans: buffer,
        delivery: Some(delivery),
        propagators: resolved.propagators,
        #[cfg(feature = "tower")]
        http_methods: crate::tower::Methods::new(resolved.http_methods),
        prometheus,
        #[cfg(feature = "tracing")]
        bridge: Bridge::new(outlets, filters),
        description: resolved.description,
    })
}
