//! What an adaptive sampler is told.

use std::path::Path;
use std::time::Duration;

use super::check;
use super::file;
use crate::Error;
use crate::priority::Pattern;

/// How much an adaptive sampler samples. In code and in a file each field has the same name and default.
///
/// ```toml
/// [sampler]
/// kind = "adaptive"
/// target_per_second = 100
/// base_rate = 0.1
/// error_rate = 1.0
/// slow_rate = 0.5
/// slow_threshold = "500ms"
/// load_threshold = 0.8
/// load_factor = 0.5
/// max_operations = 2000
///
/// [[sampler.high_value]]
/// operation = { prefix = "POST /checkout" }
/// rate = 1.0
/// ```
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use throughline_samplers::{AdaptiveSettings, Pattern};
///
/// let settings = AdaptiveSettings::new()
///     .target_per_second(50.0)
///     .slow_threshold(Duration::from_secs(1))
///     .high_value(Pattern::prefix("POST /checkout"), 1.0);
/// assert!(settings.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveSettings {
    pub(super) target_per_second: f64,
    pub(super) base_rate: f64,
    pub(super) error_rate: f64,
    pub(super) slow_rate: f64,
    pub(super) slow_threshold: Duration,
    pub(super) load_threshold: f64,
    pub(super) load_factor: f64,
    pub(super) max_operations: usize,
    pub(super) high_value: Vec<HighValue>,
}

/// Operations with a rate of their own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HighValue {
    pub(super) operation: Pattern,
    pub(super) rate: f64,
}

impl Default for AdaptiveSettings {
    fn default() -> Self {
        Self {
            target_per_second: 100.0,
            base_rate: 0.1,
            error_rate: 1.0,
            slow_rate: 0.5,
            slow_threshold: Duration::from_millis(500),
            load_threshold: 0.8,
            load_factor: 0.5,
            max_operations: 2_000,
            high_value: Vec::new(),
        }
    }
}

