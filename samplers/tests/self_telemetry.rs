//! What the queues report about themselves (semantic conventions: `model/otel/metrics.yaml`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::metrics::{
    AsyncInstrument, AsyncInstrumentBuilder, InstrumentProvider, Meter, ObservableCounter,
    ObservableUpDownCounter,
};
use opentelemetry::trace::{
    Span, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use throughline_model::{KeepReason, SelfMeter, TraceKeeper};
use throughline_samplers::batch::{self, BatchSettings, Items};
use throughline_samplers::probability::{ComposableSampler, SpanStart};
use throughline_samplers::{
    CountedSampler, PriorityRules, PrioritySampler, Retention, Rule, SpanQueue,
};
use throughline_testkit::CollectingSpanExporter;

/// A meter whose observable instruments are read when the test says so.
#[derive(Clone, Default)]
struct Instruments(Arc<Mutex<Vec<Read>>>);

type Read = Box<dyn Fn(&mut BTreeMap<String, i128>) + Send + Sync>;

struct Observed<'a> {
    name: &'a str,
    into: Mutex<&'a mut BTreeMap<String, i128>>,
}

impl<T: Into<i128>> AsyncInstrument<T> for Observed<'_> {
    fn observe(&self, value: T, attributes: &[KeyValue]) {
        let mut key = self.name.to_owned();
        for attribute in attributes {
            key += &format!(" {}={}", attribute.key, attribute.value);
        }
        self.into.lock().unwrap().insert(key, value.into());
    }
}

impl Instruments {
    fn add<I, T>(&self, builder: AsyncInstrumentBuilder<'_, I, T>)
    where
        T: Into<i128> + 'static,
    {
        let unit = builder.unit.unwrap_or_default();
        let name = format!("{}[{unit}]", builder.name);
        let callbacks = builder.callbacks;
        self.0.lock().unwrap().push(Box::new(move |into| {
            for callback in &callbacks {
                let into = Mutex::new(&mut *into);
                callback(&Observed { name: &name, into });
            }
        }));
    }

    fn read(&self) -> BTreeMap<String, i128> {
        let mut into = BTreeMap::new();
        for read in self.0.lock().unwrap().iter() {
            read(&mut into);
        }
        into
    }

    fn meter(&self) -> Meter {
        Meter::new(Arc::new(self.clone()))
    }
}

impl InstrumentProvider for Instruments {
    fn u64_observable_counter(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableCounter<u64>, u64>,
    ) -> ObservableCounter<u64> {
        self.add(builder);
        ObservableCounter::new()
    }

    fn i64_observable_up_down_counter(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableUpDownCounter<i64>, i64>,
    ) -> ObservableUpDownCounter<i64> {
        self.add(builder);
        ObservableUpDownCounter::new()
    }
}

#[track_caller]
fn assert_reads(instruments: &Instruments, expected: &[(&str, i128)]) {
    let expected: BTreeMap<String, i128> = expected
        .iter()
        .map(|(name, value)| (name.to_string(), *value))
        .collect();
    // Which instance it is depends on the other tests of this process.
    let read = instruments.read().into_iter();
    let read: BTreeMap<String, i128> = read
        .map(|(name, value)| {
            (
                name.replace(|c: char| c == '/' || c.is_ascii_digit(), ""),
                value,
            )
        })
        .collect();
    assert_eq!(read, expected);
}

#[test]
fn a_span_queue_reports_its_size_its_capacity_and_what_became_of_its_spans() {
    const OF: &str = "otel.component.type=batching_span_processor \
                      otel.component.name=batching_span_processor";
    let (meter, instruments) = (SelfMeter::new(), Instruments::default());
    let settings = BatchSettings {
        max_queue_size: 2,
        max_export_batch_size: 2,
        ..BatchSettings::spans()
    };
    let (queue, worker) = SpanQueue::new(settings, &meter).unwrap();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(queue.clone())
        .with_sampler(Sampler::AlwaysOn)
        .build();
    let tracer = provider.tracer("test");
    for _ in 0..3 {
        tracer.start("span").end();
    }
    let open = tracer.start("open");
    // Bound late: nothing is lost by it.
    meter.bind(instruments.meter());
    let size = format!("otel.sdk.processor.span.queue.size[{{span}}] {OF}");
    let capacity = format!("otel.sdk.processor.span.queue.capacity[{{span}}] {OF}");
    let processed = format!("otel.sdk.processor.span.processed[{{span}}] {OF}");
    let full = format!("{processed} error.type=queue_full");
    let shutdown = format!("{processed} error.type=already_shutdown");
    let live = "otel.sdk.span.live[{span}] otel.span.sampling_result=RECORD_AND_SAMPLE";
    let record_only = "otel.sdk.span.live[{span}] otel.span.sampling_result=RECORD_ONLY";
    assert_reads(
        &instruments,
        &[
            (&size, 2),
            (&capacity, 2),
            (&processed, 0),
            (&full, 1),
            (live, 1),
            (record_only, 0),
        ],
    );

    let delivery = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let exporter = CollectingSpanExporter::new();
        // Failed exports are the exporter's to report: what it was handed is processed.
        exporter.refuse_with(Some("no"));
        runtime.block_on(worker.run(exporter));
    });
    let _ = queue.shutdown(Duration::from_secs(60));
    drop(open);
    assert_reads(
        &instruments,
        &[
            (&size, 0),
            (&capacity, 2),
            (&processed, 2),
            (&full, 1),
            (&shutdown, 1),
            (live, 0),
            (record_only, 0),
        ],
    );
    delivery.join().unwrap();
    drop((provider, queue, tracer));
    assert_reads(&instruments, &[]);
}

