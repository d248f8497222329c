//! `[[workload.provider]]`: an infrastructure whose word about its workloads is believed.

use super::{AttestedClaim, ClaimKind, PlatformName, Replay, SpiffeBundle, TokenReview, known_claims};
use crate::{IssuerUrl, SignatureAlgorithm, Span};
use prokura_core::Platform;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An infrastructure whose word about its workloads is believed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadProvider {
    /// What it is called here, in rules and in the record: 1 to 64 lower-case letters, digits, `-` or `_`.
    pub name: String,
    /// What kind of infrastructure it is.
    pub platform: PlatformName,
    /// Its issuer, to the byte: as `iss` stands in its tokens. GitHub and GCP have one of their own; Azure's follow from
    /// `tenant`; a SPIFFE trust domain needs none.
    #[serde(default)]
    pub issuer: Option<IssuerUrl>,
    /// Azure: the tenant, a GUID.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Whom its tokens are for, as `aud` stands in them: what is taken besides the address of this server. For Azure, the
    /// application that stands for this server there.
    #[serde(default)]
    pub audience: Vec<String>,
    /// Whether a token that names other audiences besides is taken at the token endpoint as a grant. Any of those could
    /// show it here, so it is off unless said.
    #[serde(default)]
    pub several_audiences: bool,
    /// Where its OpenID metadata are, if not at the issuer. The document still names the issuer.
    #[serde(default)]
    pub metadata_url: Option<String>,
    /// Where its keys are, if not where its metadata say.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// A file with its keys, a JWK set, in place of an address. It is read again when a key is unknown.
    #[serde(default)]
    pub jwks_file: Option<String>,
    /// Its keys themselves, a JWK set as text.
    #[serde(default)]
    pub jwks: Option<String>,
    /// A file with the certificate authority of the addresses above, PEM, in place of those of this machine.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// A file with a token that is shown at the addresses above, and at none that a document names. It is read again for
    /// each request.
    #[serde(default)]
    pub token_file: Option<String>,
    /// For how long keys are used that cannot be fetched anew; at most 24 hours.
    #[serde(default = "hour")]
    pub keys_max_age: Span,
    /// What its tokens may be signed with; if nothing is said, what the platform signs with.
    #[serde(default)]
    pub algorithms: Option<Vec<SignatureAlgorithm>>,
    /// How far its clock may differ; at most 2 minutes.
    #[serde(default = "ten_seconds")]
    pub leeway: Span,
    /// The longest time from `iat` to `exp` that is taken. If nothing is said, what the platform needs: Kubernetes,
    /// GCP, AWS, SPIFFE, GitLab and other issuers an hour, GitHub a quarter, Azure a day.
    #[serde(default)]
    pub max_life: Option<Span>,
    /// How often one token may be shown: `once`, `until_exp` or `first_key`. If nothing is said, `once` for AWS, GitHub
    /// and other issuers, which make a new one for each request, and `until_exp` for those that hand out the same.
    #[serde(default)]
    pub replay: Option<Replay>,
    /// Whether a token has to name the running instance: the pod (Kubernetes), the virtual machine (GCP).
    #[serde(default = "yes")]
    pub require_instance: bool,
    /// Kubernetes: an API server that is asked about each token, so that those of a deleted pod are worth nothing at
    /// once.
    #[serde(default)]
    pub review: Option<TokenReview>,
    /// SPIFFE: the name of the trust domain, such as `example.org`. It is compared byte for byte.
    #[serde(default)]
    pub trust_domain: Option<String>,
    /// SPIFFE: where the bundle of the trust domain comes from.
    #[serde(default)]
    pub bundle: Option<SpiffeBundle>,
    /// OpenID Connect issuers: the claims that rules may look at, by the names that they get here.
    #[serde(default)]
    pub claims: BTreeMap<String, AttestedClaim>,
    /// OpenID Connect issuers: which of those claims tells one running instance from another; the subject if none.
    #[serde(default)]
    pub instance: Option<String>,
    /// `aws_caller` and `ec2`: the accounts whose workloads are believed, twelve digits each. Needed there.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// `aws_caller` and `ec2`: only these regions; every one that is known if nothing is said.
    #[serde(default)]
    pub regions: Vec<String>,
    /// `aws_caller`: where to ask in place of the STS of the region. For tests: whoever answers there says who called.
    #[serde(default)]
    pub sts_endpoint: Option<String>,
    /// `azure_vm`: the subscriptions whose machines are believed, GUIDs in lower case. Needed there.
    #[serde(default)]
    pub subscriptions: Vec<String>,
    /// `azure_vm`: the name of the metadata service, such as `metadata.azure.us`; `metadata.azure.com` if nothing is
    /// said.
    #[serde(default)]
    pub metadata_name: Option<String>,
    /// `ec2`: files with further certificates under which AWS signs, of a region that is newer than this program.
    /// `azure_vm`: files with further certificates between the metadata service's and a root. PEM.
    #[serde(default)]
    pub certificate_files: Vec<String>,
    /// `azure_vm`: files with the roots that are believed, PEM, in place of those that are known here.
    #[serde(default)]
    pub root_files: Vec<String>,
    /// `ec2`: files with certificates of RSA with 1,024 bits. With them, documents with the old form of the signature
    /// (`…/instance-identity/signature`) are taken too; leave it out unless something old needs it.
    #[serde(default)]
    pub old_certificate_files: Vec<String>,
}

