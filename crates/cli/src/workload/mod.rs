//! `prokura workload`: workloads and what is believed of them.

mod live;

use crate::admin::WorkloadAdmin;
use crate::failure::Failure;
use clap::{Args, Subcommand};
use live::VerifyLive;

/// Workloads: running instances that their infrastructure vouches for, and who is believed about them
#[derive(Debug, Args)]
pub(crate) struct WorkloadCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    VerifyLive(VerifyLive),
    #[command(flatten)]
    Admin(WorkloadAdmin),
}

impl WorkloadCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self.what {
            What::VerifyLive(asked) => Box::pin(asked.run()).await,
            What::Admin(asked) => Box::pin(asked.run()).await,
        }
    }
}
