//! How a call ended.

use std::borrow::Cow;

/// How a call ended. Displayed as the attribute `outcome` of `<name>.calls`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    Success,
    /// With the `error.type`.
    Error(Cow<'static, str>),
    Panic,
    /// The future was dropped before it was ready.
    Cancelled,
}

impl Outcome {
    /// The value of `outcome`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Error(_) => "error",
            Outcome::Panic => "panic",
            Outcome::Cancelled => "cancelled",
        }
    }

    /// The value of `error.type`; `None` for a success (semantic conventions, `error.type`: "if the
    /// operation has completed successfully, instrumentations SHOULD NOT set `error.type`").
    pub(super) fn error_type(&self) -> Option<Cow<'static, str>> {
        match self {
            Outcome::Success => None,
            Outcome::Error(name) => Some(name.clone()),
            Outcome::Panic | Outcome::Cancelled => Some(self.name().into()),
        }
    }
}

/// An outcome and what the span says about it.
#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    /// The description of the span's status, where that is an error.
    pub(super) description: String,
}

impl End {
    pub(super) fn success() -> Self {
        Self::new(Outcome::Success, "")
    }

    pub(super) fn panic() -> Self {
        Self::new(Outcome::Panic, "panicked")
    }

    pub(super) fn cancelled() -> Self {
        Self::new(Outcome::Cancelled, "")
    }

    fn new(outcome: Outcome, description: &str) -> Self {
        Self {
            outcome,
            description: description.to_owned(),
        }
    }
}
