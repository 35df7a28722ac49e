//! Who sent a piece of telemetry.

use super::{Attributes, Footprint};

/// The resource and the instrumentation scope that telemetry came from. Shared by everything they sent.
///
/// ```
/// use throughline_viewer::{Origin, Scope, Value};
///
/// let origin = Origin {
///     resource: [("service.name", Value::from("checkout"))].into_iter().collect(),
///     scope: Scope::default(),
/// };
/// assert_eq!(origin.service(), "checkout");
/// assert_eq!(Origin::default().service(), "unknown_service");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The resource's attributes: the service, its instance, the host.
    pub resource: Attributes,
    /// The library or module that made the telemetry.
    pub scope: Scope,
}

/// An instrumentation scope.
///
/// ```
/// use throughline_viewer::Scope;
///
/// let scope = Scope { name: "payments".into(), version: "1.2.0".into(), ..Scope::default() };
/// assert!(scope.attributes.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Its name; may be empty.
    pub name: Box<str>,
    /// Its version; may be empty.
    pub version: Box<str>,
    /// Its attributes.
    pub attributes: Attributes,
}

impl Origin {
    /// The resource's `service.name`, or `unknown_service` as the semantic conventions say.
    pub fn service(&self) -> &str {
        self.resource
            .text("service.name")
            .unwrap_or("unknown_service")
    }
}

impl Footprint for Origin {
    fn footprint(&self) -> usize {
        self.resource.footprint()
            + size_of::<Scope>()
            + self.scope.name.footprint()
            + self.scope.version.footprint()
            + self.scope.attributes.footprint()
    }
}
