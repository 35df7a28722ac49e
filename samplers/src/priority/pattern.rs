//! What a value has to be like.

use std::fmt;

use opentelemetry::Value;

/// What a rule wants of a name or of an attribute's value. Matching allocates nothing.
///
/// | made by | in a file | matches |
/// |---|---|---|
/// | `"GET /cart".into()` | `"GET /cart"` | this text |
/// | [`prefix`](Self::prefix) | `{ prefix = "GET /" }` | texts that start like this |
/// | [`contains`](Self::contains) | `{ contains = "cart" }` | texts with this in them |
/// | [`glob`](Self::glob) | `{ glob = "/users/*/cart" }` | texts of this shape |
/// | `443.into()`, `0.5.into()` | `443`, `0.5` | this number, whether it comes as an integer or not |
/// | `true.into()` | `true` | this one |
///
/// Texts match texts alone: `"443"` is not 443. Upper and lower case differ unless
/// [`ignore_case`](Self::ignore_case) says otherwise. Arrays match nothing.
///
/// # Example
///
/// ```
/// use throughline_samplers::{Pattern, Rule};
///
/// let reads = Rule::new("reads")
///     .span_name([Pattern::prefix("GET "), Pattern::prefix("HEAD ")])
///     .attribute("server.port", 443)
///     .rate(0.1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(pub(super) Wanted);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    Text(TextPattern),
    Integer(i64),
    /// Not a whole number that an `i64` could be.
    Float(f64),
    Bool(bool),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TextPattern {
    pub(super) form: Form,
    pub(super) text: Box<str>,
    /// ASCII case.
    pub(super) ignore_case: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Exact,
    Prefix,
    Contains,
    Glob,
}

impl Pattern {
    /// Texts that start like this.
    ///
    /// ```
    /// use throughline_samplers::{Pattern, probability::SpanStart, Rule};
    ///
    /// let rule = Rule::new("reads").span_name(Pattern::prefix("GET "));
    /// assert!(rule.matches(&SpanStart::root("GET /cart")));
    /// ```
    pub fn prefix(text: impl Into<Box<str>>) -> Self {
        Self::text(Form::Prefix, text)
    }

    /// Texts with this in them.
    ///
    /// ```
    /// use throughline_samplers::{Pattern, probability::SpanStart, Rule};
    ///
    /// let rule = Rule::new("carts").span_name(Pattern::contains("cart"));
    /// assert!(rule.matches(&SpanStart::root("GET /cart/items")));
    /// ```
    pub fn contains(text: impl Into<Box<str>>) -> Self {
        Self::text(Form::Contains, text)
    }

    /// Texts of this shape: `*` stands for any characters or none, a `/` too, `?` for exactly one.
    ///
    /// There is no way to write a `*` that stands for itself; the other patterns have no such signs.
    ///
    /// ```
    /// use throughline_samplers::{Pattern, probability::SpanStart, Rule};
    ///
    /// let rule = Rule::new("carts").span_name(Pattern::glob("* /users/*/cart"));
    /// assert!(rule.matches(&SpanStart::root("PUT /users/42/cart")));
    /// assert!(!rule.matches(&SpanStart::root("PUT /users/42")));
    /// ```
    pub fn glob(text: impl Into<Box<str>>) -> Self {
        Self::text(Form::Glob, text)
    }

    /// The same text, whether its ASCII letters are upper or lower case. Numbers have none.
    ///
    /// ```
    /// use throughline_samplers::{Pattern, probability::SpanStart, Rule};
    ///
    /// let rule = Rule::new("carts").span_name(Pattern::contains("cart").ignore_case());
    /// assert!(rule.matches(&SpanStart::root("shop.CartService/Add")));
    /// ```
    #[must_use]
    pub fn ignore_case(mut self) -> Self {
        if let Wanted::Text(text) = &mut self.0 {
            text.ignore_case = true;
        }
        self
    }

    fn text(form: Form, text: impl Into<Box<str>>) -> Self {
        Self(Wanted::Text(TextPattern {
            form,
            text: text.into(),
            ignore_case: false,
        }))
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.0, Wanted::Text(_))
    }

    pub(crate) fn matches_text(&self, given: &str) -> bool {
        matches!(&self.0, Wanted::Text(text) if text.matches(given))
    }

    pub(super) fn matches_value(&self, given: &Value) -> bool {
        match (&self.0, given) {
            (Wanted::Text(text), Value::String(given)) => text.matches(given.as_str()),
            (Wanted::Bool(wanted), Value::Bool(given)) => wanted == given,
            (Wanted::Integer(wanted), Value::I64(given)) => wanted == given,
            (wanted, Value::F64(given)) => *wanted == Wanted::of(*given),
            _ => false,
        }
    }

    /// Whether every value that this matches is matched by the other one. It may say no where it is so.
    pub(super) fn implies(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Wanted::Text(text), Wanted::Text(other)) => text.implies(other),
            (wanted, other) => wanted == other,
        }
    }
}

