//! What the command line says.

use std::path::PathBuf;

use clap::Parser;

use crate::plan::Load;

/// Offers samplers the same requests in virtual time and prints what each made of them.
///
/// Every load is run with each number of operations; every sampler sees the same requests. The numbers of
/// one run are followed by the bias over many seeds.
#[derive(Debug, Parser)]
#[command(name = "sampling-lab", version)]
pub(crate) struct Arguments {
    /// Only this load; may be given more than once.
    #[arg(long, value_enum)]
    pub(crate) load: Vec<Load>,

    /// Only samplers whose name contains this, such as `java`; may be given more than once.
    #[arg(long)]
    pub(crate) sampler: Vec<String>,

    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// How many seeds the bias of the estimated totals is taken over; 0 leaves it out.
    #[arg(long, default_value_t = 100)]
    pub(crate) seeds: u64,

    /// Writes every row of the tables as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Where the pictures go.
    #[arg(long, value_name = "DIR", default_value = "target/sampling-lab")]
    pub(crate) svg: PathBuf,
}
