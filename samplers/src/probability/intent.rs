//! What a composable sampler wants.

use std::fmt::Debug;

use opentelemetry::KeyValue;
use opentelemetry::trace::TraceState;

use super::threshold::Threshold;
use super::trace_state::only;

/// What a [`ComposableSampler`](super::ComposableSampler) wants for a span; the
/// [`CompositeSampler`](super::CompositeSampler) decides.
///
/// Specification: `trace/sdk.md`, "GetSamplingIntent".
///
/// # Example
///
/// ```
/// use throughline_samplers::probability::{SamplingIntent, Threshold};
///
/// let half = Threshold::from_probability(0.5)?;
/// assert_eq!(SamplingIntent::reliable(half).threshold(), Some(half));
/// assert_eq!(SamplingIntent::dropped().threshold(), None);
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SamplingIntent<'a> {
    threshold: Option<Threshold>,
    adjusted_count_reliable: bool,
    /// `ot=th:…` of the threshold, where the sampler has it ready.
    pub(super) ready: Option<&'a TraceState>,
    pub(super) trace_state: Option<&'a dyn TraceStateProvider>,
    /// The probability to say on the span.
    sample_rate: Option<f64>,
    /// The first ones are not empty, the others are.
    attributes: [&'a [KeyValue]; INLINE],
    /// Those that found no place. Boxed, since it is hardly ever there and intents are moved a lot.
    more: Option<Box<More<'a>>>,
}

#[derive(Clone, Debug, Default)]
struct More<'a>(Vec<&'a [KeyValue]>);

/// How many samplers may annotate a span before an allocation.
const INLINE: usize = 2;

impl<'a> SamplingIntent<'a> {
    /// Not to sample.
    ///
    /// ```
    /// use throughline_samplers::probability::SamplingIntent;
    ///
    /// assert!(!SamplingIntent::dropped().adjusted_count_reliable());
    /// ```
    pub const fn dropped() -> Self {
        Self::new(None, false)
    }

    /// To sample what is at least this threshold, by the trace's own randomness: consistently, and with a
    /// count that can be relied upon. The threshold must not depend on that randomness.
    ///
    /// ```
    /// use throughline_samplers::probability::{SamplingIntent, Threshold};
    ///
    /// assert!(SamplingIntent::reliable(Threshold::ALWAYS).adjusted_count_reliable());
    /// ```
    pub const fn reliable(threshold: Threshold) -> Self {
        Self::new(Some(threshold), true)
    }

    /// To sample with this threshold's probability, by randomness of its own, where no one can tell how
    /// many spans a sampled one stands for.
    ///
    /// ```
    /// use throughline_samplers::probability::{SamplingIntent, Threshold};
    ///
    /// assert!(!SamplingIntent::unreliable(Threshold::ALWAYS).adjusted_count_reliable());
    /// ```
    pub const fn unreliable(threshold: Threshold) -> Self {
        Self::new(Some(threshold), false)
    }

    const fn new(threshold: Option<Threshold>, adjusted_count_reliable: bool) -> Self {
        Self {
            threshold,
            adjusted_count_reliable,
            ready: None,
            trace_state: None,
            sample_rate: None,
            attributes: [&[]; INLINE],
            more: None,
        }
    }

    /// Adds these attributes to the span if it is sampled, after those that are there.
    ///
    /// The `opentelemetry` SDK keeps both of two attributes with one key; the later one counts.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    /// use throughline_samplers::probability::{SamplingIntent, Threshold};
    ///
    /// let rule = [KeyValue::new("sampling.rule", "checkout")];
    /// let intent = SamplingIntent::reliable(Threshold::ALWAYS).annotated(&rule);
    /// assert_eq!(intent.into_attributes(), rule);
    /// ```
    #[must_use]
    pub fn annotated(mut self, attributes: &'a [KeyValue]) -> Self {
        if !attributes.is_empty() {
            match self.attributes.iter_mut().find(|place| place.is_empty()) {
                Some(place) => *place = attributes,
                None => self.more.get_or_insert_default().0.push(attributes),
            }
        }
        self
    }

    /// Says on the span, if it is sampled, that it was sampled with this probability: `sample.rate`, after
    /// the other attributes. A threshold that is raised later lowers it.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    /// use throughline_samplers::probability::{SamplingIntent, Threshold};
    ///
    /// let (half, quarter) = ("8".parse::<Threshold>()?, "c".parse::<Threshold>()?);
    /// let intent = SamplingIntent::reliable(half).with_sample_rate(0.5);
    /// assert_eq!(intent.clone().into_attributes(), [KeyValue::new("sample.rate", 0.5)]);
    /// let raised = intent.at_least(quarter);
    /// assert_eq!(raised.into_attributes(), [KeyValue::new("sample.rate", 0.25)]);
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    #[must_use]
    pub fn with_sample_rate(mut self, probability: f64) -> Self {
        self.sample_rate = Some(probability);
        self
    }

