//! What is kept beyond the sample.

use throughline_config::{Environment, Sampler as Named};
use throughline_samplers::Retention;

use super::Source;
use crate::builder::TelemetryBuilder;
use crate::describe::{Description, Lines};
use crate::sampler::Head;

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";

/// The quantile of a duration above which it is an outlier, where nobody says.
pub(crate) const OUTLIERS: f64 = 0.999;

/// What code says, else what the sampler wants, else the default. `named` is the sampler of the environment, where that
/// holds.
pub(super) fn resolve(
    builder: &TelemetryBuilder,
    environment: &Environment,
    named: Option<&Head>,
    description: &mut Description,
) -> Retention {
    let (retention, source) = if let Some(given) = &builder.retention {
        (given.clone(), Source::Code)
    } else if let Some(wanted) = builder.sampler.as_ref().and_then(Head::retention) {
        (wanted, Source::Code)
    } else if named.is_some() && environment.sampler == Some(Named::AlwaysOff) {
        // The specification's AlwaysOff: nothing is recorded, so nothing can be kept.
        (Retention::new().share(0.0), Source::Variable(SAMPLER))
    } else if let Some(wanted) = named.and_then(Head::retention) {
        (wanted, Source::Variable(SAMPLER))
    } else {
        (Retention::new(), Source::Default)
    };
    let mut lines = Lines::default();
    lines.push("kept beyond the sampler", &retention, source);
    if !retention.is_off() {
        lines.push("waiting at most", retention.bounds(), source);
        let own = builder.outliers.len();
        if own > 0 {
            let own = format!("{own} given, before the default");
            lines.push("outliers", own, Source::Code);
        }
        let outliers = format!("above the quantile {OUTLIERS} of *.duration in s");
        lines.push("outliers", outliers, Source::Default);
    }
    description.sections.push(("retention", lines));
    retention
}
