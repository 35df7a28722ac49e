use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::reader::NO_LIMIT;
use crate::*;

/// Reads these variables alone.
fn read(variables: &[(&str, &str)]) -> (Environment, Vec<Invalid>) {
    Environment::read(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.to_string())
    })
}

/// Reads these variables, of which none may be invalid.
#[track_caller]
fn valid(variables: &[(&str, &str)]) -> Environment {
    let (environment, invalid) = read(variables);
    assert_eq!(invalid, []);
    environment
}

/// The one complaint about this value, which must have been ignored.
#[track_caller]
fn refused(variable: &str, value: &str) -> String {
    let (environment, invalid) = read(&[(variable, value)]);
    assert_eq!(environment, Environment::default(), "{variable}={value}");
    assert_eq!(invalid.len(), 1, "{variable}={value}: {invalid:?}");
    assert_eq!(invalid[0].variable, variable);
    invalid[0].to_string()
}

#[test]
fn the_list_names_each_variable_that_is_read_and_no_other() {
    let read = RefCell::new(BTreeSet::new());
    Environment::read(|name| {
        read.borrow_mut().insert(name.to_owned());
        None
    });
    let listed: BTreeSet<String> = VARIABLES.iter().map(|v| v.name.to_owned()).collect();
    assert_eq!(listed.len(), VARIABLES.len(), "a name is listed twice");
    assert_eq!(listed, read.into_inner());
}

#[test]
fn the_listed_defaults_are_values_that_are_understood() {
    for variable in VARIABLES.iter().filter(|v| !v.default.is_empty()) {
        let mut variables = vec![(variable.name, variable.default)];
        if variable.name == "OTEL_TRACES_SAMPLER_ARG" {
            variables.push(("OTEL_TRACES_SAMPLER", "traceidratio"));
        }
        valid(&variables);
    }
}

/// `configuration/sdk-environment-variables.md`, Parsing empty value.
#[test]
fn empty_is_unset() {
    for variable in VARIABLES {
        assert_eq!(valid(&[(variable.name, "")]), Environment::default());
        assert_eq!(valid(&[(variable.name, " \t")]), Environment::default());
    }
}

/// `configuration/sdk-environment-variables.md`, Boolean.
#[test]
fn only_true_in_any_case_is_true() {
    for value in ["true", "True", "TRUE", " true "] {
        assert!(valid(&[("OTEL_SDK_DISABLED", value)]).sdk_disabled);
    }
    assert!(!valid(&[("OTEL_SDK_DISABLED", "False")]).sdk_disabled);
    for value in ["1", "yes", "on", "t"] {
        assert_eq!(
            refused("OTEL_SDK_DISABLED", value),
            format!(
                "OTEL_SDK_DISABLED is {value:?}: expected true or false; any other value means false"
            )
        );
    }
}

#[test]
fn a_boolean_of_a_signal_that_is_not_understood_is_false_and_beats_the_general_one() {
    let (environment, invalid) = read(&[
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_EXPORTER_OTLP_LOGS_INSECURE", "1"),
    ]);
    assert_eq!(invalid.len(), 1);
    let insecure = |signal| environment.otlp.signal(signal).insecure;
    assert_eq!(insecure(Signal::Logs), Some(false));
    assert_eq!(insecure(Signal::Traces), Some(true));
}