    /// Lets this provider change the span's `tracestate`, sampled or not. It replaces one that is there.
    ///
    /// ```
    /// use opentelemetry::trace::TraceState;
    /// use throughline_samplers::probability::{SamplingIntent, Threshold, TraceStateProvider};
    ///
    /// #[derive(Debug)]
    /// struct Mark;
    ///
    /// impl TraceStateProvider for Mark {
    ///     fn trace_state(&self, parent: &TraceState, sampled: bool) -> TraceState {
    ///         let mark = if sampled { "1" } else { "0" };
    ///         parent.insert("acme", mark).unwrap_or_else(|_| parent.clone())
    ///     }
    /// }
    ///
    /// let intent = SamplingIntent::reliable(Threshold::ALWAYS).with_trace_state(&Mark);
    /// ```
    #[must_use]
    pub fn with_trace_state(mut self, provider: &'a dyn TraceStateProvider) -> Self {
        self.trace_state = Some(provider);
        self
    }

    /// Raises the threshold to at least this one: fewer spans, never more. What is dropped stays dropped,
    /// and what was not reliable does not become so.
    ///
    /// ```
    /// use throughline_samplers::probability::{SamplingIntent, Threshold};
    ///
    /// let (half, quarter) = ("8".parse::<Threshold>()?, "c".parse::<Threshold>()?);
    /// assert_eq!(SamplingIntent::reliable(half).at_least(quarter).threshold(), Some(quarter));
    /// assert_eq!(SamplingIntent::reliable(quarter).at_least(half).threshold(), Some(quarter));
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    #[must_use]
    pub fn at_least(mut self, threshold: Threshold) -> Self {
        if self.threshold.is_some_and(|own| own < threshold) {
            self.threshold = Some(threshold);
            self.ready = None;
            let probability = threshold.probability();
            self.sample_rate = self.sample_rate.map(|rate| rate.min(probability));
        }
        self
    }

    /// The threshold, or `None` to drop.
    ///
    /// ```
    /// use throughline_samplers::probability::SamplingIntent;
    ///
    /// assert_eq!(SamplingIntent::dropped().threshold(), None);
    /// ```
    pub const fn threshold(&self) -> Option<Threshold> {
        self.threshold
    }

    /// Whether the threshold says how many spans a sampled one stands for.
    ///
    /// ```
    /// use throughline_samplers::probability::SamplingIntent;
    ///
    /// assert!(!SamplingIntent::dropped().adjusted_count_reliable());
    /// ```
    pub const fn adjusted_count_reliable(&self) -> bool {
        self.adjusted_count_reliable
    }

    /// The attributes to add, in order.
    ///
    /// ```
    /// use throughline_samplers::probability::SamplingIntent;
    ///
    /// assert!(SamplingIntent::dropped().into_attributes().is_empty());
    /// ```
    #[inline]
    pub fn into_attributes(self) -> Vec<KeyValue> {
        if self.attributes[0].is_empty() && self.sample_rate.is_none() {
            return Vec::new();
        }
        self.collected()
    }

    fn collected(self) -> Vec<KeyValue> {
        let annotations = self.attributes.iter().copied();
        let mut attributes =
            Vec::with_capacity(1 + annotations.clone().map(<[_]>::len).sum::<usize>());
        for some in annotations.chain(self.more.iter().flat_map(|more| more.0.iter().copied())) {
            attributes.extend_from_slice(some);
        }
        attributes.extend(
            self.sample_rate
                .map(|rate| KeyValue::new("sample.rate", rate)),
        );
        attributes
    }
}

/// Changes the `tracestate` of a span that starts: adds an entry of one's own, for instance.
///
/// The `ot` entry is not its to change; whatever it does there is undone.
///
/// Specification: `trace/sdk.md`, "GetSamplingIntent", `trace_state_provider`.
///
/// # Example
///
/// ```
/// use opentelemetry::trace::TraceState;
/// use throughline_samplers::probability::TraceStateProvider;
///
/// /// Says further down the trace who kept it.
/// #[derive(Debug)]
/// struct KeptBy(&'static str);
///
/// impl TraceStateProvider for KeptBy {
///     fn trace_state(&self, parent: &TraceState, sampled: bool) -> TraceState {
///         let marked = parent.insert("acme", self.0);
///         marked.ok().filter(|_| sampled).unwrap_or_else(|| parent.clone())
///     }
/// }
///
/// let parent: TraceState = "vendor=1".parse().unwrap();
/// assert_eq!(KeptBy("shop").trace_state(&parent, true).header(), "acme=shop,vendor=1");
/// assert_eq!(KeptBy("shop").trace_state(&parent, false).header(), "vendor=1");
/// ```
pub trait TraceStateProvider: Debug + Send + Sync {
    /// The span's `tracestate`, from its parent's and from what was decided.
    fn trace_state(&self, parent: &TraceState, sampled: bool) -> TraceState;
}

/// A fixed threshold with the `tracestate` of a root that is sampled with it, since a clone costs a third
/// of what building one does.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    threshold: Threshold,
    state: TraceState,
}

impl Prepared {
    pub(crate) fn new(threshold: Threshold) -> Self {
        Self {
            threshold,
            state: only(threshold),
        }
    }

    #[inline]
    pub(crate) fn intent(&self) -> SamplingIntent<'_> {
        let mut intent = SamplingIntent::reliable(self.threshold);
        intent.ready = Some(&self.state);
        intent
    }

    pub(crate) fn threshold(&self) -> Threshold {
        self.threshold
    }
}
