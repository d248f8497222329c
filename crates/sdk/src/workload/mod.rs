//! What the infrastructure says about this process: which platform it runs on, and a token of that platform for an
//! authorization server, so that nothing has to be stored.
//!
//! ```no_run
//! use prokura_sdk::client::Client;
//! use prokura_sdk::workload::{Options, Surroundings, detect};
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let detection = detect(&Surroundings::system(), &Options::default());
//! let found = detection.found.ok_or("this is no platform that gives tokens")?;
//! let client = Client::to("https://mcp.example.com/mcp")?.way(found.workload.way()).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! Invariants:
//! - what says where evidence comes from is the environment of the process, the conventions of its platform, and options
//!   that a person chose; nothing that a server said;
//! - evidence goes only to the token endpoint of the one authorization server that it is for
//!   ([`crate::client::ClientError::Audience`]), unless a person named that server;
//! - it is fetched at each use, and neither stored nor shown.

mod around;
mod aws;
mod azure;
mod detect;
mod documents;
mod error;
mod evidence;
mod gcp;
mod options;
mod out;
mod pipeline;
mod sigv4;
#[cfg(feature = "spiffe")]
mod spiffe;

pub use around::Surroundings;
pub use detect::{Detection, Found, Looked, SpeaksFor, detect};
pub use error::EvidenceError;
pub(crate) use evidence::is_addressed_to;
pub use evidence::{Document, Evidence, audiences, claims};
pub use options::Options;

use crate::client::{JWT_BEARER_ASSERTION, Secret, Store, TokenSource, Way};
use async_trait::async_trait;
use out::Out;
use prokura_core::{Clock, Platform, SystemClock};
use prokura_egress::Trust;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names a file with a token, of whatever issuer.
const EVIDENCE_FILE: &str = "PROKURA_EVIDENCE_FILE";
/// Where a pod finds the token that was projected for Prokura, if its manifest follows the guide.
const KUBERNETES_FILE: &str = "/var/run/secrets/prokura/token";
const KUBERNETES_VARIABLE: &str = "PROKURA_KUBERNETES_TOKEN_FILE";
const FEDERATED: &str = "AZURE_FEDERATED_TOKEN_FILE";
const SOCKET: &str = "SPIFFE_ENDPOINT_SOCKET";
/// What a JWT-SVID is called that authenticates a client (draft-ietf-oauth-spiffe-client-auth-02 §3.1).
const JWT_SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/// A process on a platform that speaks for it.
#[derive(Clone)]
pub struct Workload {
    platform: Platform,
    around: Surroundings,
    options: Options,
    trust: Trust,
    clock: Arc<dyn Clock>,
    keys: Option<Arc<dyn Store>>,
}

impl Workload {
    /// A workload of this platform, whether or not it looks like one.
    pub fn of(platform: Platform, around: Surroundings, options: Options) -> Self {
        Self { platform, around, options, trust: Trust::default(), clock: Arc::new(SystemClock), keys: None }
    }

