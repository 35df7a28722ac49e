//! What is kept beyond the head sample, and how much may wait for the decision.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use throughline_model::{Clock, SelfMeter, SystemClock};

use super::RANGE;
use super::buffer::RetentionBuffer;
use super::policies::{Policies, Rates};
use super::rolling::Rolling;
use super::sync::Mutex;
use crate::batch::BatchSettings;
use crate::probability::{Predicate, Threshold};
use crate::{Error, SpanWorker};

/// Which traces are kept though the head sampler did not choose them, and within which bounds.
///
/// As it comes, every trace with an error is kept, every one in which a histogram measures an outlier, and every
/// second one that takes half a second or more; whatever is asked for is kept anyway. A share is taken by the
/// trace's own randomness, so that services which share it keep the same traces and counts stay right.
///
/// ```
/// use std::time::Duration;
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_model::SelfMeter;
/// use throughline_samplers::{Retention, Slow, batch::BatchSettings, probability::*};
///
/// let (buffer, worker) = Retention::new()
///     .errors(1.0)
///     .slow(Slow::Above(Duration::from_millis(300)), 0.5)
///     .rule(Predicate::attribute("shop.tier", "gold"), 0.2)
///     .build(BatchSettings::spans(), &SelfMeter::new())?;
///
/// let one_percent = ComposableParentThreshold::new(ComposableProbability::new(0.01)?);
/// let provider = SdkTracerProvider::builder()
///     .with_sampler(buffer.sampler(CompositeSampler::new(one_percent)))
///     .with_span_processor(buffer.clone()) // and `worker.run(exporter)` on the delivery thread
///     .build();
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Retention {
    errors: f64,
    slow: (Slow, f64),
    outliers: f64,
    rules: Vec<(Predicate, f64)>,
    share: f64,
    max_spans: usize,
    max_bytes: usize,
    max_traces: usize,
    max_spans_per_trace: usize,
    max_duration: Duration,
    remembered: usize,
    clock: Arc<dyn Clock>,
}

/// From when on a local root is slow.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Slow {
    /// Once it takes as long as this.
    Above(Duration),
    /// Once it takes longer than this quantile of its operation, in `0.0..1.0`, over the last minute or two. An
    /// operation is what has one span name; 512 are told apart, the others share one quantile. An operation has none
    /// before it was seen 64 times, and often enough that one duration in it lies above the quantile.
    Quantile(f64),
}

impl Default for Retention {
    fn default() -> Self {
        Self::new()
    }
}

impl Retention {
    /// The defaults, each named at its method.
    pub fn new() -> Self {
        Self {
            errors: 1.0,
            slow: (Slow::Above(Duration::from_millis(500)), 0.5),
            outliers: 1.0,
            rules: Vec::new(),
            share: 1.0,
            max_spans: 100_000,
            max_bytes: 64 << 20,
            max_traces: 10_000,
            max_spans_per_trace: 2_000,
            max_duration: Duration::from_secs(60),
            remembered: 65_536,
            clock: Arc::new(SystemClock),
        }
    }

    /// The share of traces with an error that is kept, 0 to 1; default 1. A span with an error status makes one.
    #[must_use]
    pub fn errors(mut self, rate: f64) -> Self {
        self.errors = rate;
        self
    }

    /// The share of slow traces that is kept, 0 to 1, and what is slow; default one half of what takes 500 ms or
    /// more. It is the local root that is looked at.
    #[must_use]
    pub fn slow(mut self, slow: Slow, rate: f64) -> Self {
        self.slow = (slow, rate);
        self
    }

    /// What a sampler wants done with traces when they end: sets [`errors`](Self::errors) and [`slow`](Self::slow).
    ///
    /// ```
    /// use throughline_model::SelfMeter;
    /// use throughline_samplers::{AdaptiveSampler, AdaptiveSettings, Retention, batch::BatchSettings};
    ///
    /// let sampler = AdaptiveSampler::new(AdaptiveSettings::new())?;
    /// let (buffer, worker) = Retention::new()
    ///     .policies(sampler.policies())
    ///     .build(BatchSettings::spans(), &SelfMeter::new())?;
    /// let sampler = buffer.sampler(sampler);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    #[must_use]
    pub fn policies(self, policies: crate::Policies) -> Self {
        self.errors(policies.error_rate)
            .slow(Slow::Above(policies.slow_threshold), policies.slow_rate)
    }

