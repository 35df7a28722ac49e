//! What the variables do, and what becomes of those that make no sense.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/collector.rs"]
#[allow(dead_code)]
mod collector;

use std::collections::HashMap;
use std::time::Duration;

use collector::{Collector, attributes};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use throughline::{
    AdaptiveSampler, Error, Otlp, Outliers, Retention, Selector, Telemetry, TelemetryBuilder,
};
use throughline_testkit::CollectingSpanExporter;

const LIMIT: Duration = Duration::from_secs(10);

/// Telemetry that knows these variables alone.
fn with(variables: &[(&str, &str)]) -> TelemetryBuilder {
    let variables: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    Telemetry::builder("").environment(move |name| variables.get(name).cloned())
}

fn refused(variables: &[(&str, &str)]) -> Error {
    with(variables).build().unwrap_err()
}

#[test]
fn an_endpoint_that_makes_no_sense_is_an_error_that_names_the_variable() {
    for (name, value, expected) in [
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://host:99999",
            "port",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://user:pa55word@host",
            "header",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://", "URL"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "ftp://host", "URL"),
    ] {
        let error = refused(&[(name, value)]);
        assert!(error.is_invalid());
        let said = error.to_string();
        assert!(said.contains(name) && said.contains(expected), "{said}");
        assert!(!said.contains("pa55word"), "{said}");
    }
    let error = Telemetry::builder("shop")
        .environment(|_| None)
        .otlp(Otlp::http("no url at all"))
        .build()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`.otlp(..)` endpoint is \"no url at all\": expected a URL"),
        "{error}"
    );
}

#[test]
fn a_certificate_that_cannot_be_read_is_an_error_that_names_the_variable() {
    let name = "OTEL_EXPORTER_OTLP_CERTIFICATE";
    let said = refused(&[(name, "/nowhere/ca.pem")]).to_string();
    assert!(
        said.contains(name) && said.contains("/nowhere/ca.pem"),
        "{said}"
    );

    let said = refused(&[("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/nowhere/key.pem")]).to_string();
    assert!(
        said.contains("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE beside it"),
        "{said}"
    );
}

#[test]
fn what_is_only_misspelt_is_a_notice_and_the_default_holds() {
    let telemetry = with(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "-1"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "some"),
        ("OTEL_PROPAGATORS", "smoke"),
        ("OTEL_SDK_DISABLED", "1"),
    ])
    .build()
    .unwrap();
    assert!(!telemetry.is_disabled());
    let description = telemetry.describe();
    for name in [
        "OTEL_EXPORTER_OTLP_PROTOCOL is \"carrier-pigeon\"",
        "OTEL_METRIC_EXPORT_INTERVAL is \"-1\"",
        "OTEL_METRICS_EXEMPLAR_FILTER is \"some\"",
        "OTEL_PROPAGATORS is \"smoke\"",
        "OTEL_SDK_DISABLED is \"1\"",
    ] {
        let mut notices = description.notices().iter();
        assert!(
            notices.any(|it| it.contains(name) && it.contains("expected")),
            "{name}: {description}"
        );
    }
    // Nobody is there to take anything.
    let _ = telemetry.shutdown(Duration::ZERO);
}

#[test]
fn the_variables_of_a_signal_beat_the_general_ones_and_code_beats_both() {
    let (general, of_traces, of_code) =
        (Collector::start(), Collector::start(), Collector::start());
    let variables = [
        ("OTEL_SERVICE_NAME", "by variable"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &general.url()),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &of_traces.url()),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=general"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-tenant=traces"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ];
    let telemetry = with(&variables).build().unwrap();
    telemetry.operation("work").build().run(|| ());
    telemetry.shutdown(LIMIT).unwrap();
    assert_eq!(general.resource()["service.name"], "by variable");
    let metrics = &general.sink.received()[0];
    assert_eq!(
        (&*metrics.path, &metrics.headers["x-tenant"]),
        ("/v1/metrics", &"general".parse().unwrap())
    );
    assert!(metrics.compressed);
    let spans = &of_traces.sink.received()[0];
    assert!(
        spans.path.ends_with("TraceService/Export"),
        "{}",
        spans.path
    );
    assert_eq!(spans.headers["x-tenant"], "traces");

    let telemetry = with(&variables)
        .otlp(Otlp::http(of_code.url()).header("x-tenant", "code"))
        .build()
        .unwrap();
    telemetry.operation("work").build().run(|| ());
    telemetry.shutdown(LIMIT).unwrap();
    let paths: Vec<_> = of_code
        .sink
        .received()
        .into_iter()
        .map(|it| it.path)
        .collect();
    assert_eq!(paths, ["/v1/traces", "/v1/metrics"]);
    assert!(
        of_code
            .sink
            .received()
            .iter()
            .all(|it| it.headers["x-tenant"] == "code")
    );
    let said = telemetry.describe().to_string();
    assert!(
        said.contains("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set and ignored"),
        "{said}"
    );
}

