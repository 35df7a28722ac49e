//! A sampler, setting by setting.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use throughline_model::{Clock, SystemClock};

use super::load::{CpuLoad, LoadSignal};
use super::sampler::AdaptiveSampler;
use super::settings::AdaptiveSettings;
use crate::Error;
use crate::priority::Pattern;

/// Makes an [`AdaptiveSampler`]. [`AdaptiveSettings`] says what each setting means.
///
/// ```
/// use std::time::Duration;
/// use throughline_samplers::{AdaptiveSampler, Pattern};
///
/// let sampler = AdaptiveSampler::builder()
///     .target_per_second(50.0)
///     .slow_threshold(Duration::from_millis(300))
///     .high_value(Pattern::prefix("POST /checkout"), 1.0)
///     .build()?;
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[must_use]
pub struct AdaptiveBuilder {
    settings: AdaptiveSettings,
    clock: Arc<dyn Clock>,
    load: Option<Arc<dyn LoadSignal>>,
}

/// The setters of the settings.
macro_rules! settings {
    ($($name:ident: $type:ty, $value:literal;)*) => {$(
        #[doc = concat!("See [`AdaptiveSettings::", stringify!($name), "`].")]
        ///
        /// ```
        #[doc = concat!("let builder = throughline_samplers::AdaptiveSampler::builder().", stringify!($name), "(", $value, ");")]
        /// ```
        pub fn $name(mut self, value: $type) -> Self {
            self.settings = self.settings.$name(value);
            self
        }
    )*};
}

impl AdaptiveBuilder {
    pub(super) fn new() -> Self {
        Self {
            settings: AdaptiveSettings::new(),
            clock: Arc::new(SystemClock),
            load: None,
        }
    }

    /// All settings at once; those from before are forgotten.
    ///
    /// ```
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings};
    ///
    /// let settings = AdaptiveSettings::from_toml("[sampler]\nkind = \"adaptive\"")?;
    /// let sampler = AdaptiveSampler::builder().settings(settings).build()?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn settings(mut self, settings: AdaptiveSettings) -> Self {
        self.settings = settings;
        self
    }

    settings! {
        target_per_second: f64, "50.0";
        base_rate: f64, "1.0";
        error_rate: f64, "0.5";
        slow_rate: f64, "1.0";
        slow_threshold: Duration, "std::time::Duration::from_secs(2)";
        load_threshold: f64, "0.9";
        load_factor: f64, "0.25";
        max_operations: usize, "500";
    }

    /// See [`AdaptiveSettings::high_value`].
    ///
    /// ```
    /// let builder = throughline_samplers::AdaptiveSampler::builder().high_value("POST /checkout", 1.0);
    /// ```
    pub fn high_value(mut self, operation: impl Into<Pattern>, rate: f64) -> Self {
        self.settings = self.settings.high_value(operation, rate);
        self
    }

    /// Where time is read; [`SystemClock`] otherwise.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use throughline_testkit::ManualClock;
    ///
    /// let clock = Arc::new(ManualClock::new());
    /// let builder = throughline_samplers::AdaptiveSampler::builder().clock(clock);
    /// ```
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What tells how busy the process is; [`CpuLoad`] otherwise. [`AdaptiveSampler::watch`] adds others.
    ///
    /// ```
    /// let builder = throughline_samplers::AdaptiveSampler::builder().load_signal(|| 0.0); // never busy
    /// ```
    pub fn load_signal(mut self, signal: impl LoadSignal) -> Self {
        self.load = Some(Arc::new(signal));
        self
    }

    /// The sampler.
    ///
    /// # Errors
    ///
    /// What [`AdaptiveSettings::check`] finds.
    ///
    /// # Example
    ///
    /// ```
    /// let sampler = throughline_samplers::AdaptiveSampler::builder().build()?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn build(self) -> Result<AdaptiveSampler, Error> {
        let load = self.load.unwrap_or_else(|| Arc::new(CpuLoad::new()));
        AdaptiveSampler::build(self.settings, self.clock, vec![load])
    }
}

impl fmt::Debug for AdaptiveBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveBuilder")
            .field("settings", &self.settings)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
