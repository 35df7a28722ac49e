//! Which traces are sampled.

use std::path::PathBuf;

use crate::Invalid;
use crate::reader::Reader;
use crate::words::{Word, words};

/// A sampler with its argument (`OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`).
///
/// Ratios lie in `0.0..=1.0`; without an argument they are 1.0. The names `adaptive` and `priority` are Throughline's own;
/// the specification leaves room for such.
///
/// ```
/// use throughline_config::{Environment, Sampler};
///
/// let (environment, _) = Environment::read(|name| match name {
///     "OTEL_TRACES_SAMPLER" => Some("parentbased_traceidratio".into()),
///     "OTEL_TRACES_SAMPLER_ARG" => Some("0.25".into()),
///     _ => None,
/// });
/// let sampler = Sampler::ParentBasedTraceIdRatio(0.25);
/// assert_eq!(sampler.to_string(), "parentbased_traceidratio 0.25");
/// assert_eq!(environment.sampler, Some(sampler));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// `always_on`: every trace.
    AlwaysOn,
    /// `always_off`: none.
    AlwaysOff,
    /// `traceidratio`: this share, whatever the parent says.
    TraceIdRatio(f64),
    /// `parentbased_always_on`: what the parent says, else every trace. The default.
    ParentBasedAlwaysOn,
    /// `parentbased_always_off`: what the parent says, else none.
    ParentBasedAlwaysOff,
    /// `parentbased_traceidratio`: what the parent says, else this share.
    ParentBasedTraceIdRatio(f64),
    /// `adaptive`: what the parent says, else what keeps the sampled spans on a budget.
    Adaptive(Adaptive),
    /// `priority`: what the parent says, else what the rules in this file say; without one, the preset.
    Priority(Option<PathBuf>),
}

/// What the argument of `adaptive` may be.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub enum Adaptive {
    /// There is none.
    #[default]
    Default,
    /// A number: sampled traces per second. Which are possible is the sampler's to say.
    Target(f64),
    /// Anything else: the path of a file.
    File(PathBuf),
}

const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

impl Sampler {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let argument = reader.text(ARGUMENT);
        // A sampler that is not understood says so itself; its argument cannot be judged.
        let set = reader.text("OTEL_TRACES_SAMPLER").is_some();
        let name: Option<Name> = reader.word("OTEL_TRACES_SAMPLER");
        let takes_ratio = matches!(
            name,
            Some(Name::TraceIdRatio | Name::ParentBasedTraceIdRatio)
        );
        if let Some(own) = name.and_then(|name| name.with_file(argument.as_deref())) {
            return Some(own);
        }
        let mut ratio = 1.0;
        match argument {
            Some(value) if takes_ratio => match parse_ratio(&value) {
                Some(parsed) => ratio = parsed,
                None => reader.refuse(Invalid::new(ARGUMENT, value, "a number from 0 to 1")),
            },
            Some(value) if name.is_some() || !set => reader.refuse(Invalid::new(
                ARGUMENT,
                value,
                Name::expected("no value unless OTEL_TRACES_SAMPLER is one of", |name| {
                    !matches!(
                        name,
                        Name::AlwaysOn
                            | Name::AlwaysOff
                            | Name::ParentBasedAlwaysOn
                            | Name::ParentBasedAlwaysOff
                    )
                }),
            )),
            _ => {}
        }
        Some(match name? {
            Name::AlwaysOn => Self::AlwaysOn,
            Name::AlwaysOff => Self::AlwaysOff,
            Name::TraceIdRatio => Self::TraceIdRatio(ratio),
            Name::ParentBasedAlwaysOn => Self::ParentBasedAlwaysOn,
            Name::ParentBasedAlwaysOff => Self::ParentBasedAlwaysOff,
            Name::ParentBasedTraceIdRatio => Self::ParentBasedTraceIdRatio(ratio),
            Name::Adaptive | Name::Priority => return None,
        })
    }
}

impl Name {
    /// Those whose argument may be a file: any text is one.
    fn with_file(self, argument: Option<&str>) -> Option<Sampler> {
        match self {
            Self::Adaptive => Some(Sampler::Adaptive(match argument {
                None => Adaptive::Default,
                Some(text) => text
                    .parse()
                    .map_or_else(|_| Adaptive::File(text.into()), Adaptive::Target),
            })),
            Self::Priority => Some(Sampler::Priority(argument.map(PathBuf::from))),
            _ => None,
        }
    }
}

fn parse_ratio(value: &str) -> Option<f64> {
    let ratio: f64 = value.parse().ok()?;
    // NaN is in no range.
    (0.0..=1.0).contains(&ratio).then_some(ratio)
}

words! {
    /// The samplers' names.
    enum Name {
        /// `AlwaysOn`
        AlwaysOn = "always_on",
        /// `AlwaysOff`
        AlwaysOff = "always_off",
        /// `TraceIdRatioBased`
        TraceIdRatio = "traceidratio",
        /// `ParentBased(root=AlwaysOn)`
        ParentBasedAlwaysOn = "parentbased_always_on",
        /// `ParentBased(root=AlwaysOff)`
        ParentBasedAlwaysOff = "parentbased_always_off",
        /// `ParentBased(root=TraceIdRatioBased)`
        ParentBasedTraceIdRatio = "parentbased_traceidratio",
        /// Throughline's own.
        Adaptive = "adaptive",
        /// Throughline's own.
        Priority = "priority",
    }
}

impl std::fmt::Display for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlwaysOn => Name::AlwaysOn.fmt(f),
            Self::AlwaysOff => Name::AlwaysOff.fmt(f),
            Self::TraceIdRatio(ratio) => write!(f, "{} {ratio}", Name::TraceIdRatio),
            Self::ParentBasedAlwaysOn => Name::ParentBasedAlwaysOn.fmt(f),
            Self::ParentBasedAlwaysOff => Name::ParentBasedAlwaysOff.fmt(f),
            Self::ParentBasedTraceIdRatio(ratio) => {
                write!(f, "{} {ratio}", Name::ParentBasedTraceIdRatio)
            }
            Self::Adaptive(Adaptive::Default) => Name::Adaptive.fmt(f),
            Self::Adaptive(Adaptive::Target(target)) => {
                write!(f, "{} {target}/s", Name::Adaptive)
            }
            Self::Adaptive(Adaptive::File(path)) => {
                write!(f, "{} {}", Name::Adaptive, path.display())
            }
            Self::Priority(None) => Name::Priority.fmt(f),
            Self::Priority(Some(path)) => write!(f, "{} {}", Name::Priority, path.display()),
        }
    }
}
