//! Where telemetry goes: a receiver inside this program, unless the environment names a collector.

use throughline::{Otlp, TelemetryBuilder};
use throughline_viewer::{ReportOptions, Settings, Viewer};

/// The receiver inside this program, or the collector outside it.
pub(crate) enum Receiver {
    /// Ours, on free loopback ports.
    Inside(Viewer),
    /// The one that `OTEL_EXPORTER_OTLP_ENDPOINT` names.
    Outside(String),
}

impl Receiver {
    /// Starts ours unless the environment names another.
    pub(crate) async fn start() -> Result<Self, throughline_viewer::Error> {
        match std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT") {
            Ok(endpoint) if !endpoint.is_empty() => Ok(Self::Outside(endpoint)),
            _ => Ok(Self::Inside(Viewer::start(Settings::free_ports()).await?)),
        }
    }

    /// Points the service at it.
    pub(crate) fn connect(&self, builder: TelemetryBuilder) -> TelemetryBuilder {
        match self {
            Self::Inside(viewer) => {
                builder.otlp(Otlp::grpc(format!("http://{}", viewer.grpc_addr())))
            }
            Self::Outside(_) => builder, // the environment says it all
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Inside(viewer) => format!("http://{} (inside this program)", viewer.grpc_addr()),
            Self::Outside(endpoint) => endpoint.clone(),
        }
    }

    /// What arrived: the operations, and the outliers opened as traces. `None` for a collector outside.
    pub(crate) async fn report(self, outliers: usize) -> Option<String> {
        let Self::Inside(viewer) = self else {
            return None;
        };
        let options = ReportOptions {
            outliers,
            ..ReportOptions::default()
        };
        let report = viewer.store().report(&options).to_string();
        viewer.shutdown().await;
        Some(report)
    }
}
