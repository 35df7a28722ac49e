//! Models of the buffer under loom, which tries every interleaving up to a number of preemptions.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p throughline-samplers --lib --target-dir target/loom retention::models`

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use loom::thread;
use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use throughline_model::{Fate, KeepReason, SelfMeter, SystemClock};

use super::core::Core;
use super::decider::Decider;
use super::policies::{Policies, Rates};
use super::rolling::Rolling;
use super::settings::{Bounds, Slow};
use super::sync::Mutex;
use crate::batch::{BatchSettings, Items, queue};
use crate::span_weight::span_weight;

const NOW: Duration = Duration::ZERO;

/// The thread that ends a part drops it, unless it was asked for.
fn model(max_spans: usize, body: impl Fn(&Arc<Core>) + Send + Sync + 'static) {
    model_with(max_spans, Slow::Above(Duration::MAX), body);
}

/// The delivery thread decides everything, and finds no reason of its own to keep it.
fn model_of_decider(body: impl Fn(&Arc<Core>) + Send + Sync + 'static) {
    model_with(100, Slow::Quantile(0.5), body);
}

fn model_with(max_spans: usize, slow: Slow, body: impl Fn(&Arc<Core>) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(move || {
        let settings = BatchSettings::spans();
        let (queue, _worker) =
            queue(Items::Spans, settings, span_weight, &SelfMeter::new()).unwrap();
        let policies = Policies {
            rates: Rates {
                errors: 0,
                slow: 0,
                outliers: 0,
            },
            slow,
            rules: Vec::new(),
            rolling: Mutex::new(Rolling::new(0.0)),
        };
        let bounds = Bounds {
            max_spans,
            max_bytes: 1 << 20,
            max_traces: 100,
            max_spans_per_trace: 100,
            remembered: 100,
            max_duration: Duration::from_secs(60),
        };
        body(&Arc::new(Core::new(
            policies,
            bounds,
            0,
            Arc::new(SystemClock),
            queue,
        )));
    });
}

fn context(trace: u128, span: u64) -> SpanContext {
    let (trace, span) = (TraceId::from(trace), SpanId::from(span));
    SpanContext::new(trace, span, TraceFlags::default(), false, TraceState::NONE)
}

fn start(core: &Core, trace: u128, span: u64, parent: Option<u64>) {
    core.started(&context(trace, span), parent.map(SpanId::from));
}

fn end(core: &Core, trace: u128, span: u64) {
    end_with(core, trace, span, Status::Unset);
}

fn end_with(core: &Core, trace: u128, span: u64, status: Status) {
    let time = SystemTime::UNIX_EPOCH;
    core.ended(SpanData {
        span_context: context(trace, span),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "span".into(),
        start_time: time,
        end_time: time,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status,
        instrumentation_scope: InstrumentationScope::default(),
    });
}

/// Everything is decided; nothing is counted twice or not at all, and all room is free.
fn settle(core: &Arc<Core>, mut decider: Decider, offered: u64) {
    decider.decide_all(NOW);
    is_settled(core, decider, offered);
}

fn is_settled(core: &Core, mut decider: Decider, offered: u64) {
    assert!(decider.pump());
    let counts = core.counts();
    assert_eq!(
        (counts.offered(), counts.buffered),
        (offered, 0),
        "{counts:?}"
    );
    assert_eq!(counts.handed_on(), core.queue.counts().offered());
    assert_eq!((core.bytes(), core.room.traces()), (0, 0));
}

/// Does this on another thread.
fn beside<T: 'static>(
    core: &Arc<Core>,
    work: impl FnOnce(&Core) -> T + 'static,
) -> thread::JoinHandle<T> {
    let core = Arc::clone(core);
    thread::spawn(move || work(&core))
}

#[test]
fn a_span_that_finds_no_room_evicts_the_lowest_and_the_bound_holds() {
    model(1, |core| {
        let other = beside(core, |core| {
            start(core, 1, 1, None);
            end(core, 1, 1);
            assert!(core.room.filled() <= 1.0);
        });
        start(core, 1 << 55, 2, None);
        end(core, 1 << 55, 2);
        assert!(core.room.filled() <= 1.0);
        other.join().unwrap();
        settle(core, Decider::new(Arc::clone(core)), 2);
        assert_eq!(core.counts().lost(), core.counts().evicted);
    });
}

