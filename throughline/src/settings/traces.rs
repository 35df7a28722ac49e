//! Spans: which are sampled, how large they may be, how they wait.

use opentelemetry_sdk::trace::SpanLimits;
use throughline_config::Environment;
use throughline_samplers::Retention;
use throughline_samplers::batch::BatchSettings;

use super::exit::{Exit, Signal};
use super::{Source, batch, pick, retention, sampler};
use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::describe::{Description, Lines};
use crate::sampler::Head;

/// What was decided about spans.
#[derive(Debug)]
pub(crate) struct TraceSettings {
    pub(crate) exit: Exit,
    /// What the environment says; `None` where code gives one, and where there are no spans to sample.
    pub(crate) sampler: Option<Head>,
    pub(crate) retention: Retention,
    pub(crate) limits: SpanLimits,
    /// How many characters of an attribute's text are kept.
    pub(crate) value_length: Option<usize>,
    pub(crate) batch: BatchSettings,
}

impl TraceSettings {
    pub(super) fn resolve(
        builder: &TelemetryBuilder,
        environment: &Environment,
        description: &mut Description,
    ) -> Result<Self, Error> {
        let mut lines = Lines::default();
        let exit = Exit::resolve(
            Signal::Traces,
            builder.span_exporter.is_some(),
            builder,
            environment,
            &mut lines,
            description,
        )?;
        let sampler = match builder.sampler {
            _ if matches!(exit, Exit::None) => None,
            Some(_) => {
                let source = match environment.sampler {
                    Some(_) => Source::CodeBeats("OTEL_TRACES_SAMPLER"),
                    None => Source::Code,
                };
                lines.push("sampler", "given", source);
                None
            }
            None => {
                let (sampler, name, source) = sampler::named(environment)?;
                lines.push("sampler", name, source);
                Some(sampler)
            }
        };
        let limits = limits(environment, &mut lines, description);
        let value_length = environment.limits.span.attribute_value_length;
        if let Some(limit) = value_length {
            let source = Source::Variable("OTEL_[SPAN_]ATTRIBUTE_VALUE_LENGTH_LIMIT");
            lines.push("characters of an attribute", limit, source);
        }
        let value_length = value_length.and_then(|limit| usize::try_from(limit).ok());
        let batch = batch::resolve(&batch::SPANS, &environment.span_batch, &mut lines);
        description.sections.push(("traces", lines));
        let retention = match exit {
            Exit::None => Retention::new(),
            _ => retention::resolve(builder, environment, sampler.as_ref(), description),
        };
        Ok(Self {
            exit,
            sampler,
            retention,
            limits,
            value_length,
            batch,
        })
    }
}

/// The limits that `opentelemetry_sdk` knows. It knows none of log records: that is said, not swallowed.
fn limits(
    environment: &Environment,
    lines: &mut Lines,
    description: &mut Description,
) -> SpanLimits {
    let from = &environment.limits.span;
    let default = SpanLimits {
        max_events_per_span: 128,
        max_attributes_per_span: 128,
        max_links_per_span: 128,
        max_attributes_per_event: 128,
        max_attributes_per_link: 128,
    };
    let mut limit = |name: &'static str, value: Option<u32>, variable, default| {
        let (value, source) = pick(None, value, variable, || default);
        if source != Source::Default {
            lines.push(name, value, source);
        }
        value
    };
    let limits = SpanLimits {
        max_attributes_per_span: limit(
            "attributes of a span",
            from.attributes,
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            default.max_attributes_per_span,
        ),
        max_events_per_span: limit(
            "events of a span",
            from.events,
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            default.max_events_per_span,
        ),
        max_links_per_span: limit(
            "links of a span",
            from.links,
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            default.max_links_per_span,
        ),
        max_attributes_per_event: limit(
            "attributes of an event",
            from.attributes_per_event,
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            default.max_attributes_per_event,
        ),
        max_attributes_per_link: limit(
            "attributes of a link",
            from.attributes_per_link,
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            default.max_attributes_per_link,
        ),
    };
    let of_logs = &environment.limits.log_record;
    for (set, variable) in [
        (
            of_logs.attribute_value_length,
            "OTEL_[LOGRECORD_]ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ),
        (of_logs.attributes, "OTEL_[LOGRECORD_]ATTRIBUTE_COUNT_LIMIT"),
    ] {
        if let Some(value) = set {
            description.notices.push(format!(
                "{variable} is {value}: it has no effect, opentelemetry_sdk knows no such limit"
            ));
        }
    }
    limits
}
