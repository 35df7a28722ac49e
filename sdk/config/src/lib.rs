//! The OTEL_* environment variables, parsed into plain types with errors that name the variable.
