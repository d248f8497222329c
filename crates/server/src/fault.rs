//! Why a request is refused, and the one place where that becomes a status, a protocol error and a word for the
//! record.

mod asserted;
mod grant;
mod transaction;

pub use asserted::{ExchangeFault, IdJagFault};
pub use grant::{CodeFault, RefreshFault};
pub(crate) use transaction::TransactionFault;

use crate::attester::AttesterFault;
use crate::authzen::AuthzenFault;
use crate::certificates::CertificateFault;
use crate::ciba::CibaFault;
use crate::clients::DocumentError;
use crate::consent::ConsentFault;
use crate::device::DeviceFault;
use crate::feed::FeedFault;
use crate::named::NamedFault;
use crate::signals::StreamFault;
use crate::status::StatusFault;
use crate::workload::WorkloadFault;
use http::StatusCode;
use prokura_access::Refused;
use prokura_core::{InvalidDetail, InvalidResource, InvalidScope, ScopeSet};
use prokura_oauth::assertion::AssertionError;
use prokura_oauth::authentication::UnknownAcr;
use prokura_oauth::authorize::ParameterError;
use prokura_oauth::client_metadata::{AuthMethod, GrantType, MetadataError};
use prokura_oauth::dpop::{BadNonce, ProofError};
use prokura_oauth::error::OAuthError;
use prokura_oauth::form::FormError;
use prokura_oauth::json::JsonError;
use prokura_oauth::pkce::PkceError;
use prokura_oauth::request_object::RequestObjectError;
use prokura_oauth::rich::RichError;
use prokura_oauth::token_request::{CredentialsError, TokenRequestError};
use prokura_store::StoreError;
use std::sync::Arc;

