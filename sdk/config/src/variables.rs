//! The list of variables, for documentation and for `describe()`.

/// A variable that [`Environment`](crate::Environment) reads.
///
/// ```
/// use throughline_config::VARIABLES;
///
/// let port = VARIABLES.iter().find(|v| v.name == "OTEL_EXPORTER_PROMETHEUS_PORT").unwrap();
/// assert_eq!(port.default, "9464");
/// assert_eq!(port.meaning, "the port that Prometheus scrapes; 0 takes any free one");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds where it is not set, as it would be written; empty for nothing, or for what a more
    /// general variable says.
    pub default: &'static str,
    /// What it does, with the values it takes.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($name:literal, $default:literal, $meaning:literal;)+) => {
        &[$(Variable { name: $name, default: $default, meaning: $meaning },)+]
    };
}

/// Every variable that is read.
///
/// ```
/// use throughline_config::VARIABLES;
///
/// for variable in VARIABLES.iter().filter(|v| v.name.starts_with("OTEL_EXPORTER_PROMETHEUS")) {
///     println!("{} (default {}): {}", variable.name, variable.default, variable.meaning);
/// }
/// ```
pub static VARIABLES: &[Variable] = variables! {
    "OTEL_SDK_DISABLED", "false", "no telemetry at all; propagation goes on";
    "OTEL_LOG_LEVEL", "info", "how much the SDK says about itself: none, error, warn, info, debug, trace";
    "OTEL_SERVICE_NAME", "", "the service's name; beats service.name in OTEL_RESOURCE_ATTRIBUTES";
    "OTEL_RESOURCE_ATTRIBUTES", "", "attributes of the service, key=value separated by commas, percent-encoded";
    "OTEL_PROPAGATORS", "tracecontext,baggage", "how context travels: tracecontext, baggage; none";
    "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH,CONNECT,TRACE,QUERY", "the HTTP methods that spans and metrics name, in place of the default's; any other is _OTHER";
    "OTEL_TRACES_SAMPLER", "parentbased_always_on", "which traces are sampled: always_on, always_off (and nothing is retained), traceidratio, each also as parentbased_…; adaptive, priority";
    "OTEL_TRACES_SAMPLER_ARG", "1.0", "the share that (parentbased_)traceidratio keeps, 0 to 1; a file for priority, traces per second or a file for adaptive";
    "OTEL_TRACES_EXPORTER", "otlp", "where spans go: otlp; none";
    "OTEL_METRICS_EXPORTER", "otlp", "where metrics go: otlp, prometheus; none";
    "OTEL_LOGS_EXPORTER", "otlp", "where log records go: otlp; none";
    "OTEL_BSP_SCHEDULE_DELAY", "5000", "ms that spans wait at most for their batch to fill";
    "OTEL_BSP_MAX_QUEUE_SIZE", "2048", "spans that wait at most; more are dropped and counted";
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512", "spans in one batch; at most OTEL_BSP_MAX_QUEUE_SIZE";
    "OTEL_BSP_EXPORT_TIMEOUT", "30000", "ms that one batch of spans may take; 0 is no limit";
    "OTEL_BLRP_SCHEDULE_DELAY", "1000", "ms that log records wait at most for their batch to fill";
    "OTEL_BLRP_MAX_QUEUE_SIZE", "2048", "log records that wait at most; more are dropped and counted";
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "512", "log records in one batch; at most OTEL_BLRP_MAX_QUEUE_SIZE";
    "OTEL_BLRP_EXPORT_TIMEOUT", "30000", "ms that one batch of log records may take; 0 is no limit";
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "", "characters in a span's attribute value, where nothing narrower is set";
    "OTEL_ATTRIBUTE_COUNT_LIMIT", "128", "attributes of a span, where nothing narrower is set";
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "", "characters in a span's attribute value";
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "128", "attributes of a span";
    "OTEL_SPAN_EVENT_COUNT_LIMIT", "128", "events of a span";
    "OTEL_SPAN_LINK_COUNT_LIMIT", "128", "links of a span";
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "128", "attributes of a span's event";
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "128", "attributes of a span's link";
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "", "no effect, which a warning says: opentelemetry_sdk cuts no log records";
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "", "no effect, which a warning says: opentelemetry_sdk cuts no log records";
    "OTEL_METRIC_EXPORT_INTERVAL", "60000", "ms from one push of metrics to the next";
    "OTEL_METRIC_EXPORT_TIMEOUT", "30000", "ms that one push of metrics may take; 0 is no limit";
    "OTEL_METRICS_EXEMPLAR_FILTER", "resolvable", "which measurements may become exemplars: resolvable, trace_based, always_on, always_off";
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative", "which instruments are pushed as delta: cumulative (none), delta, lowmemory";
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram", "what histograms become: explicit_bucket_histogram, base2_exponential_bucket_histogram";
    "OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318", "where OTLP goes (gRPC: http://localhost:4317); over HTTP v1/traces, v1/metrics or v1/logs is added";
    "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "grpc or http/protobuf";
    "OTEL_EXPORTER_OTLP_HEADERS", "", "headers to send along, key=value separated by commas, percent-encoded";
    "OTEL_EXPORTER_OTLP_TIMEOUT", "10000", "ms that one export may take; 0 is no limit";
    "OTEL_EXPORTER_OTLP_COMPRESSION", "none", "gzip or none";
    "OTEL_EXPORTER_OTLP_INSECURE", "false", "no TLS for a gRPC endpoint without http:// or https://";
    "OTEL_EXPORTER_OTLP_CERTIFICATE", "", "PEM file with the certificates to trust";
    "OTEL_EXPORTER_OTLP_CLIENT_KEY", "", "PEM file with the client's private key";
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "", "PEM file with the client's certificate chain";
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "the URL for spans, used as it is";
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "", "grpc or http/protobuf, for spans";
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "", "headers to send along with spans, in place of the general ones";
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "", "ms that one export of spans may take; 0 is no limit";
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "", "gzip or none, for spans";
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE", "", "no TLS for a gRPC endpoint without http:// or https://, for spans";
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "", "PEM file with the certificates to trust, for spans";
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "", "PEM file with the client's private key, for spans";
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "", "PEM file with the client's certificate chain, for spans";
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "", "the URL for metrics, used as it is";
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "", "grpc or http/protobuf, for metrics";
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "", "headers to send along with metrics, in place of the general ones";
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "", "ms that one export of metrics may take; 0 is no limit";
    "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "", "gzip or none, for metrics";
    "OTEL_EXPORTER_OTLP_METRICS_INSECURE", "", "no TLS for a gRPC endpoint without http:// or https://, for metrics";
    "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "", "PEM file with the certificates to trust, for metrics";
    "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "", "PEM file with the client's private key, for metrics";
    "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "", "PEM file with the client's certificate chain, for metrics";
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "", "the URL for log records, used as it is";
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "", "grpc or http/protobuf, for log records";
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS", "", "headers to send along with log records, in place of the general ones";
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "", "ms that one export of log records may take; 0 is no limit";
    "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "", "gzip or none, for log records";
    "OTEL_EXPORTER_OTLP_LOGS_INSECURE", "", "no TLS for a gRPC endpoint without http:// or https://, for log records";
    "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "", "PEM file with the certificates to trust, for log records";
    "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", "", "PEM file with the client's private key, for log records";
    "OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", "", "PEM file with the client's certificate chain, for log records";
    "OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1", "the address that Prometheus scrapes";
    "OTEL_EXPORTER_PROMETHEUS_PORT", "9464", "the port that Prometheus scrapes; 0 takes any free one";
    "OTEL_CONFIG_FILE", "", "not supported: a warning says so, and the other variables are used";
    "OTEL_EXPERIMENTAL_CONFIG_FILE", "", "not supported: a warning says so, and the other variables are used";
};