/// `configuration/sdk-environment-variables.md`, Enum.
#[test]
fn words_ignore_case_and_unknown_ones_are_named_and_ignored() {
    let environment = valid(&[
        ("OTEL_METRICS_EXEMPLAR_FILTER", "Always_On"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "LowMemory",
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "BASE2_EXPONENTIAL_BUCKET_HISTOGRAM",
        ),
        ("OTEL_LOG_LEVEL", "Warning"),
    ]);
    let metrics = environment.metrics;
    assert_eq!(metrics.exemplar_filter, Some(ExemplarFilter::AlwaysOn));
    assert_eq!(
        metrics.temporality_preference,
        Some(TemporalityPreference::LowMemory)
    );
    assert_eq!(
        metrics.default_histogram_aggregation,
        Some(HistogramAggregation::Base2ExponentialBucketHistogram)
    );
    assert_eq!(environment.log_level, Some(LogLevel::Warn));
    assert_eq!(
        refused("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        "OTEL_EXPORTER_OTLP_PROTOCOL is \"http/json\": expected one of grpc, http/protobuf"
    );
}

/// `configuration/common.md`, Integer, Duration.
#[test]
fn numbers_that_do_not_parse_or_lie_outside_the_range_are_ignored() {
    for value in [
        "-1",
        "2147483648",
        "1.5",
        "5s",
        "0x10",
        "99999999999999999999",
    ] {
        assert_eq!(
            refused("OTEL_SPAN_EVENT_COUNT_LIMIT", value),
            format!(
                "OTEL_SPAN_EVENT_COUNT_LIMIT is {value:?}: expected an integer from 0 to 2147483647"
            )
        );
        refused("OTEL_BSP_SCHEDULE_DELAY", value);
        refused("OTEL_METRIC_EXPORT_TIMEOUT", value);
    }
    refused("OTEL_BSP_MAX_QUEUE_SIZE", "0");
    refused("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "0");
    refused("OTEL_METRIC_EXPORT_INTERVAL", "0");
    refused("OTEL_EXPORTER_PROMETHEUS_PORT", "65536");
    let limits = valid(&[("OTEL_SPAN_EVENT_COUNT_LIMIT", "0")]).limits;
    assert_eq!(limits.span.events, Some(0));
}

/// `configuration/common.md`, Timeout.
#[test]
fn a_timeout_of_zero_is_no_limit_and_a_delay_of_zero_is_zero() {
    let batch = valid(&[
        ("OTEL_BSP_EXPORT_TIMEOUT", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
    ])
    .span_batch;
    assert_eq!(batch.export_timeout, Some(NO_LIMIT));
    assert_eq!(batch.schedule_delay, Some(Duration::ZERO));
}

/// `configuration/sdk-environment-variables.md`, Batch Span Processor.
#[test]
fn a_batch_is_not_larger_than_its_queue() {
    let batch = valid(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "64"),
    ])
    .span_batch;
    assert_eq!(batch.max_export_batch_size, Some(64));

    let (environment, invalid) = read(&[
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "64"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "65"),
    ]);
    assert_eq!(environment.log_batch.max_queue_size, Some(64));
    assert_eq!(environment.log_batch.max_export_batch_size, None);
    assert_eq!(
        invalid[0].to_string(),
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE is \"65\": expected at most OTEL_BLRP_MAX_QUEUE_SIZE (64)"
    );
    // Against the default queue of 2048, too.
    refused("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2049");
}

/// `common/README.md`, Attribute Limits.
#[test]
fn a_narrower_limit_beats_the_general_one() {
    let limits = valid(&[
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "10"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "20"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "50"),
    ])
    .limits;
    assert_eq!(limits.span.attributes, Some(20));
    assert_eq!(limits.span.attributes_per_event, Some(10));
    assert_eq!(limits.span.attribute_value_length, Some(100));
    assert_eq!(limits.span.events, None);
    assert_eq!(limits.log_record.attributes, Some(10));
    assert_eq!(limits.log_record.attribute_value_length, Some(50));
}

#[test]
fn propagators_are_a_list_without_repetition() {
    let propagators = |value| valid(&[("OTEL_PROPAGATORS", value)]).propagators;
    assert_eq!(
        propagators("baggage, TraceContext,baggage,"),
        Some(vec![Propagator::Baggage, Propagator::TraceContext])
    );
    assert_eq!(propagators("none"), Some(vec![]));
    // What is known stays, what is not is named.
    let (environment, invalid) = read(&[("OTEL_PROPAGATORS", "b3,tracecontext")]);
    assert_eq!(
        environment.propagators,
        Some(vec![Propagator::TraceContext])
    );
    assert_eq!(
        invalid[0].to_string(),
        "OTEL_PROPAGATORS is \"b3\": expected none alone, or a list of tracecontext, baggage"
    );
    refused("OTEL_PROPAGATORS", "jaeger");
}