#[test]
fn a_log_queue_reports_under_names_of_its_own() {
    const OF: &str = "otel.component.type=batching_log_processor \
                      otel.component.name=batching_log_processor";
    let (meter, instruments) = (SelfMeter::new(), Instruments::default());
    meter.bind(instruments.meter());
    let settings = BatchSettings {
        max_queue_size: 1,
        max_export_batch_size: 1,
        ..BatchSettings::log_records()
    };
    let (queue, worker) = batch::queue(Items::LogRecords, settings, |_: &u8| 1, &meter).unwrap();
    assert!(queue.push(1).is_ok());
    assert!(queue.push(2).is_err());
    drop(worker);
    let processed = format!("otel.sdk.processor.log.processed[{{log_record}}] {OF}");
    assert_reads(
        &instruments,
        &[
            ("otel.sdk.log.created[{log_record}]", 2),
            (
                &format!("otel.sdk.processor.log.queue.size[{{log_record}}] {OF}"),
                0,
            ),
            (
                &format!("otel.sdk.processor.log.queue.capacity[{{log_record}}] {OF}"),
                1,
            ),
            (&processed, 0),
            (&format!("{processed} error.type=queue_full"), 1),
            (&format!("{processed} error.type=abandoned"), 1),
        ],
    );
}

#[test]
fn each_instance_has_a_name_of_its_own() {
    let meter = SelfMeter::new();
    let instruments = Instruments::default();
    meter.bind(instruments.meter());
    let one = SpanQueue::new(BatchSettings::spans(), &meter).unwrap();
    let two = SpanQueue::new(BatchSettings::spans(), &meter).unwrap();
    // Size, capacity and processed of each queue; the live spans are the provider's.
    assert_eq!(instruments.read().len(), 2 * 3 + 2);
    drop((one, two));
}

/// `otel.sdk.span.started`: all spans, non-recording ones too.
#[test]
fn the_sampler_counts_every_span_by_result_and_origin_of_its_parent() {
    let (meter, instruments) = (SelfMeter::new(), Instruments::default());
    meter.bind(instruments.meter());
    let on = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let provider = SdkTracerProvider::builder()
        .with_sampler(CountedSampler::new(on, &meter))
        .build();
    let tracer = provider.tracer("test");
    let parent = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
    tracer.start_with_context("child", &parent).end();
    tracer.start_with_context("child", &parent).end();
    let remote = |flags| {
        let (trace, span) = (TraceId::from(1u128), SpanId::from(1u64));
        let context = SpanContext::new(trace, span, flags, true, TraceState::default());
        Context::new().with_remote_span_context(context)
    };
    tracer
        .start_with_context("server", &remote(TraceFlags::SAMPLED))
        .end();
    tracer
        .start_with_context("server", &remote(TraceFlags::default()))
        .end();
    let of = |origin: &str, result: &str| {
        format!(
            "otel.sdk.span.started[{{span}}] otel.span.parent.origin={origin} \
             otel.span.sampling_result={result}"
        )
    };
    assert_reads(
        &instruments,
        &[
            (&of("none", "RECORD_AND_SAMPLE"), 1),
            (&of("local", "RECORD_AND_SAMPLE"), 2),
            (&of("remote", "RECORD_AND_SAMPLE"), 1),
            (&of("remote", "DROP"), 1),
        ],
    );
}

