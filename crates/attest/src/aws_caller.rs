//! `GetCallerIdentity`, signed by the workload and sent by us: the parts that came are read strictly, a request is built
//! anew from what they mean, and the STS of that region says who signed it. Nothing is forwarded (CVE-2020-16250).

mod arn;
mod error;
mod query;
mod region;
mod request;

pub use arn::AccountId;
pub use error::CallerError;
pub use request::{CHALLENGE_HEADER, KEY_HEADER};

use crate::Evidence;
use crate::bound::Bound;
use crate::said::said;
use arn::{Arn, Caller};
use aws_lc_rs::digest::{SHA256, digest};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use prokura_core::{Platform, Timestamp};
use prokura_egress::{Answer, Ask, Egress, FetchUrl, Reading};
use prokura_oauth::json::{self, Limits, Object};
use query::encoded;
use request::{BODY, Parameters, Signature, SignedRequest};
use std::sync::Arc;
use std::time::Duration;

/// How long what STS said is good for: it says who signs now, and nothing of later.
const GOOD_FOR: Duration = Duration::from_secs(60 * 60);
/// An answer of STS has some 300 bytes.
const READING: Reading =
    Reading { max_bytes: 16 << 10, deadline: Duration::from_secs(10), enough: |_, _| false };

/// A provider of `platform = "aws_caller"`.
#[derive(Clone)]
pub struct AwsCaller {
    provider: Arc<str>,
    accounts: Vec<AccountId>,
    regions: Vec<String>,
    endpoint: Option<FetchUrl>,
    egress: Egress,
}

/// What the configuration says of such a provider.
#[derive(Debug, Clone, Default)]
pub struct AwsCallerSettings {
    /// The accounts whose identities are believed.
    pub accounts: Vec<AccountId>,
    /// The regions whose STS may be asked; empty: every one that is known.
    pub regions: Vec<String>,
    /// Where to ask instead of at the host of the region, for tests.
    pub endpoint: Option<FetchUrl>,
}

impl AwsCaller {
    /// A provider of that name.
    pub fn new(provider: Arc<str>, settings: AwsCallerSettings, egress: Egress) -> Self {
        let AwsCallerSettings { accounts, regions, endpoint } = settings;
        Self { provider, accounts, regions, endpoint, egress }
    }

    /// Whether there is a region of that name.
    pub fn knows_region(name: &str) -> bool {
        region::Region::named(name).is_some()
    }

    /// Has STS say who signed `shown`, whose members are `method`, `url`, `headers` and `body`.
    ///
    /// # Errors
    /// [`CallerError`].
    pub async fn verify(
        &self,
        shown: &Object,
        bound: &Bound<'_>,
        now: Timestamp,
    ) -> Result<Evidence, CallerError> {
        let request = SignedRequest::read(shown)?;
        if !self.regions.is_empty() && !self.regions.iter().any(|r| r == request.region.name) {
            return Err(CallerError::Region(request.region.name));
        }
        request.check(bound, now)?;
        let (url, ask) = self.ask(&request)?;
        let answer = self.egress.ask(&url, ask, &READING).await;
        let answer = answer.map_err(|e| CallerError::Unavailable(e.to_string()))?;
        let identity = Identity::read(&answer)?;
        let evidence = self.evidence(&request, &identity, bound, now)?;
        Ok(Evidence { digest: of(shown), ..evidence })
    }

