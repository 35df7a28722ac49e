//! Whatever stands in the environment is understood or named, and never a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use proptest::prelude::*;
use throughline_config::{Environment, Signal, VARIABLES};

fn one(variable: &str, value: &str) -> (Environment, Vec<throughline_config::Invalid>) {
    Environment::read(|name| (name == variable).then(|| value.to_owned()))
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

proptest! {
    #[test]
    fn anything_may_stand_in_every_variable(value in any::<String>()) {
        let (environment, invalid) = Environment::read(|_| Some(value.clone()));
        let _ = format!("{environment:?} {invalid:?}");
        for invalid in invalid {
            prop_assert!(invalid.to_string().starts_with(invalid.variable));
        }
    }

    #[test]
    fn a_variable_that_is_refused_is_as_if_unset(
        variable in 0..VARIABLES.len(),
        value in "[a-z0-9=%,:/ .@-]{0,24}",
    ) {
        let name = VARIABLES[variable].name;
        let (environment, invalid) = one(name, &value);
        for invalid in &invalid {
            prop_assert_eq!(invalid.variable, name);
        }
        // Of a list, what was understood stays.
        let list = name.ends_with("HEADERS") || name.ends_with("EXPORTER") || name == "OTEL_PROPAGATORS";
        if !invalid.is_empty() && !list && !name.ends_with("INSECURE") {
            prop_assert_eq!(environment, Environment::default());
        }
    }

    #[test]
    fn encoded_attributes_come_back(
        pairs in prop::collection::vec(("[^\\s]{1,8}", "\\PC{0,8}"), 1..6),
    ) {
        let written: Vec<String> = pairs.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let (environment, invalid) = one("OTEL_RESOURCE_ATTRIBUTES", &written.join(","));
        prop_assert_eq!(invalid, vec![]);
        prop_assert_eq!(environment.resource_attributes, pairs);
    }

    #[test]
    fn encoded_headers_come_back(
        pairs in prop::collection::vec(("[a-z][a-z0-9-]{0,8}", "[ -~]{0,12}"), 1..6),
    ) {
        let written: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={}", encode(v))).collect();
        let (environment, invalid) = one("OTEL_EXPORTER_OTLP_TRACES_HEADERS", &written.join(","));
        prop_assert_eq!(invalid, vec![]);
        let headers = environment.otlp.signal(Signal::Traces).headers;
        let read: Vec<_> = headers.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        prop_assert_eq!(read, pairs);
    }

    #[test]
    fn what_stands_in_a_broken_header_is_never_shown(secret in "hunter2[0-9%=;]{0,6}") {
        let value = format!("a,{secret},b={secret}%,c\u{e9}={secret}");
        let (_, invalid) = one("OTEL_EXPORTER_OTLP_HEADERS", &value);
        prop_assert!(!invalid.is_empty());
        // A key is shown: only where the secret holds a `=` of its own is its head one.
        if !secret.contains('=') {
            let shown = format!("{invalid:?}");
            prop_assert!(!shown.contains("hunter2"));
        }
    }

    #[test]
    fn milliseconds_come_back(ms in 1..=i32::MAX as u32) {
        let (environment, invalid) = one("OTEL_METRIC_EXPORT_INTERVAL", &ms.to_string());
        prop_assert_eq!(invalid, vec![]);
        let interval = environment.metrics.export_interval.unwrap();
        prop_assert_eq!(interval.as_millis(), u128::from(ms));
    }
}
