//! The environment variables that are honoured, and what beats what.
//!
//! Code beats environment, environment beats default. An empty variable is the same as none. A value that
//! cannot be understood is ignored, and a warning names the variable, the value and what was expected; what
//! would lose telemetry in silence (an endpoint that is no URL, a certificate that cannot be read) is an
//! error of `install()`. [`Telemetry::describe`](crate::Telemetry::describe) says where each value came
//! from.
//!
//! Beside these, `RUST_LOG` says what our `tracing` subscriber writes to standard error; unset, it is
//! `info,opentelemetry=warn`. It does not change what is exported:
//! [`tracing_filter`](crate::TelemetryBuilder::tracing_filter) does.
//!
#![doc = include_str!("configuration/variables.md")]

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use expect_test::expect_file;
    use throughline_config::VARIABLES;

    #[test]
    fn the_table_has_every_variable() {
        let mut table = String::from("| variable | default | what it does |\n|---|---|---|\n");
        for variable in VARIABLES {
            let default = match variable.default {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            let (name, meaning) = (variable.name, variable.meaning.replace('|', "\\|"));
            let _ = writeln!(table, "| `{name}` | {default} | {meaning} |");
        }
        // Written by `UPDATE_EXPECT=1 cargo test -p throughline`.
        expect_file!["configuration/variables.md"].assert_eq(&table);
    }
}
