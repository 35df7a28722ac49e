//! What a response says about the batch.

use bytes::Bytes;
use prost::Message;
use throughline_model::PushError;

/// The response of a success.
pub(crate) fn decode<R: Message + Default>(body: Bytes) -> Result<R, PushError> {
    R::decode(body).map_err(|error| PushError::Refused {
        code: "invalid_response".to_owned(),
        message: format!("the response is not OTLP ({error}): is this an OTLP receiver?"),
    })
}

/// Whether another request to the same receiver would wait in vain.
pub(crate) fn is_away(error: &PushError) -> bool {
    matches!(error, PushError::Unavailable { .. } | PushError::Timeout(_))
}

/// Several requests' outcomes as one.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    failed: Option<PushError>,
    rejected: u64,
    message: String,
}

impl Outcomes {
    pub(crate) fn add(&mut self, result: Result<(), PushError>) {
        match result {
            Ok(()) => {}
            Err(PushError::Rejected { items, message }) => {
                self.rejected += items;
                if self.message.is_empty() {
                    self.message = message;
                }
            }
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
    }

    /// The first failure of a whole request; otherwise the rejected items of all.
    pub(crate) fn into_result(self) -> Result<(), PushError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.rejected > 0 => Err(PushError::Rejected {
                items: self.rejected,
                message: self.message,
            }),
            None => Ok(()),
        }
    }
}
