//! Which measurements of a histogram are outliers.

use crate::Error;

/// Which measurements of a histogram are outliers: their traces are kept.
///
/// An outlier asks the provider's [`TraceKeeper`](throughline_model::TraceKeeper) for its trace and is always offered to its
/// series' exemplars, where it goes before measurements that are no outliers: an outlier leaves its bucket only to
/// another one. (A reservoir of the [user's own](crate::ExemplarReservoir) is offered it like any other.) With a keeper
/// and [`ExemplarFilter::Resolvable`](crate::ExemplarFilter::Resolvable), so the slowest requests are those whose traces
/// can be opened, whatever share of traces is sampled.
///
/// A [`View`](crate::View::outliers) chooses it for the streams it makes, a
/// [provider](crate::MeterProviderBuilder::outliers) for those of which no view says anything. Streams that are no
/// histograms have none.
///
/// ```
/// use throughline_engine::{Outliers, Selector, View};
///
/// let slow = View::select(Selector::name("http.server.request.duration")).outliers(Outliers::above(0.5));
/// let slowest = View::select(Selector::name("db.*.duration")).outliers(Outliers::quantile(0.999));
/// # let _ = (slow, slowest);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outliers(Rule);

/// How outliers are told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    None,
    Above(f64),
    Quantile(f64),
}

impl Outliers {
    /// What is above `bound`, in the instrument's unit. It is finite.
    ///
    /// ```
    /// use throughline_engine::{MeterProvider, Outliers, Selector, View};
    ///
    /// let nonsense = View::select(Selector::any()).outliers(Outliers::above(f64::NAN));
    /// let error = MeterProvider::builder().view(nonsense).build().unwrap_err();
    /// assert_eq!(error.to_string(), "outliers.above is NaN, expected a finite number");
    /// ```
    pub const fn above(bound: f64) -> Self {
        Self(Rule::Above(bound))
    }

    /// What is above this quantile of the stream's own measurements, of all its series together; between 0 and 1, both
    /// excluded.
    ///
    /// The quantile is that of a rolling window: the last minute, or longer where it takes longer to see
    /// `1 / (1 − quantile)` measurements (1,000 for a quantile of 0.999), 100 at least. Before as many were seen there are no
    /// outliers. It is brought up to date by each collection and by
    /// [`MeterProvider::tick`](crate::MeterProvider::tick), and is up to 4.5 % above the true one, so rather fewer
    /// measurements are outliers than the quantile says. Values far below it are not told apart, so that after a fall of the
    /// values it may stay where these were until the window has moved on: about 70 seconds.
    ///
    /// A measurement costs one more addition where it is far below the quantile and many are measured, as most are; else as
    /// much more as in an exponential histogram, in which it is counted for the window.
    ///
    /// ```
    /// use throughline_engine::{MeterProvider, Outliers, Selector};
    ///
    /// let whole = MeterProvider::builder().outliers(Selector::any(), Outliers::quantile(1.0));
    /// let error = whole.build().unwrap_err();
    /// assert_eq!(error.to_string(), "outliers.quantile is 1.0, expected between 0 and 1, both excluded");
    /// ```
    pub const fn quantile(quantile: f64) -> Self {
        Self(Rule::Quantile(quantile))
    }

    /// Nothing: a view says so where the provider's default would name something.
    ///
    /// ```
    /// use throughline_engine::{MeterProvider, Outliers, Selector, View};
    ///
    /// let provider = MeterProvider::builder()
    ///     .outliers(Selector::name("*.duration"), Outliers::quantile(0.999))
    ///     .view(View::select(Selector::name("batch.duration")).outliers(Outliers::none()))
    ///     .build()?;
    /// # let _ = provider;
    /// # Ok::<(), throughline_engine::Error>(())
    /// ```
    pub const fn none() -> Self {
        Self(Rule::None)
    }

    pub(crate) fn rule(self) -> Rule {
        self.0
    }

    /// Whether it is within its range.
    pub(crate) fn check(self) -> Result<(), Error> {
        match self.0 {
            Rule::Above(bound) if !bound.is_finite() => {
                Err(Error::invalid("outliers.above", bound, "a finite number"))
            }
            Rule::Quantile(quantile) if !(quantile > 0.0 && quantile < 1.0) => Err(Error::invalid(
                "outliers.quantile",
                quantile,
                "between 0 and 1, both excluded",
            )),
            _ => Ok(()),
        }
    }
}