fn hour() -> Span {
    Span::hours(1)
}

fn ten_seconds() -> Span {
    Span::seconds(10)
}

fn yes() -> bool {
    true
}

impl WorkloadProvider {
    /// The issuer of GitHub Actions.
    pub const GITHUB: &str = "https://token.actions.githubusercontent.com";
    /// The issuer of Google.
    pub const GOOGLE: &str = "https://accounts.google.com";

    /// What kind of infrastructure it is.
    pub fn platform(&self) -> Platform {
        self.platform.into()
    }

    /// Whether its evidence is no token, so that it is shown at the attester.
    pub fn is_no_token(&self) -> bool {
        matches!(self.platform(), Platform::AwsCaller | Platform::Ec2 | Platform::AzureVm)
    }

    /// The issuers of its tokens, to the byte; none of a platform whose tokens have none.
    pub fn issuers(&self) -> Vec<String> {
        match (&self.issuer, self.platform(), &self.tenant) {
            (_, Platform::AwsCaller | Platform::Ec2 | Platform::AzureVm, _) => Vec::new(),
            (Some(issuer), ..) => vec![issuer.as_str().to_owned()],
            (None, Platform::Github, _) => vec![Self::GITHUB.to_owned()],
            (None, Platform::Gcp, _) => vec![Self::GOOGLE.to_owned()],
            (None, Platform::Azure, Some(tenant)) => vec![
                format!("https://sts.windows.net/{tenant}/"),
                format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            ],
            _ => Vec::new(),
        }
    }

    /// The longest time from `iat` to `exp`.
    pub fn max_life(&self) -> Span {
        self.max_life.unwrap_or(match self.platform() {
            Platform::Github => Span::minutes(15),
            // Managed identities get tokens of a day, made five minutes back.
            Platform::Azure => Span::minutes(24 * 60 + 5),
            _ => Span::hours(1),
        })
    }

    /// How often one token may be shown.
    pub fn replay(&self) -> Replay {
        self.replay.unwrap_or(match self.platform() {
            Platform::Aws | Platform::Github | Platform::Oidc => Replay::Once,
            _ => Replay::UntilExp,
        })
    }

    /// What the claim of that name is in the evidence of this provider; `None` if there is none.
    pub fn claim_kind(&self, name: &str) -> Option<ClaimKind> {
        let own = self.claims.get(name).map(|claim| claim.kind);
        own.or_else(|| self.known(name).map(|known| known.kind))
    }

    /// Whether a rule may rest on that claim alone.
    pub fn claim_binds(&self, name: &str) -> bool {
        self.claims.contains_key(name) || self.known(name).is_some_and(|known| known.binds)
    }

    /// Whether that claim goes into tokens.
    pub fn claim_is_told(&self, name: &str) -> bool {
        match self.claims.get(name) {
            Some(own) => own.told,
            None => self.known(name).is_some_and(|known| known.told),
        }
    }

    fn known(&self, name: &str) -> Option<&'static super::KnownClaim> {
        known_claims(self.platform()).iter().find(|known| known.is(name))
    }
}

#[cfg(test)]
mod tests {
    use crate::{ClaimKind, Config, Span};

