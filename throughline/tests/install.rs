//! What is global: each test runs in a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/collector.rs"]
#[allow(dead_code)]
mod collector;

use std::collections::HashMap;
use std::time::Duration;

use alone::alone;
use collector::{Collector, shown};
use throughline::opentelemetry::trace::{TraceContextExt, Tracer};
use throughline::opentelemetry::{Context, KeyValue, baggage::BaggageExt, global};
use throughline::tracing::{info, info_span, warn};
use throughline::{Otlp, Telemetry};
use throughline_testkit::otlp_sink::Nobody;

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn libraries_that_use_the_api_and_tracing_reach_us() {
    alone(
        "libraries_that_use_the_api_and_tracing_reach_us",
        &[],
        || {
            let collector = Collector::start();
            let before = global::meter("early").u64_counter("before.install").build();
            let telemetry = Telemetry::builder("shop")
                .otlp(Otlp::grpc(collector.url()))
                .install()
                .unwrap();
            before.add(1, &[]);

            let hits = global::meter_provider()
                .meter("cache")
                .u64_counter("cache.hits")
                .build();
            global::tracer("http client").in_span("GET", |_| {
                hits.add(1, &[KeyValue::new("tier", "l1")]);
                info!("from a library");
            });
            info_span!("from tracing").in_scope(|| ());
            telemetry.shutdown(LIMIT).unwrap();

            let span = collector.span("GET");
            assert_eq!(collector.numbers("cache.hits")["tier=l1"], 1.0);
            assert_eq!(collector.record("from a library").span_id, span.span_id);
            collector.span("from tracing");
            // Said in the docs and by describe(): taken before, it stays a no-op.
            let requests = format!("{:?}", collector.sink.metrics());
            assert!(!requests.contains("before.install"));
        },
    );
}

#[test]
fn installing_twice_is_an_error_until_the_first_is_shut_down() {
    alone(
        "installing_twice_is_an_error_until_the_first_is_shut_down",
        &[],
        || {
            let (one, two) = (Collector::start(), Collector::start());
            let builder = |collector: &Collector, name: &str| {
                Telemetry::builder(name).otlp(Otlp::grpc(collector.url()))
            };
            let first = builder(&one, "first").install().unwrap();
            info_span!("one").in_scope(|| info!("to the first"));

            let error = builder(&two, "second").install().unwrap_err();
            assert!(error.is_already_installed());
            assert!(error.to_string().contains("\"first\""), "{error}");

            first.shutdown(LIMIT).unwrap();
            info!("to nobody");
            let second = builder(&two, "second").install().unwrap();
            info_span!("two").in_scope(|| info!("to the second"));
            global::meter("library")
                .u64_counter("calls")
                .build()
                .add(1, &[]);
            // A late shutdown of the first changes nothing for the second.
            first.shutdown(LIMIT).unwrap();
            drop(first);
            info!("to the second, too");
            drop(second);

            one.span("one");
            assert_eq!(one.records().len(), 1);
            two.span("two");
            assert_eq!(two.records().len(), 2);
            assert_eq!(two.numbers("calls")[""], 1.0);
            // A handle that is dropped is gone: nothing is in the way.
            let third = builder(&two, "third").install().unwrap();
            drop(third);
        },
    );
}

#[test]
fn a_subscriber_that_was_there_before_is_kept_and_said() {
    let name = "a_subscriber_that_was_there_before_is_kept_and_said";
    let said = alone(name, &[], || {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .init();
        let telemetry = Telemetry::builder("shop")
            .otlp(Otlp::new().signals([]))
            .install()
            .unwrap();
        assert!(telemetry.describe().notices()[0].contains("another `tracing` subscriber"));
        warn!("still heard");
    });
    if let Some(said) = said {
        assert!(
            said.contains("add `telemetry.layer()` to that subscriber"),
            "{said}"
        );
        assert!(said.contains("still heard"), "{said}");
    }
}