#[test]
fn each_signal_can_be_left_out() {
    let collector = Collector::start();
    let telemetry = with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ])
    .build()
    .unwrap();
    assert!(telemetry.tracer().is_none());
    telemetry.operation("work").build().run(|| ());
    telemetry.shutdown(LIMIT).unwrap();
    assert!(collector.sink.received().is_empty());
}

#[test]
fn metrics_are_pushed_each_interval_as_the_variables_say() {
    let collector = Collector::start();
    let telemetry = with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "20"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
        ),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "always_off"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ])
    .build()
    .unwrap();
    let work = telemetry.operation("work").build();
    work.run(|| ());
    collector.wait_for(2);
    telemetry.shutdown(LIMIT).unwrap();
    let Some(Data::ExponentialHistogram(histogram)) = collector.metric("work.duration").data else {
        panic!("{:?}", collector.metric("work.duration"))
    };
    assert_eq!(histogram.aggregation_temporality, 1, "delta");
    assert!(histogram.data_points[0].exemplars.is_empty());
}

#[test]
fn the_sampler_and_the_limits_are_those_of_the_variables() {
    let collector = Collector::start();
    let base = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())];
    let also = |more: &[(&'static str, &str)]| {
        let mut all: Vec<(&str, &str)> = base
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        all.extend(more);
        with(&all).build().unwrap()
    };
    let unsampled = also(&[
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0"),
    ]);
    unsampled.operation("unsampled").build().run(|| ());
    unsampled.shutdown(LIMIT).unwrap();
    assert!(collector.spans().is_empty());

    let limited = also(&[
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
    ]);
    let call = limited.operation("limited").build();
    call.span_attribute("a", "abcdef")
        .span_attribute("b", "ab")
        .span_attribute("c", 1)
        .run(|| ());
    limited.shutdown(LIMIT).unwrap();
    let span = collector.span("limited");
    let kept = attributes(&span.attributes);
    assert_eq!(
        kept.into_iter().collect::<Vec<_>>(),
        [("a".into(), "abc".into()), ("b".into(), "ab".into())]
    );
    assert_eq!(span.dropped_attributes_count, 1);
}

#[test]
fn a_zero_interval_in_code_is_refused() {
    let error = Telemetry::builder("shop")
        .environment(|_| None)
        .metric_interval(Duration::ZERO)
        .build()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`.metric_interval(..)` is \"0s\": expected more than zero"),
        "{error}"
    );
    let error = Telemetry::builder("shop")
        .environment(|_| None)
        .cardinality_limit(0)
        .build()
        .unwrap_err();
    assert!(error.to_string().contains("cardinality_limit"), "{error}");
}

#[test]
fn our_own_samplers_are_named_by_variables() {
    let collector = Collector::start();
    let file = std::env::temp_dir().join(format!("throughline-{}.toml", std::process::id()));
    let rules = r#"
        [sampler]
        kind = "priority"
        default_rate = 0
        [[sampler.rules]]
        id = "paid"
        span_name = "paid"
        rate = 1
    "#;
    std::fs::write(&file, rules).unwrap();
    let path = file.to_str().unwrap();
    let build = |name: &str, argument: &str| {
        with(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ])
        .build()
    };
    let telemetry = build("priority", path).unwrap();
    telemetry.operation("free").build().run(|| ());
    telemetry.operation("paid").build().run(|| ());
    telemetry.shutdown(LIMIT).unwrap();
    assert_eq!(collector.spans().len(), 1);
    assert_eq!(collector.span("paid").trace_state, "ot=th:0");
    assert!(
        build("adaptive", "100")
            .unwrap()
            .describe()
            .to_string()
            .contains("adaptive 100/s")
    );

    // Another sampler's file: the line, the field, what it is and what it should be.
    let error = build("adaptive", path).unwrap_err().to_string();
    for part in [path, ".toml:3:", "sampler.kind", "priority", "adaptive"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    std::fs::remove_file(&file).unwrap();
    let error = build("priority", path).unwrap_err().to_string();
    assert!(error.contains(path), "{error}");
}