    /// Whose certificates the platform's own services are believed by.
    #[must_use]
    pub fn trust(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// Another clock.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Where its key is kept if it [keeps one](Self::keeps_key); the store of the client if nothing is said. That should
    /// outlast the process, or the next one on the same instance is refused.
    #[must_use]
    pub fn keys(self, keys: Arc<dyn Store>) -> Self {
        Self { keys: Some(keys), ..self }
    }

    pub(crate) fn kept_keys(&self) -> Option<&Arc<dyn Store>> {
        self.keys.as_ref()
    }

    /// Whether an attester binds the instance to the first key that it comes with, so that the key has to outlast the
    /// process: the evidence of EC2 instances and Azure machines names no key.
    pub fn keeps_key(&self) -> bool {
        matches!(self.platform, Platform::Ec2 | Platform::AzureVm)
    }

    /// The platform.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// The choices that a person made.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// For whom evidence is asked, if it is to be shown to `issuer`.
    pub fn audience<'a>(&'a self, issuer: &'a str) -> &'a str {
        self.options.audience.as_deref().unwrap_or(issuer)
    }

    /// A token for `issuer`, fetched now.
    ///
    /// # Errors
    /// [`EvidenceError`] says what is missing or who refused, and how that is mended.
    pub async fn evidence(&self, issuer: &str) -> Result<Evidence, EvidenceError> {
        self.options.check()?;
        let (around, options, out) = (&self.around, &self.options, &self.out());
        let audience = self.audience(issuer);
        match self.platform {
            Platform::Kubernetes => self.file(&self.kubernetes_file()),
            Platform::Oidc => self.oidc(),
            Platform::Gitlab if options.file.is_some() => self.oidc(),
            Platform::Gitlab => pipeline::variable(Platform::Gitlab, around, options),
            Platform::Github => pipeline::github(around, out, audience).await,
            Platform::Aws => {
                let now = self.clock.now();
                aws::Aws { around, options, out, now }.token(audience).await
            }
            Platform::Azure => azure::Azure { around, options, out }.token(audience).await,
            Platform::Gcp => gcp::Gcp { around, options, out }.token(audience).await,
            #[cfg(feature = "spiffe")]
            Platform::Spiffe => spiffe::Spiffe { around, options }.token(audience).await,
            #[cfg(not(feature = "spiffe"))]
            Platform::Spiffe => Err(EvidenceError::Option(
                "this program was built without the Workload API: turn the feature `spiffe` of `prokura-sdk` on".to_owned(),
            )),
            Platform::AwsCaller | Platform::Ec2 | Platform::AzureVm => {
                Err(EvidenceError::NotToken(self.platform))
            }
        }
    }

    /// Evidence that is no token, for a challenge of an attester and the thumbprint of a key (RFC 7638).
    ///
    /// # Errors
    /// [`EvidenceError`]; [`EvidenceError::Token`] if the platform gives tokens.
    pub async fn document(&self, challenge: &str, thumbprint: &str) -> Result<Document, EvidenceError> {
        self.options.check()?;
        let (around, options, out) = (&self.around, &self.options, &self.out());
        let aws = aws::Aws { around, options, out, now: self.clock.now() };
        match self.platform {
            Platform::AwsCaller => aws.caller(challenge, thumbprint).await,
            Platform::Ec2 => aws.instance_document().await,
            Platform::AzureVm => azure::Azure { around, options, out }.attested(challenge).await,
            other => Err(EvidenceError::Token(other)),
        }
    }

    /// Whether the platform gives tokens, as opposed to evidence that an attester has to look at.
    pub fn gives_tokens(&self) -> bool {
        !matches!(self.platform, Platform::AwsCaller | Platform::Ec2 | Platform::AzureVm)
    }

    /// The way of a client to its tokens.
    pub fn way(self) -> Way {
        if self.gives_tokens() { Way::Workload(Arc::new(self)) } else { Way::Attested(Arc::new(self)) }
    }

    fn out(&self) -> Out {
        Out::new(self.trust.clone())
    }

    fn kubernetes_file(&self) -> PathBuf {
        let named = self.options.file.clone();
        let named = named.or_else(|| self.around.variable(KUBERNETES_VARIABLE).map(PathBuf::from));
        named.unwrap_or_else(|| self.around.at(KUBERNETES_FILE))
    }

    /// A token in a file, or in a variable.
    fn oidc(&self) -> Result<Evidence, EvidenceError> {
        let file =
            self.options.file.clone().or_else(|| self.around.variable(EVIDENCE_FILE).map(PathBuf::from));
        match file.filter(|_| self.options.variable.is_none()) {
            Some(file) => self.file(&file),
            None => pipeline::variable(self.platform, &self.around, &self.options),
        }
    }

    fn file(&self, file: &Path) -> Result<Evidence, EvidenceError> {
        let token = Secret::new(self.around.read(file)?);
        Ok(Evidence { platform: self.platform, place: format!("the file {}", file.display()), token })
    }
}

#[async_trait]
impl TokenSource for Workload {
    async fn token(&self, issuer: &str) -> Result<String, String> {
        let evidence = self.evidence(issuer).await.map_err(|e| e.to_string())?;
        Ok(evidence.token.reveal().to_owned())
    }

    fn only_issuer(&self) -> Option<&str> {
        self.options.issuer.as_deref()
    }

    fn assertion_type(&self) -> &'static str {
        if self.platform == Platform::Spiffe { JWT_SPIFFE } else { JWT_BEARER_ASSERTION }
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload").field("platform", &self.platform).finish_non_exhaustive()
    }
}