    /// The request as we make it: every byte of it is a constant, of the table, or a value that was checked.
    fn ask(&self, request: &SignedRequest) -> Result<(FetchUrl, Ask), CallerError> {
        let unwritable = || CallerError::Authorization;
        let base = match &self.endpoint {
            Some(configured) => configured.clone(),
            None => FetchUrl::parse(&format!("https://{}/", request.host)).map_err(|_| CallerError::Url)?,
        };
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| unwritable());
        let mut headers = HeaderMap::new();
        for (name, text) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unwritable())?;
            headers.insert(name, value(text)?);
        }
        headers.insert(HOST, value(&request.host)?);
        // XML is read by many, each in its own way; JSON here by one.
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        match &request.signature {
            Signature::Header(parameters) => {
                headers.insert(AUTHORIZATION, value(&authorization(parameters))?);
                headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(FORM));
                Ok((base, Ask { method: Method::POST, headers, body: BODY.into() }))
            }
            Signature::Query { post, .. } => {
                let method = if *post { Method::POST } else { Method::GET };
                let url = base.with_query(&query_of(&request.signature)).map_err(|_| CallerError::Url)?;
                Ok((url, Ask { method, headers, body: bytes::Bytes::new() }))
            }
        }
    }

    fn evidence(
        &self,
        request: &SignedRequest,
        identity: &Identity,
        bound: &Bound<'_>,
        now: Timestamp,
    ) -> Result<Evidence, CallerError> {
        let arn = identity.checked(request.region.partition)?;
        if !self.accounts.contains(&arn.account) {
            return Err(CallerError::Account(arn.account.as_str().to_owned()));
        }
        let subject = arn.canonical();
        let (kind, name) = match &arn.caller {
            Caller::Role(role) => ("role", role),
            Caller::User(user) => ("user", user),
        };
        let claims = [
            ("subject", subject.as_str()),
            ("account", arn.account.as_str()),
            ("partition", &arn.partition),
            ("region", request.region.name),
            ("unique_id", &identity.unique_id),
            (kind, name),
        ];
        let (claims, told) = said(Platform::AwsCaller, &claims);
        Ok(Evidence {
            provider: Arc::clone(&self.provider),
            platform: Platform::AwsCaller,
            instance: subject.clone(),
            subject,
            claims,
            told,
            issued_at: now,
            expires_at: now.after(GOOD_FOR),
            id: None,
            digest: [0; 32],
            key: Some(bound.key),
        })
    }
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

fn of(shown: &Object) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, &shown.to_jcs()).as_ref());
    out
}

fn authorization(parameters: &Parameters) -> String {
    let Parameters { credential, signed, signature } = parameters;
    format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}")
}

fn query_of(signature: &Signature) -> String {
    let Signature::Query { parameters, expires, date, token, .. } = signature else { return String::new() };
    let mut query = format!(
        "{BODY}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={expires}",
        encoded(&parameters.credential),
        encoded(date),
    );
    if let Some(token) = token {
        query.push_str(&format!("&X-Amz-Security-Token={}", encoded(token)));
    }
    query.push_str(&format!("&X-Amz-SignedHeaders={}", encoded(&parameters.signed)));
    query.push_str(&format!("&X-Amz-Signature={}", parameters.signature));
    query
}

/// What STS said.
#[derive(Debug)]
struct Identity {
    account: String,
    arn: String,
    /// The part of `UserId` that the caller does not choose.
    unique_id: String,
}

impl Identity {
    fn read(answer: &Answer) -> Result<Self, CallerError> {
        if answer.status != StatusCode::OK {
            return Err(CallerError::Refused(answer.status.as_u16()));
        }
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        // What STS really says is `application/json`; `x-amz-json-1.0` was seen too.
        if !answer.whole || !(kind == "application/json" || kind.starts_with("application/x-amz-json-1.")) {
            return Err(CallerError::Answer);
        }
        let value = json::parse(&answer.body, &Limits::TOKEN).map_err(|_| CallerError::Answer)?;
        let result = ["GetCallerIdentityResponse", "GetCallerIdentityResult"]
            .iter()
            .try_fold(&value, |value, name| value.as_object()?.get(name));
        let result = result.and_then(|r| r.as_object()).ok_or(CallerError::Answer)?;
        let text = |name: &str| result.str(name).filter(|t| t.len() <= 2048).ok_or(CallerError::Answer);
        let unique_id = text("UserId")?.split(':').next().unwrap_or_default().to_owned();
        Ok(Self { account: text("Account")?.to_owned(), arn: text("Arn")?.to_owned(), unique_id })
    }

    fn checked(&self, partition: &str) -> Result<Arn, CallerError> {
        let arn = Arn::parse(&self.arn).filter(|arn| {
            arn.partition == partition && arn.account.as_str() == self.account && !self.unique_id.is_empty()
        });
        arn.ok_or_else(|| CallerError::Identity(self.arn.chars().take(200).collect()))
    }
}

#[cfg(test)]
mod tests;
