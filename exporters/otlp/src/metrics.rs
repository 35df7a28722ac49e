//! The exporter of metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use throughline_model::{
    Clock, Push, PushError, PushFuture, Random, SelfMeter, Snapshot, SystemClock, SystemRandom,
};

use crate::client::Client;
use crate::encode::{self, Limits, Part};
use crate::outcome::{self, Outcomes};
use crate::self_telemetry::SelfTelemetry;
use crate::{Endpoint, Error, Signal};

/// Sends snapshots over OTLP.
///
/// A snapshot becomes one request, or several where it is larger than
/// [`MetricExporter::MAX_POINTS`] points or the endpoint's request size. Requests go one after the other,
/// each with the endpoint's timeout. When the receiver cannot be reached, the requests that are left are not
/// tried; when it refuses one for good, the others still go. The error is the first that made a request fail
/// as a whole; otherwise the rejected points of all requests together.
///
/// Integers travel as signed 64 bits: a `u64` above `i64::MAX` is sent as a double.
///
/// ```
/// use throughline_model::{Push, PushError};
/// # use throughline_model::*;
/// use throughline_otlp::{Endpoint, MetricExporter, Protocol, Signal};
/// # use throughline_testkit::{ManualClock, SeededRandom, otlp_sink::OtlpSink};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let at = std::time::SystemTime::UNIX_EPOCH;
/// # let point = NumberPoint {
/// #     attributes: Attributes::default(), start: at, time: at, value: Number::U64(7), exemplars: vec![],
/// # };
/// # let sum = |points| Data::Sum(Sum { temporality: Temporality::Cumulative, monotonic: true, points });
/// # let orders = |points| Metric {
/// #     name: "orders".into(), description: "".into(), unit: "{order}".into(), data: sum(points),
/// # };
/// # let scope = opentelemetry::InstrumentationScope::builder("shop").build();
/// # let metrics = vec![orders(vec![point])];
/// # let snapshot = Snapshot { scopes: vec![ScopeMetrics { scope, metrics }], ..Snapshot::default() };
/// # let sink = OtlpSink::start().await?;
/// # let (url, meter) = (sink.url(), SelfMeter::new());
/// # let clock = std::sync::Arc::new(ManualClock::new());
/// # let random = std::sync::Arc::new(SeededRandom::new(7));
/// let endpoint = Endpoint::base(Protocol::HttpProtobuf, &url, Signal::Metrics)?;
/// let exporter = MetricExporter::new(endpoint)?
///     .with_self_meter(&meter)
///     .with_clock(clock)
///     .with_random(random);
/// println!("to {}", exporter.endpoint().url());
/// match exporter.push(&snapshot).await {
///     Ok(()) => println!("all {} points acknowledged", snapshot.point_count()),
///     Err(PushError::Rejected { items, message }) => println!("{items} points rejected: {message}"),
///     Err(error) => println!("not delivered: {error}"),
/// }
/// # assert_eq!(sink.metrics().len(), 1);
/// exporter.shutdown();
/// assert_eq!(exporter.push(&snapshot).await, Err(PushError::Shutdown));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MetricExporter {
    client: Client,
    telemetry: SelfTelemetry,
    shut_down: AtomicBool,
}

const METHOD: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

impl MetricExporter {
    /// The most points that one request has. The Collector's batches have as many.
    ///
    /// ```
    /// # use throughline_model::*;
    /// use throughline_otlp::MetricExporter;
    ///
    /// # let snapshot_of = |points: usize| {
    /// #     let at = std::time::SystemTime::UNIX_EPOCH;
    /// #     let point = NumberPoint {
    /// #         attributes: Attributes::default(), start: at, time: at, value: Number::U64(7), exemplars: vec![],
    /// #     };
    /// #     let sum = |points| Data::Sum(Sum { temporality: Temporality::Cumulative, monotonic: true, points });
    /// #     let orders = |points| Metric {
    /// #         name: "orders".into(), description: "".into(), unit: "{order}".into(), data: sum(points),
    /// #     };
    /// #     let scope = opentelemetry::InstrumentationScope::builder("shop").build();
    /// #     let metrics = vec![orders(vec![point; points])];
    /// #     Snapshot { scopes: vec![ScopeMetrics { scope, metrics }], ..Snapshot::default() }
    /// # };
    /// let requests = |points| MetricExporter::encode(&snapshot_of(points)).count();
    /// assert_eq!(requests(MetricExporter::MAX_POINTS), 1);
    /// assert_eq!(requests(MetricExporter::MAX_POINTS + 1), 2);
    /// ```
    pub const MAX_POINTS: usize = 8192;

