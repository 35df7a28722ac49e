use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::SpanData;

use super::*;
use stage::{Measured, Stage};

mod stage;

crate::attributes! {
    struct Charge { provider: Provider => "card.provider", retried: Option<bool> => "card.retried" }
    enum Provider { Visa => "visa" }
}

const VISA: Charge = Charge {
    provider: Provider::Visa,
    retried: None,
};

#[derive(Debug, PartialEq)]
struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card was declined")
    }
}

fn attribute<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    let mut pairs = span.attributes.iter();
    pairs.find(|it| it.key.as_str() == key).map(|it| &it.value)
}

#[test]
fn one_call_gives_its_span_its_duration_its_count_and_what_is_in_flight() {
    let stage = Stage::new();
    let charge = stage
        .operation("charge card")
        .attributes::<Charge>()
        .kind(SpanKind::Client)
        .build();

    let answer = charge.with(VISA).span_attribute("order.id", 4711).run(|| {
        stage.clock.advance(Duration::from_millis(250));
        42
    });

    assert_eq!(answer, 42);
    let span = stage.span();
    assert_eq!(span.name, "charge card");
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.status, Status::Unset);
    assert_eq!(attribute(&span, "card.provider"), Some(&"visa".into()));
    assert_eq!(attribute(&span, "card.retried"), None);
    assert_eq!(attribute(&span, "order.id"), Some(&4711.into()));
    let id = span.span_context.span_id();
    assert_eq!(
        stage.measured(),
        [
            Measured::new("charge_card.active", 1.0, "card.provider=visa", id),
            Measured::new("charge_card.duration", 0.25, "card.provider=visa", id),
            Measured::new(
                "charge_card.calls",
                1.0,
                "card.provider=visa,outcome=success",
                id
            ),
            Measured::new("charge_card.active", -1.0, "card.provider=visa", id),
        ]
    );
}

#[test]
fn the_histogram_has_the_very_duration_of_the_span() {
    let stage = Stage::new();
    let work = stage.operation("work").build();
    let elapsed = Duration::from_nanos(1_234_567_891);
    work.run(|| {
        stage.clock.advance(elapsed);
        // The wall clock is set back meanwhile; the span still ends after it started.
        stage.clock.jump_back(Duration::from_secs(3600));
    });
    let span = stage.span();
    assert_eq!(span.end_time, span.start_time + elapsed);
    assert_eq!(stage.value("work.duration"), elapsed.as_secs_f64());
}

#[test]
fn an_error_is_counted_by_its_type_and_fails_the_span() {
    let stage = Stage::new();
    let charge = stage.operation("charge").build();
    assert_eq!(charge.try_run(|| Err::<(), _>(Declined)), Err(Declined));

    let name = std::any::type_name::<Declined>();
    let span = stage.span();
    assert_eq!(span.status, Status::error("the card was declined"));
    assert_eq!(attribute(&span, "error.type"), Some(&name.into()));
    assert_eq!(
        stage.attributes("charge.calls"),
        format!("error.type={name},outcome=error")
    );
    assert_eq!(
        stage.attributes("charge.duration"),
        format!("error.type={name}")
    );
    assert_eq!(stage.sum("charge.active"), 0.0);
}

#[test]
fn a_declared_mapping_names_the_errors_of_its_type() {
    let stage = Stage::new();
    let charge = stage
        .operation("charge")
        .error_type(|_: &Declined| "overruled by the next")
        .error_type(|_: &Declined| "declined")
        .build();
    let _ = charge.try_run(|| Err::<(), _>(Declined));
    let _ = charge.try_run(|| Err::<(), _>(fmt::Error));
    let ends = stage.all("charge.calls");
    assert_eq!(ends[0].attributes, "error.type=declined,outcome=error");
    assert_eq!(
        ends[1].attributes,
        "error.type=core::fmt::Error,outcome=error"
    );
}

#[test]
fn a_panic_is_recorded_and_goes_on() {
    let stage = Stage::new();
    let work = stage.operation("work").build();
    let panicked = catch_unwind(AssertUnwindSafe(|| work.run(|| panic!("on purpose"))));
    assert!(panicked.is_err());
    assert_eq!(stage.span().status, Status::error("panicked"));
    assert_eq!(
        stage.attributes("work.calls"),
        "error.type=panic,outcome=panic"
    );
    assert_eq!(stage.sum("work.active"), 0.0);
    assert!(!Context::current().has_active_span());
}

