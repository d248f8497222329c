//! AWS: credentials of the workload's role, wherever its service puts them, and what the token service makes of them.
//!
//! The order is that of AWS's own SDKs, as far as it concerns workloads: variables (a function has them), a web identity
//! file (service accounts of EKS), the container endpoint (ECS, EKS), the instance metadata service (EC2) in version 2.
//! Profiles and single sign-on are people's, and are not looked at.

use super::around::Surroundings;
use super::error::EvidenceError;
use super::evidence::Evidence;
use super::options::{Options, region};
use super::out::{Out, Question};
use super::sigv4::{Credentials, Request, Scope};
use crate::client::Secret;
use http::Method;
use prokura_core::{Platform, Timestamp};
use std::path::Path;
use url::Url;
use url::form_urlencoded::Serializer;

const STS: &str = "the AWS token service";
const CONTAINER: &str = "the container credentials endpoint";
const INSTANCE: &str = "the EC2 instance metadata service";
const CREDENTIALS: &str = "set of credentials";
const VERSION: &str = "2011-06-15";
/// How long a token lives if nobody says: as long as the service says by itself.
const LIFE: u32 = 300;

/// What asking AWS needs.
pub(super) struct Aws<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) options: &'a Options,
    pub(super) out: &'a Out,
    pub(super) now: Timestamp,
}

