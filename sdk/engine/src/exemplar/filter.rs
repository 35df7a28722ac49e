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
    /// Those whose trace can be opened: made in a sampled span, or [outliers](crate::Outliers) whose trace is kept for
    /// their sake. They are published once their span was [delivered](throughline_model::Fate::Delivered).
    ///
    /// It needs a [`TraceKeeper`](crate::MeterProviderBuilder::trace_keeper) to ask; without one it is `TraceBased`.
    ///
    /// A span that is still on its way at a collection is asked for again at the next two of a cumulative reader. A
    /// delta reader publishes an exemplar in its own interval or not at all.
    Resolvable,
    /// All.
    AlwaysOn,
    /// None. Costs nothing.
    AlwaysOff,
}

impl ExemplarFilter {
    /// Whether nothing outside of a sampled span becomes an exemplar, but for outliers.
    #[inline]
    pub(crate) fn wants_sampled(self) -> bool {
        matches!(self, Self::TraceBased | Self::Resolvable)
    }
}
