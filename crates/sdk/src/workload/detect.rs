//! Which platform this runs on, by what it left in the environment and in files. Nothing is asked over the network: on a
//! machine of no cloud nobody answers, and somebody else might.

use super::around::Surroundings;
use super::options::Options;
use super::pipeline;
use super::{FEDERATED, KUBERNETES_FILE, KUBERNETES_VARIABLE, SOCKET, Workload};
use prokura_core::Platform;

/// The token that every pod has unless it declines: for the cluster's own interface, and for a year.
const CLUSTERS_OWN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// What every Azure machine says of its chassis.
const AZURE_CHASSIS: &str = "7783-7084-3265-9085-8269-3286-77";

/// What was looked for, and what was found.
#[derive(Debug, Clone)]
pub struct Detection {
    /// Every platform, in the order in which they are looked for.
    pub looked: Vec<Looked>,
    /// The first that is there.
    pub found: Option<Found>,
}

/// A platform that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The platform.
    pub platform: Platform,
    /// Where.
    pub at: String,
    /// Whether it is there.
    pub there: bool,
    /// What is to be said about it.
    pub note: Option<&'static str>,
}

/// The platform that this runs on.
#[derive(Debug, Clone)]
pub struct Found {
    /// The workload.
    pub workload: Workload,
    /// Who is meant by it.
    pub speaks_for: SpeaksFor,
    /// By what it was recognized.
    pub by: String,
}

/// Whose identity a platform gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeaksFor {
    /// This process: the platform put something there for it alone.
    Process,
    /// The machine, and so everybody who may run something on it.
    Machine,
}

/// One place to look at.
struct Sign {
    platform: Platform,
    at: &'static str,
    speaks_for: SpeaksFor,
    there: fn(&Surroundings) -> bool,
    note: Option<fn(&Surroundings) -> Option<&'static str>>,
}

const fn handed(platform: Platform, at: &'static str, there: fn(&Surroundings) -> bool) -> Sign {
    Sign { platform, at, speaks_for: SpeaksFor::Process, there, note: None }
}

const fn machine(platform: Platform, at: &'static str, there: fn(&Surroundings) -> bool) -> Sign {
    Sign { platform, at, speaks_for: SpeaksFor::Machine, there, note: None }
}

fn set(around: &Surroundings, names: &[&str]) -> bool {
    names.iter().all(|name| around.variable(name).is_some())
}

/// What is most particular comes first: what somebody set up for this, then what a service put there for the process,
/// then the machine.
static SIGNS: [Sign; 18] = [
    handed(Platform::Oidc, "the variable `PROKURA_EVIDENCE_FILE`", |a| set(a, &[super::EVIDENCE_FILE])),
    handed(Platform::Github, "the variables `ACTIONS_ID_TOKEN_REQUEST_URL` and `…_TOKEN`", |a| {
        set(a, &[pipeline::URL, pipeline::TOKEN])
    }),
    handed(Platform::Gitlab, "the variables `GITLAB_CI` and `PROKURA_ID_TOKEN`", |a| {
        set(a, &["GITLAB_CI", pipeline::USUAL_VARIABLE])
    }),
    handed(Platform::Oidc, "the variable `PROKURA_ID_TOKEN`", |a| set(a, &[pipeline::USUAL_VARIABLE])),
    handed(Platform::Spiffe, "the variable `SPIFFE_ENDPOINT_SOCKET`", |a| set(a, &[SOCKET])),
    Sign {
        note: Some(|a| {
            a.at(CLUSTERS_OWN).exists().then_some(
            "only the token for the cluster's own interface is there, which is never shown to anybody else: project one \
             for Prokura",
        )
        }),
        ..handed(
            Platform::Kubernetes,
            "the variable `PROKURA_KUBERNETES_TOKEN_FILE`, and /var/run/secrets/prokura/token",
            |a| set(a, &[KUBERNETES_VARIABLE]) || a.at(KUBERNETES_FILE).exists(),
        )
    },
    handed(Platform::Azure, "the variable `AZURE_FEDERATED_TOKEN_FILE`", |a| set(a, &[FEDERATED])),
    handed(Platform::Azure, "the variables `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`", |a| {
        set(a, &["IDENTITY_ENDPOINT", "IDENTITY_HEADER"])
    }),
    handed(Platform::Aws, "the variables `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`", |a| {
        set(a, &["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"])
    }),
    handed(Platform::Aws, "the variable `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`", |a| {
        set(a, &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])
    }),
    // The shell in the console of AWS has this too, for the person who opened it.
    handed(Platform::Aws, "the variable `AWS_CONTAINER_CREDENTIALS_FULL_URI`", |a| {
        set(a, &["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
            && a.variable("AWS_EXECUTION_ENV").as_deref() != Some("CloudShell")
    }),
    Sign {
        note: Some(|a| {
            set(a, &["AWS_ACCESS_KEY_ID"]).then_some(
            "`AWS_ACCESS_KEY_ID` is set, but people have that too: say `--workload aws` if the credentials are a workload's",
        )
        }),
        ..handed(Platform::Aws, "the variable `AWS_LAMBDA_FUNCTION_NAME`", |a| {
            set(a, &["AWS_LAMBDA_FUNCTION_NAME"])
        })
    },
    handed(Platform::Gcp, "the variable `K_SERVICE` or `CLOUD_RUN_JOB`", |a| {
        set(a, &["K_SERVICE", "K_REVISION"]) || set(a, &["CLOUD_RUN_JOB"])
    }),
    handed(Platform::Gcp, "the variable `GCE_METADATA_HOST`", |a| set(a, &["GCE_METADATA_HOST"])),
    machine(Platform::Aws, "the maker of this machine, /sys/class/dmi/id/sys_vendor", |a| {
        a.line("/sys/class/dmi/id/sys_vendor") == "Amazon EC2"
    }),
    machine(Platform::Aws, "its hypervisor, /sys/hypervisor/uuid", |a| {
        a.line("/sys/hypervisor/uuid").starts_with("ec2")
    }),
    machine(Platform::Azure, "its chassis, /sys/class/dmi/id/chassis_asset_tag", |a| {
        a.line("/sys/class/dmi/id/chassis_asset_tag") == AZURE_CHASSIS
    }),
    machine(Platform::Gcp, "its model, /sys/class/dmi/id/product_name", |a| {
        a.line("/sys/class/dmi/id/product_name") == "Google Compute Engine"
    }),
];

/// Looks at everything; the first that is there counts.
pub fn detect(around: &Surroundings, options: &Options) -> Detection {
    let mut found = None;
    let looked = SIGNS.iter().map(|sign| {
        let there = (sign.there)(around);
        if there && found.is_none() {
            let workload = Workload::of(sign.platform, around.clone(), options.clone());
            found = Some(Found { workload, speaks_for: sign.speaks_for, by: sign.at.to_owned() });
        }
        let note = sign.note.filter(|_| !there).and_then(|note| note(around));
        Looked { platform: sign.platform, at: sign.at.to_owned(), there, note }
    });
    let looked = looked.collect();
    Detection { looked, found }
}
