//! The exporter of log records.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, ResponseBodyTooLarge};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter as SdkLogExporter};
use throughline_model::{Clock, PushError, SelfMeter, SystemClock};
use tokio::runtime::Handle;
use tonic::metadata::MetadataMap;

use crate::client::{ExchangeError, Http, Outage, channel, suppressed};
use crate::retry::Verdict;
use crate::self_telemetry::SelfTelemetry;
use crate::{Compression, Endpoint, Error, Protocol, Signal};

/// Sends log records over OTLP: `opentelemetry-otlp`'s exporter over our connections, with the same settings
/// as the other signals.
///
/// Retries are that exporter's own (three of them, within the timeout), and so is its outcome: it logs a
/// partial success and answers `Ok`. Where it would read an `OTEL_EXPORTER_OTLP_*` variable by itself, the
/// endpoint wins, with one exception: an endpoint without compression is compressed where the variable says
/// so.
///
/// ```
/// # use opentelemetry::logs::{LogRecord, Logger, LoggerProvider};
/// use opentelemetry_sdk::Resource;
/// use opentelemetry_sdk::logs::{LogBatch, LogExporter as _};
/// # use opentelemetry_sdk::logs::SdkLoggerProvider;
/// # use throughline_model::SelfMeter;
/// use throughline_otlp::{Endpoint, LogExporter, Protocol, Signal};
/// # use throughline_testkit::{ManualClock, otlp_sink::OtlpSink};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut record = SdkLoggerProvider::builder().build().logger("shop").create_log_record();
/// # record.set_body("out of stock".into());
/// # record.set_observed_timestamp(std::time::SystemTime::now());
/// # let scope = opentelemetry::InstrumentationScope::builder("shop").build();
/// # let sink = OtlpSink::start().await?;
/// # let (url, meter) = (sink.url(), SelfMeter::new());
/// # let clock = std::sync::Arc::new(ManualClock::new());
/// let exporter = LogExporter::new(Endpoint::base(Protocol::Grpc, &url, Signal::Logs)?)?
///     .with_resource(&Resource::builder().with_service_name("checkout").build())
///     .with_self_meter(&meter)
///     .with_clock(clock);
/// println!("to {}", exporter.endpoint().url());
/// exporter.export(LogBatch::new(&[(&record, &scope)])).await?;
/// # assert_eq!(sink.logs().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LogExporter {
    /// Replaced after a batch that was not answered in time.
    inner: Mutex<Arc<opentelemetry_otlp::LogExporter>>,
    resource: Resource,
    shut_down: AtomicBool,
    endpoint: Endpoint,
    outage: Arc<Outage>,
    clock: Arc<dyn Clock>,
    telemetry: SelfTelemetry,
}

impl LogExporter {
    /// An exporter that sends to `endpoint`. Needs the tokio runtime that it will be used in; connects when
    /// it sends first.
    ///
    /// # Errors
    /// Where there is no runtime, and where the endpoint's TLS settings cannot be used together.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        if Handle::try_current().is_err() {
            return Err(Error::new("runtime", "none", "a tokio runtime"));
        }
        let outage = Arc::new(Outage::new(Signal::Logs, &endpoint));
        Ok(Self {
            inner: Mutex::new(Arc::new(build(&endpoint, &outage)?)),
            outage,
            resource: Resource::builder_empty().build(),
            shut_down: AtomicBool::new(false),
            clock: Arc::new(SystemClock),
            telemetry: SelfTelemetry::new(Signal::Logs, &endpoint, &SelfMeter::new()),
            endpoint,
        })
    }

    /// Reports on itself to `meter` (`otel.sdk.exporter.log.*`).
    #[must_use]
    pub fn with_self_meter(mut self, meter: &SelfMeter) -> Self {
        self.telemetry.rebind(meter);
        self
    }

    /// What the records are about, for whoever drives the exporter without a provider that would set it.
    #[must_use]
    pub fn with_resource(mut self, resource: &Resource) -> Self {
        self.about(resource);
        self
    }

    /// Where it sends to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where it reads the time, for durations.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    fn about(&mut self, resource: &Resource) {
        self.resource = resource.clone();
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Nobody exports while it is borrowed mutably.
        if let Some(inner) = Arc::get_mut(inner) {
            SdkLogExporter::set_resource(inner, resource);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arc<opentelemetry_otlp::LogExporter>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Over gRPC all batches go over one connection. It may be one whose other end is gone without a word:
    /// take a new one. The settings worked before, so they do again. HTTP closes the connection of a request that is given up.
    fn reconnect(&self) {
        if self.endpoint.protocol() != Protocol::Grpc {
            return;
        }
        if let Ok(mut inner) = build(&self.endpoint, &self.outage) {
            SdkLogExporter::set_resource(&mut inner, &self.resource);
            *self.lock() = Arc::new(inner);
        }
    }
}

