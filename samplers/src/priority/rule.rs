//! Which spans, and how many of them.

use opentelemetry::trace::SpanKind;
use opentelemetry::{Key, Value};

use super::pattern::{Pattern, Patterns};
use crate::probability::SpanStart;

/// Which spans a rule is for, and with which rate or budget they are sampled.
///
/// A rule has one or more conditions, on different things, and is for the spans that all of them hold for.
/// A condition is one [`Pattern`] or several, of which one has to match.
///
/// # Example
///
/// ```
/// use throughline_samplers::{Pattern, Rule};
///
/// // Everything that a good customer does, the payments first of all, and 20 exports a second.
/// let rules = [
///     Rule::new("payments").operation(Pattern::contains("payment")).rate(1.0).high_value(),
///     Rule::new("customers").attribute("customer.tier", ["gold", "platinum"]).rate(1.0),
///     Rule::new("exports").route(Pattern::glob("/users/*/export")).budget(20.0),
/// ];
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub(super) id: Box<str>,
    pub(super) span_name: Option<Patterns>,
    pub(super) route: Option<Patterns>,
    pub(super) operation: Option<Patterns>,
    pub(super) kind: Option<Vec<SpanKind>>,
    /// A key occurs once.
    pub(super) attributes: Vec<(Key, Patterns)>,
    pub(super) rate: Option<f64>,
    pub(super) budget: Option<f64>,
    pub(super) high_value: bool,
}

/// Where a route is looked for, in this order.
pub(super) const ROUTE: [&str; 2] = ["http.route", "url.path"];

impl Rule {
    /// A rule without conditions, and without rate or budget: it needs both. The id, 1 to 64 characters,
    /// stands for it in errors and metrics.
    ///
    /// ```
    /// use throughline_samplers::Rule;
    ///
    /// let rule = Rule::new("probes").span_name("GET /health").rate(0.01);
    /// ```
    pub fn new(id: impl Into<Box<str>>) -> Self {
        Self {
            id: id.into(),
            span_name: None,
            route: None,
            operation: None,
            kind: None,
            attributes: Vec::new(),
            rate: None,
            budget: None,
            high_value: false,
        }
    }

    /// What it is called in errors and metrics.
    ///
    /// ```
    /// use throughline_samplers::Rule;
    ///
    /// assert_eq!(Rule::new("probes").id(), "probes");
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Spans that start with such a name.
    ///
    /// ```
    /// use throughline_samplers::{probability::SpanStart, Rule};
    ///
    /// assert!(Rule::new("jobs").span_name("job").matches(&SpanStart::root("job")));
    /// ```
    #[must_use]
    pub fn span_name(mut self, patterns: impl Into<Patterns>) -> Self {
        self.span_name = Some(patterns.into());
        self
    }

    /// Spans that start with such an `http.route`; with such a `url.path` where there is no `http.route` yet.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    /// use throughline_samplers::{probability::SpanStart, Rule};
    ///
    /// let attributes = [KeyValue::new("http.route", "/health")];
    /// let mut span = SpanStart::root("GET");
    /// span.attributes = &attributes;
    /// assert!(Rule::new("probes").route("/health").matches(&span));
    /// ```
    #[must_use]
    pub fn route(mut self, patterns: impl Into<Patterns>) -> Self {
        self.route = Some(patterns.into());
        self
    }

    /// Spans that start with such a name or such a route: whichever of the two tells what is done.
    ///
    /// ```
    /// use throughline_samplers::{Pattern, probability::SpanStart, Rule};
    ///
    /// let carts = Rule::new("carts").operation(Pattern::contains("cart"));
    /// assert!(carts.matches(&SpanStart::root("GET /cart")));
    /// ```
    #[must_use]
    pub fn operation(mut self, patterns: impl Into<Patterns>) -> Self {
        self.operation = Some(patterns.into());
        self
    }

