//! Why exchanges and assertions of identity providers are refused.

use http::StatusCode;
use prokura_oauth::error::OAuthError;
use prokura_oauth::id_jag::IdJagError;

/// Why a token is not exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeFault {
    /// Another exchange than those that are served.
    #[error("a token of the `requested_token_type` is not made here by exchange: ask for an access token")]
    NotServed,
    /// The subject token is none of ours, of another client, or without a user.
    #[error("the subject token is not valid here")]
    Subject,
    /// The keys of the subject token's issuer are not to be had.
    #[error("the keys of the subject token's issuer cannot be had: try again later")]
    SubjectKeys,
    /// A subject token of a type that is not taken.
    #[error(
        "`subject_token_type` is not taken: bring an access token, an ID token, or a token of an issuer that is trusted here"
    )]
    SubjectType,
    /// The subject token is bound to a key that was not shown.
    #[error(
        "the subject token is bound to a key: show it, or have its holder prepare a token for you (`requested_actor`)"
    )]
    SubjectKey,
    /// A subject token of an issuer that is trusted, about nobody who is known here.
    #[error("the subject token's user is not known here: they have to sign in here once by that provider")]
    Person,
    /// Nobody lets this client have the authority.
    #[error(
        "the authority of the subject token is not for this client: neither its user nor its holder named the client's agent, and no rule of the operator leads to it"
    )]
    NotYours,
    /// There is no actor token, and one is needed.
    #[error(
        "an `actor_token` is needed: a token that says who acts is passed on only to who shows who acts next"
    )]
    ActorMissing,
    /// An actor token of a type that is not taken.
    #[error(
        "`actor_token_type` is not taken: bring an access token of the agent, or evidence of its workload"
    )]
    ActorType,
    /// The actor token is not valid.
    #[error("the actor token is not valid here")]
    Actor,
    /// The actor token is another agent's.
    #[error("the actor token is not of the agent that authenticates here as a client")]
    ActorOther,
    /// The actor token is bound to a key that was not shown.
    #[error("the actor token is bound to a key: show it")]
    ActorKey,
    /// Subject and actor token are of different flows.
    #[error(
        "the subject token and the actor token belong to different grants: the actor token has to be of the agent's own authority, or of the same grant"
    )]
    Spliced,
    /// A token with an actor is to become one without.
    #[error(
        "a token that says who acts never leads to one that does not: leave `token_view` out, or ask for `user` or `agent`"
    )]
    ActStays,
    /// No policy lets the client hide who acts.
    #[error(
        "a token that does not say who acts is given only by an `[[impersonation]]` of the operator that names this client, the user and the resource"
    )]
    Impersonation,
    /// The rule does not let the token have that view.
    #[error("by the rule that applies, the token cannot have this `token_view`")]
    View,
    /// The agent for which a token is to be prepared may not have a part.
    #[error(
        "`requested_actor` may not get a part of this authority: its user or a rule of the operator has to name it"
    )]
    RequestedActor,
    /// No rule passes the authority on to that resource.
    #[error("no rule of the operator passes this authority on to that resource")]
    Target,
    /// `resource` and `audience` name two targets.
    #[error("`resource` and `audience` name different targets: a token is for one")]
    Several,
    /// The chain is as long as it may be.
    #[error("the chain of agents is as long as it may be")]
    Depth,
    /// The agent stands in the chain already.
    #[error("the agent stands in the chain already: it has its own part of the authority")]
    Loop,
    /// A client that cannot prove who it is asks for more than less of its own.
    #[error("a client without credentials can only narrow a token of its own that is bound to its key")]
    Public,
    /// The user allowed the client nothing there.
    #[error("the user allowed this client nothing that covers the request at this resource: ask the user")]
    NoGrant,
    /// The audience is none that this client may ask for.
    #[error("`audience` names no authorization server that this client may ask for")]
    Audience,
    /// The resource is none of that audience, or it has several and none is named.
    #[error("`resource` is missing, or none of that audience")]
    Resource,
}