#[test]
fn a_call_made_while_the_thread_unwinds_is_no_panic_of_its_own() {
    struct Cleanup<'a>(&'a Operation);
    impl Drop for Cleanup<'_> {
        fn drop(&mut self) {
            drop(self.0.start());
        }
    }
    let stage = Stage::new();
    let work = stage.operation("work").build();
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _cleanup = Cleanup(&work);
        panic!("on purpose")
    }));
    assert_eq!(stage.attributes("work.calls"), "outcome=success");
}

#[test]
fn a_future_starts_when_polled_and_has_its_span_current_in_each_poll() {
    let stage = Stage::new();
    let work = stage.operation("work").build();
    let seen = Rc::new(Cell::new(0));
    let seen_inside = Rc::clone(&seen);
    let mut pending_once = true;
    let mut future = pin!(work.wrap(std::future::poll_fn(move |_| {
        assert!(Context::current().has_active_span());
        seen_inside.set(seen_inside.get() + 1);
        if std::mem::take(&mut pending_once) {
            Poll::Pending
        } else {
            Poll::Ready("done")
        }
    })));
    assert_eq!(stage.measured(), []);

    let mut task = TaskContext::from_waker(Waker::noop());
    assert_eq!(future.as_mut().poll(&mut task), Poll::Pending);
    assert!(!Context::current().has_active_span());
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(future.as_mut().poll(&mut task), Poll::Ready("done"));
    assert_eq!(seen.get(), 2);
    assert_eq!(stage.value("work.duration"), 1.0);
    assert_eq!(stage.attributes("work.calls"), "outcome=success");
    // Polled once more it is silent, and ends nothing twice.
    assert_eq!(future.as_mut().poll(&mut task), Poll::Pending);
    assert_eq!(stage.all("work.calls").len(), 1);
}

#[test]
fn a_future_that_fails_is_an_error() {
    let stage = Stage::new();
    let work = stage.operation("work").build();
    let mut future = pin!(work.try_wrap(async { Err::<(), _>(Declined) }));
    let mut task = TaskContext::from_waker(Waker::noop());
    assert_eq!(future.as_mut().poll(&mut task), Poll::Ready(Err(Declined)));
    assert!(stage.attributes("work.calls").ends_with("outcome=error"));
}

#[test]
fn a_dropped_future_is_cancelled_and_its_destructors_see_the_span() {
    struct SeesSpan(Rc<Cell<Option<SpanId>>>);
    impl Drop for SeesSpan {
        fn drop(&mut self) {
            self.0
                .set(Some(Context::current().span().span_context().span_id()));
        }
    }
    let stage = Stage::new();
    let work = stage.operation("work").build();
    let seen = Rc::new(Cell::new(None));
    let sees = SeesSpan(Rc::clone(&seen));
    {
        let mut future = pin!(work.wrap(async move {
            let _sees = sees;
            std::future::pending::<()>().await;
        }));
        let mut task = TaskContext::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut task).is_pending());
    }
    let span = stage.span();
    assert_eq!(seen.get(), Some(span.span_context.span_id()));
    assert_eq!(span.status, Status::Unset);
    assert_eq!(attribute(&span, "error.type"), Some(&"cancelled".into()));
    assert_eq!(
        stage.attributes("work.calls"),
        "error.type=cancelled,outcome=cancelled"
    );
    assert_eq!(stage.sum("work.active"), 0.0);
}

#[test]
fn a_future_that_was_never_polled_never_happened() {
    let stage = Stage::new();
    let work = stage.operation("work").build();
    drop(work.wrap(std::future::pending::<()>()));
    assert_eq!(stage.measured(), []);
    assert!(stage.exporter.spans().is_empty());
}

#[test]
fn a_future_that_panics_is_recorded_once() {
    let stage = Stage::new();
    let work = stage.operation("work").build();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut future = pin!(work.wrap(async { panic!("on purpose") }));
        let mut task = TaskContext::from_waker(Waker::noop());
        let _: Poll<()> = future.as_mut().poll(&mut task);
    }));
    assert!(panicked.is_err());
    assert_eq!(stage.all("work.calls").len(), 1);
    assert_eq!(
        stage.attributes("work.calls"),
        "error.type=panic,outcome=panic"
    );
    assert!(!Context::current().has_active_span());
}

