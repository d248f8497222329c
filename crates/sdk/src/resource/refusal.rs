//! Why a request does not get through, and the one table that says how it is answered.

use http::{HeaderValue, Response, StatusCode, header};
use prokura_core::ScopeSet;
use prokura_mcp::envelope::{Id, Malformed};
use prokura_mcp::method::BadCall;
use prokura_oauth::challenge::Challenge;
use prokura_oauth::dpop::{ProofError, algorithm_names};
use prokura_oauth::error::OAuthError;
use prokura_oauth::json::{Object, Value, obj};

/// Why a request does not get through.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no token.
    NoToken,
    /// `Authorization` is repeated or unreadable.
    BadAuthorization,
    /// The token is not valid here.
    InvalidToken(&'static str),
    /// The proof of possession does not hold.
    Proof(ProofError),
    /// The proof was seen before, or too many are remembered to know.
    ProofRepeated,
    /// The issuer cannot be asked.
    Unjudged,
    /// A scope is missing.
    Scope {
        /// What to ask for: the scopes held and those missing.
        ask: ScopeSet,
    },
    /// No scope opens it.
    Unmapped,
    /// The authorization details of the token do not allow the call.
    Details,
    /// The body is no JSON.
    MediaType,
    /// The body is too large, or did not come whole.
    Body(StatusCode),
    /// The body is no JSON-RPC message.
    Malformed(Malformed),
    /// The method or its parameters are not known.
    Call(BadCall),
}

impl Refusal {
    fn row(&self) -> (StatusCode, &'static str, String) {
        use StatusCode as S;
        let (status, word, sentence) = match self {
            Self::NoToken => (S::UNAUTHORIZED, "no_token", "an access token is needed".into()),
            Self::BadAuthorization => {
                (S::BAD_REQUEST, "invalid_request", "send one Authorization header with one token".into())
            }
            Self::InvalidToken(why) => (S::UNAUTHORIZED, "invalid_token", (*why).to_owned()),
            Self::Proof(error) => (S::UNAUTHORIZED, "invalid_dpop_proof", error.to_string()),
            Self::ProofRepeated => {
                (S::UNAUTHORIZED, "invalid_dpop_proof", "the DPoP proof was used before; make another".into())
            }
            Self::Unjudged => (
                S::SERVICE_UNAVAILABLE,
                "authorization_server_down",
                "the authorization server cannot be asked about the token; try again soon".into(),
            ),
            Self::Scope { .. } => {
                (S::FORBIDDEN, "insufficient_scope", "the token lacks a scope that allows it".into())
            }
            Self::Unmapped => {
                (S::FORBIDDEN, "unmapped", "no scope of this resource allows it to anyone".into())
            }
            Self::Details => (
                S::FORBIDDEN,
                "insufficient_authorization",
                "the token's authorization details do not allow the call".into(),
            ),
            Self::MediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "media_type",
                "send application/json in UTF-8 without content encoding".into(),
            ),
            Self::Body(status) => {
                (*status, "too_large", "the message is too large, or did not come whole".into())
            }
            Self::Malformed(m) => (S::BAD_REQUEST, "malformed", m.reason.clone()),
            Self::Call(bad) => (S::BAD_REQUEST, "unknown_method", bad.to_string()),
        };
        (status, word, sentence)
    }

    /// The answer: a challenge where one helps, and a body that a JSON-RPC client and any other can read.
    pub(super) fn into_response<R: From<bytes::Bytes>>(
        self,
        id: Option<Id>,
        metadata_url: &str,
        first: &ScopeSet,
        dpop_only: bool,
    ) -> Response<R> {
        let (status, word, sentence) = self.row();
        let error = obj([
            ("code", self.code(status).into()),
            ("message", sentence.as_str().into()),
            ("data", Value::Object(obj([("error", word.into())]))),
        ]);
        let mut body = Object::default();
        body.insert("jsonrpc", "2.0".into());
        body.insert("id", id.or_else(|| self.id()).map_or(Value::Null, |id| id.to_value()));
        body.insert("error", Value::Object(error));
        let mut response = Response::new(R::from(body.to_vec().into()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for challenge in self.challenges(&sentence, metadata_url, first, dpop_only) {
            if let Ok(value) = HeaderValue::try_from(challenge.into_value()) {
                headers.append(header::WWW_AUTHENTICATE, value);
            }
        }
        if matches!(self, Self::Unjudged) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    fn code(&self, status: StatusCode) -> i64 {
        match self {
            Self::Malformed(m) => m.code,
            Self::Call(BadCall::Unknown | BadCall::UnknownNotification) => -32601,
            Self::Call(BadCall::Parameter(_) | BadCall::Climbs) => -32602,
            Self::Call(BadCall::CaseVariant) => -32600,
            _ => i64::from(status.as_u16()),
        }
    }

    fn id(&self) -> Option<Id> {
        match self {
            Self::Malformed(m) => m.id.clone(),
            _ => None,
        }
    }

    /// One challenge for each scheme that would do (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1).
    fn challenges(
        &self,
        sentence: &str,
        metadata_url: &str,
        first: &ScopeSet,
        dpop_only: bool,
    ) -> Vec<Challenge> {
        let algorithms = algorithm_names().collect::<Vec<_>>().join(" ");
        let dpop = || Challenge::dpop().with("algs", &algorithms);
        let schemes = match self {
            Self::Proof(_) | Self::ProofRepeated => vec![dpop()],
            _ if dpop_only => vec![dpop()],
            Self::NoToken => vec![Challenge::bearer(), dpop()],
            _ => vec![Challenge::bearer()],
        };
        let told = |challenge: Challenge| match self {
            Self::NoToken => Some(challenge.scope(first)),
            Self::BadAuthorization => Some(challenge.error(OAuthError::InvalidRequest)),
            Self::InvalidToken(_) => {
                Some(challenge.error(OAuthError::InvalidToken).description(sentence).scope(first))
            }
            Self::Proof(_) | Self::ProofRepeated => {
                Some(challenge.error(OAuthError::InvalidDpopProof).description(sentence))
            }
            Self::Scope { ask } => {
                Some(challenge.error(OAuthError::InsufficientScope).description(sentence).scope(ask))
            }
            _ => None,
        };
        schemes.into_iter().filter_map(told).map(|c| c.resource_metadata(metadata_url)).collect()
    }
}