impl AdaptiveSettings {
    /// The defaults, and no operation of high value.
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSettings;
    ///
    /// assert_eq!(AdaptiveSettings::new(), AdaptiveSettings::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the table `[sampler]` of kind `adaptive` from a TOML text; other tables are someone else's.
    ///
    /// # Errors
    ///
    /// [`Error::InFile`] with the line and the field, whatever is wrong in it.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSettings;
    ///
    /// let settings = AdaptiveSettings::from_toml("[sampler]\nkind = \"adaptive\"\nbase_rate = 0.2")?;
    /// assert_eq!(settings, AdaptiveSettings::new().base_rate(0.2));
    /// assert_eq!(
    ///     AdaptiveSettings::from_toml("[sampler]\nkind = \"adaptive\"\nbase_rate = 2")
    ///         .unwrap_err()
    ///         .to_string(),
    ///     "line 3: sampler.base_rate is 2: expected 0 to 1",
    /// );
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        file::parse(None, text)
    }

    /// Reads such a file.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] if there is no such file of text, or one of more than 1 MiB;
    /// [`Error::InFile`] with the file's name, the line and the field, whatever is wrong in it.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSettings;
    ///
    /// let refused = AdaptiveSettings::from_file("no/such/sampling.toml").unwrap_err();
    /// assert!(refused.to_string().starts_with("no/such/sampling.toml cannot be read: "));
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::read(path.as_ref())
    }

    /// How many traces a second should be sampled, 0.001 to 1,000,000; 100 by default. While fewer come, or
    /// the rates below allow no more, it is less.
    ///
    /// ```
    /// # use throughline_samplers::AdaptiveSettings;
    /// let settings = AdaptiveSettings::new().target_per_second(20.0);
    /// ```
    #[must_use]
    pub fn target_per_second(mut self, traces: f64) -> Self {
        self.target_per_second = traces;
        self
    }

    /// The share of an operation's traces that is sampled at most, 0 to 1; 0.1 by default. One trace in four
    /// seconds is sampled of each all the same, so that the rare ones are seen; with 1, all get what the
    /// target allows.
    ///
    /// ```
    /// # use throughline_samplers::AdaptiveSettings;
    /// let settings = AdaptiveSettings::new().base_rate(1.0);
    /// ```
    #[must_use]
    pub fn base_rate(mut self, share: f64) -> Self {
        self.base_rate = share;
        self
    }

    /// The share of the traces with an error that retention keeps, 0 to 1; all by default. A span does not
    /// know when it starts that it will fail, so this is for the buffer that holds it until its end:
    /// [`Policies`](crate::Policies) hand it on.
    ///
    /// ```
    /// # use throughline_samplers::AdaptiveSettings;
    /// let settings = AdaptiveSettings::new().error_rate(0.5);
    /// ```
    #[must_use]
    pub fn error_rate(mut self, share: f64) -> Self {
        self.error_rate = share;
        self
    }

    /// The share of the slow traces that retention keeps, 0 to 1; half of them by default. Decided at the
    /// end, as the errors are.
    ///
    /// ```
    /// # use throughline_samplers::AdaptiveSettings;
    /// let settings = AdaptiveSettings::new().slow_rate(1.0);
    /// ```
    #[must_use]
    pub fn slow_rate(mut self, share: f64) -> Self {
        self.slow_rate = share;
        self
    }

    /// From how long on a trace is slow, more than nothing; 500 ms by default.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use throughline_samplers::AdaptiveSettings;
    /// let settings = AdaptiveSettings::new().slow_threshold(Duration::from_secs(2));
    /// ```
    #[must_use]
    pub fn slow_threshold(mut self, from: Duration) -> Self {
        self.slow_threshold = from;
        self
    }

    /// Above this load the process has too much to do, more than 0 and at most 1; 0.8 by default. The load
    /// is the highest that its [`LoadSignal`](crate::LoadSignal)s tell.
    ///
    /// ```
    /// # use throughline_samplers::AdaptiveSettings;
    /// let settings = AdaptiveSettings::new().load_threshold(0.9);
    /// ```
    #[must_use]
    pub fn load_threshold(mut self, load: f64) -> Self {
        self.load_threshold = load;
        self
    }

    /// What is left of the target and of the base rate while it has, more than 0 and at most 1; half by
    /// default.
    ///
    /// ```
    /// # use throughline_samplers::AdaptiveSettings;
    /// let settings = AdaptiveSettings::new().load_factor(0.25);
    /// ```
    #[must_use]
    pub fn load_factor(mut self, left: f64) -> Self {
        self.load_factor = left;
        self
    }

    /// How many operations are told apart, 1 to 60,000; 2,000 by default. The others share what one gets.
    ///
    /// ```
    /// # use throughline_samplers::AdaptiveSettings;
    /// let settings = AdaptiveSettings::new().max_operations(10_000);
    /// ```
    #[must_use]
    pub fn max_operations(mut self, operations: usize) -> Self {
        self.max_operations = operations;
        self
    }

    /// Operations whose span name is like this are sampled at this rate, above 0 and at least the base rate,
    /// and marked with `sampled.high_value`. The first of several that match counts.
    ///
    /// Three quarters of the target are theirs before anyone else gets something; should that not do, they
    /// share it.
    ///
    /// ```
    /// # use throughline_samplers::{AdaptiveSettings, Pattern};
    /// let settings = AdaptiveSettings::new()
    ///     .high_value("POST /checkout", 1.0)
    ///     .high_value(Pattern::glob("* /payments/*"), 0.5);
    /// ```
    #[must_use]
    pub fn high_value(mut self, operation: impl Into<Pattern>, rate: f64) -> Self {
        let operation = operation.into();
        self.high_value.push(HighValue { operation, rate });
        self
    }

    /// Whether they make sense; whoever builds a sampler of them asks.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] names the first field that does not, its value, and what it should be; [`Error::Rule`] besides
    /// which operation of high value has it, such as `high_value[0]`.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::AdaptiveSettings;
    ///
    /// assert_eq!(
    ///     AdaptiveSettings::new().target_per_second(0.0).check().unwrap_err().to_string(),
    ///     "target_per_second is 0: expected 0.001 to 1000000",
    /// );
    /// assert_eq!(
    ///     AdaptiveSettings::new().high_value("POST /checkout", 1.5).check().unwrap_err().to_string(),
    ///     "rule \"high_value[0]\": rate is 1.5: expected more than 0, at most 1",
    /// );
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        Ok(check::check(self)?)
    }
}
