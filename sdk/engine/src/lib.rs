//! The metrics engine of Throughline: an OpenTelemetry MeterProvider with exemplars, views and thread-owned cells.
