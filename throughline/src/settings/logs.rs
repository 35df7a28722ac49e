//! Log records: their way out and how they wait.

use throughline_config::Environment;
use throughline_samplers::batch::BatchSettings;

use super::batch;
use super::exit::{Exit, Signal};
use crate::Error;
use crate::builder::TelemetryBuilder;
use crate::describe::{Description, Lines};

/// What was decided about log records.
#[derive(Debug)]
pub(crate) struct LogSettings {
    pub(crate) exit: Exit,
    pub(crate) batch: BatchSettings,
}

impl LogSettings {
    pub(super) fn resolve(
        builder: &TelemetryBuilder,
        environment: &Environment,
        description: &mut Description,
    ) -> Result<Self, Error> {
        let mut lines = Lines::default();
        let exit = Exit::resolve(
            Signal::Logs,
            builder.log_exporter.is_some(),
            builder,
            environment,
            &mut lines,
            description,
        )?;
        let batch = batch::resolve(&batch::LOG_RECORDS, &environment.log_batch, &mut lines);
        description.sections.push(("logs", lines));
        Ok(Self { exit, batch })
    }
}
