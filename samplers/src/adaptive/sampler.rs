//! The sampler.

use std::path::Path;
use std::sync::Arc;

use throughline_model::{Clock, SelfMeter};

use super::builder::AdaptiveBuilder;
use super::check;
use super::load::LoadSignal;
use super::self_observed;
use super::settings::AdaptiveSettings;
use super::shared::Shared;
use super::state::AdaptiveState;
use crate::handle::sampler_handle;
use crate::probability::CompositeSampler;
use crate::{Error, Policies};

/// Holds a target of sampled traces per second, shared fairly between operations; children follow their parent.
///
/// An operation is what has one span name. A rare one is always seen, a flood in one takes a quarter of their
/// share from the others at most, and a step, a ramp or a burst is followed within seconds: the [module](super)
/// says how.
///
/// A handle: clones share what was learned, and the settings, which can be [replaced](Self::replace) while
/// spans start.
///
/// As it is, it is a sampler for a tracer provider, the same as
/// `CompositeSampler::new(ComposableParentThreshold::new(sampler))`. As a
/// [`ComposableSampler`](crate::probability::ComposableSampler) it can be put together with others. Either way its
/// decisions are consistent from one service to the next, and `th` says how many traces a sampled one stands for: a
/// probability depends on the calls before, never on the trace.
///
/// On a root that is sampled stand `sample.rate`, the probability that it had, and `sampled.high_value` where
/// it applies.
///
/// # Example
///
/// ```
/// use opentelemetry::trace::{Tracer, TracerProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_samplers::AdaptiveSampler;
///
/// let sampler = AdaptiveSampler::builder()
///     .target_per_second(50.0)             // whatever the load does
///     .high_value("POST /checkout", 1.0)   // all of these
///     .build()?;
/// let provider = SdkTracerProvider::builder().with_sampler(sampler.clone()).build();
///
/// provider.tracer("shop").start("POST /checkout");
/// println!("{}", sampler.state());         // target, load, and the rate of each operation
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone)]
pub struct AdaptiveSampler {
    shared: Arc<Shared>,
    for_providers: CompositeSampler,
}

impl AdaptiveSampler {
    /// Samples by these settings.
    ///
    /// # Errors
    ///
    /// What [`AdaptiveSettings::check`] finds.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings};
    ///
    /// let sampler = AdaptiveSampler::new(AdaptiveSettings::new())?;
    /// assert_eq!(
    ///     AdaptiveSampler::new(AdaptiveSettings::new().base_rate(f64::NAN)).unwrap_err().to_string(),
    ///     "base_rate is NaN: expected 0 to 1",
    /// );
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn new(settings: AdaptiveSettings) -> Result<Self, Error> {
        Self::builder().settings(settings).build()
    }

