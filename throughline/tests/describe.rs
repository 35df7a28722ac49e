//! What `describe()` says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use throughline::samplers::probability::Predicate;
use throughline::{Otlp, Outliers, Prometheus, Retention, Selector, Signal, Slow, Telemetry, View};
use throughline_testkit::CollectingSpanExporter;

fn variables(name: &str) -> Option<String> {
    let value = match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_HEADERS" => "x-tenant=t0p-s3cret",
        "OTEL_BSP_MAX_QUEUE_SIZE" => "64",
        "OTEL_METRIC_EXPORT_INTERVAL" => "1500",
        "OTEL_TRACES_SAMPLER" => "sometimes",
        "OTEL_LOGS_EXPORTER" => "console",
        "OTEL_RESOURCE_ATTRIBUTES" => "team=payments",
        "RUST_LOG" => "shop=loud",
        _ => return None,
    };
    Some(value.to_owned())
}

#[test]
fn every_value_says_where_it_came_from_and_no_secret_is_shown() {
    let telemetry = Telemetry::builder("checkout")
        .environment(variables)
        .otlp(
            Otlp::new()
                .header("authorization", "Bearer s3cret")
                .signals([Signal::Traces]),
        )
        .prometheus(Prometheus::at("127.0.0.1:0").bearer_token("s3cret-t0ken"))
        .build()
        .unwrap();
    let address = telemetry.prometheus_addr().unwrap();
    let said = telemetry.describe().to_string();
    let lines: Vec<String> = said
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let line = |beginning: &str| {
        let found = lines.iter().find(|line| line.starts_with(beginning));
        found.unwrap_or_else(|| panic!("no {beginning:?} in\n{said}"))
    };
    assert_eq!(line("service.name "), "service.name checkout (code)");
    assert_eq!(line("team "), "team payments (OTEL_RESOURCE_ATTRIBUTES)");
    assert_eq!(
        line("endpoint "),
        "endpoint http://127.0.0.1:9/v1/traces (OTEL_EXPORTER_OTLP_ENDPOINT)"
    );
    assert_eq!(line("header authorization"), "header authorization (code)");
    assert_eq!(
        line("header x-tenant"),
        "header x-tenant (OTEL_EXPORTER_OTLP_HEADERS)"
    );
    assert_eq!(line("queue "), "queue 64 (OTEL_BSP_MAX_QUEUE_SIZE)");
    assert_eq!(line("batch "), "batch 64 (default)");
    assert_eq!(
        line("interval "),
        "interval 1.5s (OTEL_METRIC_EXPORT_INTERVAL)"
    );
    assert_eq!(line("sampler "), "sampler parentbased_always_on (default)");
    assert!(
        said.contains("OTEL_TRACES_SAMPLER is \"sometimes\": expected"),
        "{said}"
    );
    assert!(
        said.contains("OTEL_LOGS_EXPORTER asks for console"),
        "{said}"
    );
    assert!(
        said.contains("RUST_LOG is \"shop=loud\": expected"),
        "{said}"
    );
    assert!(
        said.contains(&format!("Prometheus scrapes http://{address}/metrics")),
        "{said}"
    );
    assert!(said.contains("before install() stay no-ops"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    assert!(telemetry.describe().notices().len() >= 3);
}

#[test]
fn a_program_with_one_version_of_opentelemetry_is_told_so() {
    let version = "0.33.1";
    let said = Telemetry::disabled().describe().to_string();
    assert!(
        said.contains(&format!(
            "opentelemetry {version}: no second version was found"
        )),
        "{said}"
    );
    // And the paths that it looks for do stand in a real program, which this test is: they are put together
    // here, so that they are not its own.
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let path = ["opentelemetry-", version, "/src"].concat();
    assert!(program.windows(path.len()).any(|it| it == path.as_bytes()));
}

#[test]
fn what_code_said_about_otlp_shows_no_secret() {
    for (url, shown) in [
        (
            "http://user:pa55word@host:4318/p@th?key=pa55word",
            "http://…@host:4318/p@th",
        ),
        ("user:pa55word@host:4317", "…@host:4317"),
        ("https://host:4318#pa55word", "https://host:4318"),
    ] {
        let otlp = throughline::Otlp::http(url).header("authorization", "pa55word");
        let debug = format!("{otlp:?}");
        assert!(!debug.contains("pa55word"), "{debug}");
        assert!(debug.contains(&format!("{shown:?}")), "{debug}");
    }
}

#[test]
fn a_query_that_grpc_cannot_send_is_said_once() {
    let environment = |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://127.0.0.1:9/?key=s3cret".to_owned()),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("grpc".to_owned()),
        _ => None,
    };
    let telemetry = Telemetry::builder("shop")
        .environment(environment)
        .otlp(Otlp::new().signals([Signal::Traces, Signal::Logs]))
        .build()
        .unwrap();
    let expected = "ignored: the query of OTEL_EXPORTER_OTLP_ENDPOINT: gRPC cannot send one, \
                    expected a header";
    assert_eq!(telemetry.describe().notices(), [expected]);
}

/// A line of `describe()`, its blanks as one.
fn line(telemetry: &Telemetry, beginning: &str) -> String {
    let said = telemetry.describe().to_string();
    let mut lines = said
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let found = lines.find(|line| line.starts_with(beginning));
    found.unwrap_or_else(|| panic!("no {beginning:?} in\n{said}"))
}

#[test]
fn what_is_kept_beyond_the_sampler_is_said_with_its_bounds() {
    const KEPT: &str = "kept beyond the sampler";
    let shop = |sampler: &'static str| {
        Telemetry::builder("shop")
            .span_exporter(CollectingSpanExporter::new())
            .environment(move |name| match name {
                "OTEL_TRACES_SAMPLER" => Some(sampler.to_owned()),
                name => name.ends_with("_EXPORTER").then(|| "none".to_owned()),
            })
    };
    for (sampler, expected) in [
        (
            "",
            "errors 1, slow 0.5 (500ms or more), outliers 1 (default)",
        ),
        (
            "parentbased_traceidratio",
            "errors 1, slow 0.5 (500ms or more), outliers 1 (default)",
        ),
        ("always_off", "off (OTEL_TRACES_SAMPLER)"),
        (
            "adaptive",
            "errors 1, slow 0.5 (500ms or more), outliers 1 (OTEL_TRACES_SAMPLER)",
        ),
    ] {
        let telemetry = shop(sampler).build().unwrap();
        assert_eq!(
            line(&telemetry, KEPT),
            format!("{KEPT} {expected}"),
            "{sampler}"
        );
    }
    let off = shop("always_off").without_retention().build().unwrap();
    assert_eq!(line(&off, KEPT), format!("{KEPT} off (code)"));

    let retention = Retention::new()
        .errors(0.25)
        .slow(Slow::Quantile(0.99), 1.0)
        .rule(Predicate::anything(), 0.125)
        .max_bytes(1 << 20);
    let own = shop("always_off")
        .retention(retention)
        .view(View::select(Selector::any()))
        .cardinality_limit(500)
        .outliers(Selector::name("a"), Outliers::none())
        .build()
        .unwrap();
    let kept = "errors 0.25, slow 1 (above the quantile 0.99), outliers 1, rules 0.125 (code)";
    assert_eq!(line(&own, KEPT), format!("{KEPT} {kept}"));
    assert!(line(&own, "waiting at most").contains("1048576 bytes"));
    assert_eq!(
        line(&own, "outliers"),
        "outliers 1 given, before the default (code)"
    );
    assert_eq!(line(&own, "views"), "views 1 (code)");
    assert_eq!(line(&own, "series of"), "series of a stream 500 (code)");
}