#[test]
fn rules_say_how_often_they_matched() {
    let instruments = Instruments::default();
    let meter = SelfMeter::new();
    let rules = PriorityRules::new()
        .rule(Rule::new("jobs").span_name("job").rate(1.0))
        .rule(Rule::new("never").span_name("never").rate(1.0));
    let sampler = PrioritySampler::new(rules.clone()).unwrap();
    sampler.report_to(&meter);
    meter.bind(instruments.meter());
    for name in ["job", "job", "task"] {
        sampler.intent(&SpanStart::root(name));
    }
    let matched =
        |rule: &str| format!("throughline.sampler.rule.matched[{{span}}] sampler.rule={rule}");
    let expected = BTreeMap::from([(matched("default"), 1), (matched("jobs"), 2)]);
    assert_eq!(instruments.read(), expected);

    // What stays goes on.
    sampler
        .replace(rules.rule(Rule::new("tasks").span_name("task").rate(1.0)))
        .unwrap();
    sampler.intent(&SpanStart::root("task"));
    let expected = [expected, BTreeMap::from([(matched("tasks"), 1)])]
        .into_iter()
        .flatten();
    assert_eq!(instruments.read(), expected.collect());

    drop(sampler);
    assert_eq!(instruments.read(), BTreeMap::new());
}

#[test]
fn a_retention_buffer_reports_what_waits_and_what_became_of_the_rest() {
    const OF: &str = "otel.component.type=batching_span_processor \
                      otel.component.name=batching_span_processor";
    let (meter, instruments) = (SelfMeter::new(), Instruments::default());
    let retention = Retention::new().max_spans_per_trace(1);
    let (buffer, worker) = retention.build(BatchSettings::spans(), &meter).unwrap();
    meter.bind(instruments.meter());
    let provider = SdkTracerProvider::builder()
        .with_span_processor(buffer.clone())
        .with_sampler(buffer.sampler(Sampler::AlwaysOff))
        .build();
    let tracer = provider.tracer("test");
    let cx = Context::new().with_span(tracer.start("root"));
    for _ in 0..2 {
        tracer.start_with_context("child", &cx).end();
    }
    buffer.keep(TraceId::from(7), SpanId::INVALID, KeepReason::Outlier);
    let retention = |name: &str| format!("otel.sdk.processor.span.retention.{name}");
    let bytes = buffer.bytes() as i128;
    assert!(bytes > 0);
    assert_reads(
        &instruments,
        &[
            (
                &format!("otel.sdk.processor.span.queue.size[{{span}}] {OF}"),
                0,
            ),
            (
                &format!("otel.sdk.processor.span.queue.capacity[{{span}}] {OF}"),
                2048,
            ),
            (
                &format!("otel.sdk.processor.span.processed[{{span}}] {OF}"),
                0,
            ),
            (
                "otel.sdk.span.live[{span}] otel.span.sampling_result=RECORD_ONLY",
                1,
            ),
            (
                "otel.sdk.span.live[{span}] otel.span.sampling_result=RECORD_AND_SAMPLE",
                0,
            ),
            (&retention("size[{span}]"), 1),
            (&retention("memory[By]"), bytes),
            (&retention("traces[{trace}]"), 1),
            (&retention("processed[{span}] error.type=trace_full"), 1),
            (&retention("keeps_too_late[{wish}]"), 1),
        ],
    );
    drop(worker);
}
