//! Log records.

use std::fmt;
use std::sync::Arc;

use super::{Attributes, Footprint, Origin, SpanId, Time, TraceId, Value};

/// A log record.
///
/// ```
/// use std::sync::Arc;
/// use throughline_viewer::{Attributes, Limits, LogRecord, Origin, Severity, Store, Time};
///
/// let store = Store::new(Limits::default());
/// store.add_logs([LogRecord {
///     origin: Arc::new(Origin::default()),
///     time: Time::from_nanos(1_700_000_000_000_000_000),
///     severity: Severity::WARN,
///     body: "the card was declined".into(),
///     attributes: Attributes::default(),
///     event: "".into(),
///     trace: None,
///     span: None,
/// }]);
/// assert_eq!(store.recent_logs(1)[0].body.as_text(), Some("the card was declined"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    /// Who sent it.
    pub origin: Arc<Origin>,
    /// When it happened, or when it was observed where that is all that is known.
    pub time: Time,
    /// How grave it is.
    pub severity: Severity,
    /// What it says.
    pub body: Value,
    /// Details.
    pub attributes: Attributes,
    /// The name of the event, where the record is one; may be empty.
    pub event: Box<str>,
    /// The trace in which it was written.
    pub trace: Option<TraceId>,
    /// The span in which it was written.
    pub span: Option<SpanId>,
}

impl Footprint for LogRecord {
    fn footprint(&self) -> usize {
        let owned = self.body.footprint() - size_of::<Value>() + self.attributes.footprint()
            - size_of::<Attributes>()
            + self.event.footprint();
        size_of::<Self>() + owned
    }
}

/// How grave a log record is: OpenTelemetry's severity number, 1 to 24, 0 where it was not given
/// (specification: `logs/data-model.md`, "Field: SeverityNumber").
///
/// ```
/// use throughline_viewer::Severity;
///
/// assert_eq!(Severity(9).to_string(), "INFO");
/// assert_eq!(Severity(20).to_string(), "ERROR4");
/// assert_eq!(Severity(0).to_string(), "");
/// assert!(Severity(16) >= Severity::WARN && Severity(16) < Severity::ERROR);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Severity(pub u8);

impl Severity {
    /// The first of the numbers that mean an error.
    pub const ERROR: Severity = Severity(17);
    /// The first of the numbers that mean a warning.
    pub const WARN: Severity = Severity(13);
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
        let Some(from_zero) = self.0.checked_sub(1) else {
            return Ok(());
        };
        match NAMES.get(usize::from(from_zero / 4)) {
            Some(name) => f.write_str(name)?,
            None => return write!(f, "{}", self.0),
        }
        match from_zero % 4 {
            0 => Ok(()),
            step => write!(f, "{}", step + 1),
        }
    }
}
