//! The four families.

use std::fmt;

use opentelemetry::metrics::{self as api, Meter};

use super::builder::Spec;
use super::builder::sealed::FromSpec;
use super::{Instrument, Series};
use crate::AttributeSet;
use crate::operation::DURATION_BOUNDARIES;
use crate::series;

/// One family: its type, the numbers it takes, and how the API builds it.
macro_rules! family {
    (
        $(#[$doc:meta])*
        $family:ident, $bound:ident, $verb:ident: $verb_doc:literal,
        $(#[$number_doc:meta])*
        $number:ident { $($type:ty => $build:ident),* },
        with($builder:ident, $boundaries:ident) $with:expr
    ) => {
        $(#[$doc])*
        pub struct $family<N, S = ()> {
            instrument: api::$family<N>,
            series: series::Series<S, api::$bound<N>>,
        }

        impl<N, S: AttributeSet> $family<N, S> {
            /// The series of one attribute set.
            pub fn with(&self, set: S) -> Series<'_, api::$bound<N>> {
                Series(self.series.get_or_make(set, |set| self.instrument.bind(&set.key_values())))
            }
        }

        impl<N> $family<N> {
            #[doc = $verb_doc]
            pub fn $verb(&self, value: N) {
                self.with(()).$verb(value);
            }
        }

        impl<N, S> fmt::Debug for $family<N, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($family)).field("series", &self.series).finish_non_exhaustive()
            }
        }

        impl<N: $number, S: AttributeSet> Instrument for $family<N, S> {
            type Of<T: AttributeSet> = $family<N, T>;
        }

        impl<N: $number, S: AttributeSet> FromSpec for $family<N, S> {
            fn from_spec(spec: Spec) -> Self {
                let meter = spec.meter.clone();
                Self { instrument: N::build(&meter, spec), series: series::Series::new() }
            }
        }

        $(#[$number_doc])*
        pub trait $number: Copy + Send + Sync + 'static {
            #[doc(hidden)]
            fn build(meter: &Meter, spec: Spec) -> api::$family<Self>;
        }

        $(
            impl $number for $type {
                fn build(meter: &Meter, spec: Spec) -> api::$family<Self> {
                    let mut $builder = meter.$build(spec.name);
                    if let Some(unit) = spec.unit {
                        $builder = $builder.with_unit(unit);
                    }
                    if let Some(description) = spec.description {
                        $builder = $builder.with_description(description);
                    }
                    let $boundaries = spec.boundaries;
                    $with
                }
            }
        )*
    };
}

family! {
    /// Adds up what only grows: requests, bytes sent. Negative or non-finite additions are refused and
    /// counted.
    ///
    /// # Example
    /// ```
    /// let telemetry = throughline::Telemetry::disabled();
    /// let orders = telemetry.counter::<u64>("orders").unit("{order}").build();
    /// orders.add(1);
    ///
    /// throughline::attributes! { struct Refund { partial: bool => "refund.partial" } }
    ///
    /// let refunds = telemetry.counter::<u64>("refunds").attributes::<Refund>().build();
    /// refunds.with(Refund { partial: true }).add(1);
    /// ```
    Counter, BoundCounter, add: "Adds `value`, which is not negative.",
    /// The numbers a [`Counter`] adds up: `u64`, `f64`.
    ///
    /// # Example
    /// ```
    /// let telemetry = throughline::Telemetry::disabled();
    /// telemetry.counter::<u64>("orders").build().add(1);
    /// telemetry.counter::<f64>("revenue").unit("EUR").build().add(19.90);
    /// ```
    CounterValue { u64 => u64_counter, f64 => f64_counter },
    with(builder, _boundaries) builder.build()
}