    /// Builds one setting by setting, with a clock and a load signal of one's own if need be.
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSampler;
    ///
    /// let sampler = AdaptiveSampler::builder().target_per_second(20.0).build()?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn builder() -> AdaptiveBuilder {
        AdaptiveBuilder::new()
    }

    /// Samples by the settings in this file, which [`AdaptiveSettings`] shows.
    ///
    /// # Errors
    ///
    /// As [`AdaptiveSettings::from_file`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// use throughline_samplers::AdaptiveSampler;
    ///
    /// let sampler = AdaptiveSampler::from_file("sampling.toml")?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(AdaptiveSettings::from_file(path)?)
    }

    pub(super) fn build(
        settings: AdaptiveSettings,
        clock: Arc<dyn Clock>,
        signals: Vec<Arc<dyn LoadSignal>>,
    ) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self::sharing(Arc::new(Shared::new(
            settings, clock, signals,
        ))))
    }

    /// Samples by these settings from now on, in all clones. What was learned stays, and so does what is decided when
    /// a trace ends: retention was told the rates of errors and of slow traces when it was built.
    ///
    /// # Errors
    ///
    /// What [`AdaptiveSettings::check`] finds, or a `max_operations`, `error_rate`, `slow_rate` or `slow_threshold`
    /// other than the one it was built with; the settings stay as they were.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings};
    ///
    /// let sampler = AdaptiveSampler::new(AdaptiveSettings::new())?;
    /// sampler.replace(sampler.settings().target_per_second(10.0))?;
    /// assert!(sampler.replace(AdaptiveSettings::new().max_operations(7)).is_err());
    /// assert_eq!(sampler.state().target_per_second, 10.0);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn replace(&self, settings: AdaptiveSettings) -> Result<(), Error> {
        check::check_replacement(&self.settings(), &settings)?;
        self.shared.replace(settings);
        Ok(())
    }

    /// Samples by the settings in this file from now on, as [`replace`](Self::replace) does.
    ///
    /// # Errors
    ///
    /// As [`AdaptiveSettings::from_file`] and [`replace`](Self::replace); the settings stay as they were.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings};
    ///
    /// let sampler = AdaptiveSampler::new(AdaptiveSettings::new())?;
    /// assert!(sampler.reload_from("no/such/sampling.toml").is_err());
    /// assert_eq!(sampler.settings(), AdaptiveSettings::new());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn reload_from(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.replace(AdaptiveSettings::from_file(path)?)
    }

    /// The settings in force.
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings};
    ///
    /// let sampler = AdaptiveSampler::new(AdaptiveSettings::new())?;
    /// assert_eq!(sampler.settings(), AdaptiveSettings::new());
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn settings(&self) -> AdaptiveSettings {
        self.shared.law().settings().clone()
    }

    /// What retention should do with traces that end in an error, or late: the sampler is told, and cannot
    /// know when a span starts.
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSampler;
    ///
    /// let sampler = AdaptiveSampler::builder().slow_rate(0.8).build()?;
    /// assert_eq!(sampler.policies().slow_rate, 0.8);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn policies(&self) -> Policies {
        let law = self.shared.law();
        let settings = law.settings();
        Policies {
            error_rate: settings.error_rate,
            slow_rate: settings.slow_rate,
            slow_threshold: settings.slow_threshold,
        }
    }

    /// Watches this load besides: how full a queue is, for instance. The highest of all counts.
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{AdaptiveSampler, SpanQueue, batch::BatchSettings};
    ///
    /// let settings = BatchSettings::spans();
    /// let (queue, worker) = SpanQueue::new(settings, &SelfMeter::new())?;
    /// let sampler = AdaptiveSampler::builder().build()?;
    /// sampler.watch(move || queue.counts().queued as f64 / settings.max_queue_size as f64);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn watch(&self, signal: impl LoadSignal) {
        let signal: Arc<dyn LoadSignal> = Arc::new(signal);
        self.shared.signals.rcu(|signals| {
            let signal = std::iter::once(Arc::clone(&signal));
            signals
                .iter()
                .map(Arc::clone)
                .chain(signal)
                .collect::<Vec<_>>()
        });
    }

    /// Looks at what was called and adjusts the rates, if a tenth of a second has passed since that was done
    /// last.
    ///
    /// Spans that start see to it. Where there are few, someone who has a timer may as well: after a flood, the
    /// first span then finds rates that know that it is over.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use throughline_samplers::AdaptiveSampler;
    /// use throughline_testkit::ManualClock;
    ///
    /// let clock = ManualClock::new();
    /// let sampler = AdaptiveSampler::builder().clock(Arc::new(clock.clone())).build()?;
    /// clock.advance(Duration::from_millis(100));
    /// sampler.tick();
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn tick(&self) {
        self.shared.tick();
    }

    /// What it does at present.
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSampler;
    /// use throughline_samplers::probability::{ComposableSampler, SpanStart};
    ///
    /// let sampler = AdaptiveSampler::builder().high_value("POST /checkout", 0.5).build()?;
    /// sampler.intent(&SpanStart::root("POST /checkout"));
    /// let state = sampler.state();
    /// assert_eq!(state.target_per_second, 100.0);
    /// assert_eq!(&*state.operations[0].name, "POST /checkout");
    /// assert_eq!(state.operations[0].rate, 0.5);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn state(&self) -> AdaptiveState {
        self.shared.state()
    }

    /// Reports [`state`](Self::state) for as long as a clone of this handle lives, as gauges:
    ///
    /// | metric | unit | attributes |
    /// |---|---|---|
    /// | `throughline.sampler.target`, what the load leaves of it | `{trace}/s` | |
    /// | `throughline.sampler.sampled` | `{trace}/s` | |
    /// | `throughline.sampler.load` | `1` | |
    /// | `throughline.sampler.rate` | `1` | `sampler.operation` |
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::AdaptiveSampler;
    ///
    /// let meter = SelfMeter::new(); // bound when the engine stands
    /// AdaptiveSampler::builder().build()?.report_to(&meter);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn report_to(&self, meter: &SelfMeter) {
        self_observed::observe(&self.shared, meter);
    }
}

sampler_handle!(AdaptiveSampler, Shared);
