//! Which measurements may become exemplars.

/// Which measurements may become exemplars (specification: `metrics/sdk.md`, "ExemplarFilter";
/// `OTEL_METRICS_EXEMPLAR_FILTER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ExemplarFilter {
    /// Those made while a sampled span is current. The default.
    #[default]
    TraceBased,
    /// All.
    AlwaysOn,
    /// None. Costs nothing.
    AlwaysOff,
}