#[test]
fn a_second_install_says_that_the_filters_of_the_first_stay() {
    let name = "a_second_install_says_that_the_filters_of_the_first_stay";
    alone(name, &[], || {
        let install = |filter: &str| {
            let telemetry = Telemetry::builder("shop")
                .otlp(Otlp::new().signals([]))
                .tracing_filter(filter)
                .install()
                .unwrap();
            telemetry.describe().notices().join("; ")
        };
        assert_eq!(install("warn"), "");
        assert_eq!(install("warn"), "");
        let said = install("debug");
        assert!(said.contains("first install() stays"), "{said}");
        assert!(said.contains("exported warn"), "{said}");
    });
}

#[test]
fn a_name_in_the_environment_that_code_beats_is_said() {
    let build = |name: &str| {
        let telemetry = Telemetry::builder(name)
            .environment(|name| (name == "OTEL_SERVICE_NAME").then(|| "cart".to_owned()))
            .otlp(Otlp::new().signals([]))
            .build()
            .unwrap();
        telemetry.describe().notices().join("; ")
    };
    assert_eq!((build(""), build("cart")), (String::new(), String::new()));
    let said = build("shop");
    assert!(said.contains("\"cart\": code calls it \"shop\""), "{said}");
}

#[test]
fn a_program_with_a_subscriber_of_its_own_adds_our_layer() {
    alone(
        "a_program_with_a_subscriber_of_its_own_adds_our_layer",
        &[],
        || {
            use tracing_subscriber::prelude::*;
            let collector = Collector::start();
            let telemetry = Telemetry::builder("shop")
                .otlp(Otlp::http(collector.url()))
                .without_subscriber()
                .install()
                .unwrap();
            tracing_subscriber::registry()
                .with(telemetry.layer())
                .init();
            assert_eq!(telemetry.describe().notices(), [""; 0]);
            info_span!("ours").in_scope(|| info!("ours, too"));
            telemetry.shutdown(LIMIT).unwrap();
            assert_eq!(
                collector.record("ours, too").span_id,
                collector.span("ours").span_id
            );
        },
    );
}

#[test]
fn the_console_shows_what_rust_log_says_and_the_export_does_not_care() {
    let name = "the_console_shows_what_rust_log_says_and_the_export_does_not_care";
    let said = alone(name, &[("RUST_LOG", "warn")], || {
        let collector = Collector::start();
        let telemetry = Telemetry::builder("shop")
            .otlp(Otlp::grpc(collector.url()))
            .install()
            .unwrap();
        info_span!("span").in_scope(|| info!("in silence"));
        warn!("aloud");
        telemetry.shutdown(LIMIT).unwrap();
        collector.span("span");
        collector.record("in silence");
        collector.record("aloud");
    });
    if let Some(said) = said {
        assert!(
            said.contains("aloud") && !said.contains("in silence"),
            "{said}"
        );
    }
}

