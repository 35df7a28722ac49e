//! Tests against the real Collector and the real Prometheus.
