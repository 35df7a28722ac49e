//! The port between what measures and what retains traces.

use std::fmt::{self, Debug, Display};
use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanId, TraceId};

/// Keeps traces that head sampling did not choose, and says what became of a span.
///
/// An exemplar is a promise that its trace can be opened. Whoever measures asks for the trace of an outlier to be
/// kept, and publishes an exemplar only once its span was [delivered](Fate::Delivered).
///
/// # Example
/// A keeper that keeps nothing: what the head sampled is delivered at once, and all else is lost.
/// ```
/// use opentelemetry::trace::{SpanContext, SpanId, TraceId};
/// use throughline_model::{Fate, KeepReason, TraceKeeper};
///
/// #[derive(Debug)]
/// struct HeadAlone;
///
/// impl TraceKeeper for HeadAlone {
///     fn candidate(&self, span: &SpanContext) -> bool {
///         span.is_sampled()
///     }
///     fn keep(&self, _: TraceId, _: SpanId, _: KeepReason) {}
///     fn fate(&self, _: TraceId, _: SpanId) -> Fate {
///         Fate::Delivered
///     }
/// }
/// ```
pub trait TraceKeeper: Send + Sync + Debug {
    /// Whether the trace of this span is sampled or could still be kept: arithmetic on its randomness, for hot paths. It
    /// takes no lock, and `true` promises nothing.
    fn candidate(&self, span: &SpanContext) -> bool;

    /// Asks that what this process recorded of the trace be kept, and says why. `span` is where the wish arose.
    ///
    /// Called on a thread that measures or serves: it may take a short lock, never waits and never calls back.
    fn keep(&self, trace: TraceId, span: SpanId, why: KeepReason);

    /// What became of a span so far. A keeper that does not know the span, or has forgotten it, says [`Fate::Lost`].
    fn fate(&self, trace: TraceId, span: SpanId) -> Fate;

    /// Whether it is certain by now that what this process recorded of the trace is kept beyond head sampling:
    /// somebody [asked](TraceKeeper::keep) for it and its randomness allows it, or a part of it was decided so.
    ///
    /// Asked when a call leaves and when an answer does, to tell the neighbour; it may take a short lock. A keeper
    /// that decides nothing says `false`, which is the default.
    fn is_kept(&self, trace: TraceId) -> bool {
        let _ = trace;
        false
    }

    /// Whether the trace of this local root, which is about to end as it is, is kept. Whoever is told so may rely on it:
    /// a server asks before it answers, since a decision that is made after the end would come too late for the answer.
    ///
    /// Default: what [`is_kept`](TraceKeeper::is_kept) says.
    fn ending(&self, root: &SpanContext, so_far: SoFar<'_>) -> bool {
        let _ = so_far;
        self.is_kept(root.trace_id())
    }
}

/// What is known of a local root while it is open, for who has to say whether its trace is kept before it ends.
///
/// ```
/// use std::time::Duration;
/// use throughline_model::SoFar;
///
/// let so_far = SoFar { name: "GET /orders", elapsed: Duration::from_millis(700), failed: false };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SoFar<'a> {
    /// The name of the local root.
    pub name: &'a str,
    /// How long it has taken.
    pub elapsed: Duration,
    /// Whether it has failed, as far as the caller knows.
    pub failed: bool,
}

/// What became of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is open, its trace is not decided, or it is on its way.
    Pending,
    /// Its batch was acknowledged.
    Delivered,
    /// It was not kept, it was dropped, its batch was refused, or it was delivered too long ago to be remembered.
    Lost,
}

/// Why a trace is kept that head sampling alone may not have kept.
///
/// ```
/// use throughline_model::KeepReason;
///
/// assert_eq!(KeepReason::Outlier.to_string(), "outlier");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeepReason {
    /// A span of it ended with an error status.
    Error,
    /// It took longer than a bound, or than the quantile of its operation.
    Slow,
    /// A histogram measured an outlier in it.
    Outlier,
    /// A rule chose it.
    Rule,
    /// The service asked for it.
    Explicit,
    /// A service that it called, or that called it, keeps its part.
    Neighbour,
}

impl KeepReason {
    /// All of them, in the order in which they stand in `sampling.retained`.
    pub const ALL: [Self; 6] = [
        Self::Error,
        Self::Slow,
        Self::Outlier,
        Self::Rule,
        Self::Explicit,
        Self::Neighbour,
    ];

    /// As the attribute `sampling.retained` says it: one lowercase word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Slow => "slow",
            Self::Outlier => "outlier",
            Self::Rule => "rule",
            Self::Explicit => "explicit",
            Self::Neighbour => "neighbour",
        }
    }
}

impl Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
