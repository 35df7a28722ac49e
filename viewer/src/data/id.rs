//! Identifiers of traces and spans.

use std::fmt;

/// The id of a trace: 16 bytes, never all zero (specification: `trace/api.md`, "SpanContext").
///
/// ```
/// use throughline_viewer::TraceId;
///
/// let id = TraceId::from_bytes(&[0x4b; 16]).unwrap();
/// assert_eq!(id.to_string(), "4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b");
/// assert_eq!(id.to_bytes(), [0x4b; 16]);
/// assert!(TraceId::from_bytes(&[0; 16]).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// The id in these bytes; `None` unless they are 16 and not all zero.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 16] = bytes.try_into().ok()?;
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// The 16 bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// The id of a span: 8 bytes, never all zero, unique within its trace.
///
/// ```
/// use throughline_viewer::SpanId;
///
/// let id = SpanId::from_bytes(&[1; 8]).unwrap();
/// assert_eq!(id.to_string(), "0101010101010101");
/// assert_eq!(id.to_bytes(), [1; 8]);
/// assert!(SpanId::from_bytes(&[1; 7]).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId([u8; 8]);

impl SpanId {
    /// The id in these bytes; `None` unless they are 8 and not all zero.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 8] = bytes.try_into().ok()?;
        (bytes != [0; 8]).then_some(Self(bytes))
    }

    /// The 8 bytes.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

pub(crate) fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