/// The specification has no such sampler, so what makes no sense is said at once: a default would sample something
/// else than was asked for.
#[test]
fn an_argument_that_a_sampler_cannot_use_names_the_variable() {
    for (sampler, argument, said) in [
        ("adaptive", "0", "\"0\": expected 0.001 to 1000000"),
        ("adaptive", "-5", "\"-5\": expected 0.001 to 1000000"),
        (
            "adaptive",
            "5000000",
            "\"5000000\": expected 0.001 to 1000000",
        ),
        ("traceidratio", "1e-20", "expected 0, or 2^-56 to 1"),
        (
            "parentbased_traceidratio",
            "1e-20",
            "expected 0, or 2^-56 to 1",
        ),
        (
            "adaptive",
            "/nowhere.toml",
            "\"/nowhere.toml\": expected a file that can be read",
        ),
        (
            "priority",
            "/nowhere.toml",
            "\"/nowhere.toml\": expected a file that can be read",
        ),
    ] {
        let error = refused(&[
            ("OTEL_TRACES_SAMPLER", sampler),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ]);
        assert!(error.is_invalid(), "{sampler} {argument}: {error}");
        let error = error.to_string();
        assert!(
            error.starts_with("OTEL_TRACES_SAMPLER_ARG is \""),
            "{error}"
        );
        assert!(error.contains(said), "{sampler} {argument}: {error}");
    }
}

#[test]
fn what_code_says_that_makes_no_sense_is_named_and_is_invalid() {
    let shop = || Telemetry::builder("shop").environment(|_| None);
    for (builder, said) in [
        (
            shop().retention(Retention::new().errors(2.0)),
            "retention.errors is 2: expected 0, or 2^-56 to 1",
        ),
        (
            shop().cardinality_limit(0),
            "reader.cardinality_limit is 0, expected at least 1",
        ),
        (
            shop().outliers(Selector::name("a"), Outliers::quantile(2.0)),
            "outliers.quantile is 2.0, expected",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert!(error.is_invalid(), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn what_is_overridden_or_has_no_way_out_is_not_looked_at() {
    let sampler = [
        ("OTEL_TRACES_SAMPLER", "priority"),
        ("OTEL_TRACES_SAMPLER_ARG", "/nowhere.toml"),
    ];
    let nothing_leaves = || Otlp::new().signals([]);
    let overridden = with(&sampler).sampler(AdaptiveSampler::builder().build().unwrap());
    let overridden = overridden.span_exporter(CollectingSpanExporter::new());
    let overridden = overridden.otlp(nothing_leaves()).build().unwrap();
    let said = overridden.describe().to_string();
    assert!(
        said.contains("OTEL_TRACES_SAMPLER is set and ignored"),
        "{said}"
    );

    let endpoint = [("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "ftp://host")];
    for without_exit in [with(&sampler), with(&endpoint)] {
        drop(without_exit.otlp(nothing_leaves()).build().unwrap());
    }
}

#[test]
fn what_is_disabled_does_not_fail_on_what_it_does_not_use() {
    for wrong in [
        [
            ("OTEL_TRACES_SAMPLER", "priority"),
            ("OTEL_TRACES_SAMPLER_ARG", "/nowhere.toml"),
        ],
        [
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ],
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ],
    ] {
        let mut variables = wrong.to_vec();
        variables.push(("OTEL_SDK_DISABLED", "true"));
        let telemetry = with(&variables)
            .metric_interval(Duration::ZERO)
            .build()
            .unwrap();
        assert!(telemetry.is_disabled());
        assert!(
            telemetry
                .describe()
                .to_string()
                .contains("OTEL_SDK_DISABLED")
        );
    }
}