family! {
    /// Adds up what grows and shrinks: connections, items in a queue.
    ///
    /// # Example
    /// ```
    /// let telemetry = throughline::Telemetry::disabled();
    /// let queued = telemetry.up_down_counter::<i64>("queue.length").unit("{job}").build();
    /// queued.add(1);
    /// queued.add(-1);
    ///
    /// throughline::attributes! { struct Job { urgent: bool => "job.urgent" } }
    ///
    /// let running = telemetry.up_down_counter::<i64>("jobs.running").attributes::<Job>().build();
    /// running.with(Job { urgent: true }).add(1);
    /// ```
    UpDownCounter, BoundUpDownCounter, add: "Adds `value`, which may be negative.",
    /// The numbers an [`UpDownCounter`] adds up: `i64`, `f64`.
    ///
    /// # Example
    /// ```
    /// let telemetry = throughline::Telemetry::disabled();
    /// telemetry.up_down_counter::<i64>("connections").build().add(-1);
    /// telemetry.up_down_counter::<f64>("tank.level").unit("L").build().add(-2.5);
    /// ```
    UpDownCounterValue { i64 => i64_up_down_counter, f64 => f64_up_down_counter },
    with(builder, _boundaries) builder.build()
}

family! {
    /// Keeps what was seen last: a temperature, a version. What can be read at any time is better left to
    /// a [`Collector`](crate::Collector), which reads it when it is needed.
    ///
    /// # Example
    /// ```
    /// let telemetry = throughline::Telemetry::disabled();
    /// let temperature = telemetry.gauge::<f64>("room.temperature").unit("Cel").build();
    /// temperature.record(21.5);
    ///
    /// throughline::attributes! { struct Room { floor: u8 => "room.floor" } }
    ///
    /// let humidity = telemetry.gauge::<f64>("room.humidity").attributes::<Room>().build();
    /// humidity.with(Room { floor: 2 }).record(0.45);
    /// ```
    Gauge, BoundGauge, record: "Replaces the value.",
    /// The numbers a [`Gauge`] keeps: `u64`, `i64`, `f64`.
    ///
    /// # Example
    /// ```
    /// let telemetry = throughline::Telemetry::disabled();
    /// telemetry.gauge::<u64>("config.version").build().record(7);
    /// telemetry.gauge::<i64>("clock.offset").unit("ms").build().record(-3);
    /// telemetry.gauge::<f64>("room.temperature").unit("Cel").build().record(21.5);
    /// ```
    GaugeValue { u64 => u64_gauge, i64 => i64_gauge, f64 => f64_gauge },
    with(builder, _boundaries) builder.build()
}

family! {
    /// Keeps a distribution: latencies, sizes.
    ///
    /// # Example
    /// ```
    /// let telemetry = throughline::Telemetry::disabled();
    /// let sizes = telemetry.histogram::<u64>("upload.size").unit("By").build();
    /// sizes.record(4096);
    ///
    /// throughline::attributes! { struct Download { cached: bool => "download.cached" } }
    ///
    /// let waits = telemetry.histogram::<f64>("download.wait").attributes::<Download>().build();
    /// waits.with(Download { cached: false }).record(0.12);
    /// ```
    ///
    /// Its buckets are those of [`boundaries`](crate::InstrumentBuilder::boundaries), which knows what seconds need.
    Histogram, BoundHistogram, record: "Records one measurement.",
    /// The numbers a [`Histogram`] takes: `u64`, `f64`.
    ///
    /// # Example
    /// ```
    /// let telemetry = throughline::Telemetry::disabled();
    /// telemetry.histogram::<u64>("upload.size").unit("By").build().record(4096);
    /// telemetry.histogram::<f64>("upload.duration").unit("s").build().record(0.25);
    /// ```
    HistogramValue { u64 => u64_histogram, f64 => f64_histogram },
    with(builder, boundaries) {
        // The specification's own default suits milliseconds: it has all durations below 5 s in one bucket.
        let is_seconds = builder.unit.as_deref() == Some("s");
        match boundaries.or_else(|| is_seconds.then(|| DURATION_BOUNDARIES.to_vec())) {
            Some(boundaries) => builder.with_boundaries(boundaries).build(),
            None => builder.build(),
        }
    }
}
