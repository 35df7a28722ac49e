//! A manual clock, seeded randomness, collecting exporters, an in-process OTLP sink and assertions.
