//! A span with 4 attributes: started and ended, as a root, as a child, and where the sampler drops it.
//!
//! Those who answer do what their users write. With the `opentelemetry` API the span is built and ended, and is not made
//! current; with `tracing`, it is entered and dropped, in a subscriber that is the thread's default; `fastrace` has
//! its guards. Attributes are two static strings and two numbers, made for each span. Behind each is something that
//! counts what came out, and none loses a span: queues are larger than a round.

use std::hint::black_box;
use std::sync::Arc;

use fastrace::local::LocalParentGuard;
use fastrace::prelude::{LocalSpan, Span as FastSpan, SpanContext as FastContext};
use opentelemetry::trace::{Span as _, TraceContextExt, Tracer as _};
use opentelemetry::{Context, ContextGuard, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracer};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, info_span};
use tracing_subscriber::layer::SubscriberExt;

use super::operation::Face;
use crate::case::{Case, Subject};
use crate::prototype::{self, Tracer, Value};
use crate::rigs::spans::{Exit, NAME, Spans, fastrace_arrived, fastrace_reporter};
use crate::work::{Verify, Work, Workload, counts};

/// After how many children a parent ends and the next begins. A round begins with the end of a parent, and one of few steps
/// would measure little else.
const CHILDREN: u64 = 64;

/// The values of the first two attributes; the third is the status, the fourth the number of the step.
const METHOD: &str = "GET";
const ROUTE: &str = "/orders/4/lines";
const STATUS: i64 = 200;

pub(super) fn cases() -> Vec<Case> {
    use Exit::{Counted, Queue, Retention, SdkBatch};
    use Sampler::{AlwaysOff, AlwaysOn};
    let roots = vec![
        Subject::new("throughline, batch", || api(Queue, AlwaysOn)),
        Subject::new("throughline, retention and batch", || {
            api(Retention, AlwaysOn)
        }),
        Subject::new("throughline, tracing", || of_face(AlwaysOn)),
        Subject::new("opentelemetry_sdk, counted", || api(Counted, AlwaysOn)),
        Subject::new("opentelemetry_sdk, batch", || api(SdkBatch, AlwaysOn)),
        Subject::new("tracing-opentelemetry, counted", || {
            traced(Counted, AlwaysOn)
        }),
        Subject::new("tracing-opentelemetry, batch", || {
            traced(SdkBatch, AlwaysOn)
        }),
        Subject::new("fastrace", || fastrace_root(true)),
        Subject::new("prototype: decision first", || prototype_root(0)),
    ];
    let children = vec![
        Subject::new("throughline, batch", || api_child(Queue)),
        Subject::new("throughline, retention and batch", || api_child(Retention)),
        Subject::new("throughline, tracing", || of_face_child()),
        Subject::new("opentelemetry_sdk, counted", || api_child(Counted)),
        Subject::new("opentelemetry_sdk, batch", || api_child(SdkBatch)),
        Subject::new("tracing-opentelemetry, counted", || traced_child(Counted)),
        Subject::new("tracing-opentelemetry, batch", || traced_child(SdkBatch)),
        Subject::new("fastrace, local span", fastrace_child),
        Subject::new("prototype: decision first", prototype_child),
    ];
    let dropped = vec![
        Subject::new("throughline, batch", || api(Queue, AlwaysOff)),
        Subject::new("throughline, recorded until decided", || {
            api(Retention, AlwaysOff)
        }),
        Subject::new("throughline, tracing, recorded until decided", || {
            of_face(AlwaysOff)
        }),
        Subject::new("opentelemetry_sdk, batch", || api(SdkBatch, AlwaysOff)),
        Subject::new("tracing-opentelemetry, batch", || {
            traced(SdkBatch, AlwaysOff)
        }),
        Subject::new("fastrace", || fastrace_root(false)),
        Subject::new("prototype: decision first", || prototype_root(u64::MAX)),
    ];
    vec![
        Case::new("span/4 attributes", roots),
        Case::new("span/4 attributes, child", children),
        Case::new("span/4 attributes, not sampled", dropped),
    ]
}

/// Expects a span out of each step, or none.
fn comes_out(sampled: bool, arrived: impl Fn() -> u64 + Send + Sync + 'static) -> Verify {
    if sampled {
        return counts(arrived);
    }
    Box::new(move |_| match arrived() {
        0 => Ok(()),
        spans => Err(format!("{spans} spans that were to be dropped")),
    })
}

fn is_on(sampler: &Sampler) -> bool {
    matches!(sampler, Sampler::AlwaysOn)
}

/// What a step of the `opentelemetry` API does.
#[inline]
fn start_and_end(tracer: &SdkTracer, at: u64) {
    let builder = tracer.span_builder(NAME).with_attributes([
        KeyValue::new("method", METHOD),
        KeyValue::new("route", ROUTE),
        KeyValue::new("status", STATUS),
        KeyValue::new("order", at.cast_signed()),
    ]);
    let mut span = builder.start(tracer);
    black_box(&mut span).end();
}

/// What a step of `tracing` does.
#[inline]
fn enter_and_exit(at: u64) {
    let span = info_span!(
        "bench",
        method = METHOD,
        route = ROUTE,
        status = STATUS,
        order = at
    );
    black_box(&span).in_scope(|| ());
}

fn api(exit: Exit, sampler: Sampler) -> Box<dyn Workload> {
    let sampled = is_on(&sampler);
    let spans = Spans::new(exit, sampler);
    let tracer = spans.tracer();
    let step = |tracer: &mut SdkTracer, at| start_and_end(tracer, at);
    let verify = comes_out(sampled, move || spans.arrived());
    Work::new(move |_| tracer.clone(), step, verify).boxed()
}

