//! A call between its start and its end.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Span, SpanBuilder, SpanRef, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

use super::metrics::CallSeries;
use super::outcome::{End, Outcome};

/// A call that has started. It ends exactly once: by [`end`](Running::end), or as cancelled when dropped.
#[derive(Debug)]
pub(super) struct Running {
    series: Arc<CallSeries>,
    context: Context,
    started: SystemTime,
    /// The clock's monotonic reading at the start.
    since: Duration,
    /// Whether the context's span is the operation's own.
    traced: bool,
    ended: bool,
}

impl Running {
    /// Starts the span as a child of `parent` and counts the call as active.
    pub(super) fn start(
        series: Arc<CallSeries>,
        span_attributes: Vec<KeyValue>,
        parent: Context,
    ) -> Self {
        let declaration = &series.declaration;
        let started = declaration.clock.now();
        let since = declaration.clock.monotonic();
        let span = declaration.tracer.as_ref().map(|tracer| {
            let mut attributes = span_attributes;
            attributes.splice(0..0, series.attributes.iter().cloned());
            let span = SpanBuilder::from_name(declaration.name.clone())
                .with_kind(declaration.kind.clone())
                .with_start_time(started)
                .with_attributes(attributes);
            tracer.build_with_context(span, &parent)
        });
        // After shutdown and where telemetry is suppressed, spans have no id: one of those would hide the
        // parent from whoever propagates it.
        let span = span.filter(|span| span.span_context().is_valid());
        let traced = span.is_some();
        let context = match span {
            Some(span) => parent.with_span(span),
            None => parent,
        };
        {
            let _in_span = context.clone().attach();
            series.active.add(1);
        }
        Self {
            series,
            context,
            started,
            since,
            traced,
            ended: false,
        }
    }

    /// The context with the operation's span.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// The operation's span. Where nothing is traced, the context's span is someone else's.
    pub(super) fn span(&self) -> Option<SpanRef<'_>> {
        self.traced.then(|| self.context.span())
    }

    /// How a result ends the call.
    pub(super) fn judge<T, E: fmt::Display + 'static>(&self, result: &Result<T, E>) -> End {
        match result {
            Ok(_) => End::success(),
            Err(error) => self.failure(error),
        }
    }

    /// How an error ends the call. The text is only made for a span that records.
    pub(super) fn failure<E: fmt::Display + 'static>(&self, error: &E) -> End {
        End {
            outcome: Outcome::Error(self.series.declaration.error_type(error)),
            description: match self.span() {
                Some(span) if span.is_recording() => error.to_string(),
                _ => String::new(),
            },
        }
    }

    /// Ends the call. A second call does nothing.
    pub(super) fn end(&mut self, end: End) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let clock = &self.series.declaration.clock;
        let elapsed = clock.monotonic().saturating_sub(self.since);
        let error_type = end.outcome.error_type();
        let failed = matches!(end.outcome, Outcome::Error(_) | Outcome::Panic);

        let _in_span = self.context.clone().attach();
        self.series.record(elapsed.as_secs_f64(), end.outcome);
        self.series.active.add(-1);

        if let Some(span) = self.span() {
            if let Some(error_type) = error_type {
                span.set_attribute(KeyValue::new("error.type", error_type));
            }
            if failed {
                span.set_status(Status::error(end.description));
            }
            span.end_with_timestamp(self.started + elapsed);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(End::cancelled());
    }
}
