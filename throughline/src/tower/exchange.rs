//! A request between its start and its end: one span, one duration.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Response};
use opentelemetry::metrics::Histogram;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, SpanRef, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, ContextGuard, KeyValue};
use throughline_model::{KeepReason, SoFar, TraceKeeper};
use throughline_samplers::propagator::TraceResponse;

use super::carrier::{Incoming, Outgoing};
use super::methods::Methods;
use super::outcome::Answer;
pub(super) use super::outcome::End;
use super::request::{Request, version};
use crate::Telemetry;
use crate::operation::{DURATION_BOUNDARIES, Scope};

/// One end of the wire, as a layer holds it for all its requests.
pub(super) struct Side {
    pub(super) server: bool,
    scope: Scope,
    propagator: TextMapCompositePropagator,
    keeper: Option<Arc<dyn TraceKeeper>>,
    pub(super) methods: Methods,
    http: Histogram<f64>,
    rpc: Histogram<f64>,
}

/// A request that has started. It ends exactly once: as [`end`](Exchange::end) says, or as cancelled.
pub(super) struct Exchange {
    side: Arc<Side>,
    /// With the request's span, if it has one.
    context: Context,
    /// Whether the context's span is the request's own.
    traced: bool,
    started: SystemTime,
    /// The clock's monotonic reading at the start.
    since: Duration,
    request: Request,
    /// Whether the server's part is kept, once that is certain.
    kept: bool,
    answer: Answer,
    ended: bool,
}

impl Side {
    pub(super) fn new(telemetry: &Telemetry, server: bool) -> Self {
        let parts = telemetry.parts();
        let propagator = crate::global::propagator(&parts.propagators, parts.keeper.as_ref());
        Self {
            methods: parts.http_methods.clone(),
            ..Self::of(
                parts.scope.clone(),
                propagator,
                parts.keeper.clone(),
                server,
            )
        }
    }

    pub(super) fn of(
        scope: Scope,
        propagator: TextMapCompositePropagator,
        keeper: Option<Arc<dyn TraceKeeper>>,
        server: bool,
    ) -> Self {
        let (end, done) = if server {
            ("server", "served")
        } else {
            ("client", "made")
        };
        let histogram = |name: String, what: String| {
            let histogram = scope.meter.f64_histogram(name).with_unit("s");
            let histogram = histogram.with_boundaries(DURATION_BOUNDARIES.to_vec());
            histogram.with_description(what).build()
        };
        Self {
            server,
            http: histogram(
                format!("http.{end}.request.duration"),
                format!("How long the HTTP requests took that were {done}."),
            ),
            rpc: histogram(
                format!("rpc.{end}.call.duration"),
                format!("How long the RPCs took that were {done}."),
            ),
            scope,
            propagator,
            keeper,
            methods: Methods::default(),
        }
    }

    /// The context that a request came with.
    pub(super) fn extract(&self, headers: &HeaderMap) -> Context {
        // Whatever is current here, it did not make the request.
        self.propagator
            .extract_with_context(&Context::new(), &Incoming(headers))
    }

    /// Whether somebody here wants to know what the other end keeps.
    pub(super) fn listens(&self) -> bool {
        self.keeper.is_some()
    }
}

impl Exchange {
    pub(super) fn start(side: &Arc<Side>, mut request: Request, parent: Context) -> Self {
        let scope = &side.scope;
        let started = scope.clock.now();
        let since = scope.clock.monotonic();
        let kind = if side.server {
            SpanKind::Server
        } else {
            SpanKind::Client
        };
        let name = request.name.clone();
        let attributes = std::mem::take(&mut request.span);
        let span = scope.tracer.as_ref().map(|tracer| {
            let span = SpanBuilder::from_name(name)
                .with_kind(kind)
                .with_start_time(started)
                .with_attributes(attributes);
            tracer.build_with_context(span, &parent)
        });
        // One without id would hide the parent from whoever propagates it.
        let span = span.filter(|span| span.span_context().is_valid());
        Self {
            side: Arc::clone(side),
            traced: span.is_some(),
            context: match span {
                Some(span) => parent.with_span(span),
                None => parent,
            },
            started,
            since,
            answer: Answer::none(side.server, request.grpc),
            request,
            kept: false,
            ended: false,
        }
    }

