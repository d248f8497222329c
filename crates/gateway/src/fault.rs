//! What can go wrong, and the one table that says how it is answered.

use crate::caller::Scheme;
use crate::envelope::{Id, Malformed};
use crate::mapping::MappingError;
use crate::method::BadCall;
use crate::mirror::BadHeaders;
use crate::oblige::Unapproved;
use crate::oblige::Withheld;
use crate::route::Route;
use crate::ruling::Refused;
use crate::scene::Scene;
use crate::version::{Era, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Response, StatusCode, header};
use prokura_access::Refused as NotMet;
use prokura_core::{Denial, Reason, ScopeSet, Selector, TraceId};
use prokura_mcp::schema::{BadSchema, Misfit};
use prokura_oauth::challenge::Challenge;
use prokura_oauth::dpop::{self, BadNonce, ProofError};
use prokura_oauth::error::OAuthError;
use prokura_oauth::json::{Object, Value};
use prokura_oauth::rich;
use prokura_store::Undrawn;
use words::{TOOL_CHANGED, TOOL_NEW, TOOL_UNKNOWN, TOOLS_UNREAD, mapping, policy, unmet, untold, withheld};

mod words;

/// Why a request is refused or fails.
#[derive(Debug)]
pub(crate) enum Fault {
    /// `Host` is not this server's.
    ForeignHost,
    /// `Origin` is not one that may call.
    ForeignOrigin,
    /// The HTTP method is not served at this address in this era.
    HttpMethod,
    /// The client takes neither JSON nor event streams.
    NotAcceptable,
    /// The body is not plain JSON.
    MediaType,
    /// The body is larger than is taken.
    TooLarge,
    /// The body did not come in time, or was cut off.
    SlowBody,
    /// No bearer token.
    NoToken,
    /// `Authorization` is repeated or unreadable.
    BadAuthorization,
    /// The token is not valid here.
    InvalidToken(&'static str),
    /// The token is bound to a key and came as a bearer token.
    Bound,
    /// The token is bound to no key, and a bound one is needed or was announced.
    Unbound,
    /// There is no proof beside a token that needs one.
    NoProof,
    /// The proof is refused.
    Proof(ProofError),
    /// The proof lacks a nonce of this gateway.
    ProofNonce,
    /// The proof was used before.
    ProofReplayed,
    /// The grant behind the token, or somebody who acts by it, is no longer in force.
    GrantRevoked,
    /// What is revoked is not known freshly enough.
    RevocationStale,
    /// The authorization has a budget, which only who shares the issuer's database can draw from.
    BudgetElsewhere,
    /// Whoever issued the token cannot be asked about it.
    Unjudged,
    /// Too many calls.
    RateLimited {
        /// Seconds until the next.
        seconds: u64,
        /// Whether it is the first refusal since a call went through.
        first: bool,
    },
    /// No JSON-RPC message.
    Malformed(Malformed),
    /// The mirrored headers do not hold.
    Headers(BadHeaders),
    /// The method or its parameters are not accepted.
    Call(BadCall, Era),
    /// A client of the modern era sends no responses.
    UnexpectedResponse,
    /// The policy says no.
    Denied {
        /// Why, and what would help.
        denial: Denial,
        /// The scopes to ask for: those held and those missing, in the words of whoever issued the token.
        ask: ScopeSet,
        /// The authorization details to ask for, where they are what is missing.
        remedy: Option<Value>,
    },
    /// The conditions of access are not met.
    Access(Box<NotMet>),
    /// The organisation's policies do not permit it.
    Policy(Box<Refused>),
    /// What the server says of how the tool is authorized makes no question of the call.
    Mapping(Box<MappingError>),
    /// The tool was described otherwise than by the description in force.
    ToolChanged,
    /// Nobody approved the tool yet.
    ToolNew,
    /// The tool's arguments must be checked, and its server does not name it.
    ToolUnknown,
    /// The tool's arguments must be checked, and its schema cannot be used.
    ToolSchema(BadSchema),
    /// The arguments are not of the types that the tool names.
    Arguments(Misfit),
    /// What is pinned cannot be read.
    ToolsUnread,
    /// It is permitted only together with something that nobody here can do.
    Unmet(&'static str),
    /// It is aimed at what nobody named who may.
    Untold(Box<Selector>),
    /// The result cannot be released.
    Withheld(Withheld),
    /// Somebody has to agree to it first, or would not.
    Unapproved(Box<Unapproved>),
    /// The budget does not let the call.
    Budget(Undrawn),
    /// A session is to be ended, and none is named.
    NoSession,
    /// No such session for this caller.
    UnknownSession,
    /// No such stream for this caller.
    UnknownEvent,
    /// No such task for this caller.
    UnknownTask,
    /// The request state was not made for this caller and this request, or is too old.
    BadState,
    /// The cursor was not made for this caller.
    BadCursor,
    /// The record cannot be made durable.
    NotRecorded,
    /// No transaction token can be made.
    NoTransaction,
    /// The upstream cannot be reached.
    UpstreamDown,
    /// The upstream did not begin its answer in time.
    UpstreamTimeout,
    /// The upstream's answer is none.
    UpstreamBad(&'static str),
    /// The upstream refuses with this status, in words that are not relayed.
    UpstreamSays(StatusCode),
}

/// One row of the table.
struct Row {
    status: StatusCode,
    code: i64,
    /// A stable word for the record and for clients.
    word: &'static str,
    sentence: String,
}

fn row(status: StatusCode, code: i64, word: &'static str, sentence: impl Into<String>) -> Row {
    Row { status, code, word, sentence: sentence.into() }
}

/// Who is stopped because of a condition has to come again; others are refused.
fn not_met(refused: &NotMet) -> StatusCode {
    if refused.quarantines() { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN }
}

fn unavailable(word: &'static str, sentence: &'static str) -> Row {
    own(StatusCode::SERVICE_UNAVAILABLE, word, sentence)
}

/// A code of this gateway's own: the HTTP status, which is outside JSON-RPC's reserved range.
fn own(status: StatusCode, word: &'static str, sentence: impl Into<String>) -> Row {
    row(status, i64::from(status.as_u16()), word, sentence)
}

impl From<ProofError> for Fault {
    fn from(error: ProofError) -> Self {
        Self::Proof(error)
    }
}

/// Answered as a server would that elicits, where the client understands that: the transport did not fail.
fn unapproved(why: &Unapproved) -> Row {
    match why.result() {
        _ if why.elicits() => row(StatusCode::OK, ELICIT, why.word(), why.sentence()),
        Some(_) => row(StatusCode::OK, i64::from(StatusCode::FORBIDDEN.as_u16()), why.word(), why.sentence()),
        None => own(StatusCode::FORBIDDEN, why.word(), why.sentence()),
    }
}

/// `URLElicitationRequiredError` (MCP 2025-11-25, "Elicitation").
const ELICIT: i64 = -32042;
/// What must be accepted.
const NOT_ACCEPTABLE: &str = "accept both application/json and text/event-stream (GET: text/event-stream)";
/// What must be sent.
const MEDIA_TYPE: &str = "send application/json in UTF-8 without content encoding";
/// Why a token with a budget is refused that nobody can draw from here.
const NO_BUDGET: &str = "the authorization has a budget, which cannot be drawn from at this gateway";

impl Fault {
    fn row(&self) -> Row {
        use StatusCode as S;
        match self {
            Self::ForeignHost => own(S::FORBIDDEN, "foreign_host", "this host name is not served here"),
            Self::ForeignOrigin => own(S::FORBIDDEN, "foreign_origin", "pages of this origin may not call"),
            Self::HttpMethod => {
                own(S::METHOD_NOT_ALLOWED, "http_method", "this HTTP method is not served here")
            }
            Self::NotAcceptable => own(S::NOT_ACCEPTABLE, "not_acceptable", NOT_ACCEPTABLE),
            Self::MediaType => own(S::UNSUPPORTED_MEDIA_TYPE, "media_type", MEDIA_TYPE),
            Self::TooLarge => own(S::PAYLOAD_TOO_LARGE, "too_large", "the message is too large"),
            Self::SlowBody => {
                own(S::REQUEST_TIMEOUT, "slow_body", "the message did not come whole and in time")
            }
            Self::NoToken => own(S::UNAUTHORIZED, "no_token", "an access token is needed"),
            Self::BadAuthorization => {
                own(S::BAD_REQUEST, "invalid_request", "send one Authorization header with one bearer token")
            }
            Self::InvalidToken(why) => own(S::UNAUTHORIZED, "invalid_token", *why),
            Self::Bound => own(
                S::UNAUTHORIZED,
                "token_bound",
                "the token is bound to a key: present it by the scheme DPoP, with a proof",
            ),
            Self::Unbound => own(
                S::UNAUTHORIZED,
                "token_unbound",
                "the token is bound to no key: ask for one with a DPoP proof",
            ),
            Self::NoProof => own(S::UNAUTHORIZED, "proof_missing", "a DPoP proof is needed here"),
            Self::Proof(error) => own(S::UNAUTHORIZED, "proof_invalid", error.to_string()),
            Self::ProofNonce => own(S::UNAUTHORIZED, "proof_nonce", BadNonce.to_string()),
            Self::ProofReplayed => own(
                S::UNAUTHORIZED,
                "proof_replayed",
                "the DPoP proof was used before: make one for each request",
            ),
            Self::GrantRevoked => own(S::UNAUTHORIZED, "grant_revoked", "the authorization was ended"),
            Self::RevocationStale => own(
                S::SERVICE_UNAVAILABLE,
                "revocation_stale",
                "what is revoked is not known freshly enough; try again soon",
            ),
            Self::BudgetElsewhere => own(S::FORBIDDEN, "budget_elsewhere", NO_BUDGET),
            Self::Unjudged => own(
                S::SERVICE_UNAVAILABLE,
                "authorization_server_down",
                "the authorization server cannot be asked about the token; try again soon",
            ),
            Self::RateLimited { .. } => own(S::TOO_MANY_REQUESTS, "rate_limited", "too many calls; wait"),
            Self::Malformed(m) => row(S::BAD_REQUEST, m.code, "malformed", m.reason.clone()),
            Self::Headers(bad) => headers_row(bad),
            Self::Call(bad, era) => call_row(bad, *era),
            Self::UnexpectedResponse => {
                row(S::BAD_REQUEST, -32600, "malformed", "clients of this protocol version send no responses")
            }
            Self::Denied { denial: Denial { reason: reason @ Reason::SignIn(_), .. }, .. } => {
                own(S::UNAUTHORIZED, reason.code(), reason.to_string())
            }
            Self::Denied { denial, .. } => own(S::FORBIDDEN, denial.reason.code(), denial.reason.to_string()),
            Self::Access(refused) => own(not_met(refused), refused.word(), refused.to_string()),
            Self::Policy(refused) => policy(refused),
            Self::Mapping(why) => mapping(why),
            Self::Unmet(obligation) => own(S::FORBIDDEN, "obligation_unmet", unmet(obligation)),
            Self::Untold(at) => own(S::FORBIDDEN, "target_untold", untold(at)),
            Self::Withheld(why) => own(S::FORBIDDEN, "withheld", withheld(why)),
            Self::Unapproved(why) => unapproved(why),
            Self::ToolChanged => own(S::FORBIDDEN, "tool_changed", TOOL_CHANGED),
            Self::ToolNew => own(S::FORBIDDEN, "tool_new", TOOL_NEW),
            Self::ToolUnknown => own(S::FORBIDDEN, "tool_unknown", TOOL_UNKNOWN),
            Self::ToolSchema(bad) => own(S::FORBIDDEN, "tool_schema", bad.to_string()),
            Self::Arguments(misfit) => row(S::BAD_REQUEST, -32602, "arguments", misfit.to_string()),
            Self::ToolsUnread => own(S::SERVICE_UNAVAILABLE, "tools_unread", TOOLS_UNREAD),
            Self::Budget(why) => own(S::FORBIDDEN, budget_word(why), why.to_string()),
            Self::NoSession => own(S::BAD_REQUEST, "malformed", "name the session"),
            Self::UnknownSession => own(S::NOT_FOUND, "unknown_session", "no such session; initialize again"),
            Self::UnknownEvent => own(S::NOT_FOUND, "unknown_event", "no such stream"),
            // Answered as an upstream would: as the result of a call, not as a failure of the transport.
            Self::UnknownTask => row(S::OK, -32602, "unknown_task", "task not found"),
            Self::BadState => {
                row(S::OK, -32602, "bad_state", "the request state is not valid here; start again")
            }
            Self::BadCursor => row(S::OK, -32602, "bad_cursor", "invalid cursor"),
            Self::NotRecorded => unavailable("not_recorded", "the call cannot be recorded; try again soon"),
            Self::NoTransaction => unavailable("no_transaction_token", "the call cannot be vouched for yet"),
            Self::UpstreamDown => {
                row(S::BAD_GATEWAY, -32603, "upstream_down", "the server cannot be reached")
            }
            Self::UpstreamTimeout => {
                row(S::GATEWAY_TIMEOUT, -32603, "upstream_timeout", "the server did not answer in time")
            }
            Self::UpstreamBad(_) => {
                row(S::BAD_GATEWAY, -32603, "upstream_bad", "the server's answer cannot be relayed")
            }
            Self::UpstreamSays(status) => own(*status, "upstream_refused", "the server refused the request"),
        }
    }

    /// A stable word for the record.
    pub(crate) fn word(&self) -> &'static str {
        self.row().word
    }

    /// Whether the fault is worth an entry of its own: all are, but the later ones of a flood.
    pub(crate) fn is_recorded(&self) -> bool {
        !matches!(self, Self::RateLimited { first: false, .. } | Self::NotRecorded)
    }

    /// The id of the request, where the fault itself knows it.
    fn id(&self) -> Option<&Id> {
        match self {
            Self::Malformed(m) => m.id.as_ref(),
            _ => None,
        }
    }

    /// The JSON-RPC error object.
    pub(crate) fn error(&self, trace: &TraceId) -> Object {
        let row = self.row();
        let mut data = Object::default();
        match self {
            Self::Headers(BadHeaders::UnsupportedVersion { requested }) => {
                let supported = Version::of_requests().map(|v| v.as_str().into()).collect();
                data.insert("supported", Value::Array(supported));
                data.insert("requested", requested.as_str().into());
            }
            Self::Denied { ask, denial, .. } if !denial.missing.is_empty() => {
                data.insert("error", OAuthError::InsufficientScope.code().into());
                data.insert("scope", Value::from(ask.to_string()));
            }
            Self::Denied { denial: Denial { reason: Reason::SignIn(demand), .. }, .. } => {
                data.insert("error", OAuthError::InsufficientUserAuthentication.code().into());
                if let Some(acr) = demand.acr {
                    data.insert("acr_values", acr.as_str().into());
                }
                if let Some(most) = demand.max_age {
                    data.insert("max_age", most.into());
                }
            }
            Self::Denied { denial, remedy: Some(remedy), .. } => {
                data.insert("error", OAuthError::InsufficientAuthorization.code().into());
                data.insert("reason", denial.reason.code().into());
                if let Reason::Constraint(constraint) = &denial.reason {
                    data.insert("constraint", rich::constraint_value(constraint));
                }
                data.insert("authorization_details", remedy.clone());
            }
            Self::Unapproved(why) => why.tell(&mut data),
            Self::Access(refused) => {
                data.insert("error", row.word.into());
                let waiting: Vec<_> = refused.approvals().map(Value::from).collect();
                if !waiting.is_empty() {
                    data.insert("approvals", Value::Array(waiting));
                }
            }
            _ => {
                data.insert("error", row.word.into());
            }
        }
        data.insert("trace", trace.as_str().into());
        let mut error = Object::default();
        error.insert("code", row.code.into());
        error.insert("message", Value::from(row.sentence));
        error.insert("data", Value::Object(data));
        error
    }

    /// The result that is answered in place of an error, where the protocol has one.
    fn result(&self) -> Option<Object> {
        match self {
            Self::Unapproved(why) => why.result(),
            _ => None,
        }
    }

    /// The HTTP answer. The body is always a JSON-RPC error, with the request's id where it is known.
    pub(crate) fn response<B: From<Vec<u8>>>(&self, scene: &Scene, id: Option<Id>) -> Response<B> {
        let id = id.or_else(|| self.id().cloned());
        let outcome = self.result().ok_or_else(|| self.error(&scene.trace));
        let body = crate::envelope::Message::Response(id, outcome).into_bytes();
        let mut response = Response::new(B::from(body));
        *response.status_mut() = self.row().status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for challenge in self.challenges(&scene.route, scene.scheme) {
            if let Ok(value) = HeaderValue::try_from(challenge.into_value()) {
                headers.append(header::WWW_AUTHENTICATE, value);
            }
        }
        match self {
            Self::RateLimited { seconds, .. } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::RevocationStale
            | Self::NotRecorded
            | Self::NoTransaction
            | Self::Unjudged
            | Self::ToolsUnread => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::HttpMethod => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST, GET, DELETE"));
            }
            _ => {}
        }
        response
    }

    /// The `WWW-Authenticate` challenges (RFC 6750 §3, RFC 9449 §7.1; MCP authorization, "Scope Challenge Handling"): in
    /// the scheme that was used, and where another token is needed, also in the other one.
    fn challenges(&self, route: &Route, used: Scheme) -> Vec<Challenge> {
        let scheme = if route.needs_proof { Scheme::Dpop } else { used };
        let begun = match scheme {
            Scheme::Bearer => Challenge::bearer(),
            Scheme::Dpop => Challenge::dpop(),
        };
        let Some(challenge) = self.challenge(begun, route) else { return Vec::new() };
        let challenge = challenge.resource_metadata(&route.metadata_url);
        let algorithms = || dpop::algorithm_names().collect::<Vec<_>>().join(" ");
        match scheme {
            Scheme::Dpop => vec![challenge.with("algs", &algorithms())],
            Scheme::Bearer if self.row().status == StatusCode::UNAUTHORIZED => {
                vec![challenge, Challenge::dpop().with("algs", &algorithms())]
            }
            Scheme::Bearer => vec![challenge],
        }
    }

    fn challenge(&self, begun: Challenge, route: &Route) -> Option<Challenge> {
        let error = |error| begun.clone().error(error).description(&self.row().sentence);
        Some(match self {
            Self::NoToken => begun.scope(&route.first_asked()),
            Self::Access(refused) if refused.quarantines() => error(OAuthError::InvalidToken),
            Self::InvalidToken(_) | Self::GrantRevoked | Self::Bound | Self::Unbound => {
                error(OAuthError::InvalidToken).scope(&route.first_asked())
            }
            Self::NoProof | Self::Proof(_) | Self::ProofReplayed => error(OAuthError::InvalidDpopProof),
            Self::ProofNonce => error(OAuthError::UseDpopNonce),
            Self::BadAuthorization => begun.error(OAuthError::InvalidRequest),
            Self::Denied { denial: Denial { reason: Reason::SignIn(demand), .. }, ask, .. } => {
                let asked = error(OAuthError::InsufficientUserAuthentication).scope(ask);
                let asked = demand.acr.map_or(asked.clone(), |acr| asked.with("acr_values", acr.as_str()));
                demand.max_age.map_or(asked.clone(), |most| asked.with("max_age", &most.to_string()))
            }
            Self::Denied { ask, denial, .. } if !denial.missing.is_empty() => {
                error(OAuthError::InsufficientScope).scope(ask)
            }
            Self::Denied { remedy: Some(remedy), .. } => error(OAuthError::InsufficientAuthorization)
                .with("authorization_remediation", &remediation(remedy)),
            _ => return None,
        })
    }
}

fn budget_word(why: &Undrawn) -> &'static str {
    match why {
        Undrawn::Calls | Undrawn::Sum(_) => "budget_used_up",
        Undrawn::Uncountable(_) => "budget_argument",
        Undrawn::Elsewhere => "budget_elsewhere",
    }
}

