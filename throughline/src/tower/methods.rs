//! Which HTTP methods are named.

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;

/// The methods whose names may stand in a metric. Any other is `_OTHER`, or a caller could make series.
///
/// Semantic conventions, `http-spans.md`: the names are case-sensitive, and `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` says
/// others in their place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Methods(Option<Arc<[String]>>);

const KNOWN: [&str; 10] = [
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY",
];

impl Methods {
    /// These, or the default ones.
    pub(crate) fn new(named: Option<Vec<String>>) -> Self {
        Self(named.map(Arc::from))
    }

    /// The name of a method that has one.
    pub(super) fn name(&self, method: &Method) -> Option<Cow<'static, str>> {
        let method = method.as_str();
        // What is in both costs no memory.
        let known = KNOWN.into_iter().find(|known| *known == method);
        match &self.0 {
            None => known.map(Cow::Borrowed),
            Some(named) if named.iter().any(|named| named == method) => {
                Some(known.map_or_else(|| method.to_owned().into(), Cow::Borrowed))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_which() {
        let telemetry = crate::Telemetry::builder("shop")
            .environment(|name| match name {
                "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS" => Some("PURGE".to_owned()),
                name => name.ends_with("_EXPORTER").then(|| "none".to_owned()),
            })
            .build()
            .unwrap();
        let side = crate::tower::exchange::Side::new(&telemetry, true);
        let purge = Method::from_bytes(b"PURGE").unwrap();
        assert_eq!(side.methods.name(&purge).as_deref(), Some("PURGE"));
        assert_eq!(side.methods.name(&Method::GET), None);
    }

    #[test]
    fn a_list_of_ones_own_replaces_the_known_methods() {
        let name = |methods: &Methods, method: &str| {
            let name = methods.name(&Method::from_bytes(method.as_bytes()).unwrap());
            name.map(Cow::into_owned)
        };
        let default = Methods::default();
        assert_eq!(name(&default, "GET").as_deref(), Some("GET"));
        assert_eq!(name(&default, "PURGE"), None);
        let own = Methods::new(Some(vec!["GET".into(), "PURGE".into()]));
        assert_eq!(name(&own, "GET").as_deref(), Some("GET"));
        assert_eq!(name(&own, "PURGE").as_deref(), Some("PURGE"));
        assert_eq!(name(&own, "purge"), None);
        assert_eq!(name(&own, "POST"), None);
    }
}