#[test]
fn exporters_are_a_list_and_only_metrics_go_to_prometheus() {
    let environment = valid(&[
        ("OTEL_METRICS_EXPORTER", "prometheus,otlp"),
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_LOGS_EXPORTER", "NONE"),
    ]);
    assert_eq!(
        environment.metrics_exporters,
        Some(vec![Exporter::Prometheus, Exporter::Otlp])
    );
    assert_eq!(environment.traces_exporters, Some(vec![Exporter::Console]));
    assert_eq!(environment.logs_exporters, Some(vec![]));
    assert_eq!(
        refused("OTEL_TRACES_EXPORTER", "prometheus"),
        "OTEL_TRACES_EXPORTER is \"prometheus\": expected none alone, or a list of otlp, console"
    );
    refused("OTEL_TRACES_EXPORTER", "zipkin");
}

#[test]
fn six_samplers_are_known() {
    for (value, sampler) in [
        ("always_on", Sampler::AlwaysOn),
        ("Always_Off", Sampler::AlwaysOff),
        ("traceidratio", Sampler::TraceIdRatio(1.0)),
        ("parentbased_always_on", Sampler::ParentBasedAlwaysOn),
        ("parentbased_always_off", Sampler::ParentBasedAlwaysOff),
        (
            "parentbased_traceidratio",
            Sampler::ParentBasedTraceIdRatio(1.0),
        ),
    ] {
        assert_eq!(
            valid(&[("OTEL_TRACES_SAMPLER", value)]).sampler,
            Some(sampler)
        );
    }
    refused("OTEL_TRACES_SAMPLER", "jaeger_remote");
}

#[test]
fn our_own_samplers_take_a_file_or_a_target() {
    let sampler = |name, argument: &str| {
        let set = [
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ];
        valid(&set).sampler.unwrap()
    };
    assert_eq!(
        sampler("adaptive", ""),
        Sampler::Adaptive(Adaptive::Default)
    );
    assert_eq!(
        sampler("adaptive", "200"),
        Sampler::Adaptive(Adaptive::Target(200.0))
    );
    let file = PathBuf::from("sampler.toml");
    for (name, expected) in [
        ("adaptive", Sampler::Adaptive(Adaptive::File(file.clone()))),
        ("priority", Sampler::Priority(Some(file))),
    ] {
        assert_eq!(sampler(name, "sampler.toml"), expected);
        assert_eq!(expected.to_string(), format!("{name} sampler.toml"));
    }
    assert_eq!(sampler("priority", ""), Sampler::Priority(None));
    // A number is never the name of a file: whoever samples says that there is no such target.
    for (argument, target) in [("-1", -1.0), ("0", 0.0), ("inf", f64::INFINITY)] {
        let target = Adaptive::Target(target);
        assert_eq!(sampler("adaptive", argument), Sampler::Adaptive(target));
    }
}

#[test]
fn a_ratio_lies_between_0_and_1() {
    let sampler = |argument| {
        read(&[
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ])
    };
    let (environment, invalid) = sampler("0.25");
    assert_eq!(invalid, []);
    let ratio = Sampler::ParentBasedTraceIdRatio(0.25);
    assert_eq!(ratio.to_string(), "parentbased_traceidratio 0.25");
    assert_eq!(environment.sampler, Some(ratio));
    for argument in ["NaN", "-0.1", "1.01", "inf", "half", "25%"] {
        let (environment, invalid) = sampler(argument);
        // As if it were not set.
        assert_eq!(
            environment.sampler,
            Some(Sampler::ParentBasedTraceIdRatio(1.0))
        );
        assert_eq!(
            invalid[0].to_string(),
            format!("OTEL_TRACES_SAMPLER_ARG is {argument:?}: expected a number from 0 to 1")
        );
    }
}

