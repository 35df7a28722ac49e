//! The endpoint that Prometheus scrapes.
//!
//! ```text
//! accept ──▶ connection (one request, bounded in time and header size)
//!               └─ route ─▶ authorize ─▶ collect (shared by concurrent scrapes) ─▶ render, gzip ─▶ answer
//! ```
//!
//! A collection runs users' callbacks and may block, so it and the rendering run on the runtime's
//! blocking threads. Scrapes that meet a running collection share its snapshot: a callback that
//! hangs holds one thread, not one per scrape. Exemplars, which a reader hands out once, are repeated in later
//! scrapes for two minutes: whoever looks in between, in whatever format, takes none from Prometheus.

mod encoding;
mod exemplars;
mod route;
mod scrape;
mod settings;
mod telemetry;

use std::convert::Infallible;
use std::future::Future;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use throughline_model::Collect;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::Error;
use scrape::Scrapes;
pub use settings::Settings;

/// Connections beyond this wait in the operating system's backlog.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take to send its request's head.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How large that head may be; what is larger is answered with 431.
const HEAD_BYTES: usize = 16 * 1024;
/// How long a client may take to read the answer, once it is there.
const READ_TIME: Duration = Duration::from_secs(30);
/// How long a shutdown waits for the answers that are under way.
const GRACE: Duration = Duration::from_secs(5);
/// The pause after a connection could not be accepted: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound endpoint. It answers once [`serve`](Server::serve) runs.
///
/// `GET /metrics` and `HEAD /metrics` give the exposition that the `Accept` header asks for, compressed
/// with gzip where the scraper accepts that. `X-Prometheus-Scrape-Timeout-Seconds` bounds the scrape: nine tenths of it,
/// so that the answer still arrives, at most two minutes. Without the header it is ten seconds. Four fifths of that is for
/// callbacks: what they have no time for is left out, the rest is answered.
///
/// | status | when |
/// |---|---|
/// | 200 | the exposition |
/// | 401 | a bearer token is set and the request does not have it |
/// | 404, 405 | another path, another method |
/// | 431 | the head of the request is larger than 16 KiB |
/// | 503 | the collection failed or took too long, or 16 scrapes are under way; the body says which |
///
/// Exemplars (OpenMetrics alone) are written again until a newer one of their counter or bucket replaces them or
/// they are two minutes old, so that each of two Prometheus servers sees them, and a look with `curl` takes none away.
///
/// A connection carries one request. A client has five seconds to send its head and thirty to read the answer.
///
/// ```
/// use std::sync::Arc;
/// # use throughline_model::{Collect, CollectError, Snapshot};
/// use throughline_prometheus::{Server, Settings};
///
/// # #[derive(Debug)] struct Nothing;
/// # impl Collect for Nothing {
/// #     fn collect(&self, _: std::time::Duration) -> Result<Snapshot, CollectError> { Ok(Snapshot::default()) }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let reader = Nothing;
/// let server = Server::bind(Settings::default().port(0), Arc::new(reader))?;
/// println!("http://{}/metrics", server.local_addr());
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// // On a tokio runtime; stops accepting when the future completes, and finishes what is under way.
/// server.serve_until(async { /* wait for the shutdown */ }).await
/// # })?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    scrapes: Arc<Scrapes>,
}

impl Server {
    /// Binds the endpoint, now: a port that is taken is an error here.
    ///
    /// # Errors
    /// [`Error`] names the setting, its value and what was expected.
    pub fn bind(settings: Settings, collect: Arc<dyn Collect>) -> Result<Self, Error> {
        settings.check_token()?;
        let host = settings.host.clone();
        let addresses: Vec<SocketAddr> = match (host.as_str(), settings.port).to_socket_addrs() {
            Ok(addresses) => addresses.collect(),
            Err(source) => return Err(Error::Resolve { host, source }),
        };
        if let Some(address) = addresses.iter().find(|address| !is_loopback(address))
            && !settings.is_public_allowed()
        {
            let address = *address;
            return Err(Error::PublicAddress { host, address });
        }
        let asked_for = match addresses[..] {
            [address] => address.to_string(),
            _ => format!("{host}:{}", settings.port),
        };
        let bound = TcpListener::bind(&addresses[..]).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = bound.map_err(|source| Error::Bind {
            address: asked_for,
            source,
        })?;
        Ok(Self {
            listener,
            address,
            scrapes: Arc::new(Scrapes::new(settings, collect)),
        })
    }

    /// The address that was bound, with the port that the system chose where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers scrapes until the future is dropped. Runs on a tokio runtime of either flavour, with its
    /// I/O and time enabled.
    ///
    /// ```
    /// # use throughline_model::{Collect, CollectError, Snapshot};
    /// use throughline_prometheus::{Server, Settings};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # #[derive(Debug)] struct Nothing;
    /// # impl Collect for Nothing {
    /// #     fn collect(&self, _: std::time::Duration) -> Result<Snapshot, CollectError> { Ok(Snapshot::default()) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let reader = std::sync::Arc::new(Nothing);
    /// let server = Server::bind(Settings::default().port(0), reader)?;
    /// let mut scraper = tokio::net::TcpStream::connect(server.local_addr()).await?;
    /// tokio::spawn(server.serve());
    ///
    /// scraper.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
    /// let mut answer = String::new();
    /// scraper.read_to_string(&mut answer).await?;
    /// assert!(answer.starts_with("HTTP/1.1 200 OK"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Bind`] where the runtime cannot take over the socket.
    pub async fn serve(self) -> Result<(), Error> {
        self.serve_until(std::future::pending()).await
    }

    /// Answers scrapes until `stop` completes. Then it accepts no more, and returns when the answers that are
    /// under way are sent, after five seconds at most.
    ///
    /// A collection that hangs keeps its blocking thread: shut the runtime down with a limit
    /// (`Runtime::shutdown_timeout`).
    ///
    /// # Errors
    /// [`Error::Bind`] where the runtime cannot take over the socket.
    pub async fn serve_until(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let address = self.address;
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(|source| {
            let address = address.to_string();
            Error::Bind { address, source }
        })?;
        let graceful = GracefulShutdown::new();
        // Dropping the set aborts the connections, so dropping this future ends everything.
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        let connection = connection(stream, &self.scrapes, &graceful);
                        connections.spawn(connection);
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
                () = &mut stop => break,
            }
        }
        drop(listener);
        let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
        Ok(())
    }
}

/// One connection, from its first byte to its last.
fn connection(
    stream: TcpStream,
    scrapes: &Arc<Scrapes>,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    let scrapes = Arc::clone(scrapes);
    let answered = Arc::new(Notify::new());
    let is_answered = Arc::clone(&answered);
    let service = service_fn(move |request| {
        let (scrapes, answered) = (Arc::clone(&scrapes), Arc::clone(&answered));
        async move {
            let answer = route::answer(&scrapes, &request).await;
            answered.notify_one();
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    async move {
        // The head has its own limit, and the answer has: whoever reads slowly must not hold a connection as long as all of
        // them together.
        let too_slow = async {
            is_answered.notified().await;
            tokio::time::sleep(READ_TIME).await;
        };
        tokio::select! {
            // What goes wrong here is the client's: it went away, or sent no HTTP.
            _ = connection => {}
            () = too_slow => {}
        }
    }
}

fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