fn api_child(exit: Exit) -> Box<dyn Workload> {
    let spans = Spans::new(exit, Sampler::AlwaysOn);
    let tracer = spans.tracer();
    let step = |(tracer, parent): &mut (SdkTracer, Option<ContextGuard>), at: u64| {
        if at.is_multiple_of(CHILDREN) {
            *parent = None;
            let span = tracer.start("parent");
            *parent = Some(Context::current_with_span(span).attach());
        }
        start_and_end(tracer, at);
    };
    let local = move |_| (tracer.clone(), None);
    Work::new(local, step, counts(move || spans.arrived())).boxed()
}

fn traced(exit: Exit, sampler: Sampler) -> Box<dyn Workload> {
    let sampled = is_on(&sampler);
    let spans = Spans::new(exit, sampler);
    let verify = comes_out(sampled, {
        let spans = spans.clone();
        move || spans.arrived()
    });
    of_tracing(subscriber(&spans), verify)
}

fn traced_child(exit: Exit) -> Box<dyn Workload> {
    let spans = Spans::new(exit, Sampler::AlwaysOn);
    let verify = counts({
        let spans = spans.clone();
        move || spans.arrived()
    });
    of_tracing_child(subscriber(&spans), verify)
}

/// `tracing-opentelemetry` set up as ours is: no thread ids, no busy and idle times.
fn subscriber(spans: &Spans) -> Dispatch {
    let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer());
    let layer = layer.with_threads(false).with_tracked_inactivity(false);
    Dispatch::new(tracing_subscriber::registry().with(layer))
}

/// The layer that the face installs, and everything behind it.
fn of_face(sampler: Sampler) -> Box<dyn Workload> {
    let sampled = is_on(&sampler);
    let face = Face::roomy(sampler);
    let layer = Dispatch::new(tracing_subscriber::registry().with(face.telemetry().layer()));
    of_tracing(layer, comes_out(sampled, move || face.spans()))
}

fn of_face_child() -> Box<dyn Workload> {
    let face = Face::roomy(Sampler::AlwaysOn);
    let layer = Dispatch::new(tracing_subscriber::registry().with(face.telemetry().layer()));
    of_tracing_child(layer, counts(move || face.spans()))
}

fn of_tracing(subscriber: Dispatch, verify: Verify) -> Box<dyn Workload> {
    let local = move |_| tracing::dispatcher::set_default(&subscriber);
    let step = |_: &mut DefaultGuard, at| enter_and_exit(at);
    Work::new(local, step, verify).boxed()
}

fn of_tracing_child(subscriber: Dispatch, verify: Verify) -> Box<dyn Workload> {
    // The parent goes before the subscriber does.
    type Local = (Option<tracing::span::EnteredSpan>, DefaultGuard);
    let local = move |_| (None, tracing::dispatcher::set_default(&subscriber));
    let step = |(parent, _): &mut Local, at: u64| {
        if at.is_multiple_of(CHILDREN) {
            *parent = None;
            *parent = Some(info_span!("parent").entered());
        }
        enter_and_exit(at);
    };
    Work::new(local, step, verify).boxed()
}

fn fastrace_properties(at: u64) -> [(&'static str, std::borrow::Cow<'static, str>); 4] {
    [
        ("method", METHOD.into()),
        ("route", ROUTE.into()),
        ("status", "200".into()),
        ("order", at.to_string().into()),
    ]
}

fn fastrace_root(sampled: bool) -> Box<dyn Workload> {
    fastrace_reporter();
    let before = fastrace_arrived();
    let step = move |(): &mut (), at| {
        let parent = FastContext::random().sampled(sampled);
        let span = FastSpan::root(NAME, parent).with_properties(|| fastrace_properties(at));
        drop(black_box(span));
    };
    let verify = comes_out(sampled, move || fastrace_arrived() - before);
    Work::new(|_| (), step, verify).boxed()
}

fn fastrace_child() -> Box<dyn Workload> {
    fastrace_reporter();
    let before = fastrace_arrived();
    // The guard goes before the span that it makes the parent.
    type Local = Option<(LocalParentGuard, FastSpan)>;
    let step = |parent: &mut Local, at: u64| {
        if at.is_multiple_of(CHILDREN) {
            *parent = None;
            let span = FastSpan::root("parent", FastContext::random());
            *parent = Some((span.set_local_parent(), span));
        }
        let span = LocalSpan::enter_with_local_parent(NAME);
        drop(black_box(span.with_properties(|| fastrace_properties(at))));
    };
    Work::new(|_| None, step, counts(move || fastrace_arrived() - before)).boxed()
}

#[inline]
fn prototype_step(tracer: &Tracer, at: u64) {
    let span = tracer.span(NAME, |attributes| {
        attributes.push("method", Value::Text(METHOD));
        attributes.push("route", Value::Text(ROUTE));
        attributes.push("status", Value::Number(STATUS));
        attributes.push("order", Value::Number(at.cast_signed()));
    });
    black_box(&span);
}

fn prototype_root(threshold: u64) -> Box<dyn Workload> {
    let tracer = Arc::new(Tracer::new(threshold, NAME));
    let shared = Arc::clone(&tracer);
    let step = |tracer: &mut Arc<Tracer>, at| prototype_step(tracer, at);
    let verify = comes_out(threshold == 0, move || tracer.ended(NAME));
    Work::new(move |_| Arc::clone(&shared), step, verify).boxed()
}

fn prototype_child() -> Box<dyn Workload> {
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(0, NAME)));
    let step = |parent: &mut Option<prototype::Span<'static>>, at: u64| {
        if at.is_multiple_of(CHILDREN) {
            *parent = None;
            *parent = Some(tracer.span("parent", |_| ()));
        }
        prototype_step(tracer, at);
    };
    Work::new(|_| None, step, counts(move || tracer.ended(NAME))).boxed()
}
