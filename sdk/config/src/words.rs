//! Variables that take one of a few words, or a list of them.

/// An enum whose variants have names in the environment.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// Every name with its variant; the first name of a variant is the one that is printed.
    const WORDS: &'static [(&'static str, Self)];

    /// The variant of that name, in any case.
    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
            .map(|(_, variant)| *variant)
    }

    /// What may be written, for an error.
    fn expected(prefix: &str, keep: impl Fn(Self) -> bool) -> String {
        let names: Vec<&str> = Self::WORDS
            .iter()
            .filter(|(_, variant)| keep(*variant))
            .map(|(name, _)| *name)
            .collect();
        format!("{prefix} {}", names.join(", "))
    }
}

/// Defines an enum, its names and its `Display`.
macro_rules! words {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$doc:meta])* $variant:ident = $word:literal $(| $alias:literal)*,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        $vis enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// The word as the specification writes it.
            $vis fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::words::Word for $name {
            const WORDS: &'static [(&'static str, Self)] = &[
                $(($word, Self::$variant), $(($alias, Self::$variant),)*)+
            ];
        }
    };
}
pub(crate) use words;

words! {
    /// How much the SDK says about itself (`OTEL_LOG_LEVEL`).
    ///
    /// The specification names no words; these are what SDKs agree on.
    ///
    /// ```
    /// use throughline_config::{Environment, LogLevel};
    ///
    /// let (environment, _) = Environment::read(|name| {
    ///     (name == "OTEL_LOG_LEVEL").then(|| "Warning".into())
    /// });
    /// assert_eq!(environment.log_level, Some(LogLevel::Warn));
    /// assert_eq!(LogLevel::Warn.as_str(), "warn");
    /// ```
    pub enum LogLevel {
        /// Nothing.
        None = "none" | "off",
        /// What was lost.
        Error = "error",
        /// What was ignored or could be lost.
        Warn = "warn" | "warning",
        /// What happens rarely. The default.
        Info = "info",
        /// What happens at every export.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

words! {
    /// A way to carry context between processes (`OTEL_PROPAGATORS`).
    ///
    /// ```
    /// use throughline_config::{Environment, Propagator};
    ///
    /// let (environment, invalid) = Environment::read(|name| {
    ///     (name == "OTEL_PROPAGATORS").then(|| "tracecontext,b3".into())
    /// });
    /// assert_eq!(environment.propagators, Some(vec![Propagator::TraceContext]));
    /// assert_eq!(Propagator::TraceContext.as_str(), "tracecontext");
    /// assert_eq!(invalid[0].value, "b3");
    /// ```
    pub enum Propagator {
        /// W3C Trace Context.
        TraceContext = "tracecontext",
        /// W3C Baggage.
        Baggage = "baggage",
    }
}

words! {
    /// A way out (`OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER`).
    ///
    /// ```
    /// use throughline_config::{Environment, Exporter};
    ///
    /// let (environment, invalid) = Environment::read(|name| {
    ///     (name == "OTEL_TRACES_EXPORTER").then(|| "otlp,prometheus".into())
    /// });
    /// assert_eq!(environment.traces_exporters, Some(vec![Exporter::Otlp]));
    /// // Prometheus scrapes metrics alone.
    /// assert_eq!(invalid[0].value, Exporter::Prometheus.as_str());
    /// ```
    pub enum Exporter {
        /// OTLP to a collector.
        Otlp = "otlp",
        /// A page that Prometheus scrapes. Metrics only.
        Prometheus = "prometheus",
        /// Standard output. Nothing of ours writes there.
        Console = "console",
    }
}