    const BASE: &str = "issuer = \"https://as.example\"\ndatabase = \"sqlite:prokura.db\"\n[[workload.provider]]\nname = \"prod\"\n";
    const CLUSTER: &str =
        "platform = \"kubernetes\"\nissuer = \"https://kubernetes.default.svc.cluster.local\"\n";

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(&format!("{BASE}{text}")).map_err(|e| e.to_string())
    }

    fn error(text: &str) -> String {
        parse(text).err().unwrap_or_else(|| panic!("it was taken: {text}"))
    }

    #[test]
    fn a_right_provider_is_read_with_what_its_platform_needs() {
        let config = parse(CLUSTER).unwrap();
        let prod = config.workload.provider("prod").unwrap();
        assert_eq!((prod.max_life(), prod.require_instance), (Span::hours(1), true));
        assert_eq!(prod.claim_kind("namespace"), Some(ClaimKind::Text));
        assert!(prod.claim_binds("namespace") && !prod.claim_binds("service_account"));
        assert_eq!(prod.claim_kind("principal_tags.env"), None);
        let azure = parse("platform = \"azure\"\ntenant = \"72f988bf-86f1-41af-91ab-2d7cd011db47\"\naudience = [\"api://prokura\"]").unwrap();
        assert_eq!(azure.workload.providers[0].issuers().len(), 2, "version 1 and version 2");
        assert!(parse("platform = \"github\"").is_ok() && parse("platform = \"gcp\"").is_ok());
        let oidc = "platform = \"oidc\"\nissuer = \"https://ci.example\"\nclaims.project = { path = [\"project\", \"id\"], type = \"number\", told = true }";
        let oidc = parse(oidc).unwrap();
        assert_eq!(oidc.workload.providers[0].claim_kind("project"), Some(ClaimKind::Number));
    }

    #[test]
    fn d07_a_provider_that_would_let_strangers_in_is_refused_with_the_fix() {
        for (text, says) in [
            ("platform = \"kubernetes\"", "kubectl get --raw"),
            ("platform = \"aws\"", "each account has its own"),
            ("platform = \"azure\"\naudience = [\"api://x\"]", "the id of the one tenant"),
            ("platform = \"azure\"\ntenant = \"common\"\naudience = [\"api://x\"]", "names can change hands"),
            (
                "platform = \"azure\"\ntenant = \"72f988bf-86f1-41af-91ab-2d7cd011db47\"",
                "register an application",
            ),
            (
                "platform = \"azure\"\ntenant = \"72f988bf-86f1-41af-91ab-2d7cd011db47\"\naudience = [\"https://management.azure.com/\"]",
                "a service of Azure",
            ),
            (
                "platform = \"github\"\naudience = [\"https://github.com/octo-org\"]",
                "if nothing is asked for",
            ),
            ("platform = \"github\"\nclaims.x = {}", "have their names already"),
            ("platform = \"gcp\"\nissuer = \"https://accounts.example\"", "Google's is"),
            ("platform = \"github\"\ntenant = \"x\"", "it is for Azure"),
            ("platform = \"oidc\"\nissuer = \"https://ci.example\"\ninstance = \"run\"", "no claim `run`"),
            ("platform = \"oidc\"\nissuer = \"https://ci.example\"\nclaims.iss = {}", "registered names"),
            ("platform = \"oidc\"\nissuer = \"https://as.example\"", "this server itself"),
            (
                "platform = \"oidc\"\nissuer = \"https://ci.example\"\njwks_uri = \"http://ci.example/keys\"",
                "no protected address",
            ),
            ("platform = \"oidc\"\nissuer = \"https://ci.example\"\nalgorithms = []", "lets nobody in"),
            ("platform = \"oidc\"\nissuer = \"https://ci.example\"\nalgorithms = [\"HS256\"]", "HS256"),
            (
                "platform = \"oidc\"\nissuer = \"https://login.microsoftonline.com/common/v2.0\"",
                "name each tenant",
            ),
            ("platform = \"oidc\"\nissuer = \"https://ci.example\"\nmax_life = \"48h\"", "at most 24h"),
            (
                "platform = \"oidc\"\nissuer = \"https://ci.example\"\nreview = { server = \"https://a\", token_file = \"t\" }",
                "only Kubernetes",
            ),
        ] {
            assert!(error(text).contains(says), "{text}: {}", error(text));
        }
        for (text, says) in [
            ("audience = [\"https://kubernetes.default.svc.cluster.local\"]", "every pod has a token"),
            ("audience = [\"https://kubernetes.default.svc\"]", "every pod has a token"),
            ("max_life = \"2h\"", "good for a year"),
            ("jwks_uri = \"https://a/keys\"\njwks_file = \"keys.json\"", "twice where its keys are"),
            ("jwks_file = \"keys.json\"\ntoken_file = \"token\"", "nothing is fetched"),
            ("leeway = \"5m\"", "at most 2m"),
            ("keys_max_age = \"2d\"", "at most 24h"),
            ("[[workload.provider]]\nname = \"prod\"\nplatform = \"github\"", "stands there twice"),
            (
                "[[workload.provider]]\nname = \"b\"\nplatform = \"oidc\"\nissuer = \"https://kubernetes.default.svc.cluster.local\"",
                "stands there twice",
            ),
        ] {
            let text = format!("{CLUSTER}{text}");
            assert!(error(&text).contains(says), "{text}: {}", error(&text));
        }
    }
}