    /// Makes the span current.
    pub(super) fn attach(&self) -> ContextGuard {
        self.context.clone().attach()
    }

    pub(super) fn side(&self) -> &Side {
        &self.side
    }

    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Writes the context into a request.
    pub(super) fn inject(&self, headers: &mut HeaderMap) {
        self.side
            .propagator
            .inject_context(&self.context, &mut Outgoing(headers));
    }

    /// The response's head is there.
    pub(super) fn head<B>(&mut self, response: &Response<B>) {
        self.answer.head(response);
        if !self.side.server {
            if let (Some(span), Some(version)) = (self.span(), version(response.version())) {
                span.set_attribute(KeyValue::new("network.protocol.version", version));
            }
            self.heed(response.headers());
        }
    }

    /// The response's trailers are there.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        self.answer.trailers(trailers);
        if !self.side.server {
            self.heed(trailers);
        }
    }

    /// What a server says about its part of the trace.
    pub(super) fn answer(&self) -> Option<HeaderValue> {
        let span = self.span().filter(|_| self.request.answers)?;
        let span = span.span_context();
        let keeper = self.side.keeper.as_ref().filter(|_| !self.ended);
        let kept = self.kept || keeper.is_some_and(|it| it.is_kept(span.trace_id()));
        let answer = TraceResponse::new(span, kept || span.is_sampled())?;
        HeaderValue::try_from(answer.to_string()).ok()
    }

    /// Asks for our part of the trace where the server keeps its own. What is sampled is kept anyway, and what is
    /// not recorded cannot be.
    fn heed(&self, headers: &HeaderMap) {
        let (Some(keeper), Some(span)) = (&self.side.keeper, self.span()) else {
            return;
        };
        if !self.request.answers {
            return;
        }
        let span = span.span_context();
        let answer = headers.get(TraceResponse::HEADER);
        let answer = answer.and_then(|it| it.to_str().ok()?.parse::<TraceResponse>().ok());
        let heeded = answer.is_some_and(|it| it.is_kept() && it.trace_id() == span.trace_id());
        if heeded && !span.is_sampled() && keeper.candidate(span) {
            keeper.keep(span.trace_id(), span.span_id(), KeepReason::Neighbour);
        }
    }

    /// Ends the request: its duration is recorded with its span current, what a server answers is settled, then the
    /// span ends at that same time. A second call does nothing.
    pub(super) fn end(&mut self, end: End) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let elapsed = self.side.scope.clock.monotonic().saturating_sub(self.since);
        let outcome = self.answer.outcome(&end);
        if !outcome.known_method {
            self.request.forget_method();
        }
        let mut metric = std::mem::take(&mut self.request.metric);
        metric.extend(outcome.attributes());

        let _in_span = self.attach();
        let duration = if self.request.grpc {
            &self.side.rpc
        } else {
            &self.side.http
        };
        duration.record(elapsed.as_secs_f64(), &metric);
        self.kept = self.decide(elapsed, outcome.failed);
        if let Some(span) = self.span() {
            span.set_attributes(outcome.attributes());
            if !outcome.known_method {
                span.update_name(self.request.name.clone());
            }
            if outcome.failed {
                span.set_status(Status::error(match end {
                    End::Failed { description, .. } => description,
                    End::Panic => "panicked".to_owned(),
                    End::Complete | End::Cancelled => String::new(),
                }));
            }
            span.end_with_timestamp(self.started + elapsed);
        }
    }

    /// Whether the server's part is kept. Asked while its span is open: as soon as that has ended, the part may be
    /// decided on another thread.
    fn decide(&self, elapsed: Duration, failed: bool) -> bool {
        let (Some(keeper), Some(span)) = (&self.side.keeper, self.span()) else {
            return false;
        };
        let so_far = SoFar {
            name: &self.request.name,
            elapsed,
            failed,
        };
        self.side.server && keeper.ending(span.span_context(), so_far)
    }

    /// The request's span. Where nothing is traced, the context's span is someone else's.
    fn span(&self) -> Option<SpanRef<'_>> {
        self.traced.then(|| self.context.span())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(End::Cancelled);
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side")
            .field("server", &self.server)
            .field("keeper", &self.keeper.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("request", &self.request)
            .field("answer", &self.answer)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
