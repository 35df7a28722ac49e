//! What people read when a receiver is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry::Context;
use tonic::codegen::{BoxFuture, Service, StdError};

use super::with_causes;
use crate::{Endpoint, Signal};

/// Warns at the first failure that is worth another attempt, where to and why; then no more until the
/// receiver accepted something. A batch that is given up later says that it is lost, and often not why:
/// whoever waits for it may drop it while it waits for its next attempt.
#[derive(Debug)]
pub(crate) struct Outage {
    signal: Signal,
    /// Without its query.
    url: String,
    lasts: AtomicBool,
}

impl Outage {
    pub(crate) fn new(signal: Signal, endpoint: &Endpoint) -> Self {
        Self {
            signal,
            url: endpoint.url(),
            lasts: AtomicBool::new(false),
        }
    }

    /// An attempt failed; `why` has no secrets.
    pub(crate) fn failed(&self, why: &str) {
        if self.lasts.swap(true, Ordering::Relaxed) {
            return;
        }
        let what = match self.signal {
            Signal::Traces => "spans",
            Signal::Metrics => "metrics",
            Signal::Logs => "log records",
        };
        // Or the warning about a batch of logs would be in the next one.
        let _guard = Context::enter_telemetry_suppressed_scope();
        tracing::warn!(target: "throughline", "{what} to {}: {why}; trying again", self.url);
    }

    /// The receiver accepted something.
    pub(crate) fn over(&self) {
        self.lasts.store(false, Ordering::Relaxed);
    }
}

/// Makes TCP connections, and tells the outage why one could not be made: for a channel whose user keeps
/// the causes to itself.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    tcp: HttpConnector,
    outage: Arc<Outage>,
}

impl Connector {
    pub(super) fn new(tcp: HttpConnector, outage: Arc<Outage>) -> Self {
        Self { tcp, outage }
    }
}

impl Service<Uri> for Connector {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = StdError;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let outage = Arc::clone(&self.outage);
        let connecting = self.tcp.call(uri);
        Box::pin(async move {
            connecting.await.map_err(|error| {
                outage.failed(&with_causes(&error));
                error.into()
            })
        })
    }
}