#[test]
fn a_wrapped_future_keeps_the_parent_it_was_wrapped_in() {
    let stage = Stage::new();
    let (outer, inner) = (
        stage.operation("outer").build(),
        stage.operation("inner").build(),
    );
    let future = outer.run(|| inner.wrap(async {}));
    let mut future = pin!(future);
    let mut task = TaskContext::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut task).is_ready());
    let spans = stage.exporter.spans();
    assert_eq!(spans[0].name, "outer");
    assert_eq!(spans[1].parent_span_id, spans[0].span_context.span_id());
}

#[test]
fn operations_nest() {
    let stage = Stage::new();
    let (outer, inner) = (
        stage.operation("outer").build(),
        stage.operation("inner").build(),
    );
    outer.run(|| inner.run(|| ()));
    let spans = stage.exporter.spans();
    assert_eq!((&*spans[0].name, &*spans[1].name), ("inner", "outer"));
    assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
    let (inner, outer) = (
        &stage.all("inner.duration")[0],
        &stage.all("outer.duration")[0],
    );
    assert_eq!(inner.span, spans[0].span_context.span_id());
    assert_eq!(outer.span, spans[1].span_context.span_id());
}

#[test]
fn a_remote_parent_is_continued() {
    let stage = Stage::new();
    let remote = SpanContext::new(
        TraceId::from(7),
        SpanId::from(8),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    let serve = stage.operation("serve").kind(SpanKind::Server).build();
    let parent = Context::new().with_remote_span_context(remote);
    serve.with(()).parent(parent).run(|| ());
    let span = stage.span();
    assert_eq!(span.span_context.trace_id(), TraceId::from(7));
    assert_eq!(span.parent_span_id, SpanId::from(8));
    assert!(span.parent_span_is_remote);
}

#[test]
fn a_guard_succeeds_unless_told_otherwise() {
    let stage = Stage::new();
    let work = stage.operation("work").build();
    {
        let guard = work.start();
        guard.span_attribute("rows", 3);
        assert_eq!(
            Context::current().span().span_context(),
            guard.context().span().span_context()
        );
    }
    assert!(!Context::current().has_active_span());
    work.start().fail(&Declined);
    work.start().end_with(&Ok::<(), Declined>(()));
    work.start().end_with(&Err::<(), _>(Declined));
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _guard = work.start();
        panic!("on purpose")
    }));
    let outcomes: Vec<_> = stage
        .all("work.calls")
        .into_iter()
        .map(|it| it.attributes.rsplit('=').next().unwrap().to_owned())
        .collect();
    assert_eq!(outcomes, ["success", "error", "success", "error", "panic"]);
    assert_eq!(
        attribute(&stage.exporter.spans()[0], "rows"),
        Some(&3.into())
    );
}

#[test]
fn an_owned_instrument_measures_inside_the_span() {
    let stage = Stage::new();
    let checkout = stage.operation("checkout").build();
    let revenue = checkout
        .counter::<f64>("checkout.revenue")
        .unit("EUR")
        .build();
    checkout.run(|| revenue.add(19.9));
    let measured = &stage.all("checkout.revenue")[0];
    assert_eq!(measured.span, stage.span().span_context.span_id());
}

#[test]
fn a_span_that_is_not_sampled_still_counts() {
    let stage = Stage::unsampled();
    let work = stage.operation("work").build();
    work.run(|| assert!(!Context::current().span().span_context().is_sampled()));
    assert!(stage.exporter.spans().is_empty());
    assert_eq!(stage.attributes("work.calls"), "outcome=success");
}

#[test]
fn where_nothing_is_traced_the_context_stays_as_it_is() {
    let stage = Stage::untraced();
    let work = stage.operation("work").build();
    let span = {
        use opentelemetry::trace::{Tracer, TracerProvider};
        stage.provider.tracer("someone else's").start("outer")
    };
    let outer = span.span_context().clone();
    let _in_outer = Context::current_with_span(span).attach();
    work.try_run(|| {
        assert_eq!(Context::current().span().span_context(), &outer);
        Err::<(), _>(Declined)
    })
    .unwrap_err();
    work.start().span_attribute("rows", 3);
    // It is not the operation's span: it goes on, and nothing is written to it.
    assert!(stage.exporter.spans().is_empty());
    Context::current().span().end();
    assert_eq!(stage.span().attributes, []);
}
