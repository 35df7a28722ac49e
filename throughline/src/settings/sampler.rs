//! The sampler that the environment names.

use throughline_config::{Adaptive, Environment, Sampler as Named};
use throughline_samplers::probability::{
    ComposableAlwaysOff, ComposableAlwaysOn, ComposableParentThreshold, ComposableProbability,
    ComposableSampler, CompositeSampler,
};
use throughline_samplers::{AdaptiveSampler, PriorityRules, PrioritySampler};

use super::{Source, pick};
use crate::Error;
use crate::sampler::Head;

const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// The sampler, how it is called and who decided.
///
/// # Errors
/// Where its argument, or the file that it names, cannot be used.
pub(super) fn named(environment: &Environment) -> Result<(Head, String, Source), Error> {
    let (named, source) = pick(
        None,
        environment.sampler.clone(),
        "OTEL_TRACES_SAMPLER",
        || Named::ParentBasedAlwaysOn,
    );
    let name = named.to_string();
    // `opentelemetry_sdk`'s own would sample the same spans, and tell nobody how many each stands for; its ratio keeps
    // other traces than its neighbours do.
    let sampler = match named {
        Named::AlwaysOn => Head::new(CompositeSampler::new(ComposableAlwaysOn::new())),
        Named::AlwaysOff => Head::new(CompositeSampler::new(ComposableAlwaysOff)),
        Named::TraceIdRatio(ratio) => Head::new(CompositeSampler::new(probability(ratio)?)),
        Named::ParentBasedAlwaysOff => parent_based(ComposableAlwaysOff),
        Named::ParentBasedTraceIdRatio(ratio) => parent_based(probability(ratio)?),
        Named::Adaptive(Adaptive::Target(target)) => {
            let sampler = AdaptiveSampler::builder().target_per_second(target);
            Head::new(sampler.build().map_err(refused)?)
        }
        Named::Adaptive(Adaptive::File(file)) => {
            Head::new(AdaptiveSampler::from_file(file).map_err(refused)?)
        }
        Named::Adaptive(_) => Head::new(AdaptiveSampler::builder().build()?),
        Named::Priority(None) => Head::new(PrioritySampler::new(PriorityRules::preset())?),
        Named::Priority(Some(file)) => {
            Head::new(PrioritySampler::from_file(file).map_err(refused)?)
        }
        // ParentBasedAlwaysOn, and what a later version may add.
        _ => parent_based(ComposableAlwaysOn::new()),
    };
    Ok((sampler, name, source))
}

fn parent_based(root: impl ComposableSampler + 'static) -> Head {
    Head::new(CompositeSampler::new(ComposableParentThreshold::new(root)))
}

fn probability(ratio: f64) -> Result<ComposableProbability, Error> {
    ComposableProbability::new(ratio).map_err(refused)
}

/// What is wrong is the argument, or stands in the file that it names.
fn refused(error: throughline_samplers::Error) -> Error {
    use throughline_samplers::Error as Refused;
    let invalid = match &error {
        Refused::Setting {
            value, expected, ..
        } => Error::invalid(ARGUMENT, value, expected),
        Refused::Unreadable { file, message } => Error::invalid(
            ARGUMENT,
            file,
            format!("a file that can be read ({message})"),
        ),
        Refused::InFile {
            file: Some(file),
            line,
            field,
            value,
            expected,
        } => Error::invalid(
            format!("{ARGUMENT}: {file}:{line}: {field}"),
            value,
            expected,
        ),
        _ => return error.into(),
    };
    invalid.because(error)
}
