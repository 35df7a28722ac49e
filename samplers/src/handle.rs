//! What the samplers that learn or can be replaced have in common.
//!
//! Each is a handle: `shared`, of which clones have the same, decides about roots, and `for_providers` is what a tracer
//! provider asks, in which children follow their parent.

/// Makes such a handle a sampler, to be put together with others or as it is.
macro_rules! sampler_handle {
    ($handle:ty, $shared:ty) => {
        impl $handle {
            fn sharing(shared: ::std::sync::Arc<$shared>) -> Self {
                use $crate::probability::{ComposableParentThreshold, CompositeSampler};
                let roots = ::std::sync::Arc::clone(&shared);
                Self {
                    shared,
                    for_providers: CompositeSampler::new(ComposableParentThreshold::new(roots)),
                }
            }
        }

        impl $crate::probability::ComposableSampler for $handle {
            fn intent<'a>(
                &'a self,
                span: &$crate::probability::SpanStart<'_>,
            ) -> $crate::probability::SamplingIntent<'a> {
                self.shared.intent(span)
            }
        }

        impl ::opentelemetry_sdk::trace::ShouldSample for $handle {
            fn should_sample(
                &self,
                context: Option<&::opentelemetry::Context>,
                trace_id: ::opentelemetry::trace::TraceId,
                name: &str,
                kind: &::opentelemetry::trace::SpanKind,
                attributes: &[::opentelemetry::KeyValue],
                links: &[::opentelemetry::trace::Link],
            ) -> ::opentelemetry_sdk::trace::SamplingResult {
                self.for_providers
                    .should_sample(context, trace_id, name, kind, attributes, links)
            }
        }

        impl ::std::fmt::Debug for $handle {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.shared.fmt(f)
            }
        }
    };
}

pub(crate) use sampler_handle;
