//! Which measurements may become exemplars.

/// Which measurements may become exemplars (specification: `metrics/sdk.md`, "ExemplarFilter";
/// `OTEL_METRICS_EXEMPLAR_FILTER`).
///
/// ```
/// # use std::time::Duration;
/// # use opentelemetry::metrics::MeterProvider as _;
/// use throughline_engine::{ExemplarFilter, MeterProvider, Reader};
/// use throughline_model::{Collect, Data};
///
/// # let reader = Reader::default();
/// let provider = MeterProvider::builder()
///     .reader(reader.clone())
///     .exemplar_filter(ExemplarFilter::AlwaysOn)
///     .build()?;
/// provider.meter("shop").u64_counter("orders").build().add(3, &[]); // in no span
///
/// let snapshot = reader.collect(Duration::from_secs(1))?;
/// let Some(Data::Sum(orders)) = snapshot.metric("orders").map(|metric| &metric.data) else {
///     panic!("a counter makes a sum");
/// };
/// assert_eq!(orders.points[0].exemplars.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