    /// An exporter that sends to `endpoint`. It connects when it sends first.
    ///
    /// # Errors
    /// Where the endpoint's TLS settings cannot be used together.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        let telemetry = SelfTelemetry::new(Signal::Metrics, &endpoint, &SelfMeter::new());
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        Ok(Self {
            client: Client::new(Signal::Metrics, endpoint, METHOD, clock, random)?,
            telemetry,
            shut_down: AtomicBool::new(false),
        })
    }

    /// Reports on itself to `meter` (`otel.sdk.exporter.metric_data_point.*`).
    #[must_use]
    pub fn with_self_meter(mut self, meter: &SelfMeter) -> Self {
        self.telemetry.rebind(meter);
        self
    }

    /// Where it reads the time: for durations, and for dates in `Retry-After`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.client.clock = clock;
        self
    }

    /// Where the jitter of retries comes from.
    #[must_use]
    pub fn with_random(mut self, random: Arc<dyn Random>) -> Self {
        self.client.random = random;
        self
    }

    /// The bodies of the requests that a snapshot is sent in (`ExportMetricsServiceRequest`, each at most
    /// [`Endpoint::DEFAULT_MAX_REQUEST_SIZE`] long), for whoever brings them elsewhere: to a file, to a queue.
    ///
    /// ```
    /// use throughline_model::Snapshot;
    /// use throughline_otlp::MetricExporter;
    ///
    /// assert_eq!(MetricExporter::encode(&Snapshot::default()).count(), 0);
    /// ```
    pub fn encode(snapshot: &Snapshot) -> impl Iterator<Item = Vec<u8>> {
        let limits = Limits {
            bytes: Endpoint::DEFAULT_MAX_REQUEST_SIZE,
            points: Self::MAX_POINTS,
        };
        encode::parts(snapshot, limits).map(|part| part.request)
    }

    /// Where it sends to.
    pub fn endpoint(&self) -> &Endpoint {
        self.client.endpoint()
    }

    /// Refuses every later push. What is under way goes on.
    pub fn shutdown(&self) {
        self.shut_down.store(true, Ordering::Release);
    }

    async fn push_parts(&self, snapshot: &Snapshot) -> Result<(), PushError> {
        if self.shut_down.load(Ordering::Acquire) {
            return Err(PushError::Shutdown);
        }
        let limits = Limits {
            bytes: self.client.endpoint().max_request_size(),
            points: Self::MAX_POINTS,
        };
        let mut outcomes = Outcomes::default();
        let mut left = snapshot.point_count() as u64;
        for part in encode::parts(snapshot, limits) {
            left -= part.points;
            let result = self.push_part(part).await;
            if let Err(error) = &result
                && outcome::is_away(error)
            {
                self.telemetry.skipped(left, error);
                outcomes.add(result);
                break;
            }
            outcomes.add(result);
        }
        outcomes.into_result()
    }

    async fn push_part(&self, part: Part) -> Result<(), PushError> {
        let operation = self.telemetry.begin(part.points, &self.client.clock);
        let sent = self.client.send(part.request.into()).await;
        let result = sent.result.and_then(|body| {
            let response: ExportMetricsServiceResponse = outcome::decode(body)?;
            let partial = response.partial_success;
            self.client
                .judge(partial.map(|partial| (partial.rejected_data_points, partial.error_message)))
        });
        operation.end(&result, sent.status);
        result
    }
}

impl Push for MetricExporter {
    fn push<'a>(&'a self, snapshot: &'a Snapshot) -> PushFuture<'a> {
        Box::pin(self.push_parts(snapshot))
    }
}
