//! What travels between services: layers for servers and clients of HTTP and gRPC.
//!
//! ```
//! use axum::{Router, routing::get};
//! use throughline::tower::ServerLayer;
//!
//! # let telemetry = throughline::Telemetry::disabled();
//! let app: Router = Router::new()
//!     .route("/orders/{id}", get(|| async { "tea" }))
//!     .layer(ServerLayer::new(&telemetry));
//! ```
//!
//! With the feature `axum`, spans and metrics know the routes of axum. Without it, or with another router, a span is called
//! `GET` alone, unless [`ServerLayer::route`] says what the route is.
//!
//! [`ServerLayer`] and [`ClientLayer`] are `tower` layers over `http::Request` and `http::Response`: they fit axum,
//! hyper and tonic. A request is one span and one duration; both end when the response's body does, and the span is
//! current in handlers, in bodies and when they are dropped.
//!
//! | | HTTP | gRPC, by its content type |
//! |---|---|---|
//! | span | `{method} {route}` | `{package.Service/Method}`; a server that does not know the method: `grpc` |
//! | metric | `http.server.request.duration`, `http.client.request.duration` | `rpc.server.call.duration`, `rpc.client.call.duration` |
//! | attributes of both | `http.request.method`, `http.response.status_code`, `error.type`; server: `url.scheme`, `http.route`, `network.protocol.version`; client: `server.address`, `server.port` | `rpc.system.name`, `rpc.method`, `rpc.response.status_code`, `error.type` |
//! | of the span | `url.path`, `server.address`, `user_agent.original`; client: `url.full` | |
//! | an error is | a server's 5xx, a client's 4xx and 5xx, no response | a server's UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS; a client's anything but OK |
//!
//! What a caller invents makes no series: an HTTP method that is none, and an RPC method that the server turns out not to
//! have, are `_OTHER` in metrics.
//!
//! These are OpenTelemetry's semantic conventions, for HTTP the stable ones. Queries, users and passwords are left
//! out of URLs, since secrets stand there.
//!
//! # A trace is kept by all or by none
//!
//! A request carries the trace on (`traceparent`, `tracestate`), with the sampled flag set where this service keeps
//! it already, or a rule of [`Retention::rule`](throughline_samplers::Retention::rule) matches what the request is. The
//! response says in `traceresponse` what the server keeps, and a client whose server keeps its part
//! asks its own service to do the same, which its own caller then learns in turn: so the trace of an outlier three
//! services down is whole. [`samplers::propagator`](throughline_samplers::propagator) describes the format.
//!
//! An answer says that a trace is kept, not why: whoever calls partners that sample everything, and does not want their
//! word, says [`ClientLayer::without_answers`]; a server for the public says [`ServerLayer::without_answers`].
//!
//! A body that is there at once ends its request before the head leaves, which then has the last word. A streamed
//! body has it in its trailers: always on gRPC, on HTTP where the request said `te: trailers`, as [`ClientLayer`]'s
//! do.

mod body;
mod carrier;
mod client;
mod exchange;
mod future;
mod grpc;
mod methods;
mod outcome;
mod request;
mod server;

pub use body::ResponseBody;
pub use client::{Client, ClientLayer};
pub use future::ResponseFuture;
pub(crate) use methods::Methods;
pub use server::{Server, ServerLayer};

#[cfg(test)]
mod tests;
