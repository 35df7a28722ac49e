//! A point in time in 8 bytes, for what there is much of.

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time as OTLP has it: nanoseconds since 1970, to 2554. One more, so that an `Option` of it has 8 bytes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp(NonZeroU64);

impl From<SystemTime> for Timestamp {
    /// What lies outside becomes the nearest that does not.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(Timestamp(nanos): Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_nanos(nanos.get() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_to_the_nanosecond_and_within_its_range() {
        let at = |nanos| UNIX_EPOCH + Duration::from_nanos(nanos);
        for time in [UNIX_EPOCH, at(1), at(1_790_000_000_123_456_789)] {
            assert_eq!(SystemTime::from(Timestamp::from(time)), time);
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(SystemTime::from(Timestamp::from(before)), UNIX_EPOCH);
        let after = at(u64::MAX) + Duration::from_secs(1);
        assert_eq!(SystemTime::from(Timestamp::from(after)), at(u64::MAX - 1));
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
    }
}