#[test]
fn a_wish_beside_the_end_is_heard_or_counted() {
    model(100, |core| {
        start(core, 1, 1, None);
        let other = beside(core, |core| {
            core.keep(TraceId::from(1), KeepReason::Outlier)
        });
        end(core, 1, 1);
        other.join().unwrap();
        let fate = core.fate(TraceId::from(1), SpanId::from(1));
        match core.counts().buffered {
            1 => assert_eq!((core.counts().keeps_too_late, fate), (0, Fate::Pending)),
            _ => assert_eq!((core.counts().keeps_too_late, fate), (1, Fate::Lost)),
        }
        settle(core, Decider::new(Arc::clone(core)), 1);
    });
}

#[test]
fn a_wish_beside_the_decision_is_heard_or_counted() {
    model_of_decider(|core| {
        start(core, 1, 1, None);
        end(core, 1, 1);
        let other = beside(core, |core| {
            core.keep(TraceId::from(1), KeepReason::Outlier)
        });
        let mut decider = Decider::new(Arc::clone(core));
        decider.step(NOW);
        other.join().unwrap();
        let (counts, fate) = (core.counts(), core.fate(TraceId::from(1), SpanId::from(1)));
        match counts.kept {
            1 => assert_eq!((counts.keeps_too_late, fate), (0, Fate::Pending)),
            _ => assert_eq!((counts.keeps_too_late, fate), (1, Fate::Lost)),
        }
        settle(core, decider, 1);
    });
}

/// What is kept anyway is nowhere unknown on its way from a part to what is remembered.
#[test]
fn a_wish_for_what_is_kept_is_heard_also_while_it_is_decided() {
    model(100, |core| {
        start(core, 1, 1, None);
        end_with(core, 1, 1, Status::error("no"));
        let other = beside(core, |core| {
            core.keep(TraceId::from(1), KeepReason::Outlier)
        });
        let mut decider = Decider::new(Arc::clone(core));
        decider.step(NOW);
        other.join().unwrap();
        assert_eq!(core.counts().keeps_too_late, 0);
        let wishes = core.known(TraceId::from(1)).wishes.reasons;
        assert!(wishes.has(KeepReason::Outlier), "{wishes}");
        settle(core, decider, 1);
    });
}

#[test]
fn what_is_kept_is_never_called_lost_while_it_is_decided() {
    model(100, |core| {
        start(core, 1, 1, None);
        end_with(core, 1, 1, Status::error("no"));
        let other = beside(core, |core| core.fate(TraceId::from(1), SpanId::from(1)));
        let mut decider = Decider::new(Arc::clone(core));
        decider.step(NOW);
        assert_eq!(other.join().unwrap(), Fate::Pending);
        settle(core, decider, 1);
    });
}

#[test]
fn a_child_beside_the_decision_is_decided_too() {
    model(100, |core| {
        start(core, 1, 1, None);
        core.keep(TraceId::from(1), KeepReason::Explicit);
        end(core, 1, 1);
        let other = beside(core, |core| {
            start(core, 1, 2, Some(1));
            end(core, 1, 2);
        });
        let mut decider = Decider::new(Arc::clone(core));
        decider.step(NOW);
        other.join().unwrap();
        settle(core, decider, 2);
        assert_eq!(core.counts().kept, 2);
    });
}

#[test]
fn a_span_that_ends_beside_the_last_decision_is_decided_or_counted() {
    model_of_decider(|core| {
        start(core, 1, 1, None);
        let other = beside(core, |core| end(core, 1, 1));
        let mut decider = Decider::new(Arc::clone(core));
        decider.decide_all(NOW);
        other.join().unwrap();
        is_settled(core, decider, 1);
        let counts = core.counts();
        assert_eq!(counts.unselected + counts.already_shutdown, 1);
    });
}

#[test]
fn what_arrives_beside_a_question_is_delivered_in_the_end() {
    model(100, |core| {
        start(core, 1, 1, None);
        core.keep(TraceId::from(1), KeepReason::Outlier);
        end(core, 1, 1);
        let mut decider = Decider::new(Arc::clone(core));
        decider.step(NOW);
        let other = beside(core, |core| core.arrived(TraceId::from(1), 1, true));
        let fate = || core.fate(TraceId::from(1), SpanId::from(1));
        assert_ne!(fate(), Fate::Lost);
        other.join().unwrap();
        assert_eq!(fate(), Fate::Delivered);
        settle(core, decider, 1);
    });
}