#[test]
fn an_argument_that_no_sampler_takes_is_named() {
    assert_eq!(
        refused("OTEL_TRACES_SAMPLER_ARG", "0.5"),
        "OTEL_TRACES_SAMPLER_ARG is \"0.5\": expected no value unless OTEL_TRACES_SAMPLER is one of \
         traceidratio, parentbased_traceidratio, adaptive, priority"
    );
    let (environment, invalid) = read(&[
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
    ]);
    assert_eq!(environment.sampler, Some(Sampler::AlwaysOn));
    assert_eq!(invalid.len(), 1);
    // Nothing can be said of the argument of a sampler that is not known.
    let (_, invalid) = read(&[
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
    ]);
    assert_eq!(invalid.len(), 1);
    assert_eq!(invalid[0].variable, "OTEL_TRACES_SAMPLER");
}

/// `resource/sdk.md`, Specifying resource information via an environment variable.
#[test]
fn resource_attributes_are_percent_decoded() {
    let environment = valid(&[(
        "OTEL_RESOURCE_ATTRIBUTES",
        "deployment.environment.name=pr%C3%BCf, team = a%2Cb%3Dc ,empty=,eq=a=b",
    )]);
    let expected = [
        ("deployment.environment.name", "prüf"),
        ("team", "a,b=c"),
        ("empty", ""),
        ("eq", "a=b"),
    ];
    assert_eq!(
        environment.resource_attributes,
        expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
}

#[test]
fn one_broken_resource_attribute_discards_the_list_and_is_named() {
    assert_eq!(
        refused("OTEL_RESOURCE_ATTRIBUTES", "a=1,b,c=3"),
        "OTEL_RESOURCE_ATTRIBUTES is \"b\": expected key=value pairs, separated by commas; the whole list \
         is ignored"
    );
    assert!(refused("OTEL_RESOURCE_ATTRIBUTES", "a=100%").contains("\"a=100%\""));
    refused("OTEL_RESOURCE_ATTRIBUTES", "a=%ff");
    refused("OTEL_RESOURCE_ATTRIBUTES", "a=%e");
    refused("OTEL_RESOURCE_ATTRIBUTES", "=1");
}

#[test]
fn the_service_name_variable_beats_the_attribute() {
    let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,x=1");
    let environment = valid(&[attributes]);
    assert_eq!(environment.service_name.as_deref(), Some("a"));
    assert_eq!(
        environment.resource_attributes,
        [("x".to_owned(), "1".to_owned())]
    );
    let environment = valid(&[attributes, ("OTEL_SERVICE_NAME", "b")]);
    assert_eq!(environment.service_name.as_deref(), Some("b"));
    assert_eq!(environment.resource_attributes.len(), 1);
}

/// `protocol/exporter.md`, Endpoint URLs for OTLP/HTTP.
#[test]
fn the_general_endpoint_is_a_base_and_that_of_a_signal_is_exact() {
    let environment = valid(&[
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://collector:4318/mycollector/",
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "https://collector.example.com/v1/metrics/",
        ),
    ]);
    for (signal, expected, variable) in [
        (
            Signal::Logs,
            Endpoint::Base("http://collector:4318/mycollector/".into()),
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
        (
            Signal::Metrics,
            Endpoint::Exact("https://collector.example.com/v1/metrics/".into()),
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        ),
    ] {
        let endpoint = environment.otlp.signal(signal).endpoint.unwrap();
        assert_eq!(endpoint.variable(signal), variable);
        assert_eq!(endpoint, expected);
    }
    let exact = valid(&[(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://collector:4318",
    )]);
    assert_eq!(exact.otlp.signal(Signal::Logs).endpoint, None);
}

/// Semantic conventions, `http-spans.md`: a full override of the known methods, which are case-sensitive.
#[test]
fn known_http_methods_are_a_list_that_keeps_its_case() {
    let methods =
        |value| valid(&[("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", value)]).http_known_methods;
    let expected = ["GET", "Purge"].map(str::to_owned);
    assert_eq!(methods("GET, Purge,,GET"), Some(expected.to_vec()));
    assert_eq!(methods(" , "), None);
}

#[test]
fn an_endpoint_that_cannot_be_one_is_refused() {
    for value in [
        "ftp://collector",
        "http://",
        "http:///v1/traces",
        "http://:4318",
        "collector 4318",
        "/v1/traces",
        "unix:///run/collector",
    ] {
        assert_eq!(
            refused("OTEL_EXPORTER_OTLP_ENDPOINT", value),
            format!(
                "OTEL_EXPORTER_OTLP_ENDPOINT is {value:?}: expected an http:// or https:// URL, or \
                 host:port for gRPC"
            )
        );
    }
    valid(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]);
    valid(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "HTTP://[::1]:4317")]);
}