impl ExchangeFault {
    /// Every one of them.
    pub const ALL: [Self; 25] = [
        Self::NotServed,
        Self::Subject,
        Self::SubjectKeys,
        Self::SubjectType,
        Self::SubjectKey,
        Self::Person,
        Self::NotYours,
        Self::ActorMissing,
        Self::ActorType,
        Self::Actor,
        Self::ActorOther,
        Self::ActorKey,
        Self::Spliced,
        Self::ActStays,
        Self::Impersonation,
        Self::View,
        Self::RequestedActor,
        Self::Target,
        Self::Several,
        Self::Depth,
        Self::Loop,
        Self::Public,
        Self::NoGrant,
        Self::Audience,
        Self::Resource,
    ];
}

/// Why an assertion of an identity provider is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdJagFault {
    /// It is none.
    #[error("it is no ID-JAG")]
    Kind,
    /// Nobody here believes who made it.
    #[error("its issuer is not trusted here")]
    Issuer,
    /// The keys of its issuer are not to be had.
    #[error("{0}")]
    Keys(String),
    /// It does not verify.
    #[error("{0}")]
    Verify(#[from] IdJagError),
    /// It was made for another client.
    #[error("`client_id` is not the client that brings it")]
    Client,
    /// It is for no resource here, or for another than the request.
    #[error("`resource` is none where its issuer's word counts, or not the one that is asked for")]
    Resource,
    /// It was used before.
    #[error("it was used before")]
    Replayed,
    /// It is about nobody who is known here.
    #[error("its user is not known here: sign in once, or ask the operator")]
    Person,
}

impl ExchangeFault {
    /// A token that is not taken is an invalid request (RFC 8693 §2.2.2); where the tokens are good and the authority is
    /// not to be had by them, the grant is invalid (RFC 6749 §5.2).
    pub(super) fn verdict(self) -> (StatusCode, OAuthError, &'static str) {
        use OAuthError as E;
        let (error, reason) = match self {
            Self::NotServed => (E::InvalidRequest, "exchange"),
            Self::Subject | Self::SubjectType => (E::InvalidRequest, "exchange_subject"),
            Self::SubjectKey => (E::InvalidRequest, "exchange_subject_key"),
            Self::Person => (E::InvalidGrant, "exchange_person"),
            Self::NotYours => (E::InvalidGrant, "exchange_not_yours"),
            Self::ActorMissing => (E::InvalidRequest, "exchange_actor_missing"),
            Self::ActorType | Self::Actor => (E::InvalidRequest, "exchange_actor"),
            Self::ActorOther => (E::InvalidRequest, "exchange_actor_other"),
            Self::ActorKey => (E::InvalidRequest, "exchange_actor_key"),
            Self::Spliced => (E::InvalidGrant, "exchange_spliced"),
            Self::ActStays => (E::InvalidRequest, "exchange_act_stays"),
            Self::Impersonation => (E::UnauthorizedClient, "exchange_impersonation"),
            Self::View => (E::InvalidRequest, "exchange_view"),
            Self::RequestedActor => (E::InvalidRequest, "exchange_requested_actor"),
            Self::Target | Self::Several | Self::Audience | Self::Resource => {
                (E::InvalidTarget, "exchange_target")
            }
            Self::Depth => (E::InvalidGrant, "exchange_depth"),
            Self::Loop => (E::InvalidGrant, "exchange_loop"),
            Self::Public => (E::UnauthorizedClient, "exchange_public"),
            Self::NoGrant => (E::InvalidGrant, "exchange_no_grant"),
            Self::SubjectKeys => {
                let unavailable = E::TemporarilyUnavailable;
                return (StatusCode::SERVICE_UNAVAILABLE, unavailable, "exchange_subject_keys");
            }
        };
        (StatusCode::BAD_REQUEST, error, reason)
    }
}

impl IdJagFault {
    pub(super) fn verdict(&self) -> (StatusCode, OAuthError, &'static str) {
        let reason = match self {
            Self::Keys(_) => {
                let (status, error) = (StatusCode::SERVICE_UNAVAILABLE, OAuthError::TemporarilyUnavailable);
                return (status, error, "assertion_keys");
            }
            Self::Replayed => "assertion_replayed",
            Self::Person => "assertion_person",
            Self::Issuer => "assertion_issuer",
            Self::Kind | Self::Verify(_) | Self::Client | Self::Resource => "assertion",
        };
        (StatusCode::BAD_REQUEST, OAuthError::InvalidGrant, reason)
    }
}
