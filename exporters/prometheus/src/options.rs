//! What an exposition contains besides the points.

/// What an exposition contains besides the points. The default is the specification's default.
///
/// ```
/// use throughline_prometheus::Options;
///
/// let options = Options { scope_labels: false, ..Options::default() };
/// assert!(options.target_info);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether every point carries `otel_scope_name`, `otel_scope_version`, `otel_scope_schema_url` and
    /// `otel_scope_<attribute>`. Default: true. Without them, points that differ in their scope alone are
    /// one series, of which only the first is written
    /// (specification: `metrics/sdk_exporters/prometheus.md`, "Scope Info").
    pub scope_labels: bool,
    /// Whether the resource becomes `target_info`. Default: true
    /// (specification: `metrics/sdk_exporters/prometheus.md`, "Target Info").
    pub target_info: bool,
    /// Whether OpenMetrics carries the start time of counters and histograms as `_created`. Default: false.
    ///
    /// OpenMetrics makes these samples optional, and a Prometheus that is not told otherwise
    /// (`--enable-feature=created-timestamp-zero-ingestion`) stores each as a series of its own. The text
    /// format has no start times.
    pub created: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scope_labels: true,
            target_info: true,
            created: false,
        }
    }
}