    /// The share of traces with an outlier that is kept, 0 to 1; default 1. A histogram that measures one asks for it
    /// through [`TraceKeeper::keep`](throughline_model::TraceKeeper::keep).
    #[must_use]
    pub fn outliers(mut self, rate: f64) -> Self {
        self.outliers = rate;
        self
    }

    /// Keeps this share, 0 to 1, of the traces in which a span is one of those that the predicate is for. Of several
    /// rules that match, the one with the highest share counts.
    ///
    /// A span is looked at twice. Where it starts with the name and the attributes that the rule wants, its trace is
    /// kept from then on: a call that it makes and the answer that it gives tell the neighbours. Every span is looked
    /// at again as it is when it has ended. A rule with [`when`](Predicate::when), or with `!` over a name or an
    /// attribute, waits for that: what is not there may still come.
    #[must_use]
    pub fn rule(mut self, spans: Predicate, rate: f64) -> Self {
        self.rules.push((spans, rate));
        self
    }

    /// The share of all traces that is looked at, 0 to 1; default 1. The others cost nothing but are lost to every
    /// policy: a knob for cost. At 0 only what the head sampler chooses is recorded, and it leaves at once.
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// How many spans wait at most, at least 1; default 100,000.
    #[must_use]
    pub fn max_spans(mut self, spans: usize) -> Self {
        self.max_spans = spans;
        self
    }

    /// How many bytes of spans wait at most, estimated, at least 1; default 64 MiB. It is never passed.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How many traces wait for their decision at most, open ones with them, at least 1; default 10,000. Those that
    /// need none do not count.
    #[must_use]
    pub fn max_traces(mut self, traces: usize) -> Self {
        self.max_traces = traces;
        self
    }

    /// How many spans of one part wait at most, at least 1; default 2,000. Its local root always finds room; others
    /// beyond that are lost, counted as `trace_full`.
    #[must_use]
    pub fn max_spans_per_trace(mut self, spans: usize) -> Self {
        self.max_spans_per_trace = spans;
        self
    }

    /// How long a part is waited for, more than 0; default a minute. Then what has ended is decided by what is known,
    /// and what ends later goes the same way.
    #[must_use]
    pub fn max_duration(mut self, duration: Duration) -> Self {
        self.max_duration = duration;
        self
    }

    /// For how many traces it is remembered what became of them, at least 1; default 65,536. It decides how long an
    /// exemplar may wait to be published, and how late a span may be to join its trace.
    #[must_use]
    pub fn remembered(mut self, traces: usize) -> Self {
        self.remembered = traces;
        self
    }

    /// Where the age of parts is read; [`SystemClock`] otherwise.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Whether only what the head sampler chooses is recorded: its [`share`](Self::share) is 0.
    ///
    /// ```
    /// use throughline_samplers::Retention;
    ///
    /// assert!(Retention::new().share(0.0).is_off());
    /// ```
    pub fn is_off(&self) -> bool {
        self.share == 0.0
    }

    /// How much may wait, in words. What is kept is what [`Display`](fmt::Display) says.
    ///
    /// ```
    /// use throughline_samplers::Retention;
    ///
    /// let retention = Retention::new().max_bytes(16 << 20);
    /// assert_eq!(
    ///     retention.bounds(),
    ///     "100000 spans, 16777216 bytes, 10000 traces, 2000 spans of each, 60s",
    /// );
    /// ```
    pub fn bounds(&self) -> String {
        let (spans, bytes, traces) = (self.max_spans, self.max_bytes, self.max_traces);
        let (each, time) = (self.max_spans_per_trace, self.max_duration);
        format!("{spans} spans, {bytes} bytes, {traces} traces, {each} spans of each, {time:?}")
    }

