//! A local OTLP receiver that keeps the newest telemetry in bounded memory and opens outliers as traces.
