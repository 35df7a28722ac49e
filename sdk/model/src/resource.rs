//! What the telemetry is about: the service, its host, its process.

use opentelemetry::KeyValue;

use crate::Attributes;

/// The entity that produces telemetry (specification: `resource/sdk.md`). Plain data.
///
/// ```
/// use opentelemetry::KeyValue;
/// use throughline_model::Resource;
///
/// let resource = Resource::new([KeyValue::new("service.name", "checkout")]);
/// assert_eq!(resource.attributes.get("service.name").map(|v| v.to_string()), Some("checkout".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Resource {
    /// What identifies the entity: `service.name`, `host.name`, …
    pub attributes: Attributes,
    /// The schema the attribute names follow, if one is known.
    pub schema_url: Option<String>,
}

impl Resource {
    /// A resource without a schema URL.
    pub fn new(attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        Self {
            attributes: Attributes::new(attributes),
            schema_url: None,
        }
    }
}
