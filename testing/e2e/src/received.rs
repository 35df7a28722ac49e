//! What the Collector received, read from the file that its file exporter wrote.
//!
//! The file holds OTLP as JSON, one request a line: `{"resourceMetrics": […]}`, `{"resourceSpans": […]}` or
//! `{"resourceLogs": […]}` (opentelemetry-proto, `docs/specification.md`, "JSON Protobuf Encoding": ids are hex,
//! 64-bit integers are strings). Here it becomes flat lists that assertions can search.

mod json;
mod metrics;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs, path::Path};

pub use metrics::{Exemplar, Histogram, Point, Temporality, Value};

use crate::Failure;

/// Attributes with their values as text: `http.response.status_code` is `"200"`.
pub type Attributes = BTreeMap<String, String>;

/// Everything that a Collector received, in the order of arrival.
#[derive(Debug, Default)]
pub struct Received {
    /// Each point of each export: a cumulative series has one for every collection.
    pub points: Vec<Point>,
    /// Each span.
    pub spans: Vec<Span>,
    /// Each log record.
    pub logs: Vec<Log>,
}

/// A span, as much of it as tests ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Attributes of the resource that sent it.
    pub resource: Attributes,
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits; empty for a root.
    pub parent_span_id: String,
    /// Its name.
    pub name: String,
    /// Attributes of the span itself.
    pub attributes: Attributes,
    /// True if its status is `ERROR`.
    pub failed: bool,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
}

/// A log record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Attributes of the resource that sent it.
    pub resource: Attributes,
    /// 32 hex digits; empty outside a trace.
    pub trace_id: String,
    /// 16 hex digits; empty outside a span.
    pub span_id: String,
    /// Such as `WARN`.
    pub severity: String,
    /// Its body as text.
    pub body: String,
    /// Attributes of the record itself.
    pub attributes: Attributes,
}

impl Received {
    /// Reads the whole lines of the file; a missing file is one in which nothing was written.
    ///
    /// # Errors
    /// The file cannot be read, or a line is not what the Collector writes, which is reported with its number.
    pub fn read(file: &Path) -> Result<Self, Failure> {
        if !file.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(file).map_err(Failure::doing(file.display()))?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        Self::parse(whole)
    }

    /// Reads such lines from a text.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut received = Self::default();
        for (number, line) in text.lines().enumerate() {
            let request = serde_json::from_str(line)
                .map_err(|error| Failure::new(format!("line {}: {error}", number + 1)))?;
            received.add(request)?;
        }
        Ok(received)
    }

    fn add(&mut self, request: json::Request) -> Result<(), Failure> {
        for of_resource in request.resource_metrics {
            let resource = json::attributes(of_resource.resource.attributes);
            for of_scope in of_resource.scope_metrics {
                for metric in of_scope.metrics {
                    metrics::flatten(&resource, &of_scope.scope.name, metric, &mut self.points)?;
                }
            }
        }
        for of_resource in request.resource_spans {
            let resource = json::attributes(of_resource.resource.attributes);
            let spans = of_resource
                .scope_spans
                .into_iter()
                .flat_map(|of_scope| of_scope.spans);
            self.spans.extend(spans.map(|span| span.under(&resource)));
        }
        for of_resource in request.resource_logs {
            let resource = json::attributes(of_resource.resource.attributes);
            let logs = of_resource
                .scope_logs
                .into_iter()
                .flat_map(|of_scope| of_scope.log_records);
            self.logs.extend(logs.map(|log| log.under(&resource)));
        }
        Ok(())
    }

    /// The current state of every series of a metric: of a cumulative one the newest point, of a delta one all
    /// points added up (their exemplars together).
    pub fn series(&self, metric: &str) -> Vec<Point> {
        let mut series: BTreeMap<(&Attributes, &str, &Attributes), Point> = BTreeMap::new();
        for point in self.points.iter().filter(|point| point.metric == metric) {
            let key = (&point.resource, point.scope.as_str(), &point.attributes);
            series
                .entry(key)
                .and_modify(|known| known.succeed_by(point))
                .or_insert_with(|| point.clone());
        }
        series.into_values().collect()
    }

    /// The total of a metric over the series that have all of these attributes: values for sums and gauges, counts
    /// for histograms.
    pub fn total(&self, metric: &str, having: &[(&str, &str)]) -> f64 {
        let has = |point: &Point| {
            having.iter().all(|(key, value)| {
                point
                    .attributes
                    .get(*key)
                    .is_some_and(|found| found == value)
            })
        };
        self.series(metric)
            .iter()
            .filter(|point| has(point))
            .map(|point| point.value.count_or_value())
            .sum()
    }

    /// The names of all metrics, sorted.
    pub fn metrics(&self) -> Vec<&str> {
        let names: std::collections::BTreeSet<&str> = self
            .points
            .iter()
            .map(|point| point.metric.as_str())
            .collect();
        names.into_iter().collect()
    }

    /// Every exemplar with the metric that it came with.
    pub fn exemplars(&self) -> impl Iterator<Item = (&str, &Exemplar)> {
        self.points.iter().flat_map(|point| {
            point
                .exemplars
                .iter()
                .map(|exemplar| (point.metric.as_str(), exemplar))
        })
    }
}
