//! Which exposition a scraper gets.

mod accept;

pub(crate) use accept::weight;

/// An exposition format with its escaping scheme, as negotiated with the scraper.
///
/// ```
/// use throughline_prometheus::{Escaping, Format, Protocol};
///
/// assert_eq!(Format::negotiate(None), Format::default());
/// assert_eq!(Format::default().content_type(), "text/plain; version=0.0.4; charset=utf-8");
///
/// let format = Format::negotiate(Some("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1"));
/// assert_eq!(format, Format { protocol: Protocol::OpenMetrics1_0_0, escaping: Escaping::AllowUtf8 });
/// assert_eq!(
///     format.content_type(),
///     "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Format {
    /// The format and its version.
    pub protocol: Protocol,
    /// What becomes of names outside the classic character set. Always [`Escaping::Underscores`] for the
    /// protocols that know no other.
    ///
    /// Metric and label names are translated to the classic character set before anything else (the
    /// specification's strategy `UnderscoreEscapingWithSuffixes`), so each of these schemes leaves them as they are;
    /// the scheme is negotiated and answered because scrapers check it. The scheme `dots` does not leave them: it would
    /// double each `_`, in names that have lost their dots already. Who asks for it is answered `underscores`, which is
    /// what the names are.
    pub escaping: Escaping,
}

/// A text format and its version (prometheus/docs: `instrumenting/content_negotiation.md`).
///
/// ```
/// use throughline_prometheus::{Format, Protocol};
///
/// let protocol = |accept| Format::negotiate(Some(accept)).protocol;
/// assert_eq!(protocol("text/plain;version=1.0.0"), Protocol::Text1_0_0);
/// assert_eq!(protocol("application/openmetrics-text"), Protocol::OpenMetrics1_0_0);
/// assert_eq!(protocol("text/html"), Protocol::Text0_0_4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[allow(
    non_camel_case_types,
    reason = "a version reads as a version: 1_0_0, not 100"
)]
pub enum Protocol {
    /// `text/plain; version=0.0.4`, which everything understands. No exemplars.
    #[default]
    Text0_0_4,
    /// `text/plain; version=1.0.0`: the same with an escaping scheme.
    Text1_0_0,
    /// `application/openmetrics-text; version=0.0.1`: the draft, which has what we write of 1.0.0.
    OpenMetrics0_0_1,
    /// `application/openmetrics-text; version=1.0.0`: exemplars, units, `# EOF`.
    OpenMetrics1_0_0,
}

/// What becomes of names outside the classic character set
/// (prometheus/docs: `instrumenting/escaping_schemes.md`).
///
/// ```
/// use throughline_prometheus::{Escaping, Format};
///
/// let escaping = |accept| Format::negotiate(Some(accept)).escaping;
/// assert_eq!(escaping("text/plain;version=1.0.0;escaping=allow-utf-8"), Escaping::AllowUtf8);
/// // The oldest protocol knows no other.
/// assert_eq!(escaping("text/plain;version=0.0.4;escaping=allow-utf-8"), Escaping::Underscores);
/// // We know no dots.
/// assert_eq!(escaping("text/plain;version=1.0.0;escaping=dots"), Escaping::Underscores);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Escaping {
    /// `allow-utf-8`: names stay as they are, quoted.
    AllowUtf8,
    /// `underscores`: every other character becomes `_`.
    #[default]
    Underscores,
    /// `values`: every other character becomes its code point in hexadecimal. What has none is left as it is.
    Values,
}

impl Format {
    /// Chooses the format for a scraper's `Accept` header: the protocol that the header weighs highest.
    ///
    /// A protocol's weight is the `q` of the most specific range that matches it (RFC 9110, 12.5.1); a
    /// weight of 0 rules it out. Of equal weights, a named type comes before `text/*` before `*/*`, then
    /// the header's order decides, then ours (text 0.0.4 first). A version that is not given is the oldest.
    /// What is malformed is passed over. Where nothing matches, the answer is text 0.0.4, never a refusal.
    pub fn negotiate(accept: Option<&str>) -> Self {
        accept.and_then(accept::choose).unwrap_or_default()
    }

    /// The value of the `Content-Type` header.
    pub fn content_type(self) -> &'static str {
        use Escaping::{AllowUtf8, Underscores, Values};
        match (self.protocol, self.escaping) {
            (Protocol::Text0_0_4, _) => "text/plain; version=0.0.4; charset=utf-8",
            (Protocol::Text1_0_0, AllowUtf8) => {
                "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
            (Protocol::Text1_0_0, Underscores) => {
                "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"
            }
            (Protocol::Text1_0_0, Values) => {
                "text/plain; version=1.0.0; charset=utf-8; escaping=values"
            }
            (Protocol::OpenMetrics0_0_1, _) => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            }
            (Protocol::OpenMetrics1_0_0, AllowUtf8) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
            (Protocol::OpenMetrics1_0_0, Underscores) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
            }
            (Protocol::OpenMetrics1_0_0, Values) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values"
            }
        }
    }

    pub(crate) fn is_openmetrics(self) -> bool {
        matches!(
            self.protocol,
            Protocol::OpenMetrics0_0_1 | Protocol::OpenMetrics1_0_0
        )
    }
}

impl Protocol {
    /// In the order in which they are offered (specification: `metrics/sdk_exporters/prometheus.md`).
    const OFFERED: [Protocol; 4] = [
        Protocol::Text0_0_4,
        Protocol::Text1_0_0,
        Protocol::OpenMetrics1_0_0,
        Protocol::OpenMetrics0_0_1,
    ];

    fn mime(self) -> (&'static str, &'static str) {
        match self {
            Protocol::Text0_0_4 | Protocol::Text1_0_0 => ("text", "plain"),
            Protocol::OpenMetrics0_0_1 | Protocol::OpenMetrics1_0_0 => {
                ("application", "openmetrics-text")
            }
        }
    }

    fn version(self) -> &'static str {
        match self {
            Protocol::Text0_0_4 => "0.0.4",
            Protocol::OpenMetrics0_0_1 => "0.0.1",
            Protocol::Text1_0_0 | Protocol::OpenMetrics1_0_0 => "1.0.0",
        }
    }

    /// What a range without a version asks for: the oldest published version. OpenMetrics names 1.0.0
    /// ("Protocol Negotiation"); 0.0.1 was a draft.
    fn is_unversioned(self) -> bool {
        matches!(self, Protocol::Text0_0_4 | Protocol::OpenMetrics1_0_0)
    }

    fn knows_escaping(self) -> bool {
        matches!(self, Protocol::Text1_0_0 | Protocol::OpenMetrics1_0_0)
    }
}

#[cfg(test)]
mod tests;
