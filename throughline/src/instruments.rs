//! Instruments with declared attributes, on top of the `opentelemetry` API.
//!
//! A family ([`Counter`], [`UpDownCounter`], [`Gauge`], [`Histogram`]) is built once and measured often:
//! `.with(set)` finds the series of a declared set and gives the API's bound instrument, which records
//! without looking anything up. A series is bound when it is first used and kept with the family.
//!
//! ```text
//! telemetry.counter::<u64>("orders") ─ InstrumentBuilder ─ .attributes::<Order>() ─ .build()
//!      Counter<u64, Order> ── .with(Order { .. }) ──► Series<'_, BoundCounter<u64>> ── .add(1)
//!      Counter<u64>        ── .add(1)
//! ```

mod builder;
mod families;

use std::ops::Deref;

use crate::series::Made;

pub use builder::{Instrument, InstrumentBuilder};
pub use families::{
    Counter, CounterValue, Gauge, GaugeValue, Histogram, HistogramValue, UpDownCounter,
    UpDownCounterValue,
};

/// One series of an instrument: the API's bound instrument for one attribute set.
///
/// It dereferences to the bound instrument (`opentelemetry::metrics::BoundCounter` and so on), which has
/// `add` or `record`. To keep one, clone what it refers to: `(*orders.with(set)).clone()`.
///
/// # Example
/// ```
/// throughline::attributes! { struct Order { gold: bool => "tier.gold" } }
///
/// let telemetry = throughline::Telemetry::disabled();
/// let orders = telemetry.counter::<u64>("orders").attributes::<Order>().build();
///
/// orders.with(Order { gold: true }).add(1);
///
/// // In a loop over one series, bind it once:
/// let gold = (*orders.with(Order { gold: true })).clone();
/// for _ in 0..100 {
///     gold.add(1);
/// }
/// ```
#[derive(Debug)]
#[must_use = "finding a series measures nothing: call `add` or `record` on it"]
pub struct Series<'a, B>(pub(crate) Made<'a, B>);

impl<B> Deref for Series<'_, B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.0
    }
}
