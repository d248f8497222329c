//! What rules may look at: the claims of each platform, by the names that this product gives them.

use prokura_core::Platform;
use schemars::JsonSchema;
use serde::Deserialize;

/// What a claim is. Comparison is typed: the number 1 is not the text `1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClaimKind {
    /// A text.
    #[default]
    Text,
    /// A whole number between -2^53 and 2^53, which every reader reads alike.
    Number,
    /// Yes or no.
    Flag,
    /// Several texts.
    List,
}

impl ClaimKind {
    /// Its word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::List => "list",
        }
    }
}

/// A claim that a platform makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownClaim {
    /// Its name in rules and facts. One that ends in `.*` stands for all names that begin so.
    pub name: &'static str,
    /// What it is.
    pub kind: ClaimKind,
    /// Whether it names a workload, its owner or its place, so that a rule may rest on it alone. A rule needs one such.
    pub binds: bool,
    /// Whether it goes into the tokens that are issued, where later decisions may look at it.
    pub told: bool,
    /// What it says.
    pub about: &'static str,
}

impl KnownClaim {
    /// Whether this is the claim of that name.
    pub fn is(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(start) => name.len() > start.len() && name.starts_with(start),
            None => self.name == name,
        }
    }
}

const fn text(name: &'static str, marks: &str, about: &'static str) -> KnownClaim {
    claim(name, ClaimKind::Text, marks, about)
}

/// `b` in `marks`: it binds. `t`: it is told.
const fn claim(name: &'static str, kind: ClaimKind, marks: &str, about: &'static str) -> KnownClaim {
    KnownClaim { name, kind, binds: has(marks, b'b'), told: has(marks, b't'), about }
}

const fn has(marks: &str, mark: u8) -> bool {
    let (marks, mut at) = (marks.as_bytes(), 0);
    while at < marks.len() {
        if marks[at] == mark {
            return true;
        }
        at += 1;
    }
    false
}

const KUBERNETES: &[KnownClaim] = &[
    text("subject", "b", "`system:serviceaccount:NAMESPACE:NAME`"),
    text("namespace", "bt", "the namespace"),
    text("service_account", "t", "the name of the service account; it says little without `namespace`"),
    text("service_account_uid", "b", "the service account, also if one of the same name is made later"),
    text("pod", "t", "the name of the pod"),
    text("pod_uid", "b", "the pod"),
    text("node", "bt", "the name of the node, of clusters since 1.30"),
    text("node_uid", "b", "the node"),
];

const AWS: &[KnownClaim] = &[
    text("subject", "b", "the ARN of the role or user"),
    text("account", "bt", "the account, twelve digits"),
    text("role", "t", "the name of the role with its path; it says little without `account`"),
    text("org_id", "bt", "the organisation"),
    claim("ou_path", ClaimKind::List, "b", "the ways to the account in the organisation"),
    text("region", "t", "the region that was asked"),
    text("principal_tags.*", "t", "a tag of the role: set by who administers it, not by the caller"),
    text("source_identity", "", "the source identity of the session"),
    text("ec2_instance", "bt", "the ARN of the instance whose role it is"),
    text("ec2_vpc", "bt", "the network of that instance"),
    text("ec2_address", "", "the private address of that instance"),
    text("ec2_role_delivery", "t", "how the instance got its role: `2.0` is IMDSv2"),
    text("lambda_function", "bt", "the ARN of the function"),
];

const GCP: &[KnownClaim] = &[
    text("subject", "b", "the numeric id of the service account"),
    text("email", "", "the address of the service account, which may be given to another one later"),
    text("project_id", "bt", "the project"),
    claim("project_number", ClaimKind::Number, "b", "the number of the project"),
    text("zone", "t", "the zone"),
    text("instance_id", "b", "the virtual machine"),
    text("instance_name", "t", "its name"),
    claim("instance_created", ClaimKind::Number, "", "when it was made, in seconds since 1970"),
];

const AZURE: &[KnownClaim] = &[
    text("subject", "b", "the subject"),
    text("tenant", "bt", "the tenant"),
    text("object_id", "b", "the service principal of the managed identity"),
    text("client_id", "b", "the application id of the managed identity"),
    text("identity", "b", "the ARM id of a user-assigned identity, in lower case"),
    text("resource", "b", "the ARM id of what has the identity, in lower case"),
    text("subscription", "bt", "the subscription of `resource`"),
    text("resource_group", "t", "the resource group of `resource`, in lower case"),
    text("resource_type", "t", "such as `microsoft.compute/virtualmachines`"),
    text("resource_name", "t", "the name of `resource`, in lower case"),
];

const SPIFFE: &[KnownClaim] = &[
    text("spiffe_id", "bt", "the SPIFFE ID"),
    text("trust_domain", "t", "the trust domain"),
    text("path", "bt", "the path, beginning with `/`"),
];

