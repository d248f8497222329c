//! `prokura workload`: workloads and what is believed of them.

mod live;

use crate::failure::Failure;
use clap::{Args, Subcommand};
use live::VerifyLive;

/// Workloads: who is believed about them
#[derive(Debug, Args)]
pub(crate) struct WorkloadCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    VerifyLive(VerifyLive),
}

impl WorkloadCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self.what {
            What::VerifyLive(asked) => Box::pin(asked.run()).await,
        }
    }
}
