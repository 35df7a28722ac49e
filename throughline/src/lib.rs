//! One declaration, three signals: an OpenTelemetry-native observability SDK whose every exemplar resolves.