impl SdkLogExporter for LogExporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        if self.shut_down.load(Ordering::Acquire) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        let records = batch.iter().count() as u64;
        if records == 0 {
            return Ok(());
        }
        let operation = self.telemetry.begin(records, &self.clock);
        let timeout = self.endpoint.timeout();
        let inner = Arc::clone(&self.lock());
        // The exporter's own time limit ends its retries, not an attempt that hangs.
        let export = suppressed(SdkLogExporter::export(&*inner, batch));
        let result = match tokio::time::timeout(timeout, export).await {
            Ok(result) => result,
            Err(_) => {
                self.reconnect();
                Err(OTelSdkError::Timeout(timeout))
            }
        };
        if result.is_ok() {
            self.outage.over();
        }
        operation.end(&outcome(&result), None);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        SdkLogExporter::shutdown_with_timeout(&**self.lock(), timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.about(resource);
    }
}

/// For self-telemetry: the SDK's error has no code.
fn outcome(result: &OTelSdkResult) -> Result<(), PushError> {
    match result {
        Ok(()) => Ok(()),
        Err(OTelSdkError::AlreadyShutdown) => Err(PushError::Shutdown),
        Err(OTelSdkError::Timeout(after)) => Err(PushError::Timeout(*after)),
        Err(OTelSdkError::InternalFailure(message)) => Err(PushError::Refused {
            code: "failed".to_owned(),
            message: message.clone(),
        }),
    }
}

fn build(
    endpoint: &Endpoint,
    outage: &Arc<Outage>,
) -> Result<opentelemetry_otlp::LogExporter, Error> {
    match endpoint.protocol() {
        Protocol::Grpc => grpc(endpoint, outage),
        Protocol::HttpProtobuf => http(endpoint, outage),
    }
}

fn grpc(
    endpoint: &Endpoint,
    outage: &Arc<Outage>,
) -> Result<opentelemetry_otlp::LogExporter, Error> {
    let metadata = MetadataMap::from_headers(endpoint.request_headers());
    let builder = opentelemetry_otlp::LogExporter::builder()
        .with_tonic()
        .with_channel(channel(endpoint, outage)?)
        .with_timeout(endpoint.timeout())
        // After its own: drops the headers that it took from the environment.
        .with_interceptor(move |mut request: tonic::Request<()>| {
            *request.metadata_mut() = metadata.clone();
            Ok(request)
        });
    let builder = match endpoint.compression() {
        Compression::None => builder,
        Compression::Gzip => builder.with_compression(opentelemetry_otlp::Compression::Gzip),
    };
    builder.build().map_err(|error| refused(endpoint, error))
}

fn http(
    endpoint: &Endpoint,
    outage: &Arc<Outage>,
) -> Result<opentelemetry_otlp::LogExporter, Error> {
    let client = LogHttp {
        http: Http::new(endpoint)?,
        endpoint: endpoint.clone(),
        outage: Arc::clone(outage),
    };
    let builder = opentelemetry_otlp::LogExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint.uri().to_string())
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_timeout(endpoint.timeout());
    let builder = match endpoint.compression() {
        Compression::None => builder,
        Compression::Gzip => builder.with_compression(opentelemetry_otlp::Compression::Gzip),
    };
    builder.build().map_err(|error| refused(endpoint, error))
}

fn refused(endpoint: &Endpoint, error: opentelemetry_otlp::ExporterBuildError) -> Error {
    Error::new(
        "logs",
        endpoint.url(),
        "settings that opentelemetry-otlp takes",
    )
    .because(error)
}

/// Our HTTP client as `opentelemetry-otlp` takes one. The endpoint's headers replace all but the content's.
struct LogHttp {
    http: Http,
    endpoint: Endpoint,
    outage: Arc<Outage>,
}

impl fmt::Debug for LogHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.http.fmt(f)
    }
}

#[async_trait::async_trait]
impl HttpClient for LogHttp {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        match self.http.exchange(request).await {
            Ok(response) => {
                let status = response.status();
                if Verdict::of_http(status.as_u16(), None) != Verdict::Fatal {
                    self.outage.failed(&status.to_string());
                }
                Ok(response)
            }
            Err(ExchangeError::Connection(message)) => {
                let message = self.endpoint.without_secrets(message);
                self.outage.failed(&message);
                Err(message.into())
            }
            Err(ExchangeError::NotHttp(message)) => Err(message.into()),
            Err(ExchangeError::TooLarge) => Err(HttpError::from(ResponseBodyTooLarge::new())),
        }
    }
}