impl Wanted {
    /// Numbers have one form each.
    pub(super) fn of(number: f64) -> Self {
        let whole = number as i64;
        // The cast takes what is out of range to the ends of it, where floats are even.
        if whole as f64 == number && whole != i64::MAX {
            Self::Integer(whole)
        } else {
            Self::Float(number)
        }
    }
}

impl TextPattern {
    pub(super) fn matches(&self, given: &str) -> bool {
        let (given, text) = (given.as_bytes(), self.text.as_bytes());
        let same = |part: &[u8]| self.same(part, text);
        match self.form {
            Form::Exact => same(given),
            Form::Prefix => given.get(..text.len()).is_some_and(same),
            Form::Contains => text.is_empty() || given.windows(text.len()).any(same),
            Form::Glob => self.is_of_the_shape(given),
        }
    }

    pub(super) fn same(&self, a: &[u8], b: &[u8]) -> bool {
        if self.ignore_case {
            a.eq_ignore_ascii_case(b)
        } else {
            a == b
        }
    }

    /// Goes back to the last `*` only: what an earlier one could take besides, the last one can too.
    fn is_of_the_shape(&self, given: &[u8]) -> bool {
        let shape = self.text.as_bytes();
        let (mut at, mut read) = (0, 0);
        // Where the shape goes on after the last `*`, and up to where that has taken the text.
        let mut last = None;
        while read < given.len() {
            match shape.get(at) {
                Some(b'*') => {
                    at += 1;
                    last = Some((at, read));
                }
                Some(b'?') => {
                    at += 1;
                    read += character(given[read]);
                }
                Some(sign) if self.same(&[*sign], &given[read..=read]) => {
                    at += 1;
                    read += 1;
                }
                _ => {
                    let Some((after, taken)) = last else {
                        return false;
                    };
                    at = after;
                    read = taken + character(given[taken]);
                    last = Some((after, read));
                }
            }
        }
        shape[at..].iter().all(|sign| *sign == b'*')
    }

    fn implies(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        if self.ignore_case && !other.ignore_case {
            return false;
        }
        match (self.form, other.form) {
            (Form::Exact, _) => other.matches(&self.text),
            (Form::Prefix, Form::Prefix) | (Form::Prefix | Form::Contains, Form::Contains) => {
                other.matches(&self.text)
            }
            _ => false,
        }
    }
}

/// How many bytes the character has that starts with this one.
fn character(first: u8) -> usize {
    match first {
        ..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::text(Form::Exact, text)
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self::text(Form::Exact, text)
    }
}

/// Whole numbers of the types that attributes are made of.
macro_rules! from_whole_numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for Pattern {
            fn from(number: $number) -> Self {
                Self(Wanted::Integer(number.into()))
            }
        }
    )*};
}

from_whole_numbers!(u16, i32, u32, i64);

impl From<f64> for Pattern {
    fn from(number: f64) -> Self {
        Self(Wanted::of(number))
    }
}

impl From<bool> for Pattern {
    fn from(wanted: bool) -> Self {
        Self(Wanted::Bool(wanted))
    }
}

/// As in a file.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TextPattern {
            form,
            text,
            ignore_case,
        } = match &self.0 {
            Wanted::Text(text) => text,
            Wanted::Integer(number) => return number.fmt(f),
            Wanted::Float(number) => return number.fmt(f),
            Wanted::Bool(wanted) => return wanted.fmt(f),
        };
        let form = match form {
            Form::Exact if !ignore_case => return write!(f, "{text:?}"),
            Form::Exact => "exact",
            Form::Prefix => "prefix",
            Form::Contains => "contains",
            Form::Glob => "glob",
        };
        write!(f, "{{ {form} = {text:?}")?;
        if *ignore_case {
            f.write_str(", ignore_case = true")?;
        }
        f.write_str(" }")
    }
}

/// One pattern or several, of which one has to match: `"a".into()`, `["a", "b"].into()`.
///
/// ```
/// use throughline_samplers::{Pattern, probability::SpanStart, Rule};
///
/// let one = Rule::new("cart").span_name("cart");
/// let several = Rule::new("carts").span_name([Pattern::from("cart"), Pattern::prefix("cart/")]);
/// assert!(!one.matches(&SpanStart::root("cart/items")));
/// assert!(several.matches(&SpanStart::root("cart/items")));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Patterns(pub(super) Vec<Pattern>);

impl<P: Into<Pattern>> From<P> for Patterns {
    fn from(pattern: P) -> Self {
        Self(vec![pattern.into()])
    }
}

impl<P: Into<Pattern>, const N: usize> From<[P; N]> for Patterns {
    fn from(patterns: [P; N]) -> Self {
        Self(patterns.into_iter().map(P::into).collect())
    }
}

impl FromIterator<Pattern> for Patterns {
    fn from_iter<I: IntoIterator<Item = Pattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl Patterns {
    pub(super) fn any(&self, matches: impl Fn(&Pattern) -> bool) -> bool {
        self.0.iter().any(matches)
    }
}

#[cfg(test)]
mod tests;
