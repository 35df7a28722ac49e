//! Spans.

use std::sync::Arc;

use super::{Attributes, Footprint, Origin, SpanId, Time, TraceId};

/// A span that has ended.
///
/// ```
/// use std::sync::Arc;
/// use throughline_viewer::*;
///
/// let span = Span {
///     origin: Arc::new(Origin::default()),
///     trace: TraceId::from_bytes(&[1; 16]).unwrap(),
///     id: SpanId::from_bytes(&[2; 8]).unwrap(),
///     parent: None,
///     name: "charge card".into(),
///     kind: SpanKind::Client,
///     start: Time::from_nanos(1_000_000_000),
///     end: Time::from_nanos(1_004_000_000),
///     attributes: [("order.id", Value::from(7))].into_iter().collect(),
///     events: [].into(),
///     links: [].into(),
///     status: Status { code: StatusCode::Error, message: "declined".into() },
///     dropped: 0,
/// };
/// assert_eq!(span.nanos(), 4_000_000);
/// assert!(span.is_error());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Who sent it.
    pub origin: Arc<Origin>,
    /// The trace it belongs to.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// The span it is a child of; `None` for a root. It may never have arrived.
    pub parent: Option<SpanId>,
    /// What it does.
    pub name: Box<str>,
    /// Its role between services.
    pub kind: SpanKind,
    /// When it began, by the clock of the sender.
    pub start: Time,
    /// When it ended, by the clock of the sender; clocks may jump, so it may lie before `start`.
    pub end: Time,
    /// What it carries.
    pub attributes: Attributes,
    /// What happened in it, in the order sent.
    pub events: Box<[SpanEvent]>,
    /// Other spans it refers to.
    pub links: Box<[SpanLink]>,
    /// How it ended.
    pub status: Status,
    /// Attributes, events and links that the sender left out, or that could not be read.
    pub dropped: u64,
}

impl Span {
    /// How long it took, in nanoseconds; negative if it ended before it began.
    pub fn nanos(&self) -> i64 {
        self.end.nanos_since(self.start)
    }

    /// Whether it ended with an error.
    pub fn is_error(&self) -> bool {
        self.status.code == StatusCode::Error
    }
}

/// What a span does between services (specification: `trace/api.md`, "SpanKind").
///
/// ```
/// use throughline_viewer::SpanKind;
///
/// let leaves_the_process = |kind| matches!(kind, SpanKind::Client | SpanKind::Producer);
/// assert!(!leaves_the_process(SpanKind::default()));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanKind {
    /// Within a service; also what was not given.
    #[default]
    Internal,
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Puts a message on a queue.
    Producer,
    /// Takes a message from a queue.
    Consumer,
}

/// Something that happened in a span.
///
/// ```
/// use throughline_viewer::{SpanEvent, Time, Value};
///
/// let retry = SpanEvent {
///     time: Time::from_nanos(1_002_000_000),
///     name: "retry".into(),
///     attributes: [("attempt", Value::from(2))].into_iter().collect(),
/// };
/// assert_eq!(retry.attributes.get("attempt"), Some(&Value::Int(2)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    /// When.
    pub time: Time,
    /// What.
    pub name: Box<str>,
    /// Details.
    pub attributes: Attributes,
}

/// A reference to another span.
///
/// ```
/// use throughline_viewer::{Attributes, SpanId, SpanLink, TraceId};
///
/// let link = SpanLink {
///     trace: TraceId::from_bytes(&[1; 16]).unwrap(),
///     span: SpanId::from_bytes(&[2; 8]).unwrap(),
///     attributes: Attributes::default(),
/// };
/// assert_eq!(link.span.to_string(), "0202020202020202");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SpanLink {
    /// The other span's trace.
    pub trace: TraceId,
    /// The other span.
    pub span: SpanId,
    /// Details.
    pub attributes: Attributes,
}

/// How a span ended.
///
/// ```
/// use throughline_viewer::{Status, StatusCode};
///
/// let declined = Status { code: StatusCode::Error, message: "card declined".into() };
/// assert_ne!(declined, Status::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The outcome.
    pub code: StatusCode,
    /// The description that came with an error; may be empty.
    pub message: Box<str>,
}

/// The outcome of a span.
///
/// ```
/// use throughline_viewer::{Status, StatusCode};
///
/// assert_eq!(Status::default().code, StatusCode::Unset);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusCode {
    /// Nobody said.
    #[default]
    Unset,
    /// Somebody said that it went well.
    Ok,
    /// It failed.
    Error,
}

impl Footprint for Span {
    fn footprint(&self) -> usize {
        // What the set and the name own besides their place in the struct.
        let owned = self.attributes.footprint() - size_of::<Attributes>()
            + self.name.footprint()
            + self.events.footprint()
            + self.links.footprint()
            + self.status.message.footprint();
        size_of::<Self>() + owned
    }
}

impl Footprint for SpanEvent {
    fn footprint(&self) -> usize {
        size_of::<Time>()
            + size_of::<Box<str>>()
            + self.name.footprint()
            + self.attributes.footprint()
    }
}

impl Footprint for SpanLink {
    fn footprint(&self) -> usize {
        size_of::<TraceId>() + size_of::<SpanId>() + self.attributes.footprint()
    }
}
