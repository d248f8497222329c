//! Asking an issuer about an opaque token (RFC 7662 §2).

use crate::Unavailable;
use crate::metadata::{Line, Metadata};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prokura_egress::{FetchLimits, FetchUrl};
use prokura_oauth::json::Object;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

/// Introspections under way at one issuer. Strangers can make up tokens; more of them than these wait for nothing.
const UNDER_WAY: usize = 16;

/// What sort of token an actor token is (RFC 8693 §3).
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// How the resource shows who it is (RFC 7662 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// Its secret in the `Authorization` header (RFC 6749 §2.3.1).
    Basic,
    /// Its secret in the body.
    Post,
}

/// How an issuer is asked about tokens.
#[derive(Clone)]
pub struct IntrospectionOptions {
    /// Where; what the metadata say if nothing is said.
    pub endpoint: Option<FetchUrl>,
    /// The client that the resource is at this issuer.
    pub client: String,
    /// Its secret.
    pub secret: Zeroizing<String>,
    /// How it shows that.
    pub present: Present,
    /// For how long an answer is believed, at most.
    pub keep: Duration,
}

pub(crate) struct Introspection {
    line: Line,
    pub(crate) options: IntrospectionOptions,
    places: Semaphore,
}

impl Introspection {
    pub(crate) fn new(line: Line, options: IntrospectionOptions) -> Self {
        Self { line, options, places: Semaphore::new(UNDER_WAY) }
    }

    /// What the issuer says of `token`, or of it and the token of whoever acts.
    pub(crate) async fn ask(
        &self,
        token: &str,
        actor: Option<&str>,
        metadata: &Metadata,
    ) -> Result<Object, Unavailable> {
        let issuer = || self.line.issuer.clone();
        let _place = self.places.try_acquire().map_err(|_| Unavailable::Busy { issuer: issuer() })?;
        let what = "the introspection";
        let endpoint = match &self.options.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => {
                let found = metadata.find().await?;
                let missing = Unavailable::Missing { issuer: issuer(), member: "introspection_endpoint" };
                self.line.address(what, found.introspection_endpoint.as_deref().ok_or(missing)?)?
            }
        };
        let mut form = match actor {
            None => vec![("token", token), ("token_type_hint", "access_token")],
            Some(actor) => vec![("token", token), ("actor_token", actor), ("actor_token_type", ACCESS)],
        };
        let mut authorization = None;
        match self.options.present {
            Present::Basic => authorization = Some(self.basic()),
            Present::Post => {
                form.push(("client_id", &self.options.client));
                form.push(("client_secret", &self.options.secret));
            }
        }
        let authorization = authorization.as_ref().map(|a| a.as_str());
        let limits = FetchLimits::DOCUMENT;
        let answer = self.line.egress.post_form(&endpoint, &form, authorization, &limits).await;
        let answer =
            answer.map_err(|error| Unavailable::Fetch { issuer: issuer(), what, error: Arc::new(error) })?;
        if answer.status != 200 {
            return Err(Unavailable::Status { issuer: issuer(), status: answer.status });
        }
        self.line.object(what, &answer.body)
    }

    /// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
    fn basic(&self) -> Zeroizing<String> {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair =
            Zeroizing::new(format!("{}:{}", encoded(&self.options.client), encoded(&self.options.secret)));
        Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
    }
}
