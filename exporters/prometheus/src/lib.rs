//! The Prometheus bridge: text 0.0.4 and OpenMetrics 1.0 with exemplars, over HTTP.
