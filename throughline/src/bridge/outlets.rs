//! What the layers write to, replaceable while they stay.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanBuilder, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};

/// What the layers write to. Clones share it.
#[derive(Clone)]
pub(crate) struct Outlets(pub(super) Arc<ArcSwap<Outlet>>);

/// Where spans and log records go now; `None`, nowhere.
#[derive(Clone, Default)]
pub(crate) struct Outlet {
    pub(crate) tracer: Option<SdkTracer>,
    #[cfg(feature = "logs")]
    pub(crate) logger: Option<opentelemetry_sdk::logs::SdkLogger>,
}

impl Outlet {
    pub(super) fn has_traces(&self) -> bool {
        self.tracer.is_some()
    }

    pub(super) fn has_logs(&self) -> bool {
        #[cfg(feature = "logs")]
        return self.logger.is_some();
        #[cfg(not(feature = "logs"))]
        false
    }
}

impl Outlets {
    pub(crate) fn new(outlet: Outlet) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(outlet)))
    }

    /// From now on the layers write nothing.
    pub(crate) fn close(&self) {
        self.0.store(Arc::default());
    }

    /// From now on the layers write to what `other` writes to.
    pub(super) fn replace_by(&self, other: &Outlets) {
        self.0.store(other.0.load_full());
    }
}

impl fmt::Debug for Outlets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outlet = self.0.load();
        f.debug_struct("Outlets")
            .field("traces", &outlet.has_traces())
            .field("logs", &outlet.has_logs())
            .finish()
    }
}

/// A tracer that makes spans with whichever tracer is current.
pub(super) struct LateTracer {
    outlets: Outlets,
    /// Makes spans that are none, for the moment between the filter's look and ours.
    nowhere: SdkTracer,
}

impl LateTracer {
    pub(super) fn new(outlets: &Outlets) -> Self {
        let nowhere = SdkTracerProvider::builder().build();
        // A provider that is shut down makes empty spans. It has no processor that could fail.
        let _ = nowhere.shutdown();
        Self {
            outlets: outlets.clone(),
            nowhere: nowhere.tracer(""),
        }
    }
}

impl Tracer for LateTracer {
    type Span = Span;

    fn start_with_context<T: Into<Cow<'static, str>>>(&self, name: T, parent: &Context) -> Span {
        self.build_with_context(SpanBuilder::from_name(name), parent)
    }

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        let outlet = self.outlets.0.load();
        let tracer = outlet.tracer.as_ref().unwrap_or(&self.nowhere);
        tracer.build_with_context(builder, parent)
    }
}
