//! The values of the `OTEL_*` variables.
#![no_main]

use libfuzzer_sys::fuzz_target;
use throughline_config::{Environment, VARIABLES};

fuzz_target!(|value: &str| {
    // Every variable has the value: whatever it is, each complaint names a variable and what was expected.
    let (_, invalid) = Environment::read(|name| {
        VARIABLES
            .iter()
            .any(|known| known.name == name)
            .then(|| value.to_owned())
    });
    for complaint in invalid {
        assert!(complaint.variable.starts_with("OTEL_"), "{complaint}");
        assert!(!complaint.expected.is_empty(), "{complaint}");
    }
});