#[test]
fn the_console_shows_where_nobody_listens_and_why() {
    let name = "the_console_shows_where_nobody_listens_and_why";
    let said = alone(name, &[], || {
        let nobody = Nobody::listens().unwrap();
        let telemetry = Telemetry::builder("shop")
            .otlp(Otlp::http(format!("{}/?key=s3cret", nobody.url())))
            .install()
            .unwrap();
        info_span!("span").in_scope(|| info!("record"));
        telemetry.shutdown(Duration::from_secs(5)).unwrap_err();
    });
    if let Some(said) = said {
        for (what, path) in [
            ("spans", "traces"),
            ("metrics", "metrics"),
            ("log records", "logs"),
        ] {
            let told = |line: &&str| {
                line.contains(&format!(" {what} to http://127.0.0.1:"))
                    && line.contains(&format!("/v1/{path}: "))
                    && line.contains("refused")
            };
            assert_eq!(said.lines().filter(told).count(), 1, "{what}: {said}");
        }
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn the_default_console_leaves_out_what_opentelemetry_says_of_its_own_doings() {
    let name = "the_default_console_leaves_out_what_opentelemetry_says_of_its_own_doings";
    let said = alone(name, &[], || {
        let install = || {
            Telemetry::builder("shop")
                .otlp(Otlp::new().signals([]))
                .install()
                .unwrap()
        };
        drop(install());
        let _telemetry = install();
        info!("of the application");
    });
    if let Some(said) = said {
        assert!(said.contains("of the application"), "{said}");
        assert!(!said.contains("GlobalSet"), "{said}");
    }
}

#[test]
fn a_variable_that_is_not_understood_is_said_and_its_default_holds() {
    let name = "a_variable_that_is_not_understood_is_said_and_its_default_holds";
    let variables = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_TRACES_SAMPLER", "maybe"),
    ];
    let said = alone(name, &variables, || {
        let telemetry = Telemetry::builder("shop")
            .otlp(Otlp::new().signals([]))
            .install()
            .unwrap();
        assert_eq!(telemetry.describe().notices().len(), 2);
    });
    if let Some(said) = said {
        let expected =
            "OTEL_BSP_MAX_QUEUE_SIZE is \"many\": expected an integer from 1 to 2147483647";
        assert!(said.contains(expected), "{said}");
        assert!(
            said.contains("OTEL_TRACES_SAMPLER is \"maybe\": expected"),
            "{said}"
        );
    }
}

#[test]
fn context_and_baggage_travel_from_one_service_to_the_next() {
    alone(
        "context_and_baggage_travel_from_one_service_to_the_next",
        &[],
        || {
            let collector = Collector::start();
            let telemetry = Telemetry::builder("shop")
                .otlp(Otlp::grpc(collector.url()))
                .install()
                .unwrap();
            let (call, serve) = (
                telemetry.operation("call").build(),
                telemetry.operation("serve").build(),
            );
            let mut headers = HashMap::new();
            let shopper = Context::current_with_baggage([KeyValue::new("shopper", "anna")]);
            call.with(()).parent(shopper).run(|| {
                global::get_text_map_propagator(|it| it.inject(&mut headers));
            });
            let caller = global::get_text_map_propagator(|it| {
                it.extract_with_context(&Context::new(), &headers)
            });
            serve.with(()).parent(caller).run(|| {
                let context = Context::current();
                assert_eq!(
                    context.baggage().get("shopper").map(|it| it.as_str()),
                    Some("anna")
                );
            });
            telemetry.shutdown(LIMIT).unwrap();
            let (call, serve) = (collector.span("call"), collector.span("serve"));
            assert_eq!(serve.parent_span_id, call.span_id);
            assert_eq!(serve.trace_id, call.trace_id);
            assert_eq!(shown(&serve.attributes), "");
        },
    );
}

#[test]
fn propagators_are_what_the_variable_says() {
    let name = "propagators_are_what_the_variable_says";
    alone(name, &[("OTEL_PROPAGATORS", "baggage")], || {
        let _telemetry = Telemetry::builder("shop")
            .otlp(Otlp::new().signals([]))
            .install()
            .unwrap();
        let fields = global::get_text_map_propagator(|it| {
            it.fields().map(str::to_owned).collect::<Vec<_>>()
        });
        assert_eq!(fields, ["baggage"]);
    });
}

#[test]
fn disabled_it_records_nothing_and_context_travels_on() {
    let name = "disabled_it_records_nothing_and_context_travels_on";
    let said = alone(name, &[("OTEL_SDK_DISABLED", "true")], || {
        let collector = Collector::start();
        let telemetry = Telemetry::builder("shop")
            .otlp(Otlp::grpc(collector.url()))
            .install()
            .unwrap();
        assert!(telemetry.is_disabled());
        let headers = HashMap::from([(
            "traceparent".to_owned(),
            "00-00000000000000000000000000000007-0000000000000008-01".to_owned(),
        )]);
        let caller = global::get_text_map_propagator(|it| {
            it.extract_with_context(&Context::new(), &headers)
        });
        let mut sent = HashMap::new();
        let answer = telemetry
            .operation("serve")
            .build()
            .with(())
            .parent(caller)
            .run(|| {
                info_span!("inside").in_scope(|| {
                    assert!(Context::current().span().span_context().is_remote());
                    global::get_text_map_propagator(|it| it.inject(&mut sent));
                    42
                })
            });
        assert_eq!(answer, 42);
        assert_eq!(sent["traceparent"], headers["traceparent"]);
        telemetry.force_flush(LIMIT).unwrap();
        telemetry.shutdown(LIMIT).unwrap();
        assert!(collector.sink.received().is_empty());
        // It is in nobody's way.
        drop(Telemetry::builder("shop").install().unwrap());
        info!("the console goes on");
    });
    if let Some(said) = said {
        assert!(said.contains("the console goes on"), "{said}");
    }
}
