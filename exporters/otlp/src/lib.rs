//! OTLP over gRPC and HTTP: metrics with exemplars, spans whose outcome is known, logs.
