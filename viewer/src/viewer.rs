//! The running receiver.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Error, Settings, Store, receiver};

/// A receiver of OTLP over gRPC and HTTP, and the store it fills.
///
/// It runs on the tokio runtime on which it was started, of either flavour. Dropping it stops it at
/// once; [`shutdown`](Viewer::shutdown) lets requests that are under way finish.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use throughline_viewer::{Settings, Viewer};
///
/// let viewer = Viewer::start(Settings::free_ports()).await?;
/// println!("OTEL_EXPORTER_OTLP_ENDPOINT=http://{}", viewer.http_addr());
/// assert_ne!(viewer.grpc_addr().port(), 0); // the one that was found free
/// println!("{}", viewer.store().report(&Default::default()));
/// viewer.shutdown().await;
/// # Ok::<(), throughline_viewer::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Viewer {
    store: Arc<Store>,
    grpc_addr: SocketAddr,
    http_addr: SocketAddr,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
}

/// How long a shutdown waits for requests that are under way.
const GRACE: Duration = Duration::from_secs(5);

/// Less than this holds nothing worth looking at.
const MIN_BYTES: usize = 1 << 20;

impl Viewer {
    /// Listens on both addresses and starts to take telemetry in.
    ///
    /// # Errors
    /// [`Error`] names the setting that is at fault: an address that is taken or is not a loopback one, a limit
    /// that lets nothing in.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        check(&settings)?;
        let (grpc, grpc_addr) = listen("grpc", settings.grpc).await?;
        let (http, http_addr) = listen("http", settings.http).await?;
        let store = Arc::new(Store::new(settings.limits));
        let (stop, stopped) = watch::channel(false);
        let servers = vec![
            tokio::spawn(receiver::serve_grpc(
                grpc,
                Arc::clone(&store),
                settings.max_request,
                stopped.clone(),
            )),
            tokio::spawn(receiver::serve_http(
                http,
                Arc::clone(&store),
                settings.max_request,
                stopped,
            )),
        ];
        Ok(Self {
            store,
            grpc_addr,
            http_addr,
            stop,
            servers,
        })
    }

    /// Where OTLP over gRPC is taken, with the port that was chosen.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where OTLP over HTTP is taken, with the port that was chosen.
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// What has arrived. It stays readable after the shutdown.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Stops listening, answers the requests that are under way (at most 5 s long), and returns.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let servers = std::mem::take(&mut self.servers);
        let aborts: Vec<_> = servers.iter().map(JoinHandle::abort_handle).collect();
        let finished = async {
            for server in servers {
                // An error is a panic of that server: nothing is left to wait for.
                drop(server.await);
            }
        };
        if tokio::time::timeout(GRACE, finished).await.is_err() {
            aborts.iter().for_each(|server| server.abort());
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

fn check(settings: &Settings) -> Result<(), Error> {
    for (setting, address) in [("grpc", settings.grpc), ("http", settings.http)] {
        if !settings.allow_public && !address.ip().to_canonical().is_loopback() {
            return Err(Error::Public { setting, address });
        }
    }
    let limits = &settings.limits;
    let least = [
        ("max_request", settings.max_request),
        ("limits.spans", limits.spans),
        ("limits.spans_per_trace", limits.spans_per_trace),
        ("limits.log_records", limits.log_records),
        ("limits.series", limits.series),
        ("limits.exemplars_per_series", limits.exemplars_per_series),
    ];
    for (setting, value) in least {
        if value == 0 {
            let expected = "at least 1";
            return Err(Error::Limit {
                setting,
                value,
                expected,
            });
        }
    }
    if limits.bytes < MIN_BYTES {
        return Err(Error::Limit {
            setting: "limits.bytes",
            value: limits.bytes,
            expected: "at least 1 MiB",
        });
    }
    Ok(())
}

async fn listen(
    setting: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), Error> {
    let bound: io::Result<_> = async {
        let listener = TcpListener::bind(address).await?;
        let chosen = listener.local_addr()?;
        Ok((listener, chosen))
    }
    .await;
    bound.map_err(|source| Error::Listen {
        setting,
        address,
        source,
    })
}
