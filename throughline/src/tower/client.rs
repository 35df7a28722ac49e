//! The client's end.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::{HeaderValue, Request, Response, header};
use opentelemetry::Context;
use tower_layer::Layer;
use tower_service::Service;

use super::ResponseFuture;
use super::exchange::{Exchange, Side};
use super::request::Request as Described;
use crate::Telemetry;

/// Traces and measures the requests that a client makes, HTTP and gRPC alike, hands the trace on, and keeps this
/// service's part of it where the server keeps its own. The [module](super) says what is recorded.
///
/// # Example
/// ```
/// use http_body_util::Full;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use throughline::tower::ClientLayer;
/// use tower_layer::Layer;
///
/// # let telemetry = throughline::Telemetry::disabled();
/// let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
/// let client = ClientLayer::new(&telemetry).layer(client);
/// ```
///
/// A gRPC client. Its requests do not say where they go, so the layer does:
/// ```
/// use throughline::tower::ClientLayer;
/// use tower_layer::Layer;
///
/// # let telemetry = throughline::Telemetry::disabled();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # let _inside = runtime.enter();
/// let channel = tonic::transport::Endpoint::from_static("http://stock:50051").connect_lazy();
/// let channel = ClientLayer::new(&telemetry).server("stock", 50051).layer(channel);
/// // StockClient::new(channel)
/// ```
#[derive(Clone, Debug)]
pub struct ClientLayer {
    shared: Shared,
}

/// A service behind a [`ClientLayer`].
///
/// ```
/// use throughline::tower::{Client, ClientLayer};
/// use tower_layer::Layer;
///
/// # let telemetry = throughline::Telemetry::disabled();
/// # struct MyClient;
/// let traced: Client<MyClient> = ClientLayer::new(&telemetry).layer(MyClient);
/// ```
#[derive(Clone, Debug)]
pub struct Client<S> {
    inner: S,
    shared: Shared,
}

#[derive(Clone, Debug)]
struct Shared {
    side: Arc<Side>,
    server: Option<(Cow<'static, str>, u16)>,
    answers: bool,
}

impl ClientLayer {
    /// A layer that reports to this telemetry. It does not keep it alive.
    pub fn new(telemetry: &Telemetry) -> Self {
        Self::of(Side::new(telemetry, false))
    }

    pub(super) fn of(side: Side) -> Self {
        let side = Arc::new(side);
        Self {
            shared: Shared {
                side,
                server: None,
                answers: true,
            },
        }
    }

    /// `server.address` and `server.port` of requests that do not say where they go: those of gRPC clients, and of
    /// HTTP clients that were given a path alone.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let layer = throughline::tower::ClientLayer::new(&telemetry).server("stock", 50051);
    /// ```
    #[must_use]
    pub fn server(mut self, address: impl Into<Cow<'static, str>>, port: u16) -> Self {
        self.shared.server = Some((address.into(), port));
        self
    }

    /// Leaves it to this service alone which traces it keeps. By default, the part of a trace is kept whose server says
    /// that it keeps its own: an answer does not say why, so a partner that samples all of its traces has us keep all of
    /// ours that touch it. For servers of others, then.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let layer = throughline::tower::ClientLayer::new(&telemetry).without_answers();
    /// ```
    #[must_use]
    pub fn without_answers(mut self) -> Self {
        self.shared.answers = false;
        self
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Client<S> {
        Client {
            inner,
            shared: self.shared.clone(),
        }
    }
}

impl<S, A, B> Service<Request<A>> for Client<S>
where
    S: Service<Request<A>, Response = Response<B>, Error: fmt::Display>,
    B: http_body::Body<Error: fmt::Display> + Unpin,
{
    type Response = Response<super::ResponseBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let Shared {
            side,
            server,
            answers,
        } = &self.shared;
        let mut described = Described::outgoing(&parts, server.as_ref(), &side.methods);
        described.answers = *answers;
        let asks = described.answers && side.listens() && !described.grpc;
        let exchange = Exchange::start(side, described, Context::current());
        exchange.inject(&mut parts.headers);
        if asks && !parts.headers.contains_key(header::TE) {
            // HTTP/1.1 wants `connection: te` beside it, which HTTP/2 forbids, and which of them it will be is not
            // known here. Whoever forwards it unasked leaves us without an answer, no more.
            parts
                .headers
                .insert(header::TE, HeaderValue::from_static("trailers"));
        }
        let inner = &mut self.inner;
        ResponseFuture::new(exchange, || inner.call(Request::from_parts(parts, body)))
    }
}