    /// The buffer, with a queue behind it, and the worker that decides and exports.
    ///
    /// # Errors
    /// [`Error::Setting`] names the setting that makes no sense, such as `retention.errors`; [`Error::Rule`] names the rule,
    /// such as `retention.rules[0]`, whose rate does not.
    pub fn build(
        self,
        batch: BatchSettings,
        meter: &SelfMeter,
    ) -> Result<(RetentionBuffer, SpanWorker), Error> {
        let (slow, slow_rate) = self.slow;
        let quantile = match slow {
            Slow::Quantile(quantile) if !(0.0..1.0).contains(&quantile) => {
                return Err(wrong(
                    "retention.slow.quantile",
                    &quantile,
                    "0 to less than 1",
                ));
            }
            Slow::Quantile(quantile) => quantile,
            Slow::Above(_) => 0.0,
        };
        let mut rules = Vec::with_capacity(self.rules.len());
        for (place, (spans, rate)) in self.rules.into_iter().enumerate() {
            let threshold = threshold("rate", rate).map_err(|error| of_rule(place, error))?;
            rules.push((spans, threshold));
        }
        let policies = Policies {
            rates: Rates {
                errors: threshold("retention.errors", self.errors)?,
                slow: threshold("retention.slow.rate", slow_rate)?,
                outliers: threshold("retention.outliers", self.outliers)?,
            },
            slow,
            rules,
            rolling: Mutex::new(Rolling::new(quantile)),
        };
        let bounds = Bounds {
            max_spans: at_least_one("retention.max_spans", self.max_spans)?,
            max_bytes: at_least_one("retention.max_bytes", self.max_bytes)?,
            max_traces: at_least_one("retention.max_traces", self.max_traces)?,
            max_spans_per_trace: at_least_one(
                "retention.max_spans_per_trace",
                self.max_spans_per_trace,
            )?,
            remembered: at_least_one("retention.remembered", self.remembered)?,
            max_duration: self.max_duration,
        };
        if bounds.max_duration.is_zero() {
            return Err(wrong("retention.max_duration", &"0s", "more than 0"));
        }
        let base = threshold("retention.share", self.share)?;
        RetentionBuffer::new(policies, bounds, base, self.clock, batch, meter)
    }
}

/// What is kept, in words.
///
/// ```
/// use throughline_samplers::Retention;
///
/// assert_eq!(Retention::new().to_string(), "errors 1, slow 0.5 (500ms or more), outliers 1");
/// ```
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_off() {
            return f.write_str("off");
        }
        let (slow, rate) = self.slow;
        write!(f, "errors {}, slow {rate} (", self.errors)?;
        match slow {
            Slow::Above(bound) => write!(f, "{bound:?} or more)")?,
            Slow::Quantile(quantile) => write!(f, "above the quantile {quantile})")?,
        }
        write!(f, ", outliers {}", self.outliers)?;
        if !self.rules.is_empty() {
            let rates: Vec<String> = self.rules.iter().map(|it| it.1.to_string()).collect();
            write!(f, ", rules {}", rates.join(" "))?;
        }
        if self.share < 1.0 {
            write!(f, "; of a share of {}", self.share)?;
        }
        Ok(())
    }
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) max_spans: usize,
    pub(super) max_bytes: usize,
    pub(super) max_traces: usize,
    pub(super) max_spans_per_trace: usize,
    pub(super) remembered: usize,
    pub(super) max_duration: Duration,
}

/// The threshold of a share, in bits; 2^56 for none.
fn threshold(field: &'static str, rate: f64) -> Result<u64, Error> {
    if rate == 0.0 {
        return Ok(RANGE);
    }
    match Threshold::from_probability(rate) {
        Ok(threshold) => Ok(threshold.bits()),
        Err(_) => Err(wrong(field, &rate, "0, or 2^-56 to 1")),
    }
}

fn at_least_one(field: &'static str, value: usize) -> Result<usize, Error> {
    match value {
        0 => Err(wrong(field, &0, "at least 1")),
        value => Ok(value),
    }
}

/// The same of one rule, by its place.
fn of_rule(place: usize, error: Error) -> Error {
    match error {
        Error::Setting {
            field,
            value,
            expected,
        } => Error::Rule {
            rule: format!("retention.rules[{place}]"),
            field: field.to_owned(),
            value,
            expected,
        },
        other => other,
    }
}

fn wrong(field: &'static str, value: &impl ToString, expected: &str) -> Error {
    Error::Setting {
        field,
        value: value.to_string(),
        expected: expected.to_owned(),
    }
}
