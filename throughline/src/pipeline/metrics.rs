//! The engine and its readers.

use std::sync::Arc;
#[cfg(feature = "prometheus")]
use std::time::Duration;

use throughline_engine::{
    InstrumentKind, MeterProvider, Outliers, Reader, ReaderBuilder, Selector,
};
#[cfg(feature = "prometheus")]
use throughline_model::{Collect, CollectError, Snapshot};
use throughline_model::{Resource, SelfMeter};
use throughline_samplers::RetentionBuffer;
#[cfg(feature = "prometheus")]
use throughline_samplers::SpanQueue;

#[cfg(feature = "prometheus")]
use tokio::runtime::Handle;

use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::delivery::{MetricSink, Pusher};
use crate::settings::{Exit, OUTLIERS, Signals};

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
    signals: &Signals,
    resource: Resource,
    spans: Option<&RetentionBuffer>,
    meter: &SelfMeter,
) -> Result<Assembled, Error> {
    let settings = &signals.metrics;
    let mut provider = MeterProvider::builder()
        .resource(resource)
        .exemplar_filter(settings.exemplar_filter)
        .clock(Arc::clone(&builder.clock))
        .random(Arc::clone(&builder.random))
        .self_telemetry(true);
    for view in std::mem::take(&mut builder.views) {
        provider = provider.view(view);
    }
    if let Some(spans) = spans {
        provider = provider.trace_keeper(Arc::new(spans.clone()));
        for (histograms, outliers) in std::mem::take(&mut builder.outliers) {
            provider = provider.outliers(histograms, outliers);
        }
        let durations = Selector::name("*.duration")
            .kind(InstrumentKind::Histogram)
            .unit("s");
        provider = provider.outliers(durations, Outliers::quantile(OUTLIERS));
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
    let (scraped, settings) = match &signals.prometheus {
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
            throughline_prometheus::Server::bind(
                settings,
                Arc::new(Scraped {
                    reader,
                    spans: spans.cloned(),
                }),
            )
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

/// A reader that is scraped. A scrape waits for nobody, so the exemplars whose traces are not delivered yet are published by
/// the next one: it has them sent by then.
#[cfg(feature = "prometheus")]
#[derive(Debug)]
struct Scraped {
    reader: Reader,
    spans: Option<RetentionBuffer>,
}

#[cfg(feature = "prometheus")]
impl Collect for Scraped {
    fn collect(&self, limit: Duration) -> Result<Snapshot, CollectError> {
        // The server collects in a thread of the delivery runtime.
        if let (Some(spans), Ok(delivery)) = (self.spans.clone(), Handle::try_current()) {
            delivery.spawn(async move {
                // What is not delivered by then is delivered in its own time.
                let _ = spans.force_flush_async(SpanQueue::FLUSH_TIMEOUT).await;
            });
        }
        self.reader.collect(limit)
    }
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