const GITHUB: &[KnownClaim] = &[
    text("subject", "b", "the subject as the organisation shapes it"),
    text("repository_id", "bt", "the repository, digits; stays when it is renamed"),
    text("repository_owner_id", "bt", "its owner, digits; stays when it is renamed"),
    text("repository", "t", "its name; others may get it later"),
    text("repository_owner", "", "the name of its owner; others may get it later"),
    text("repository_visibility", "t", "`public`, `private` or `internal`"),
    text("environment", "t", "the environment, which has reviewers and rules of its own"),
    text("ref", "t", "such as `refs/heads/main`"),
    text("ref_type", "", "`branch` or `tag`"),
    claim("ref_protected", ClaimKind::Flag, "", "whether the ref is protected"),
    text("sha", "", "the commit"),
    text("event_name", "t", "what began the run"),
    text("job_workflow_ref", "b", "the workflow that holds the job, with its ref"),
    text("workflow_ref", "b", "the workflow of the run, with its ref"),
    text("runner_environment", "t", "`github-hosted` or `self-hosted`"),
    text("actor_id", "", "who began the run, digits"),
    text("run_id", "t", "the run, digits"),
    text("run_attempt", "", "which attempt of it, digits"),
    text("job_id", "", "the job (`check_run_id`), digits"),
    text("enterprise_id", "b", "the enterprise, digits"),
];

const GITLAB: &[KnownClaim] = &[
    text("subject", "b", "the subject"),
    text("project_id", "bt", "the project, digits; stays when it is renamed"),
    text("namespace_id", "bt", "its group or user, digits"),
    text("project_path", "t", "its path; others may get it later"),
    text("namespace_path", "", "the path of its group or user; others may get it later"),
    text("ref", "t", "the branch or tag"),
    text("ref_type", "t", "`branch` or `tag`"),
    text("ref_path", "", "such as `refs/heads/main`"),
    claim(
        "ref_protected",
        ClaimKind::Flag,
        "t",
        "whether the ref is protected; it is not in the requests of forks",
    ),
    text("environment", "t", "the environment"),
    claim("environment_protected", ClaimKind::Flag, "t", "whether the environment is protected"),
    text("deployment_tier", "", "such as `production`"),
    text("pipeline_source", "t", "what began the pipeline"),
    text("pipeline_id", "", "the pipeline, digits"),
    text("job_id", "t", "the job, digits"),
    claim("runner_id", ClaimKind::Number, "", "the runner"),
    text("runner_environment", "t", "`gitlab-hosted` or `self-hosted`"),
    text("ci_config_ref_uri", "b", "the file with the pipeline, with its ref"),
    text("user_id", "", "who began the pipeline, digits"),
    text("sha", "", "the commit"),
];

const AWS_CALLER: &[KnownClaim] = &[
    text("subject", "b", "the ARN of the role or user in IAM; of a session, the role without its path"),
    text("account", "bt", "the account, twelve digits"),
    text("partition", "", "`aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`"),
    text("region", "t", "the region that was asked"),
    text("role", "t", "the name of the role; it says little without `account`"),
    text("user", "t", "the name of the user, with its path; it says little without `account`"),
    text("unique_id", "b", "the id of the role or user, also if one of the same name is made later"),
];

const EC2: &[KnownClaim] = &[
    text("subject", "b", "account, region and instance"),
    text("account", "bt", "the account, twelve digits"),
    text("region", "t", "the region"),
    text("instance_id", "bt", "the instance"),
    text("image_id", "t", "the image that it was started from"),
    text("instance_type", "", "such as `t3.micro`"),
    text("availability_zone", "t", "such as `us-east-1b`"),
];

const AZURE_VM: &[KnownClaim] = &[
    text("subject", "b", "subscription and machine"),
    text("subscription", "bt", "the subscription, in lower case"),
    text("vm_id", "bt", "the machine (`vmId`), in lower case"),
    text("sku", "", "the SKU of its image"),
];

const OIDC: &[KnownClaim] = &[text("subject", "b", "the subject")];

/// What the tokens of a platform say, by our names. Those of an OpenID Connect issuer are named in its configuration
/// beside these; those of platforms whose evidence is no token stand here too.
pub fn known_claims(platform: Platform) -> &'static [KnownClaim] {
    match platform {
        Platform::Kubernetes => KUBERNETES,
        Platform::Aws => AWS,
        Platform::Gcp => GCP,
        Platform::Azure => AZURE,
        Platform::Spiffe => SPIFFE,
        Platform::Github => GITHUB,
        Platform::Gitlab => GITLAB,
        Platform::Oidc => OIDC,
        Platform::AwsCaller => AWS_CALLER,
        Platform::Ec2 => EC2,
        Platform::AzureVm => AZURE_VM,
    }
}
