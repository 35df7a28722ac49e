//! The quickstart, its telemetry received by a real Collector and scraped by a real Prometheus, against what its load
//! generator counted on its own side.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use throughline_e2e::{
    Collector, Failure, Ledger, Log, Look, Prometheus, Quickstart, Received, Scratch, tool,
    unresolved, until,
};

/// What the shop is asked for, with the metrics' prefix.
const REQUESTS: [(&str, &str); 3] = [
    ("show product", "show_product"),
    ("search", "search"),
    ("place order", "place_order"),
];

/// Every trace is sampled, so that spans can be counted.
const ALL: [&str; 2] = ["--sample", "1"];

#[test]
fn cumulative_metrics_over_grpc_agree_with_the_ledger() -> Result<(), Failure> {
    let Some((program, collector)) = programs()? else {
        return Ok(());
    };
    let scratch = Scratch::new("quickstart_grpc")?;
    let collector = Collector::start(&collector, &scratch)?;
    let endpoint = format!("http://{}", collector.grpc());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ];

    let ledger = Quickstart::start(&program, &ALL, &variables, &scratch)?.finish()?;

    agrees(&collector.stop()?, &ledger);
    scratch.passed();
    Ok(())
}

#[test]
fn delta_metrics_over_http_agree_with_the_ledger() -> Result<(), Failure> {
    let Some((program, collector)) = programs()? else {
        return Ok(());
    };
    let scratch = Scratch::new("quickstart_http")?;
    let collector = Collector::start(&collector, &scratch)?;
    let endpoint = format!("http://{}", collector.http());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
    ];

    let ledger = Quickstart::start(&program, &ALL, &variables, &scratch)?.finish()?;

    agrees(&collector.stop()?, &ledger);
    scratch.passed();
    Ok(())
}

#[test]
fn at_one_percent_every_error_is_there_and_every_exemplar_resolves() -> Result<(), Failure> {
    let Some((program, collector)) = programs()? else {
        return Ok(());
    };
    let scratch = Scratch::new("quickstart_one_percent")?;
    let collector = Collector::start(&collector, &scratch)?;
    let endpoint = format!("http://{}", collector.grpc());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
    ];

    let ledger = Quickstart::start(&program, &[], &variables, &scratch)?.finish()?;

    let received = collector.stop()?;
    let counted = counted(&ledger);
    for suffix in ["calls", "duration"] {
        assert_eq!(arrived(&received, suffix), counted, "*.{suffix}");
    }
    let (mut by_chance, mut retained, mut answered) = (0, 0, 0);
    for (request, _) in REQUESTS {
        let spans = || received.spans.iter().filter(|span| span.name == request);
        let refused = ledger
            .entries
            .iter()
            .filter(|entry| entry.request == request && entry.status >= 400);
        assert_eq!(
            u64::try_from(spans().filter(|span| span.failed).count()).unwrap(),
            refused.map(|entry| entry.count).sum::<u64>(),
            "every failed {request}"
        );
        for span in spans().filter(|span| !span.failed) {
            match span.attributes.get("sampling.retained") {
                None => by_chance += 1,
                // On a machine that stands still for a while, most are slow, and many are outliers.
                Some(why) if why.contains("slow") => {}
                Some(_) => retained += 1,
            }
        }
        answered += ledger.answers(request);
    }
    assert!(
        by_chance < answered / 20 && retained < answered / 2,
        "of {answered} requests {by_chance} were kept by chance, at 1 %, and {retained} for something else than slowness"
    );
    let dangling: Vec<_> = unresolved(&received)
        .into_iter()
        // Logs leave whether or not their trace does.
        .filter(|line| line.starts_with("an exemplar"))
        .collect();
    assert_eq!(dangling, Vec::<String>::new());
    assert!(received.exemplars().count() > 0, "no exemplar arrived");
    scratch.passed();
    Ok(())
}

#[test]
fn prometheus_agrees_with_the_ledger_and_its_exemplars_resolve() -> Result<(), Failure> {
    let Some((program, collector)) = programs()? else {
        return Ok(());
    };
    let Some(prometheus) = tool("THROUGHLINE_PROMETHEUS")? else {
        return Ok(());
    };
    let scratch = Scratch::new("quickstart_prometheus")?;
    let collector = Collector::start(&collector, &scratch)?;
    let endpoint = format!("http://{}", collector.grpc());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ];
    let mut quickstart =
        Quickstart::start(&program, &["--stay", "--sample", "1"], &variables, &scratch)?;
    let mut prometheus = Prometheus::start(&prometheus, quickstart.metrics(), &scratch)?;

    let ledger = quickstart.ledger()?;
    until(
        "Prometheus to have the last numbers",
        Duration::from_secs(30),
        || {
            prometheus.still_runs()?;
            let (scraped, counted) = (scraped(&prometheus)?, counted(&ledger));
            Ok(if scraped == counted {
                Look::Found(())
            } else {
                Look::NotYet(format!("it has {scraped:?}, and the ledger {counted:?}"))
            })
        },
    )?;
    let exemplars = prometheus.exemplars("{job=\"throughline\"}")?;
    quickstart.interrupt()?;

    let received = collector.stop()?;
    let traces: BTreeSet<&str> = received
        .spans
        .iter()
        .map(|span| span.trace_id.as_str())
        .collect();
    let lost: Vec<_> = exemplars
        .iter()
        .filter(|exemplar| !traces.contains(exemplar.labels["trace_id"].as_str()))
        .collect();
    assert!(
        lost.is_empty(),
        "Prometheus has exemplars whose traces the Collector has not: {lost:?}"
    );
    assert!(
        exemplars
            .iter()
            .any(|exemplar| exemplar.series["__name__"] == "place_order_duration_seconds_bucket"),
        "{exemplars:?}"
    );
    scratch.passed();
    Ok(())
}

