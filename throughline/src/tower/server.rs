//! The server's end.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::request::Parts;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::ResponseFuture;
use super::exchange::{Exchange, Side};
use super::request::Request as Described;
use crate::Telemetry;

/// Traces and measures the requests that a server answers, HTTP and gRPC alike, and tells its callers what it keeps.
/// The [module](super) says what is recorded.
///
/// # Example
/// An axum application; with the feature `axum`, spans and metrics know its routes.
/// ```
/// use axum::{Router, routing::get};
/// use throughline::tower::ServerLayer;
///
/// # let telemetry = throughline::Telemetry::disabled();
/// let app: Router = Router::new()
///     .route("/orders/{id}", get(|| async { "tea" }))
///     .layer(ServerLayer::new(&telemetry));
/// ```
///
/// A gRPC server:
/// ```
/// use throughline::tower::ServerLayer;
///
/// # let telemetry = throughline::Telemetry::disabled();
/// let server = tonic::transport::Server::builder().layer(ServerLayer::new(&telemetry));
/// // .add_service(…).serve(…)
/// ```
#[derive(Clone, Debug)]
pub struct ServerLayer {
    shared: Shared,
}

/// A service behind a [`ServerLayer`].
///
/// ```
/// use throughline::tower::{Server, ServerLayer};
/// use tower_layer::Layer;
///
/// # let telemetry = throughline::Telemetry::disabled();
/// # struct MyService;
/// let traced: Server<MyService> = ServerLayer::new(&telemetry).layer(MyService);
/// ```
#[derive(Clone, Debug)]
pub struct Server<S> {
    inner: S,
    shared: Shared,
}

type Route = dyn Fn(&Parts) -> Option<Cow<'static, str>> + Send + Sync;

#[derive(Clone)]
struct Shared {
    side: Arc<Side>,
    route: Option<Arc<Route>>,
    answers: bool,
}

impl ServerLayer {
    /// A layer that reports to this telemetry. It does not keep it alive.
    pub fn new(telemetry: &Telemetry) -> Self {
        Self::of(Side::new(telemetry, true))
    }

    pub(super) fn of(side: Side) -> Self {
        let side = Arc::new(side);
        Self {
            shared: Shared {
                side,
                route: None,
                answers: true,
            },
        }
    }

    /// How a request's route is found: `http.route`, such as `/orders/{id}`, which names the span and the series. It
    /// must have few values, so never give the path itself; `None` leaves it out. Default: axum's matched path, with
    /// the feature `axum`.
    ///
    /// # Example
    /// ```
    /// use throughline::tower::ServerLayer;
    ///
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let layer = ServerLayer::new(&telemetry).route(|request| {
    ///     request.uri.path().starts_with("/orders/").then(|| "/orders/{id}".into())
    /// });
    /// ```
    #[must_use]
    pub fn route(
        mut self,
        route: impl Fn(&Parts) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.shared.route = Some(Arc::new(route));
        self
    }

    /// Tells callers nothing of what is kept here. By default, each response says so in `traceresponse`, with the ids of
    /// the trace and of the span: no secret, and of no use to callers outside of one's own services.
    ///
    /// # Example
    /// ```
    /// # let telemetry = throughline::Telemetry::disabled();
    /// let layer = throughline::tower::ServerLayer::new(&telemetry).without_answers();
    /// ```
    #[must_use]
    pub fn without_answers(mut self) -> Self {
        self.shared.answers = false;
        self
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server {
            inner,
            shared: self.shared.clone(),
        }
    }
}

impl<S, A, B> Service<Request<A>> for Server<S>
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
        let (parts, body) = request.into_parts();
        let side = &self.shared.side;
        let mut described = Described::incoming(&parts, self.shared.route(&parts), &side.methods);
        described.answers = self.shared.answers;
        let exchange = Exchange::start(side, described, side.extract(&parts.headers));
        let inner = &mut self.inner;
        ResponseFuture::new(exchange, || inner.call(Request::from_parts(parts, body)))
    }
}

impl Shared {
    fn route(&self, parts: &Parts) -> Option<Cow<'static, str>> {
        match &self.route {
            Some(route) => route(parts),
            None => matched(parts),
        }
    }
}

#[cfg(feature = "axum")]
fn matched(parts: &Parts) -> Option<Cow<'static, str>> {
    let matched = parts.extensions.get::<axum::extract::MatchedPath>()?;
    Some(matched.as_str().to_owned().into())
}

#[cfg(not(feature = "axum"))]
fn matched(_: &Parts) -> Option<Cow<'static, str>> {
    None
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}
