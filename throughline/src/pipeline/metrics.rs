//! The engine and its readers.

use std::sync::Arc;

use throughline_engine::{MeterProvider, Reader, ReaderBuilder};
use throughline_model::SelfMeter;

use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::delivery::{MetricSink, Pusher};
use crate::settings::{Exit, Resolved};

/// What the semantic conventions call a reader that is scraped: the value of `otel.component.type`.
#[cfg(feature = "prometheus")]
const SCRAPED: &str = "prometheus_http_text_metric_exporter";

pub(super) struct Assembled {
    pub(super) provider: MeterProvider,
    pub(super) pusher: Option<Pusher>,
    #[cfg(feature = "prometheus")]
    pub(super) server: Option<throughline_prometheus::Server>,
}

pub(super) fn assemble(
    builder: &mut TelemetryBuilder,
    resolved: &Resolved,
    meter: &SelfMeter,
) -> Result<Assembled, Error> {
    let settings = &resolved.metrics;
    let mut provider = MeterProvider::builder()
        .resource(resolved.resource.for_metrics())
        .exemplar_filter(settings.exemplar_filter)
        .clock(Arc::clone(&builder.clock))
        .random(Arc::clone(&builder.random))
        .self_telemetry(true);
    for view in std::mem::take(&mut builder.views) {
        provider = provider.view(view);
    }

    let mut readers = Readers {
        provider,
        cardinality_limit: builder.cardinality_limit,
    };
    let pusher = sink(builder, &settings.exit, meter)?.map(|sink| Pusher {
        collect: Arc::new(
            readers.add(
                Reader::builder()
                    .component_type("periodic_metric_reader")
                    .temporality(settings.temporality)
                    .default_histogram_aggregation(settings.histograms.clone()),
            ),
        ),
        sink,
        interval: settings.interval,
        timeout: settings.timeout,
    });

    #[cfg(feature = "prometheus")]
    let (scraped, settings) = match &resolved.prometheus {
        Some((settings, setting)) => {
            let settings = settings.clone().self_meter(meter.clone());
            (
                Some(readers.add(Reader::builder().component_type(SCRAPED))),
                Some((settings, *setting)),
            )
        }
        None => (None, None),
    };
    let provider = readers.provider.build()?;
    #[cfg(feature = "prometheus")]
    let server = match (scraped, settings) {
        (Some(reader), Some((settings, setting))) => Some(
            throughline_prometheus::Server::bind(settings, Arc::new(reader))
                .map_err(|error| Error::prometheus(setting, error))?,
        ),
        _ => None,
    };
    Ok(Assembled {
        provider,
        pusher,
        #[cfg(feature = "prometheus")]
        server,
    })
}

struct Readers {
    provider: throughline_engine::MeterProviderBuilder,
    cardinality_limit: Option<usize>,
}

impl Readers {
    fn add(&mut self, mut reader: ReaderBuilder) -> Reader {
        if let Some(limit) = self.cardinality_limit {
            reader = reader.cardinality_limit(limit);
        }
        let reader = reader.build();
        self.provider = self.provider.clone().reader(reader.clone());
        reader
    }
}

/// What the push goes into.
#[cfg_attr(
    not(feature = "otlp"),
    expect(
        clippy::unnecessary_wraps,
        reason = "only ours reports and can be refused"
    )
)]
fn sink(
    builder: &mut TelemetryBuilder,
    exit: &Exit,
    meter: &SelfMeter,
) -> Result<Option<MetricSink>, Error> {
    Ok(match exit {
        Exit::None => None,
        Exit::Own => builder
            .metric_exporter
            .take()
            .map(|(push, component)| MetricSink::new(push, component, meter)),
        #[cfg(feature = "otlp")]
        Exit::Otlp(endpoint) => {
            let exporter = throughline_otlp::MetricExporter::new((**endpoint).clone())
                .map_err(Error::otlp)?
                .with_self_meter(meter)
                .with_clock(Arc::clone(&builder.clock))
                .with_random(Arc::clone(&builder.random));
            Some(MetricSink::otlp(exporter))
        }
    })
}
