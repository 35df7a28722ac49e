//! An OTLP receiver inside the test's own process.
//!
//! It speaks OTLP/gRPC and OTLP/HTTP (binary protobuf) on one port of 127.0.0.1, records what arrives, and
//! misbehaves when it is told to. gRPC's framing is written out here rather than taken from `tonic`, so that
//! an exporter on `tonic` meets another implementation, and one that can answer garbage.
//!
//! ```
//! use throughline_testkit::otlp_sink::{Fault, OtlpSink};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let sink = OtlpSink::start().await?;
//! sink.next(Fault::Http { status: 503, retry_after: Some("1".into()) });
//! // … export to `sink.url()`: the first request gets the 503, the next one is accepted.
//! assert!(sink.metrics().is_empty());
//! # Ok(())
//! # }
//! ```

mod answer;
mod nobody;
mod server;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use nobody::Nobody;

/// An OTLP receiver on 127.0.0.1. Dropping it closes the port and its connections.
///
/// ```
/// use throughline_testkit::otlp_sink::{Fault, OtlpSink};
///
/// # async fn post(sink: &OtlpSink, path: &'static str) -> std::io::Result<String> {
/// #     use std::io::Write;
/// #     let address = sink.address();
/// #     let send = move || {
/// #         let mut stream = std::net::TcpStream::connect(address)?;
/// #         write!(stream, "POST {path} HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\r\n")?;
/// #         std::io::read_to_string(stream)
/// #     };
/// #     tokio::task::spawn_blocking(send).await?
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sink = OtlpSink::start().await?;
/// assert_eq!(sink.url(), format!("http://{}", sink.address())); // where an exporter is to send
///
/// sink.always(Some(Fault::Http { status: 503, retry_after: None }));
/// sink.next(Fault::PartialSuccess { rejected: 1, message: "too old".into() });
/// # post(&sink, "/v1/traces").await?;
/// # post(&sink, "/v1/metrics").await?;
/// // … export spans, and then metrics:
/// sink.wait_for(2).await;
/// assert_eq!(sink.traces().len(), 1); // accepted, but for one span
/// assert!(sink.metrics().is_empty()); // refused
/// assert!(sink.logs().is_empty()); // never sent
/// assert_eq!(sink.received().len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OtlpSink {
    address: SocketAddr,
    secure: bool,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What the sink does with a request instead of accepting it.
///
/// ```
/// use throughline_testkit::otlp_sink::{Fault, OtlpSink};
///
/// # async fn post(sink: &OtlpSink, path: &'static str) -> std::io::Result<String> {
/// #     use std::io::Write;
/// #     let address = sink.address();
/// #     let send = move || {
/// #         let mut stream = std::net::TcpStream::connect(address)?;
/// #         write!(stream, "POST {path} HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\r\n")?;
/// #         std::io::read_to_string(stream)
/// #     };
/// #     tokio::task::spawn_blocking(send).await?
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sink = OtlpSink::start().await?;
/// sink.next(Fault::Drop);
/// sink.next(Fault::Http { status: 429, retry_after: Some("30".into()) });
///
/// assert_eq!(post(&sink, "/v1/logs").await?, ""); // the connection ends without an answer
/// assert!(post(&sink, "/v1/logs").await?.contains("retry-after: 30"));
/// assert!(post(&sink, "/v1/logs").await?.starts_with("HTTP/1.1 200 OK"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Answers a gRPC request with this status, and with `RetryInfo` where a delay is given.
    Grpc {
        /// The status code.
        code: tonic::Code,
        /// How long the client is asked to wait.
        retry_info: Option<Duration>,
    },
    /// Answers an HTTP request with this status, and with `Retry-After` where one is given.
    Http {
        /// The status code.
        status: u16,
        /// The header's value: seconds or a date.
        retry_after: Option<String>,
    },
    /// Accepts the request and rejects some of its items (OTLP, "Partial Success").
    PartialSuccess {
        /// How many spans, points or records are rejected; 0 makes it a warning.
        rejected: i64,
        /// Why.
        message: String,
    },
    /// Never answers.
    Hang,
    /// Closes the connection without an answer.
    Drop,
    /// Accepts the request after this long.
    Slow(Duration),
    /// Answers a success whose message is not protobuf.
    Garbage,
    /// Answers like a web server that is no OTLP receiver: 200 with a page.
    Html,
    /// Answers a success with a message of this many bytes.
    Oversized(usize),
}

/// One request as it arrived.
///
/// ```
/// use throughline_testkit::otlp_sink::OtlpSink;
///
/// # async fn post(sink: &OtlpSink, path: &'static str) -> std::io::Result<String> {
/// #     use std::io::Write;
/// #     let address = sink.address();
/// #     let send = move || {
/// #         let mut stream = std::net::TcpStream::connect(address)?;
/// #         write!(stream, "POST {path} HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\r\n")?;
/// #         std::io::read_to_string(stream)
/// #     };
/// #     tokio::task::spawn_blocking(send).await?
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sink = OtlpSink::start().await?;
/// # post(&sink, "/v1/logs").await?;
/// // … export over HTTP:
/// let request = &sink.received()[0];
/// assert_eq!(request.path, "/v1/logs");
/// assert!(request.accepted && !request.compressed);
/// assert!(!request.headers.contains_key("authorization"));
/// assert!(request.message.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Received {
    /// The path: `/v1/metrics`, or the gRPC method.
    pub path: String,
    /// All headers, gRPC metadata among them.
    pub headers: HeaderMap,
    /// Whether the body came compressed with gzip.
    pub compressed: bool,
    /// The message, decompressed and without gRPC's frame.
    pub message: Bytes,
    /// Whether the sink accepted it, wholly or in part.
    pub accepted: bool,
}