/// Why a request is refused. The text is for whoever asked; causes of our own are kept for the log.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The body is not of the one content type that this endpoint reads.
    #[error("the body must be sent as `{0}`, said once")]
    ContentType(&'static str),
    /// The body is larger than is read.
    #[error("the request is too large")]
    TooLarge,
    /// The parameters cannot be read.
    #[error("{0}")]
    Form(#[from] FormError),
    /// The JSON cannot be read.
    #[error("the body cannot be read: {0}")]
    Json(#[from] JsonError),
    /// The JSON is no object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// A parameter of the authorization request is refused.
    #[error("{0}")]
    Parameter(#[from] ParameterError),
    /// The proof key of the authorization request is refused.
    #[error("{0}")]
    Pkce(#[from] PkceError),
    /// The token request cannot be read.
    #[error("{0}")]
    TokenRequest(#[from] TokenRequestError),
    /// The client's credentials cannot be read.
    #[error("{0}")]
    Credentials(#[from] CredentialsError),
    /// There is no such client, or it may do nothing.
    #[error("client authentication failed")]
    UnknownClient,
    /// The client's metadata document is not usable.
    #[error("{}", .0.public().unwrap_or_else(|| "try again later".to_owned()))]
    Document(Arc<DocumentError>),
    /// The client showed another proof than it registered. Which, only the record says: a stranger must not learn
    /// that there is such a client.
    #[error("client authentication failed")]
    Method(AuthMethod),
    /// The secret is wrong.
    #[error("client authentication failed")]
    Secret,
    /// The assertion is wrong.
    #[error("client authentication failed: {0}")]
    Assertion(#[from] AssertionError),
    /// The assertion was used before.
    #[error("client authentication failed: the assertion was used before")]
    Replayed,
    /// The client's keys are not to be had.
    #[error("client authentication failed: {0}")]
    Keys(String),
    /// The client names no redirect URI although it has several, or none.
    #[error("`redirect_uri` is missing")]
    RedirectMissing,
    /// The redirect URI is not the client's.
    #[error("`redirect_uri` is none of those that the client registered")]
    RedirectUnknown,
    /// The pushed request is unknown, used, expired or another client's.
    #[error("`request_uri` is unknown, expired or used")]
    RequestUri,
    /// The signed request is refused (RFC 9101).
    #[error("{0}")]
    RequestObject(#[from] RequestObjectError),
    /// The signed request was used before.
    #[error("the request object was used before: sign a new one")]
    RequestObjectReplayed,
    /// The client has to sign what it asks for.
    #[error("this client must sign its requests: send a request object as `request` (RFC 9101)")]
    RequestObjectNeeded,
    /// The client may not use this grant type.
    #[error("this client may not use the grant type `{}`", .0.as_str())]
    GrantType(GrantType),
    /// The code is not redeemed.
    #[error("the code is not valid: {0}")]
    Code(CodeFault),
    /// The refresh token is not exchanged.
    #[error("the refresh token is not valid: {0}")]
    Refresh(RefreshFault),
    /// The device gets no token, or none yet.
    #[error("{0}")]
    Device(DeviceFault),
    /// A user is not asked, or a client gets no token, or none yet (OpenID Connect CIBA Core).
    #[error("{0}")]
    Ciba(CibaFault),
    /// Consent does not carry it.
    #[error("{0}")]
    Consent(#[from] ConsentFault),
    /// The client and the grants that it knows by a name.
    #[error("{0}")]
    Named(NamedFault),
    /// What keeps a follower from the feed of revocations.
    #[error("{0}")]
    Feed(FeedFault),
    /// Why there is no Token Status List.
    #[error("{0}")]
    Status(StatusFault),
    /// What keeps a receiver of events from its streams.
    #[error("{0}")]
    Stream(StreamFault),
    /// What keeps somebody from an answer of the decision point.
    #[error("{0}")]
    Authzen(AuthzenFault),
    /// Too many device codes for one address.
    #[error("too many device codes were asked for: try again later")]
    TooManyCodes,
    /// The exchange is refused.
    #[error("the exchange is refused: {0}")]
    Exchange(ExchangeFault),
    /// No transaction token is made.
    #[error("{0}")]
    Transaction(#[from] TransactionFault),
    /// The assertion of an identity provider is refused.
    #[error("the assertion is not valid here: {0}")]
    IdJag(IdJagFault),
    /// The evidence of a workload is refused as a grant.
    #[error("{0}")]
    Workload(#[from] WorkloadFault),
    /// Evidence that is no token, or an attestation, is refused.
    #[error("{0}")]
    Attester(#[from] AttesterFault),
    /// The evidence of a workload is refused as a client's authentication.
    #[error("client authentication failed: {0}")]
    WorkloadClient(WorkloadFault),
    /// The grant was revoked, is suspended, or has expired.
    #[error("the authority behind it has ended: ask the user again")]
    GrantOver,
    /// The conditions of access are not met.
    #[error("{0}")]
    Access(Box<Refused>),
    /// The user or the agent may do nothing for now.
    #[error("the authority behind it has ended: ask the user again")]
    Disabled,
    /// The certificate of the connection is not the client's.
    #[error("{0}")]
    Certificate(#[from] CertificateFault),
    /// The client's tokens are bound to its certificate, and it shows none.
    #[error("this client's tokens are bound to its certificate: connect with it")]
    CertificateNeeded,
    /// The proof of possession is refused.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// The proof lacks a nonce of this server.
    #[error("{0}")]
    ProofNonce(#[from] BadNonce),
    /// The proof was used before.
    #[error("the DPoP proof was used before: make one for each request")]
    ProofReplayed,
    /// There is no proof, and the client or the resource needs one.
    #[error("a DPoP proof is needed here")]
    ProofMissing,
    /// The request names another key than the one it shows.
    #[error("`dpop_jkt` is not the key of the DPoP proof")]
    ProofOtherKey,
    /// No authority of its own was given to the client.
    #[error("this client has no authority of its own at this resource")]
    NoAuthority,
    /// The scopes cannot be read.
    #[error("{0}")]
    Scope(#[from] InvalidScope),
    /// Scopes that the resource does not have, or that exceed the grant.
    #[error("`{0}` cannot be given here")]
    ScopeTooWide(ScopeSet),
    /// The authorization details cannot be read, or are not served.
    #[error("{0}")]
    Details(#[from] RichError),
    /// A tool that no scope of the resource, or none of those asked for, bundles.
    #[error("`{0}` is no tool that can be allowed here, or it is within none of the scopes")]
    DetailTool(String),
    /// More than was agreed to, or more than can be kept.
    #[error("{0}")]
    DetailWider(#[from] InvalidDetail),
    /// The client registered that it does not use this type.
    #[error("this client did not register the authorization details type `mcp_tool`")]
    DetailType,
    /// No scope is left.
    #[error("name a `scope`")]
    ScopeNone,
    /// The resource cannot be read.
    #[error("{0}")]
    Resource(#[from] InvalidResource),
    /// There is no such resource here.
    #[error("there is no such resource here")]
    ResourceUnknown,
    /// There are several resources.
    #[error("name the `resource`: there are several here")]
    ResourceNeeded,
    /// Another resource than the one that was agreed to.
    #[error("`resource` is not the one that was agreed to")]
    ResourceOther,
    /// Tokens of this kind are not revoked.
    #[error("a token of the client's own authority is not revoked: it ends by itself within minutes")]
    TokenType,
    /// Nobody may register a client.
    #[error("clients cannot register themselves here")]
    RegistrationOff,
    /// The initial or registration access token is missing or wrong.
    #[error("the access token of this endpoint is missing or not valid")]
    RegistrationToken,
    /// The token is missing, or none for `/userinfo`.
    #[error("a token for `/userinfo` is needed: ask for the scope `openid` and for no other resource")]
    UserInfoToken,
    /// No class of sign-in that is asked for can be had here.
    #[error("{0}")]
    Acr(#[from] UnknownAcr),
    /// The metadata are refused.
    #[error("{0}")]
    Metadata(#[from] MetadataError),
    /// A redirect host that the operator does not allow.
    #[error("redirect URIs at `{0}` are not allowed here")]
    RedirectHost(String),
    /// Too many registrations.
    #[error("too many registrations: try again later")]
    TooMany,
    /// What is revoked is not known freshly enough.
    #[error("try again in a moment")]
    Stale,
    /// The store failed.
    #[error("try again in a moment")]
    Store(#[from] StoreError),
    /// Something that cannot happen did.
    #[error("something broke here")]
    Broken(String),
}

/// What a fault means outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The HTTP status.
    pub status: StatusCode,
    /// The protocol's word.
    pub error: OAuthError,
    /// The stable word in the record.
    pub reason: &'static str,
}

impl Fault {
    /// The only place where a fault becomes a status, a protocol error and a word for the record.
    pub fn verdict(&self) -> Verdict {
        use OAuthError as E;
        use StatusCode as S;
        let (status, error, reason) = match self {
            Self::Ciba(fault) => fault.words(),
            Self::Consent(fault) => fault.words(),
            Self::Named(fault) => fault.words(),
            Self::Feed(fault) => fault.words(),
            Self::Status(fault) => fault.words(),
            Self::Stream(fault) => fault.words(),
            Self::Authzen(fault) => fault.words(),
            Self::ContentType(_) => (S::BAD_REQUEST, E::InvalidRequest, "content_type"),
            Self::TooLarge => (S::BAD_REQUEST, E::InvalidRequest, "too_large"),
            Self::Form(FormError::Duplicate(name)) if matches!(name.as_str(), "resource" | "audience") => {
                (S::BAD_REQUEST, E::InvalidTarget, "resource_several")
            }
            Self::Form(_) => (S::BAD_REQUEST, E::InvalidRequest, "form"),
            Self::Json(_) | Self::NotObject => (S::BAD_REQUEST, E::InvalidClientMetadata, "json"),
            Self::Parameter(e) => (S::BAD_REQUEST, e.code(), "parameter"),
            Self::Pkce(_) => (S::BAD_REQUEST, E::InvalidRequest, "pkce"),
            Self::TokenRequest(why) => token_request(why),
            Self::Scope(_) => (S::BAD_REQUEST, E::InvalidScope, "scope_malformed"),
            Self::Credentials(CredentialsError::Header) => {
                (S::UNAUTHORIZED, E::InvalidClient, "credentials_malformed")
            }
            Self::Credentials(_) => (S::BAD_REQUEST, E::InvalidRequest, "credentials_malformed"),
            Self::UnknownClient => (S::UNAUTHORIZED, E::InvalidClient, "client_unknown"),
            Self::Document(e) if e.public().is_none() => {
                (S::SERVICE_UNAVAILABLE, E::TemporarilyUnavailable, "store")
            }
            Self::Document(_) => (S::UNAUTHORIZED, E::InvalidClient, "client_document"),
            Self::Method(_) => (S::UNAUTHORIZED, E::InvalidClient, "auth_method"),
            Self::Secret => (S::UNAUTHORIZED, E::InvalidClient, "secret_wrong"),
            Self::Assertion(_) => (S::UNAUTHORIZED, E::InvalidClient, "assertion_invalid"),
            Self::Replayed => (S::UNAUTHORIZED, E::InvalidClient, "assertion_replayed"),
            Self::Keys(_) => (S::UNAUTHORIZED, E::InvalidClient, "client_keys"),
            Self::RedirectMissing => (S::BAD_REQUEST, E::InvalidRequest, "redirect_missing"),
            Self::RedirectUnknown => (S::BAD_REQUEST, E::InvalidRequest, "redirect_unknown"),
            Self::RequestUri => (S::BAD_REQUEST, E::InvalidRequestUri, "request_uri"),
            Self::RequestObject(_) => (S::BAD_REQUEST, E::InvalidRequestObject, "request_object"),
            Self::RequestObjectReplayed => {
                (S::BAD_REQUEST, E::InvalidRequestObject, "request_object_replayed")
            }
            Self::RequestObjectNeeded => (S::BAD_REQUEST, E::InvalidRequest, "request_object_needed"),
            Self::GrantType(_) => (S::BAD_REQUEST, E::UnauthorizedClient, "grant_type_not_allowed"),
            Self::Code(why) => (S::BAD_REQUEST, E::InvalidGrant, why.word()),
            Self::Refresh(why) => (S::BAD_REQUEST, E::InvalidGrant, why.word()),
            Self::Certificate(why) => (S::UNAUTHORIZED, E::InvalidClient, why.word()),
            Self::CertificateNeeded => (S::BAD_REQUEST, E::InvalidRequest, "certificate_needed"),
            Self::Proof(_) => (S::BAD_REQUEST, E::InvalidDpopProof, "proof_invalid"),
            Self::ProofNonce(_) => (S::BAD_REQUEST, E::UseDpopNonce, "proof_nonce"),
            Self::ProofReplayed => (S::BAD_REQUEST, E::InvalidDpopProof, "proof_replayed"),
            Self::ProofMissing => (S::BAD_REQUEST, E::InvalidDpopProof, "proof_missing"),
            Self::ProofOtherKey => (S::BAD_REQUEST, E::InvalidDpopProof, "proof_other_key"),
            Self::Device(fault) => bad_request(fault.words()),
            Self::TooManyCodes => (S::TOO_MANY_REQUESTS, E::TemporarilyUnavailable, "too_many_codes"),
            Self::Exchange(why) => why.verdict(),
            Self::Transaction(why) => why.verdict(),
            Self::IdJag(why) => why.verdict(),
            Self::Workload(why) => why.as_grant(),
            Self::Attester(why) => why.verdict(),
            Self::WorkloadClient(why) => why.as_client(),
            Self::GrantOver => (S::BAD_REQUEST, E::InvalidGrant, "grant_over"),
            Self::Access(refused) => conditional(refused),
            Self::Disabled => (S::BAD_REQUEST, E::InvalidGrant, "disabled"),
            Self::NoAuthority => (S::BAD_REQUEST, E::UnauthorizedClient, "no_authority"),
            Self::ScopeTooWide(_) => (S::BAD_REQUEST, E::InvalidScope, "scope_too_wide"),
            Self::Details(_) | Self::DetailTool(_) | Self::DetailWider(_) | Self::DetailType => {
                (S::BAD_REQUEST, E::InvalidAuthorizationDetails, self.details_reason())
            }
            Self::ScopeNone => (S::BAD_REQUEST, E::InvalidScope, "scope_none"),
            Self::Resource(_) => (S::BAD_REQUEST, E::InvalidTarget, "resource_malformed"),
            Self::ResourceUnknown => (S::BAD_REQUEST, E::InvalidTarget, "resource_unknown"),
            Self::ResourceNeeded => (S::BAD_REQUEST, E::InvalidTarget, "resource_needed"),
            Self::ResourceOther => (S::BAD_REQUEST, E::InvalidTarget, "resource_other"),
            Self::TokenType => (S::BAD_REQUEST, E::UnsupportedTokenType, "token_type"),
            Self::RegistrationOff => (S::FORBIDDEN, E::AccessDenied, "registration_off"),
            Self::RegistrationToken => (S::UNAUTHORIZED, E::InvalidToken, "registration_token"),
            Self::UserInfoToken => (S::UNAUTHORIZED, E::InvalidToken, "userinfo_token"),
            Self::Acr(_) => (S::BAD_REQUEST, E::UnmetAuthenticationRequirements, "acr_unknown"),
            Self::Metadata(MetadataError::Redirect(_) | MetadataError::RedirectCount)
            | Self::RedirectHost(_) => (S::BAD_REQUEST, E::InvalidRedirectUri, "redirect_not_allowed"),
            Self::Metadata(_) => (S::BAD_REQUEST, E::InvalidClientMetadata, "metadata"),
            Self::TooMany => (S::TOO_MANY_REQUESTS, E::TemporarilyUnavailable, "too_many"),
            Self::Stale => (S::SERVICE_UNAVAILABLE, E::TemporarilyUnavailable, "revocation_stale"),
            Self::Store(_) => (S::SERVICE_UNAVAILABLE, E::TemporarilyUnavailable, "store"),
            Self::Broken(_) => (S::INTERNAL_SERVER_ERROR, E::ServerError, "broken"),
        };
        Verdict { status, error, reason }
    }

    /// Whether it only says that somebody has to wait: nothing was refused that belongs on record.
    pub fn is_wait(&self) -> bool {
        matches!(
            self,
            Self::Device(DeviceFault::Pending | DeviceFault::TooSoon)
                | Self::Ciba(CibaFault::Pending | CibaFault::TooSoon)
        )
    }

    fn details_reason(&self) -> &'static str {
        match self {
            Self::DetailTool(_) => "details_tool",
            Self::DetailWider(_) => "details_too_wide",
            Self::DetailType => "details_type",
            _ => "details_malformed",
        }
    }

    /// What an administrator wants to know besides: what was expected, and what was received.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Workload(why) | Self::WorkloadClient(why) => why.detail(),
            Self::Attester(why) => why.detail(),
            _ => None,
        }
    }

    /// The cause, for the log, where it is our own.
    pub fn own_cause(&self) -> Option<String> {
        match self {
            Self::Store(e) => Some(e.to_string()),
            Self::Document(e) if e.public().is_none() => Some(e.to_string()),
            Self::Broken(why) => Some(why.clone()),
            _ => None,
        }
    }
}

fn bad_request((error, reason): (OAuthError, &'static str)) -> (StatusCode, OAuthError, &'static str) {
    (StatusCode::BAD_REQUEST, error, reason)
}

/// A token request that cannot be read.
fn token_request(why: &TokenRequestError) -> (StatusCode, OAuthError, &'static str) {
    use OAuthError as E;
    let (error, reason) = match why {
        TokenRequestError::Exchange(_) => (E::InvalidRequest, "exchange"),
        TokenRequestError::Missing(_) => (E::InvalidRequest, "parameter_missing"),
        TokenRequestError::GrantType => (E::UnsupportedGrantType, "grant_type_unknown"),
        TokenRequestError::Verifier(_) => (E::InvalidGrant, "verifier_malformed"),
        TokenRequestError::Scope(_) => (E::InvalidScope, "scope_malformed"),
    };
    (StatusCode::BAD_REQUEST, error, reason)
}

/// Who waits for an approval may ask again; who is refused may too, when the conditions are better.
fn conditional(refused: &Refused) -> (StatusCode, OAuthError, &'static str) {
    let error = if refused.waits() { OAuthError::InteractionRequired } else { OAuthError::AccessDenied };
    (StatusCode::BAD_REQUEST, error, refused.word())
}

#[cfg(test)]
mod tests;