/// What would help, as a client can take it into its next request (draft-ietf-oauth-rar-metadata-remediation §5).
fn remediation(details: &Value) -> String {
    let mut o = Object::default();
    o.insert("authorization_details", details.clone());
    URL_SAFE_NO_PAD.encode(o.to_vec())
}

fn headers_row(bad: &BadHeaders) -> Row {
    let (code, word) = match bad {
        BadHeaders::Mismatch { .. } => (-32020, "header_mismatch"),
        BadHeaders::UnsupportedVersion { .. } => (-32022, "unsupported_version"),
        BadHeaders::MissingMeta(_) => (-32602, "missing_meta"),
    };
    row(StatusCode::BAD_REQUEST, code, word, bad.to_string())
}

fn call_row(bad: &BadCall, era: Era) -> Row {
    let sentence = bad.to_string();
    match (bad, era) {
        // In the legacy era a 404 means that the session ended, so a missing method is told in the answer.
        (BadCall::Unknown, Era::Legacy) => row(StatusCode::OK, -32601, "unknown_method", sentence),
        (BadCall::Unknown, Era::Modern) => row(StatusCode::NOT_FOUND, -32601, "unknown_method", sentence),
        // What asks for no answer can be refused by the status only.
        (BadCall::UnknownNotification, _) => row(StatusCode::BAD_REQUEST, -32601, "unknown_method", sentence),
        (BadCall::Parameter(_) | BadCall::Climbs, _) => {
            row(StatusCode::BAD_REQUEST, -32602, "malformed", sentence)
        }
        (BadCall::CaseVariant, _) => row(StatusCode::BAD_REQUEST, -32600, "malformed", sentence),
    }
}

#[cfg(test)]
mod tests;
