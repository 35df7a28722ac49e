//! The shape of OTLP as JSON, as far as it is read. Fields at their default are left out by the writer, so each has one.

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use super::{Attributes, Log, Span};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    pub(super) resource_metrics: Vec<ResourceMetrics>,
    pub(super) resource_spans: Vec<ResourceSpans>,
    pub(super) resource_logs: Vec<ResourceLogs>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Resource {
    pub(super) attributes: Vec<KeyValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Scope {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct KeyValue {
    key: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceMetrics {
    pub(super) resource: Resource,
    pub(super) scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ScopeMetrics {
    pub(super) scope: Scope,
    pub(super) metrics: Vec<Metric>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) sum: Option<Data>,
    pub(super) gauge: Option<Data>,
    pub(super) histogram: Option<Data>,
    pub(super) exponential_histogram: Option<Data>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Data {
    pub(super) data_points: Vec<DataPoint>,
    pub(super) aggregation_temporality: u8,
    pub(super) is_monotonic: bool,
}

/// The points of all kinds: each kind fills some of the fields.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DataPoint {
    pub(super) attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "unsigned")]
    pub(super) start_time_unix_nano: u64,
    #[serde(deserialize_with = "unsigned")]
    pub(super) time_unix_nano: u64,
    #[serde(deserialize_with = "signed")]
    pub(super) as_int: Option<i64>,
    pub(super) as_double: Option<f64>,
    #[serde(deserialize_with = "unsigned")]
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) explicit_bounds: Vec<f64>,
    #[serde(deserialize_with = "unsigneds")]
    pub(super) bucket_counts: Vec<u64>,
    pub(super) exemplars: Vec<Exemplar>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Exemplar {
    pub(super) filtered_attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "unsigned")]
    pub(super) time_unix_nano: u64,
    #[serde(deserialize_with = "signed")]
    pub(super) as_int: Option<i64>,
    pub(super) as_double: Option<f64>,
    pub(super) trace_id: String,
    pub(super) span_id: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceSpans {
    pub(super) resource: Resource,
    pub(super) scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ScopeSpans {
    pub(super) spans: Vec<RawSpan>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawSpan {
    trace_id: String,
    span_id: String,
    parent_span_id: String,
    name: String,
    attributes: Vec<KeyValue>,
    status: Status,
    #[serde(deserialize_with = "unsigned")]
    start_time_unix_nano: u64,
    #[serde(deserialize_with = "unsigned")]
    end_time_unix_nano: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: u8,
}

impl RawSpan {
    pub(super) fn under(self, resource: &Attributes) -> Span {
        /// `STATUS_CODE_ERROR`.
        const ERROR: u8 = 2;
        Span {
            resource: resource.clone(),
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: self.parent_span_id,
            name: self.name,
            attributes: attributes(self.attributes),
            failed: self.status.code == ERROR,
            start: self.start_time_unix_nano,
            end: self.end_time_unix_nano,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceLogs {
    pub(super) resource: Resource,
    pub(super) scope_logs: Vec<ScopeLogs>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ScopeLogs {
    pub(super) log_records: Vec<RawLog>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawLog {
    trace_id: String,
    span_id: String,
    severity_text: String,
    body: Value,
    attributes: Vec<KeyValue>,
}

impl RawLog {
    pub(super) fn under(self, resource: &Attributes) -> Log {
        Log {
            resource: resource.clone(),
            trace_id: self.trace_id,
            span_id: self.span_id,
            severity: self.severity_text,
            body: text(&self.body),
            attributes: attributes(self.attributes),
        }
    }
}

pub(super) fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    pairs
        .into_iter()
        .map(|pair| (pair.key, text(&pair.value)))
        .collect()
}

/// An `AnyValue`, `{"stringValue": "a"}`, as the text of its value; arrays and maps stay JSON.
fn text(value: &Value) -> String {
    let Some(value) = value
        .as_object()
        .and_then(|variant| variant.values().next())
    else {
        return String::new();
    };
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// 64-bit integers are strings in OTLP's JSON, and a reader takes numbers too.
fn unsigned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number(&Value::deserialize(deserializer)?)
}

fn unsigneds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    Vec::<Value>::deserialize(deserializer)?
        .iter()
        .map(number)
        .collect()
}

fn signed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    number(&Value::deserialize(deserializer)?).map(Some)
}

fn number<T: std::str::FromStr, E: Error>(value: &Value) -> Result<T, E> {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    text.parse()
        .map_err(|_| E::custom(format!("{value} is no 64-bit integer")))
}