/// The quickstart and the Collector.
fn programs() -> Result<Option<(PathBuf, PathBuf)>, Failure> {
    Ok(tool("THROUGHLINE_QUICKSTART")?.zip(tool("THROUGHLINE_COLLECTOR")?))
}

/// The counts of one source, by request and outcome: `("place_order", "success")`, `("place_order", "sold_out")`.
type Counts = BTreeMap<(&'static str, String), u64>;

/// What the load generator counted, in the words of the metrics.
fn counted(ledger: &Ledger) -> Counts {
    let mut counts = Counts::new();
    for (request, prefix) in REQUESTS {
        for entry in ledger
            .entries
            .iter()
            .filter(|entry| entry.request == request)
        {
            let outcome = match entry.status {
                200..300 => "success",
                404 => "no_such_product",
                409 => "sold_out",
                // A write lock held for longer than the database waits: possible on a machine that is very busy.
                500 => "database",
                other => panic!("{} of {request} were answered with {other}", entry.count),
            };
            *counts.entry((prefix, outcome.to_owned())).or_default() += entry.count;
        }
    }
    assert!(
        counts.len() >= 5,
        "every request, and both refusals: {counts:?}"
    );
    counts
}

/// `error.type` of a series, or `success` where there is none.
fn outcome(error_type: Option<&String>) -> String {
    error_type.map_or_else(|| "success".to_owned(), Clone::clone)
}

/// Everything that arrived is what the load generator counted, and all that points at a trace resolves.
fn agrees(received: &Received, ledger: &Ledger) {
    let counted = counted(ledger);
    for suffix in ["calls", "duration"] {
        assert_eq!(arrived(received, suffix), counted, "*.{suffix}");
    }
    for (request, prefix) in REQUESTS {
        assert_eq!(
            received.total(&format!("{prefix}.active"), &[]),
            0.0,
            "{request} in flight at the end"
        );
        let spans = received
            .spans
            .iter()
            .filter(|span| span.name == request)
            .count();
        assert_eq!(
            u64::try_from(spans).unwrap(),
            ledger.answers(request),
            "spans of {request}"
        );
    }
    // What the service says of itself: all that it exported arrived, nothing was lost, and it has no complaint.
    for (metric, number) in [
        ("otel.sdk.exporter.span.exported", received.spans.len()),
        ("otel.sdk.exporter.log.exported", received.logs.len()),
    ] {
        let exported = received.series(metric);
        let lost: Vec<_> = exported
            .iter()
            .filter(|point| point.attributes.contains_key("error.type"))
            .collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert_eq!(
            whole(received.total(metric, &[])),
            u64::try_from(number).unwrap(),
            "{metric}"
        );
    }
    // The shop's own warnings stand in a request; outside of one, it is the SDK that warns.
    let warns =
        |log: &&Log| log.trace_id.is_empty() && ["WARN", "ERROR"].contains(&log.severity.as_str());
    let complaints: Vec<_> = received.logs.iter().filter(warns).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(unresolved(received), Vec::<String>::new());
    for (_, prefix) in REQUESTS {
        let metric = format!("{prefix}.duration");
        assert!(
            received.exemplars().any(|(of, _)| of == metric),
            "no exemplar of {metric} arrived"
        );
    }
    assert!(
        received
            .logs
            .iter()
            .any(|log| log.body == "order placed" && !log.trace_id.is_empty()),
        "no log of an order arrived"
    );
}

/// The values of `<prefix>.<suffix>`, counts for histograms.
fn arrived(received: &Received, suffix: &str) -> Counts {
    let mut counts = Counts::new();
    for (_, prefix) in REQUESTS {
        for point in received.series(&format!("{prefix}.{suffix}")) {
            *counts
                .entry((prefix, outcome(point.attributes.get("error.type"))))
                .or_default() += whole(point.value.count_or_value());
        }
    }
    counts
}

/// What Prometheus has of `<prefix>.calls`, and the same of `<prefix>.duration`, or else neither.
fn scraped(prometheus: &Prometheus) -> Result<Counts, Failure> {
    let mut both = [Counts::new(), Counts::new()];
    for (counts, suffix) in both
        .iter_mut()
        .zip(["calls_total", "duration_seconds_count"])
    {
        for (_, prefix) in REQUESTS {
            for sample in prometheus.query(&format!("{prefix}_{suffix}"))? {
                *counts
                    .entry((prefix, outcome(sample.labels.get("error_type"))))
                    .or_default() += whole(sample.value);
            }
        }
    }
    let [calls, durations] = both;
    Ok(if calls == durations {
        calls
    } else {
        Counts::new()
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, checked to be whole"
)]
fn whole(value: f64) -> u64 {
    assert!(value.fract() == 0.0 && value >= 0.0, "{value} is no count");
    value as u64
}
