//! Which spans a rule is for.

use std::borrow::Cow;
use std::fmt;
use std::ops::Not;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use opentelemetry::trace::{SpanContext, SpanKind};
use opentelemetry::{Key, Value};

use super::span_start::SpanStart;

/// Whether a span that starts is one of those that a rule is for.
///
/// Made of conditions on what is known at the start, joined by [`and`](Self::and), [`or`](Self::or) and
/// `!`. Checking one allocates nothing.
///
/// # Example
///
/// ```
/// use opentelemetry::KeyValue;
/// use throughline_samplers::probability::{Predicate, SpanStart};
///
/// let probes = Predicate::root() & Predicate::attribute("http.route", "/health");
/// let attributes = [KeyValue::new("http.route", "/health")];
/// let mut span = SpanStart::root("GET /health");
/// assert!(!probes.matches(&span));
/// span.attributes = &attributes;
/// assert!(probes.matches(&span));
/// ```
#[derive(Clone)]
pub struct Predicate(Condition);

#[derive(Clone)]
enum Condition {
    Anything,
    Root,
    LocalParent,
    RemoteParent,
    Name(Cow<'static, str>),
    NamePrefix(Cow<'static, str>),
    Kind(SpanKind),
    Attribute(Key, Value),
    HasAttribute(Key),
    When(Cow<'static, str>, Arc<Check>),
    Not(Box<Condition>),
    And(Box<[Condition; 2]>),
    Or(Box<[Condition; 2]>),
}

type Check = dyn Fn(&SpanStart<'_>) -> bool + Send + Sync;

impl Predicate {
    /// Every span.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// assert!(Predicate::anything().matches(&SpanStart::root("job")));
    /// ```
    pub fn anything() -> Self {
        Self(Condition::Anything)
    }

    /// Spans without parent.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// assert!(Predicate::root().matches(&SpanStart::root("job")));
    /// ```
    pub fn root() -> Self {
        Self(Condition::Root)
    }

    /// Spans whose parent is in this process.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// assert!(!Predicate::local_parent().matches(&SpanStart::root("job")));
    /// ```
    pub fn local_parent() -> Self {
        Self(Condition::LocalParent)
    }

    /// Spans whose parent is in another process.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// assert!(!Predicate::remote_parent().matches(&SpanStart::root("job")));
    /// ```
    pub fn remote_parent() -> Self {
        Self(Condition::RemoteParent)
    }

    /// Spans of exactly this name.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// assert!(Predicate::name("job").matches(&SpanStart::root("job")));
    /// ```
    pub fn name(name: impl Into<Cow<'static, str>>) -> Self {
        Self(Condition::Name(name.into()))
    }

    /// Spans whose name starts like this.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// assert!(Predicate::name_prefix("GET /").matches(&SpanStart::root("GET /orders")));
    /// ```
    pub fn name_prefix(prefix: impl Into<Cow<'static, str>>) -> Self {
        Self(Condition::NamePrefix(prefix.into()))
    }

    /// Spans of this kind.
    ///
    /// ```
    /// use opentelemetry::trace::SpanKind;
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// assert!(Predicate::kind(SpanKind::Internal).matches(&SpanStart::root("job")));
    /// ```
    pub fn kind(kind: SpanKind) -> Self {
        Self(Condition::Kind(kind))
    }

    /// Spans that start with this attribute and exactly this value, of this type.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// let attributes = [KeyValue::new("server.port", 443)];
    /// let mut span = SpanStart::root("job");
    /// span.attributes = &attributes;
    /// assert!(Predicate::attribute("server.port", 443).matches(&span));
    /// assert!(!Predicate::attribute("server.port", "443").matches(&span));
    /// ```
    pub fn attribute(key: impl Into<Key>, value: impl Into<Value>) -> Self {
        Self(Condition::Attribute(key.into(), value.into()))
    }

    /// Spans that start with this attribute, whatever its value.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// assert!(!Predicate::has_attribute("debug").matches(&SpanStart::root("job")));
    /// ```
    pub fn has_attribute(key: impl Into<Key>) -> Self {
        Self(Condition::HasAttribute(key.into()))
    }

    /// Spans of which this is true. `name` is what `Debug` shows.
    ///
    /// A sampler asks on the thread that starts the span, a rule of retention again when it has ended, on the one that
    /// delivers. It must not look at the trace id. Where it panics, the span is none of them.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// let linked = Predicate::when("has links", |span| !span.links.is_empty());
    /// assert_eq!(format!("{linked:?}"), "has links");
    /// assert!(!linked.matches(&SpanStart::root("job")));
    /// ```
    pub fn when(
        name: impl Into<Cow<'static, str>>,
        check: impl Fn(&SpanStart<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Condition::When(name.into(), Arc::new(check)))
    }

    /// Spans that both are for. Also written `&`.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// let both = Predicate::root().and(Predicate::name("job"));
    /// assert!(both.matches(&SpanStart::root("job")));
    /// ```
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(Condition::And(Box::new([self.0, other.0])))
    }

    /// Spans that either is for. Also written `|`.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// let either = Predicate::name("job").or(Predicate::name("task"));
    /// assert!(either.matches(&SpanStart::root("task")));
    /// ```
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(Condition::Or(Box::new([self.0, other.0])))
    }

    /// Whether this span is one of them.
    ///
    /// ```
    /// use throughline_samplers::probability::{Predicate, SpanStart};
    ///
    /// assert!((!Predicate::name("job")).matches(&SpanStart::root("task")));
    /// ```
    pub fn matches(&self, span: &SpanStart<'_>) -> bool {
        // Neither a service nor the delivery of its spans ends by a check of its own.
        catch_unwind(AssertUnwindSafe(|| self.0.holds(span))).unwrap_or(false)
    }

    /// Whether a span that starts like this matches, whatever is added to it later. What is there counts as if it
    /// stayed; what is not there may come, so `!` says nothing about it, and a check of one's own is not asked.
    pub(crate) fn matches_from_the_start(&self, span: &SpanStart<'_>) -> bool {
        self.0.foreseen(span) == Some(true)
    }
}

impl Condition {
    /// `None` if it is open.
    fn foreseen(&self, span: &SpanStart<'_>) -> Option<bool> {
        match self {
            Self::Anything
            | Self::Root
            | Self::LocalParent
            | Self::RemoteParent
            | Self::Kind(_) => Some(self.holds(span)),
            Self::Name(_) | Self::NamePrefix(_) | Self::Attribute(..) | Self::HasAttribute(_) => {
                self.holds(span).then_some(true)
            }
            Self::When(..) => None,
            Self::Not(condition) => condition.foreseen(span).map(bool::not),
            Self::And(both) => Self::joined(both, span, false),
            Self::Or(either) => Self::joined(either, span, true),
        }
    }

    /// What decides alone, where one of the two is that; the other value, where both are.
    fn joined(two: &[Self; 2], span: &SpanStart<'_>, decisive: bool) -> Option<bool> {
        match [&two[0], &two[1]].map(|condition| condition.foreseen(span)) {
            [Some(one), Some(other)] if one != decisive && other != decisive => Some(!decisive),
            found if found.contains(&Some(decisive)) => Some(decisive),
            _ => None,
        }
    }

    fn holds(&self, span: &SpanStart<'_>) -> bool {
        let attribute = |key: &Key| span.attributes.iter().rev().find(|a| a.key == *key);
        match self {
            Self::Anything => true,
            Self::Root => span.parent().is_none(),
            Self::LocalParent => span.parent().is_some_and(|parent| !parent.is_remote()),
            Self::RemoteParent => span.parent().is_some_and(SpanContext::is_remote),
            Self::Name(name) => span.name == name,
            Self::NamePrefix(prefix) => span.name.starts_with(&**prefix),
            Self::Kind(kind) => span.kind == kind,
            Self::Attribute(key, value) => attribute(key).is_some_and(|a| a.value == *value),
            Self::HasAttribute(key) => attribute(key).is_some(),
            Self::When(_, check) => check(span),
            Self::Not(condition) => !condition.holds(span),
            Self::And(both) => both.iter().all(|condition| condition.holds(span)),
            Self::Or(either) => either.iter().any(|condition| condition.holds(span)),
        }
    }
}

impl Not for Predicate {
    type Output = Self;

    fn not(self) -> Self {
        Self(Condition::Not(Box::new(self.0)))
    }
}

impl std::ops::BitAnd for Predicate {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

impl std::ops::BitOr for Predicate {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => f.write_str("anything"),
            Self::Root => f.write_str("root"),
            Self::LocalParent => f.write_str("local parent"),
            Self::RemoteParent => f.write_str("remote parent"),
            Self::Name(name) => write!(f, "name = {name:?}"),
            Self::NamePrefix(prefix) => write!(f, "name = {prefix:?}*"),
            Self::Kind(kind) => write!(f, "kind = {kind:?}"),
            Self::Attribute(key, value) => write!(f, "{key} = {:?}", value.as_str()),
            Self::HasAttribute(key) => write!(f, "{key}"),
            Self::When(name, _) => f.write_str(name),
            Self::Not(condition) => write!(f, "not ({condition:?})"),
            Self::And(both) => write!(f, "({:?} and {:?})", both[0], both[1]),
            Self::Or(either) => write!(f, "({:?} or {:?})", either[0], either[1]),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};

    use super::*;

    fn parent(is_remote: bool) -> SpanContext {
        let (trace, span) = (TraceId::from(1), SpanId::from(1));
        SpanContext::new(
            trace,
            span,
            TraceFlags::SAMPLED,
            is_remote,
            TraceState::NONE,
        )
    }

    #[test]
    fn where_the_parent_is_decides() {
        let (local, remote) = (parent(false), parent(true));
        let spans = [
            SpanStart::root("a"),
            SpanStart::child(&local, "a"),
            SpanStart::child(&remote, "a"),
        ];
        let of = |predicate: Predicate| spans.map(|span| predicate.matches(&span));
        assert_eq!(of(Predicate::root()), [true, false, false]);
        assert_eq!(of(Predicate::local_parent()), [false, true, false]);
        assert_eq!(of(Predicate::remote_parent()), [false, false, true]);
    }

    #[test]
    fn where_a_check_panics_nothing_matches() {
        let check = |span: &SpanStart<'_>| span.attributes[0].key.as_str() == "a";
        let predicate = Predicate::when("first attribute", check);
        assert!(!predicate.matches(&SpanStart::root("job")));
        assert!(!(!predicate).matches(&SpanStart::root("job")));
    }

    #[test]
    fn names_match_whole_or_from_their_start() {
        let span = SpanStart::root("GET /orders/42");
        assert!(!Predicate::name("GET /orders").matches(&span));
        assert!(Predicate::name_prefix("GET /orders").matches(&span));
        assert!(!Predicate::name_prefix("/orders").matches(&span));
        assert!(Predicate::name_prefix("").matches(&span));
    }

    #[test]
    fn the_last_of_two_attributes_counts() {
        let attributes = [KeyValue::new("tier", "free"), KeyValue::new("tier", "gold")];
        let mut span = SpanStart::root("a");
        span.attributes = &attributes;
        assert!(Predicate::attribute("tier", "gold").matches(&span));
        assert!(Predicate::attribute("tier", String::from("gold")).matches(&span));
        assert!(!Predicate::attribute("tier", "free").matches(&span));
        assert!(Predicate::has_attribute("tier").matches(&span));
    }

    #[test]
    fn conditions_are_joined() {
        let span = SpanStart::root("a");
        let (yes, no) = (Predicate::anything, || !Predicate::anything());
        assert!((yes() & yes()).matches(&span));
        assert!(!(yes() & no()).matches(&span));
        assert!((no() | yes()).matches(&span));
        assert!(!(no() | no()).matches(&span));
        assert!((!(no() | no())).matches(&span));
    }

    #[test]
    fn what_may_still_come_is_open_at_the_start() {
        let attributes = [KeyValue::new("tier", "gold")];
        let mut span = SpanStart::root("GET /orders");
        span.attributes = &attributes;
        let (gold, free) = (
            || Predicate::attribute("tier", "gold"),
            || Predicate::attribute("tier", "free"),
        );
        let status = || Predicate::has_attribute("http.response.status_code");
        let mine = || Predicate::when("mine", |_| true);
        for (predicate, expected) in [
            (gold(), Some(true)),
            (free(), None),
            (!free(), None),
            (!gold(), Some(false)),
            (!!gold(), Some(true)),
            (Predicate::name("GET /orders"), Some(true)),
            (!Predicate::name_prefix("POST "), None),
            (Predicate::root(), Some(true)),
            (!Predicate::root(), Some(false)),
            (mine(), None),
            (gold() & Predicate::root(), Some(true)),
            (gold() & !status(), None),
            (status() & !Predicate::root(), Some(false)),
            (gold() | mine(), Some(true)),
            (status() | !Predicate::root(), None),
            (!Predicate::root() | !gold(), Some(false)),
        ] {
            assert_eq!(predicate.0.foreseen(&span), expected, "{predicate:?}");
        }
    }

    #[test]
    fn debug_reads_like_the_rule() {
        let rule = Predicate::root() & !Predicate::name_prefix("GET /")
            | Predicate::attribute("server.port", 443);
        assert_eq!(
            format!("{rule:?}"),
            r#"((root and not (name = "GET /"*)) or server.port = "443")"#
        );
    }
}
