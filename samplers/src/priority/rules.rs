//! Rules in order.

use std::path::Path;

use super::check;
use super::file;
use super::pattern::Pattern;
use super::rule::Rule;
use crate::Error;
use crate::probability::SpanStart;

/// Rules in order, the first that matches wins, and what becomes of spans that none is for.
///
/// # Example
///
/// ```
/// use throughline_samplers::{Pattern, PriorityRules, Rule};
///
/// let rules = PriorityRules::new()
///     .rule(Rule::new("checkout").operation(Pattern::contains("checkout")).rate(1.0).high_value())
///     .rule(Rule::new("search").route("/search").budget(10.0))
///     .rule(Rule::new("probes").route(["/health", "/ready"]).rate(0.0))
///     .default_rate(0.05);
/// ```
///
/// # In a file
///
/// The same as TOML. `rules` are tried from top to bottom; a pattern is written as [`Pattern`] shows, and
/// wherever there is one there can be a list of them.
///
/// ```
/// # use throughline_samplers::PriorityRules;
/// # let text = r#"
/// [sampler]
/// kind = "priority"
/// default_rate = 0.05                 # or default_budget, in spans per second; without either, 0.1
///
/// [[sampler.rules]]
/// id = "checkout"                     # in errors and metrics
/// operation = { contains = "checkout", ignore_case = true }
/// rate = 1.0
/// high_value = true
///
/// [[sampler.rules]]
/// id = "search"
/// kind = "server"                     # internal, server, client, producer, consumer
/// route = "/search"
/// attributes = { "customer.tier" = ["gold", "platinum"], "server.port" = 443 }
/// budget = 10                         # spans per second
///
/// [[sampler.rules]]
/// id = "probes"
/// span_name = ["GET /health", { prefix = "GET /internal/" }, { glob = "* /*/ready" }]
/// rate = 0
/// # "#;
/// # let rules = PriorityRules::from_toml(text)?;
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PriorityRules {
    pub(super) rules: Vec<Rule>,
    pub(super) default_rate: Option<f64>,
    pub(super) default_budget: Option<f64>,
}

/// The rate of what no rule is for, unless something else is said.
pub(super) const DEFAULT_RATE: f64 = 0.1;

impl Default for PriorityRules {
    fn default() -> Self {
        Self::new()
    }
}

impl PriorityRules {
    /// No rules yet, of which there must be one at least; a rate of 0.1 for what none is for.
    ///
    /// ```
    /// use throughline_samplers::{PriorityRules, PrioritySampler};
    ///
    /// assert_eq!(
    ///     PrioritySampler::new(PriorityRules::new()).unwrap_err().to_string(),
    ///     "rules is empty: expected 1 to 512 rules",
    /// );
    /// ```
    pub fn new() -> Self {
        Self {
            rules: Vec::new(),
            default_rate: None,
            default_budget: None,
        }
    }

    /// What suits a shop's front: a rule for each of these words, in this order, wherever it stands in the
    /// span's name or route, in upper or lower case.
    ///
    /// | word | rate | |
    /// |---|---|---|
    /// | `checkout`, `payment`, `orders` | 1.0 | of high value |
    /// | `users`, `products` | 0.5 | |
    /// | `jobs` | 0.1 | |
    /// | `health`, `ready` | 0.01 | |
    /// | anything else | 0.1 | |
    ///
    /// ```
    /// use throughline_samplers::{PriorityRules, PrioritySampler};
    ///
    /// let sampler = PrioritySampler::new(PriorityRules::preset())?;
    /// # Ok::<(), throughline_samplers::Error>(())
    /// ```
    pub fn preset() -> Self {
        const WORDS: [(&str, f64, bool); 8] = [
            ("checkout", 1.0, true),
            ("payment", 1.0, true),
            ("orders", 1.0, true),
            ("users", 0.5, false),
            ("products", 0.5, false),
            ("jobs", 0.1, false),
            ("health", 0.01, false),
            ("ready", 0.01, false),
        ];
        let rules = WORDS.map(|(word, rate, high_value)| {
            let anywhere = Pattern::contains(word).ignore_case();
            let mut rule = Rule::new(word).operation(anywhere).rate(rate);
            rule.high_value = high_value;
            rule
        });
        Self {
            rules: rules.into(),
            ..Self::new()
        }
    }