impl Aws<'_> {
    /// A token of the workload's role (STS `GetWebIdentityToken`).
    pub(super) async fn token(&self, audience: &str) -> Result<Evidence, EvidenceError> {
        let (credentials, from) = self.credentials().await?;
        let region = self.region().await?;
        let life = self.options.life.unwrap_or(LIFE).to_string();
        let body = form(&[
            ("Action", "GetWebIdentityToken"),
            ("Version", VERSION),
            ("Audience.member.1", audience),
            ("DurationSeconds", &life),
            ("SigningAlgorithm", "RS256"),
        ]);
        let told = self.signed(&credentials, &region, body).await?;
        let token = told.element("WebIdentityToken", "token")?;
        Ok(Evidence {
            platform: Platform::Aws,
            place: format!("{STS} in {region}, with credentials from {from}"),
            token: Secret::new(token),
        })
    }

    async fn signed(
        &self,
        credentials: &Credentials,
        region: &str,
        body: String,
    ) -> Result<super::out::Told, EvidenceError> {
        let url = self.endpoint(region)?;
        let host = authority(&url);
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let request = Request { method: "POST", host: &host, headers, body: &body };
        let headers = credentials.sign(&request, Scope { region, service: "sts" }, self.now);
        let question = Question { place: STS, method: Method::POST, url, headers, body };
        self.out.ask(question, remedy).await
    }

    /// Where the token service of a region is asked; the global one makes no tokens.
    fn endpoint(&self, region: &str) -> Result<Url, EvidenceError> {
        let named = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"].iter().find_map(|n| self.around.variable(n));
        let Some(named) = named else { return self.regional(region) };
        let mut url = parsed(&named)?;
        url.set_path("/");
        Ok(url)
    }

    /// The token service of a region by its own name.
    pub(super) fn regional(&self, region: &str) -> Result<Url, EvidenceError> {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        parsed(&format!("https://sts.{region}.amazonaws.com{suffix}/"))
    }

    pub(super) async fn region(&self) -> Result<String, EvidenceError> {
        let named = self.options.region.clone();
        let named = named.or_else(|| self.around.variable("AWS_REGION"));
        match named.or_else(|| self.around.variable("AWS_DEFAULT_REGION")) {
            Some(named) => {
                region(&named).ok_or_else(|| EvidenceError::Option(format!("`{named}` is no region")))
            }
            None => {
                let told = self.instance("placement/region").await?;
                region(&told).ok_or(EvidenceError::Malformed { place: INSTANCE.to_owned(), wanted: "region" })
            }
        }
    }

    /// Credentials, and where they are from.
    pub(super) async fn credentials(&self) -> Result<(Credentials, &'static str), EvidenceError> {
        if let Some(found) = self.by_variables() {
            return Ok((found, "the environment"));
        }
        if let Some(file) = self.around.variable("AWS_WEB_IDENTITY_TOKEN_FILE") {
            return Ok((self.by_web_identity(&file).await?, "the service account's role"));
        }
        if let Some(url) = self.container()? {
            return Ok((self.by_container(url).await?, CONTAINER));
        }
        Ok((self.by_instance().await?, INSTANCE))
    }

    fn by_variables(&self) -> Option<Credentials> {
        let access_key_id = self.around.variable("AWS_ACCESS_KEY_ID")?;
        let secret = Secret::new(self.around.variable("AWS_SECRET_ACCESS_KEY")?);
        let session = self.around.variable("AWS_SESSION_TOKEN").map(Secret::new);
        Some(Credentials { access_key_id, secret, session })
    }

    /// STS `AssumeRoleWithWebIdentity`, which nobody signs.
    async fn by_web_identity(&self, file: &str) -> Result<Credentials, EvidenceError> {
        let role = self.around.variable("AWS_ROLE_ARN").ok_or_else(|| EvidenceError::Absent {
            missing: "`AWS_ROLE_ARN`".to_owned(),
            remedy: "the service account has no role: annotate it with `eks.amazonaws.com/role-arn`"
                .to_owned(),
        })?;
        let session = self.around.variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "prokura".to_owned());
        let body = form(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", VERSION),
            ("RoleArn", &role),
            ("RoleSessionName", &session),
            ("WebIdentityToken", &self.around.read(Path::new(file))?),
        ]);
        let url = self.endpoint(&self.region().await?)?;
        let told = self.out.ask(Question::get(STS, url).posting(body), remedy).await?;
        let element = |name: &str| told.element(name, CREDENTIALS);
        Ok(Credentials {
            access_key_id: element("AccessKeyId")?,
            secret: Secret::new(element("SecretAccessKey")?),
            session: Some(Secret::new(element("SessionToken")?)),
        })
    }

    /// Where ECS or EKS serves credentials, if it does.
    pub(super) fn container(&self) -> Result<Option<Url>, EvidenceError> {
        let relative = self.around.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let relative = relative.map(|path| format!("http://169.254.170.2{path}"));
        let Some(address) = relative.or_else(|| self.around.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        else {
            return Ok(None);
        };
        parsed(&address).map(Some)
    }

    async fn by_container(&self, url: Url) -> Result<Credentials, EvidenceError> {
        let mut question = Question::get(CONTAINER, url);
        let by_file = self.around.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = match by_file {
            Some(file) => Some(self.around.read(Path::new(&file))?),
            None => self.around.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        if let Some(token) = token {
            question = question.with("authorization", token);
        }
        let told = self.out.ask(question, |_| "give the task or the pod a role".to_owned()).await?;
        credentials(|name| told.member(name, CREDENTIALS))
    }

    async fn by_instance(&self) -> Result<Credentials, EvidenceError> {
        let role = self.instance("iam/security-credentials/").await?;
        let role = role.lines().next().unwrap_or_default().to_owned();
        let told = self.instance_told(&format!("meta-data/iam/security-credentials/{role}")).await?;
        credentials(|name| told.member(name, CREDENTIALS))
    }

    /// A piece of the instance's metadata.
    async fn instance(&self, path: &str) -> Result<String, EvidenceError> {
        self.instance_told(&format!("meta-data/{path}")).await?.text("text")
    }

    /// What the metadata service says, in version 2: a token first, by `PUT`, which a careless proxy does not pass on.
    pub(super) async fn instance_told(&self, path: &str) -> Result<super::out::Told, EvidenceError> {
        let base = self.around.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let base = base.unwrap_or_else(|| "http://169.254.169.254".to_owned());
        let at = |path: &str| parsed(&format!("{}/latest/{path}", base.trim_end_matches('/')));
        let mut question = Question::get(INSTANCE, at("api/token")?);
        question.method = Method::PUT;
        let question = question.with("x-aws-ec2-metadata-token-ttl-seconds", "60");
        let nowhere = |_: &str| {
            "let the instance answer (`http-tokens required`, and a hop limit of 2 if this is a container)"
                .to_owned()
        };
        let token = self.out.ask(question, nowhere).await?.text("token")?;
        let question = Question::get(INSTANCE, at(path)?).with("x-aws-ec2-metadata-token", token);
        self.out.ask(question, |_| "give the instance a profile with a role".to_owned()).await
    }
}

fn credentials(member: impl Fn(&str) -> Result<String, EvidenceError>) -> Result<Credentials, EvidenceError> {
    Ok(Credentials {
        access_key_id: member("AccessKeyId")?,
        secret: Secret::new(member("SecretAccessKey")?),
        session: Some(Secret::new(member("Token")?)),
    })
}

fn form(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(super) fn parsed(address: &str) -> Result<Url, EvidenceError> {
    Url::parse(address).map_err(|_| EvidenceError::Address { address: address.to_owned() })
}

/// What stands in `Host`, which is signed.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What is usually wrong when the token service refuses.
fn remedy(said: &str) -> String {
    let known = [
        (
            "OutboundWebIdentityFederationDisabled",
            "switch it on for the account: `aws iam enable-outbound-web-identity-federation`",
        ),
        ("AccessDenied", "allow the role `sts:GetWebIdentityToken` for this audience"),
        ("SessionDurationEscalation", "ask for a shorter life: `life=60`"),
        ("ExpiredToken", "the credentials have ended: whoever puts them there has to renew them"),
        ("SignatureDoesNotMatch", "look at the secret, and at the clock of this machine"),
        ("RequestExpired", "look at the clock of this machine"),
        (
            "InvalidAction",
            "ask a regional endpoint: `region=…`, and no `AWS_ENDPOINT_URL` that leads elsewhere",
        ),
    ];
    let found = known.iter().find(|(word, _)| said.contains(word));
    found.map_or("look at the role's policy, and at the region", |(_, remedy)| *remedy).to_owned()
}
