//! Where variables are read from.

use std::fmt;

use throughline_config::{Environment, Invalid};

/// Gives the value of a variable.
pub(crate) enum Lookup {
    Process,
    Given(Box<Given>),
}

type Given = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Lookup {
    /// Every `OTEL_*` variable.
    pub(crate) fn read(&self) -> (Environment, Vec<Invalid>) {
        match self {
            Lookup::Process => Environment::from_process(),
            Lookup::Given(lookup) => Environment::read(lookup),
        }
    }

    /// One variable that is not OpenTelemetry's; empty is unset.
    #[cfg(feature = "tracing")]
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = match self {
            Lookup::Process => std::env::var(name).ok(),
            Lookup::Given(lookup) => lookup(name),
        };
        value.filter(|value| !value.trim().is_empty())
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lookup::Process => "Process",
            Lookup::Given(_) => "Given",
        })
    }
}