    /// Reads the `[sampler]` table of a TOML text, whose `kind` is `"priority"`. Other tables are someone
    /// else's.
    ///
    /// # Errors
    ///
    /// [`Error::InFile`] with the line and the field, whatever is wrong with it.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::PriorityRules;
    ///
    /// let text = r#"
    ///     [sampler]
    ///     kind = "priority"
    ///     [[sampler.rules]]
    ///     id = "checkout"
    ///     route = "/checkout"
    ///     rate = 1.5
    /// "#;
    /// assert_eq!(
    ///     PriorityRules::from_toml(text).unwrap_err().to_string(),
    ///     "line 7: sampler.rules[0].rate is 1.5: expected 0, or 2^-56 to 1",
    /// );
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        file::parse(None, text)
    }

    /// Reads such a file.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] if there is no such file of text, or one of more than 1 MiB;
    /// [`Error::InFile`] with the file's name, the line and the field, whatever is wrong in it.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::PriorityRules;
    ///
    /// let refused = PriorityRules::from_file("no/such/rules.toml").unwrap_err();
    /// assert!(refused.to_string().starts_with("no/such/rules.toml cannot be read: "));
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::read(path.as_ref())
    }

    /// Adds a rule after the others.
    ///
    /// ```
    /// use throughline_samplers::{PriorityRules, Rule};
    ///
    /// let rules = PriorityRules::new().rule(Rule::new("jobs").span_name("job").rate(0.5));
    /// ```
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds the rules of another set after these; its default is left out.
    ///
    /// ```
    /// use throughline_samplers::{PriorityRules, Rule};
    ///
    /// let mine_first = PriorityRules::new()
    ///     .rule(Rule::new("admins").route("/users/admin").rate(1.0))
    ///     .followed_by(PriorityRules::preset());
    /// ```
    #[must_use]
    pub fn followed_by(mut self, others: Self) -> Self {
        self.rules.extend(others.rules);
        self
    }

    /// Samples this share of the spans that no rule is for, 2^-56 to 1, or none if it is 0.
    ///
    /// ```
    /// use throughline_samplers::PriorityRules;
    ///
    /// let rules = PriorityRules::preset().default_rate(0.01);
    /// ```
    #[must_use]
    pub fn default_rate(mut self, rate: f64) -> Self {
        self.default_rate = Some(rate);
        self
    }

    /// Samples so many of them a second instead, 10^-6 to 10^6.
    ///
    /// ```
    /// use throughline_samplers::PriorityRules;
    ///
    /// let rules = PriorityRules::preset().default_budget(10.0);
    /// ```
    #[must_use]
    pub fn default_budget(mut self, per_second: f64) -> Self {
        self.default_budget = Some(per_second);
        self
    }

    /// The first rule that is for this span, found by trying one after the other. The sampler asks an index
    /// that gives the same answer.
    ///
    /// ```
    /// use throughline_samplers::PriorityRules;
    /// use throughline_samplers::probability::SpanStart;
    ///
    /// let rules = PriorityRules::preset();
    /// let first = rules.first_match(&SpanStart::root("GET /users/42/orders"));
    /// assert_eq!(first.map(|rule| rule.id()), Some("orders"));
    /// ```
    pub fn first_match(&self, span: &SpanStart<'_>) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.matches(span))
    }

    /// Whether they make sense, which a sampler made of them asks too.
    ///
    /// # Errors
    ///
    /// [`Error::Rule`], or [`Error::Setting`] where it is not one rule's fault: no rules or more than 512;
    /// ids that are empty, too long or used twice; rules without condition or with an empty one, with
    /// neither rate nor budget or with both, or with one out of range; rules that no span ever comes to,
    /// since an earlier one takes all that they are for.
    ///
    /// # Example
    ///
    /// ```
    /// use throughline_samplers::{Pattern, PriorityRules, Rule};
    ///
    /// let rules = PriorityRules::new()
    ///     .rule(Rule::new("reads").span_name(Pattern::prefix("GET ")).rate(0.1))
    ///     .rule(Rule::new("cart").span_name("GET /cart").rate(1.0));
    /// assert_eq!(
    ///     rules.check().unwrap_err().to_string(),
    ///     r#"rule "cart": span_name is "GET /cart": expected something that the earlier rule "reads" does not match already"#,
    /// );
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        check::check(self).map_err(|problem| problem.into_error(self))
    }
}