#[test]
fn each_setting_of_a_signal_beats_the_general_one() {
    let environment = valid(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=2"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/etc/key.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/etc/cert.pem"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "c=3"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "/etc/other.pem"),
    ]);
    let traces = environment.otlp.signal(Signal::Traces);
    assert_eq!(traces.protocol, Some(Protocol::Grpc));
    assert_eq!(traces.timeout, Some(Duration::from_secs(1)));
    assert_eq!(traces.compression, Some(Compression::Gzip));
    assert_eq!(
        traces.headers.iter().collect::<Vec<_>>(),
        [("a", "1"), ("b", "2")]
    );
    assert_eq!(traces.certificate, Some("/etc/ca.pem".into()));
    let metrics = environment.otlp.signal(Signal::Metrics);
    assert_eq!(metrics.protocol, Some(Protocol::HttpProtobuf));
    assert_eq!(metrics.timeout, Some(NO_LIMIT));
    assert_eq!(metrics.compression, Some(Compression::None));
    assert_eq!(metrics.headers.iter().collect::<Vec<_>>(), [("c", "3")]);
    assert_eq!(metrics.certificate, Some("/etc/other.pem".into()));
    assert_eq!(metrics.client_key, Some("/etc/key.pem".into()));
    assert_eq!(metrics.client_certificate, Some("/etc/cert.pem".into()));
}

#[test]
fn a_broken_header_is_named_without_its_value_and_the_others_stay() {
    let (environment, invalid) = read(&[(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "good=1,hunter2,api-key=hunter2%,bad name=hunter2,crlf=hunter2%0d%0a,=hunter2,",
    )]);
    let headers = environment.otlp.signal(Signal::Traces).headers;
    assert_eq!(headers.iter().collect::<Vec<_>>(), [("good", "1")]);
    let shown: Vec<&str> = invalid.iter().map(|i| i.value.as_str()).collect();
    assert_eq!(
        shown,
        [
            "pair 2: [redacted]",
            "api-key=[redacted]",
            "bad name=[redacted]",
            "crlf=[redacted]",
            "=[redacted]",
        ]
    );
    assert!(!format!("{invalid:?}{environment:?}").contains("hunter2"));
}

#[test]
fn credentials_in_an_endpoint_are_never_shown() {
    let (environment, _) = read(&[(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "https://me:hunter2@collector:4318/x@y",
    )]);
    let endpoint = environment.otlp.signal(Signal::Logs).endpoint.unwrap();
    assert!(endpoint.as_str().contains("hunter2"));
    assert_eq!(
        endpoint.to_string(),
        "https://[redacted]@collector:4318/x@y"
    );
    assert!(!format!("{environment:?} {endpoint:?}").contains("hunter2"));
    assert!(
        !refused("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://me:hunter2@collector").contains("hunter2")
    );
}

#[test]
fn a_configuration_file_is_not_passed_over_in_silence() {
    for variable in ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"] {
        assert!(refused(variable, "otel.yaml").contains("not supported"));
    }
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf8_is_refused_and_a_secret_one_not_shown() {
    use std::os::unix::ffi::OsStringExt;

    for (variable, shown) in [
        ("OTEL_SERVICE_NAME", "shop\u{fffd}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "[redacted]"),
    ] {
        let (environment, invalid) = Environment::read_os(&|name| {
            (name == variable).then(|| OsString::from_vec(b"shop\xff".to_vec()))
        });
        assert_eq!(environment, Environment::default());
        assert_eq!(
            invalid,
            [Invalid::new(
                VARIABLES.iter().find(|v| v.name == variable).unwrap().name,
                shown,
                "valid UTF-8"
            )]
        );
    }
}
