//! Whether the platform speaks for this process: said by a person, or decided by what is around.

use crate::failure::Failure;
use clap::Args;
use prokura_connect::{Access, Circumstances, is_headless, speaks_for_itself};
use prokura_core::Platform;
use prokura_sdk::workload::{Detection, Options, SpeaksFor, Surroundings, Workload, detect};
use std::env;
use std::io::IsTerminal;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct WorkloadArgs {
    /// Use what the platform says of this workload. Without a name, the platform is detected
    #[arg(
        long,
        value_name = "PLATFORM",
        num_args = 0..=1,
        default_missing_value = "auto",
        value_parser = named,
        help_heading = "Workload identity"
    )]
    pub(crate) workload: Option<Named>,
    /// Never use what the platform says, even if there is one
    #[arg(long, conflicts_with_all = ["workload", "jwt_file", "provider_options"], help_heading = "Workload identity")]
    no_workload: bool,
    /// Use the token of the platform in this file; it is read anew each time
    #[arg(
        long,
        visible_alias = "evidence-file",
        value_name = "FILE",
        conflicts_with = "workload",
        help_heading = "Workload identity"
    )]
    pub(crate) jwt_file: Option<PathBuf>,
    /// What the platform does not say by itself: audience, issuer, file, variable, client_id, service_account, region,
    /// life, socket; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', help_heading = "Workload identity")]
    provider_options: Vec<String>,
}

/// What follows `--workload`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// Nothing.
    Auto,
    /// A platform.
    Platform(Platform),
}

/// What was chosen, and why.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The workload; `None` if a person is meant, or the client itself.
    pub(crate) workload: Option<Workload>,
    /// Why.
    pub(crate) why: String,
    /// What was looked for.
    pub(crate) detection: Detection,
}

fn named(word: &str) -> Result<Named, String> {
    if word == "auto" {
        return Ok(Named::Auto);
    }
    Platform::parse(word).map(Named::Platform).ok_or_else(|| {
        let known: Vec<_> = Platform::ALL.iter().map(|p| p.as_str()).collect();
        format!("it is none of {}; write the address of the server before this option", known.join(", "))
    })
}

impl WorkloadArgs {
    fn options(&self) -> Result<Options, Failure> {
        let mut options = Options::parse(&self.provider_options)
            .map_err(|e| Failure::usage(format!("--provider-options: {e}")))?;
        if let Some(file) = &self.jwt_file {
            options.file = Some(file.clone());
        }
        Ok(options)
    }

    /// The workload of this platform, or of the one that is found.
    pub(crate) fn named_or_found(&self, platform: Option<Platform>) -> Result<Workload, Failure> {
        let (around, options) = (Surroundings::system(), self.options()?);
        let by_flag = match self.workload {
            Some(Named::Platform(platform)) => Some(platform),
            _ => self.jwt_file.as_ref().map(|_| Platform::Oidc),
        };
        match platform.or(by_flag) {
            Some(platform) => Ok(Workload::of(platform, around, options)),
            None => Ok(detect(&around, &options).found.ok_or_else(nothing)?.workload),
        }
    }

    /// The workload that is meant for `url`; `person` if another way was chosen.
    pub(super) async fn choose(&self, url: &str, access: &Access, person: bool) -> Result<Chosen, Failure> {
        let (around, options) = (Surroundings::system(), self.options()?);
        let detection = detect(&around, &options);
        let of = |platform| Workload::of(platform, around.clone(), options.clone());
        let (workload, why) = match self.workload {
            _ if self.jwt_file.is_some() => (Some(of(Platform::Oidc)), "a file was named".to_owned()),
            Some(Named::Platform(platform)) => (Some(of(platform)), format!("--workload {platform}")),
            Some(Named::Auto) => {
                let found = detection.found.as_ref().ok_or_else(nothing)?;
                (Some(found.workload.clone()), format!("--workload, and {} is there", found.by))
            }
            None if self.no_workload => (None, "--no-workload".to_owned()),
            None if person => (None, "another way was chosen".to_owned()),
            None => self.by_circumstances(url, access, &detection).await,
        };
        Ok(Chosen { workload, why, detection })
    }

    async fn by_circumstances(
        &self,
        url: &str,
        access: &Access,
        detection: &Detection,
    ) -> (Option<Workload>, String) {
        let Some(found) = &detection.found else {
            return (None, "no platform was found that speaks for workloads".to_owned());
        };
        let so = Circumstances {
            terminal: std::io::stderr().is_terminal(),
            headless: is_headless(|name| env::var_os(name)),
            // Only what a whole machine has is weighed against it; a process in a container may have no place for logins.
            signed_in: found.speaks_for == SpeaksFor::Machine && signed_in(url, access).await,
        };
        let platform = found.workload.platform();
        if speaks_for_itself(found.speaks_for, so) {
            (access.say())(&format!(
                "this is a workload of the platform `{platform}` (--no-workload asks a person instead)"
            ));
            return (Some(found.workload.clone()), format!("{} is there", found.by));
        }
        let why = format!("{} is there, but a person may be meant: --workload says otherwise", found.by);
        (None, why)
    }
}

async fn signed_in(url: &str, access: &Access) -> bool {
    for client in access.clients(url).unwrap_or_default() {
        if client.is_signed_in().await.unwrap_or_default() {
            return true;
        }
    }
    false
}

fn nothing() -> Failure {
    Failure::refused(
        "--workload: no platform was found that speaks for this process; `prokura token --resource URL --explain` says \
         where was looked, and `--workload PLATFORM` names one",
    )
}
