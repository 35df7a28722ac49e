//! What the viewer keeps, as plain data of its own: no protobuf message goes past the receiver.

mod attributes;
mod id;
mod log;
mod metric;
mod origin;
mod span;
mod time;

pub use attributes::{Attributes, Value};
pub use id::{SpanId, TraceId};
pub use log::{LogRecord, Severity};
pub use metric::{
    Exemplar, ExponentialBuckets, ExponentialHistogram, Histogram, Kind, Number, Point, SeriesId,
    Summary, Temporality, Total,
};
pub use origin::{Origin, Scope};
pub use span::{Span, SpanEvent, SpanKind, SpanLink, Status, StatusCode};
pub use time::Time;

/// Estimates the memory that a value takes, itself and what it owns, in bytes.
///
/// An [`Origin`] is shared between many items and is charged where it is pooled, not here.
pub(crate) trait Footprint {
    fn footprint(&self) -> usize;
}

/// What an allocator adds to each block, roughly.
pub(crate) const BLOCK: usize = 16;

impl Footprint for str {
    fn footprint(&self) -> usize {
        if self.is_empty() {
            0
        } else {
            self.len() + BLOCK
        }
    }
}

impl<T: Footprint> Footprint for [T] {
    fn footprint(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        BLOCK + self.iter().map(Footprint::footprint).sum::<usize>()
    }
}
