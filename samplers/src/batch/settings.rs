//! How much waits, how long, and how much is sent at once.

use std::time::Duration;

use crate::Error;

/// The settings of a queue.
///
/// ```
/// use std::time::Duration;
/// use throughline_samplers::batch::BatchSettings;
///
/// let settings = BatchSettings { max_queue_size: 8192, ..BatchSettings::spans() };
/// assert_eq!(settings.max_export_batch_size, 512);
/// assert_eq!(BatchSettings::log_records().schedule_delay, Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSettings {
    /// The longest wait before what is queued is sent, from when the worker first saw it. Default 5 s
    /// for spans, 1 s for log records; 0 sends at once.
    pub schedule_delay: Duration,
    /// How many items wait at most, besides those in flight. At least 1. Default 2048.
    pub max_queue_size: usize,
    /// How many bytes of items wait at most, estimated. At least 1. Default 16 MiB.
    pub max_queue_bytes: usize,
    /// How many items are sent at once. In `1..=max_queue_size`. Default 512.
    pub max_export_batch_size: usize,
    /// How many bytes of items are sent at once, estimated; an item that is larger goes alone. In
    /// `1..=max_queue_bytes`. Default 2 MiB, half of what a gRPC server accepts unless told otherwise.
    pub max_export_batch_bytes: usize,
    /// How long one batch may take, retries included. More than 0. Default 30 s.
    pub export_timeout: Duration,
}

impl BatchSettings {
    /// The defaults for spans (specification: `trace/sdk.md`, Batching processor).
    pub fn spans() -> Self {
        Self {
            schedule_delay: Duration::from_secs(5),
            max_queue_size: 2048,
            max_queue_bytes: 16 << 20,
            max_export_batch_size: 512,
            max_export_batch_bytes: 2 << 20,
            export_timeout: Duration::from_secs(30),
        }
    }

    /// The defaults for log records (specification: `logs/sdk.md`, Batching processor).
    pub fn log_records() -> Self {
        Self {
            schedule_delay: Duration::from_secs(1),
            ..Self::spans()
        }
    }

    /// # Errors
    /// [`Error::Setting`] names the first field that makes no sense.
    pub(crate) fn validate(self) -> Result<Self, Error> {
        let between = |field, value: usize, max: usize, of: &str| {
            if (1..=max).contains(&value) {
                return Ok(());
            }
            Err(Error::Setting {
                field,
                value: value.to_string(),
                expected: if value == 0 {
                    "at least 1".to_owned()
                } else {
                    format!("at most {of} ({max})")
                },
            })
        };
        let (size, bytes) = (self.max_queue_size, self.max_queue_bytes);
        between("max_queue_size", size, usize::MAX, "")?;
        between("max_queue_bytes", bytes, usize::MAX, "")?;
        let (batch_size, batch_bytes) = (self.max_export_batch_size, self.max_export_batch_bytes);
        between("max_export_batch_size", batch_size, size, "max_queue_size")?;
        between(
            "max_export_batch_bytes",
            batch_bytes,
            bytes,
            "max_queue_bytes",
        )?;
        if self.export_timeout.is_zero() {
            return Err(Error::Setting {
                field: "export_timeout",
                value: "0s".to_owned(),
                expected: "more than 0".to_owned(),
            });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert!(BatchSettings::spans().validate().is_ok());
        assert!(BatchSettings::log_records().validate().is_ok());
    }

    #[test]
    fn a_setting_that_makes_no_sense_is_named() {
        let spans = BatchSettings::spans();
        let said = |settings: BatchSettings| settings.validate().unwrap_err().to_string();
        assert_eq!(
            said(BatchSettings {
                max_queue_size: 0,
                ..spans
            }),
            "max_queue_size is 0: expected at least 1"
        );
        assert_eq!(
            said(BatchSettings {
                max_queue_size: 100,
                ..spans
            }),
            "max_export_batch_size is 512: expected at most max_queue_size (100)"
        );
        assert_eq!(
            said(BatchSettings {
                max_queue_bytes: 100,
                ..spans
            }),
            "max_export_batch_bytes is 2097152: expected at most max_queue_bytes (100)"
        );
        assert_eq!(
            said(BatchSettings {
                export_timeout: Duration::ZERO,
                ..spans
            }),
            "export_timeout is 0s: expected more than 0"
        );
    }
}
