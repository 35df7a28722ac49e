//! The exporter of spans.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use throughline_model::{Clock, PushError, Random, SelfMeter, SystemClock, SystemRandom};

use crate::client::Client;
use crate::encode::{self, ProtoResource};
use crate::outcome::{self, Outcomes};
use crate::self_telemetry::SelfTelemetry;
use crate::{Endpoint, Error, Signal};

/// Sends spans over OTLP and says what became of them.
///
/// It implements `opentelemetry_sdk`'s `SpanExporter`, where an outcome is Ok or a text. Whoever must know
/// more calls [`SpanExporter::export_with_outcome`]: `Ok` means that the receiver acknowledged every span of
/// the batch, which `opentelemetry-otlp` does not say (it answers a partial success with `Ok`).
///
/// ```
/// # use opentelemetry::trace::{Span, Tracer, TracerProvider};
/// use opentelemetry_sdk::Resource;
/// # use opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_model::PushError;
/// # use throughline_model::SelfMeter;
/// use throughline_otlp::{Endpoint, Protocol, Signal, SpanExporter};
/// # use throughline_testkit::{CollectingSpanExporter, ManualClock, SeededRandom, otlp_sink::OtlpSink};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let collected = CollectingSpanExporter::new();
/// # let provider = SdkTracerProvider::builder().with_simple_exporter(collected.clone()).build();
/// # provider.tracer("shop").start("checkout").end();
/// # let batch = collected.spans();
/// # let sink = OtlpSink::start().await?;
/// # let (url, meter) = (sink.url(), SelfMeter::new());
/// # let clock = std::sync::Arc::new(ManualClock::new());
/// # let random = std::sync::Arc::new(SeededRandom::new(7));
/// let exporter = SpanExporter::new(Endpoint::base(Protocol::Grpc, &url, Signal::Traces)?)?
///     .with_resource(&Resource::builder().with_service_name("checkout").build())
///     .with_self_meter(&meter)
///     .with_clock(clock)
///     .with_random(random);
/// println!("to {}", exporter.endpoint().url());
/// match exporter.export_with_outcome(batch).await {
///     Ok(()) => println!("delivered"),
///     Err(PushError::Rejected { items, .. }) => println!("{items} spans rejected"),
///     Err(error) => println!("lost: {error}"),
/// }
/// # assert_eq!(sink.traces().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SpanExporter {
    client: Client,
    resource: ProtoResource,
    telemetry: SelfTelemetry,
    shut_down: AtomicBool,
}

const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

impl SpanExporter {
    /// An exporter that sends to `endpoint`. It connects when it sends first.
    ///
    /// # Errors
    /// Where the endpoint's TLS settings cannot be used together.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        let telemetry = SelfTelemetry::new(Signal::Traces, &endpoint, &SelfMeter::new());
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        Ok(Self {
            client: Client::new(Signal::Traces, endpoint, METHOD, clock, random)?,
            resource: ProtoResource::default(),
            telemetry,
            shut_down: AtomicBool::new(false),
        })
    }

    /// Reports on itself to `meter` (`otel.sdk.exporter.span.*`).
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

    /// What the spans are about, for whoever drives the exporter without a provider that would set it.
    #[must_use]
    pub fn with_resource(mut self, resource: &Resource) -> Self {
        self.resource = resource.into();
        self
    }

    /// Where it sends to.
    pub fn endpoint(&self) -> &Endpoint {
        self.client.endpoint()
    }

    /// Sends the batch, retries included. An empty batch is not sent.
    ///
    /// A batch that is larger than the endpoint's request size goes in several requests, one after the
    /// other, each with the endpoint's timeout; when the receiver is away, those that are left are not tried.
    ///
    /// # Errors
    /// [`PushError::Rejected`] counts the spans that the receiver refused while it took the others (it does
    /// not say which). Any other error: a request failed as a whole.
    pub async fn export_with_outcome(&self, batch: Vec<SpanData>) -> Result<(), PushError> {
        if self.shut_down.load(Ordering::Acquire) {
            return Err(PushError::Shutdown);
        }
        let limit = self.client.endpoint().max_request_size();
        let mut requests = encode::requests(batch, &self.resource, limit).into_iter();
        let mut outcomes = Outcomes::default();
        while let Some((request, spans)) = requests.next() {
            let result = self.export_one(request, spans).await;
            if let Err(error) = &result
                && outcome::is_away(error)
            {
                let skipped = requests.map(|(_, spans)| spans).sum();
                self.telemetry.skipped(skipped, error);
                outcomes.add(result);
                break;
            }
            outcomes.add(result);
        }
        outcomes.into_result()
    }

    async fn export_one(
        &self,
        request: ExportTraceServiceRequest,
        spans: u64,
    ) -> Result<(), PushError> {
        let operation = self.telemetry.begin(spans, &self.client.clock);
        let body = request.encode_to_vec();
        drop(request);
        let sent = self.client.send(body.into()).await;
        let result = sent.result.and_then(|body| {
            let response: ExportTraceServiceResponse = outcome::decode(body)?;
            let partial = response.partial_success;
            self.client
                .judge(partial.map(|partial| (partial.rejected_spans, partial.error_message)))
        });
        operation.end(&result, sent.status);
        result
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.export_with_outcome(batch).await.map_err(sdk_error)
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// As much of the outcome as the SDK's error can say.
fn sdk_error(error: PushError) -> OTelSdkError {
    match error {
        PushError::Timeout(after) => OTelSdkError::Timeout(after),
        PushError::Shutdown => OTelSdkError::AlreadyShutdown,
        error => OTelSdkError::InternalFailure(error.to_string()),
    }
}