/// The certificate of a sink that speaks TLS, in PEM.
///
/// ```
/// use throughline_testkit::otlp_sink::{OtlpSink, SinkTls};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let own = rcgen::generate_simple_self_signed(["localhost".into()])?;
/// let sink = OtlpSink::start_tls(SinkTls {
///     certificates: own.cert.pem(),
///     key: own.signing_key.serialize_pem(),
///     client_ca: None,
/// })
/// .await?;
/// assert!(sink.url().starts_with("https://localhost:"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SinkTls {
    /// The server's certificate, then its chain.
    pub certificates: String,
    /// The certificate's private key.
    pub key: String,
    /// Where given, clients must show a certificate from this authority.
    pub client_ca: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<Received>,
    next: VecDeque<Fault>,
    always: Option<Fault>,
}

impl OtlpSink {
    /// Listens on a free port, in plain text.
    ///
    /// # Errors
    /// Where the port cannot be bound.
    pub async fn start() -> io::Result<Self> {
        Self::listen("127.0.0.1:0".parse().map_err(io::Error::other)?, None).await
    }

    /// Listens on a free port, with TLS, as the example of [`SinkTls`] shows.
    ///
    /// # Errors
    /// Where the port cannot be bound or the certificates cannot be used.
    pub async fn start_tls(tls: SinkTls) -> io::Result<Self> {
        let tls = server::acceptor(&tls)?;
        Self::listen("127.0.0.1:0".parse().map_err(io::Error::other)?, Some(tls)).await
    }

    /// Listens on this address in plain text: for a receiver that comes back where it was.
    ///
    /// # Errors
    /// Where the port cannot be bound.
    ///
    /// # Example
    /// ```
    /// # use throughline_testkit::otlp_sink::OtlpSink;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let sink = OtlpSink::start().await?;
    /// let address = sink.address();
    /// drop(sink);
    /// tokio::task::yield_now().await; // its task ends, and with it the port is free
    /// assert_eq!(OtlpSink::start_at(address).await?.address(), address);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_at(address: SocketAddr) -> io::Result<Self> {
        Self::listen(address, None).await
    }

    async fn listen(
        address: SocketAddr,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let secure = tls.is_some();
        let server = tokio::spawn(server::serve(listener, tls, Arc::clone(&shared)));
        Ok(Self {
            address,
            secure,
            shared,
            server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for both protocols: `http://127.0.0.1:40123`, or `https://localhost:40123` with TLS.
    pub fn url(&self) -> String {
        let port = self.address.port();
        if self.secure {
            format!("https://localhost:{port}")
        } else {
            format!("http://127.0.0.1:{port}")
        }
    }

    /// Plans a fault for the next request that has none yet.
    pub fn next(&self, fault: Fault) {
        self.shared.lock().next.push_back(fault);
    }

    /// Plans a fault for every request that [`OtlpSink::next`] has none for; `None` accepts them again.
    pub fn always(&self, fault: Option<Fault>) {
        self.shared.lock().always = fault;
    }

    /// All requests so far, refused ones too, in the order of their arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// Waits until at least this many requests have arrived.
    pub async fn wait_for(&self, requests: usize) {
        loop {
            let arrived = self.shared.arrived.notified();
            if self.shared.lock().received.len() >= requests {
                return;
            }
            arrived.await;
        }
    }

    /// The metrics that were accepted.
    pub fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        self.accepted("metrics")
    }

    /// The spans that were accepted.
    pub fn traces(&self) -> Vec<ExportTraceServiceRequest> {
        self.accepted("trace")
    }

    /// The log records that were accepted.
    pub fn logs(&self) -> Vec<ExportLogsServiceRequest> {
        self.accepted("logs")
    }

    /// Paths are told apart by the signal's name, which the paths of both protocols have.
    fn accepted<M: Message + Default>(&self, signal: &str) -> Vec<M> {
        let state = self.shared.lock();
        let accepted = state.received.iter().filter(|request| request.accepted);
        accepted
            .filter(|request| request.path.contains(signal))
            .filter_map(|request| M::decode(request.message.clone()).ok())
            .collect()
    }
}

impl Drop for OtlpSink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and says what to do with it.
    fn arrived(&self, mut request: Received) -> Option<Fault> {
        let mut state = self.lock();
        let fault = state.next.pop_front().or_else(|| state.always.clone());
        request.accepted = matches!(
            fault,
            None | Some(Fault::PartialSuccess { .. } | Fault::Slow(_))
        );
        state.received.push(request);
        drop(state);
        self.arrived.notify_waiters();
        fault
    }
}
