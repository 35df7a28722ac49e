//! What the telemetry is about: detected, then overridden by the environment, then by code.
//!
//! Detected once, at `install()`, and converted once to both forms that the parts want:
//! `opentelemetry_sdk`'s for spans and logs, the waist's for metrics. Names are those of the semantic
//! conventions (`resource/README.md` and the pages below it).

mod host;
mod process;

use opentelemetry::{Key, KeyValue, Value};
use throughline_model::Random;

use crate::settings::Source;

/// A resource in both forms, with where each attribute came from.
#[derive(Clone, Debug)]
pub(crate) struct Detected {
    /// Sorted by key, each key once.
    pub(crate) attributes: Vec<(KeyValue, Source)>,
}

impl Detected {
    /// Later layers override earlier ones: what is detected, the environment, code.
    pub(crate) fn new(
        random: &dyn Random,
        environment: &throughline_config::Environment,
        service_name: &str,
        code: &[KeyValue],
    ) -> Self {
        let mut detected = Self {
            attributes: Vec::new(),
        };
        for pair in service(random)
            .into_iter()
            .chain(sdk())
            .chain(host::detect())
            .chain(process::detect())
        {
            detected.set(pair, Source::Detected);
        }
        for (key, value) in &environment.resource_attributes {
            let pair = KeyValue::new(key.clone(), value.clone());
            detected.set(pair, Source::Variable("OTEL_RESOURCE_ATTRIBUTES"));
        }
        if let Some(name) = &environment.service_name {
            let pair = KeyValue::new("service.name", name.clone());
            detected.set(pair, Source::Variable("OTEL_SERVICE_NAME"));
        }
        if !service_name.is_empty() {
            detected.set_by_code(KeyValue::new("service.name", service_name.to_owned()));
        }
        for pair in code {
            detected.set_by_code(pair.clone());
        }
        detected
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|(pair, _)| pair.key.as_str() == key)
            .map(|(pair, _)| &pair.value)
    }

    /// `service.name`, which there always is.
    pub(crate) fn service_name(&self) -> String {
        self.get("service.name")
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// For metrics.
    pub(crate) fn for_metrics(&self) -> throughline_model::Resource {
        throughline_model::Resource::new(self.pairs())
    }

    /// For spans and logs.
    pub(crate) fn for_sdk(&self) -> opentelemetry_sdk::Resource {
        opentelemetry_sdk::Resource::builder_empty()
            .with_attributes(self.pairs())
            .build()
    }

    fn pairs(&self) -> impl Iterator<Item = KeyValue> + '_ {
        self.attributes.iter().map(|(pair, _)| pair.clone())
    }

    fn set_by_code(&mut self, pair: KeyValue) {
        let before = self.attributes.iter().find(|(it, _)| it.key == pair.key);
        let source = match before {
            Some((_, Source::Variable(name))) => Source::CodeBeats(name),
            _ => Source::Code,
        };
        self.set(pair, source);
    }

    fn set(&mut self, pair: KeyValue, source: Source) {
        match self
            .attributes
            .binary_search_by(|(it, _)| key(it).cmp(key(&pair)))
        {
            Ok(at) => self.attributes[at] = (pair, source),
            Err(at) => self.attributes.insert(at, (pair, source)),
        }
    }
}

fn key(pair: &KeyValue) -> &str {
    Key::as_str(&pair.key)
}

/// The service as it is without a word from anyone (semantic conventions, `resource/service.md`).
fn service(random: &dyn Random) -> [KeyValue; 2] {
    let name = match process::executable_name() {
        Some(name) => format!("unknown_service:{name}"),
        None => "unknown_service".to_owned(),
    };
    [
        KeyValue::new("service.name", name),
        KeyValue::new("service.instance.id", uuid(random)),
    ]
}

/// Who made the telemetry. `opentelemetry` is reserved for the official SDKs; another SDK gives the name
/// of its main entry point (semantic conventions, `resource/README.md`, "Telemetry SDK").
fn sdk() -> [KeyValue; 3] {
    [
        KeyValue::new("telemetry.sdk.name", "throughline"),
        KeyValue::new("telemetry.sdk.language", "rust"),
        KeyValue::new("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
    ]
}

/// A random UUID (RFC 9562, version 4).
fn uuid(random: &dyn Random) -> String {
    let bits = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
    // Four bits of version in the third group, two bits of variant in the fourth.
    let bits = bits & !(0xf << 76) | 4 << 76;
    let bits = bits & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{bits:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests;