    /// Spans of this kind; called again, of that kind too.
    ///
    /// ```
    /// use opentelemetry::trace::SpanKind;
    /// use throughline_samplers::{probability::SpanStart, Rule};
    ///
    /// assert!(Rule::new("inner").kind(SpanKind::Internal).matches(&SpanStart::root("job")));
    /// ```
    #[must_use]
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind.get_or_insert_default().push(kind);
        self
    }

    /// Spans that start with this attribute and such a value. Each attribute is a condition of its own.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    /// use throughline_samplers::{probability::SpanStart, Rule};
    ///
    /// let attributes = [KeyValue::new("server.port", 443)];
    /// let mut span = SpanStart::root("GET");
    /// span.attributes = &attributes;
    /// assert!(Rule::new("public").attribute("server.port", [443, 8443]).matches(&span));
    /// ```
    #[must_use]
    pub fn attribute(mut self, key: impl Into<Key>, patterns: impl Into<Patterns>) -> Self {
        let key = key.into();
        self.attributes.retain(|(other, _)| *other != key);
        self.attributes.push((key, patterns.into()));
        self
    }

    /// Samples this share of them, 2^-56 to 1, or none if it is 0.
    ///
    /// ```
    /// use throughline_samplers::Rule;
    ///
    /// let none = Rule::new("probes").span_name("GET /health").rate(0.0);
    /// ```
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Samples so many of them a second, 10^-6 to 10^6, instead of a share: all of them while there are
    /// fewer. It is the mean that is held, as [`ComposableRateLimiting`] explains.
    ///
    /// [`ComposableRateLimiting`]: crate::probability::ComposableRateLimiting
    ///
    /// ```
    /// use throughline_samplers::Rule;
    ///
    /// let some = Rule::new("exports").span_name("export").budget(20.0);
    /// ```
    #[must_use]
    pub fn budget(mut self, per_second: f64) -> Self {
        self.budget = Some(per_second);
        self
    }

    /// Marks those that are sampled with `sampled.high_value`.
    ///
    /// ```
    /// use throughline_samplers::Rule;
    ///
    /// let payments = Rule::new("payments").span_name("pay").rate(1.0).high_value();
    /// ```
    #[must_use]
    pub fn high_value(mut self) -> Self {
        self.high_value = true;
        self
    }

    /// Whether all conditions hold for this span.
    ///
    /// ```
    /// use throughline_samplers::{probability::SpanStart, Rule};
    ///
    /// let rule = Rule::new("jobs").span_name(["job", "task"]);
    /// assert!(rule.matches(&SpanStart::root("task")));
    /// ```
    pub fn matches(&self, span: &SpanStart<'_>) -> bool {
        let attribute = |key: &str| -> Option<&Value> {
            let mut attributes = span.attributes.iter().rev();
            Some(&attributes.find(|a| a.key.as_str() == key)?.value)
        };
        let route = || ROUTE.into_iter().find_map(attribute);
        let text = |patterns: &Patterns, text: &str| patterns.any(|p| p.matches_text(text));
        let value = |patterns: &Patterns, value: &Value| {
            matches!(value, Value::String(_)) && patterns.any(|p| p.matches_value(value))
        };
        let holds = |patterns: &Option<Patterns>, condition: &dyn Fn(&Patterns) -> bool| {
            patterns.as_ref().is_none_or(condition)
        };
        holds(&self.span_name, &|patterns| text(patterns, span.name))
            && holds(&self.route, &|patterns| {
                route().is_some_and(|it| value(patterns, it))
            })
            && holds(&self.operation, &|patterns| {
                text(patterns, span.name) || route().is_some_and(|it| value(patterns, it))
            })
            && self
                .kind
                .as_ref()
                .is_none_or(|kinds| kinds.contains(span.kind))
            && self.attributes.iter().all(|(key, patterns)| {
                attribute(key.as_str())
                    .is_some_and(|value| patterns.any(|p: &Pattern| p.matches_value(value)))
            })
    }
}
