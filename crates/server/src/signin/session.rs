//! Sessions: begun with a new secret at every sign-in, ended on the server.

use crate::people::{Cookie, add_cookie, set_cookie};
use crate::people::{PageFault, People, SignedIn, Visit, see_other};
use axum::response::Response;
use prokura_core::{Acr, Timestamp, UserId, random_id};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{SecretHash, Session, StoreError, Tx};

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A password.
    Password,
    /// A password and a one-time code.
    Code,
    /// A password and a recovery code.
    Recovery,
    /// A passkey, with user verification.
    Passkey,
    /// A one-time link that the operator gave.
    Link,
    /// Another OpenID provider vouches for them.
    Provider,
    /// Development mode signed the named user in.
    Dev,
}

impl Way {
    /// Authentication methods (RFC 8176 §2), as they are stored.
    pub(crate) fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Code | Self::Recovery => "pwd otp mfa",
            Self::Passkey => "pop user",
            Self::Link => "otp",
            Self::Provider => "",
            Self::Dev => "dev",
        }
    }

    /// How surely (`acr`).
    pub(crate) fn acr(self) -> Acr {
        match self {
            Self::Passkey => Acr::Phr,
            Self::Code | Self::Recovery => Acr::Mfa,
            Self::Password | Self::Link | Self::Provider | Self::Dev => Acr::Single,
        }
    }

    /// The word in the database.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::Recovery => "recovery",
            Self::Passkey => "passkey",
            Self::Link => "link",
            Self::Provider => "provider",
            Self::Dev => "dev",
        }
    }

    /// The action in the record.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Password => "sign_in:password",
            Self::Code => "sign_in:code",
            Self::Recovery => "sign_in:recovery",
            Self::Passkey => "sign_in:passkey",
            Self::Link => "sign_in:link",
            Self::Provider => "sign_in:provider",
            Self::Dev => "sign_in:dev",
        }
    }
}

/// What somebody proved, and how.
#[derive(Debug, Clone)]
pub(crate) struct Proof {
    /// By which way.
    pub(crate) way: Way,
    /// Authentication methods (RFC 8176 §2), separated by spaces.
    pub(crate) amr: String,
    /// How surely.
    pub(crate) acr: Acr,
    /// When, if it was not now.
    pub(crate) auth_at: Option<Timestamp>,
    /// The configured name of the provider that vouches.
    pub(crate) provider: Option<String>,
    /// The groups that this provider says, under our names.
    pub(crate) groups: Vec<String>,
}

impl Proof {
    /// What a way proves by itself, now.
    pub(crate) fn of(way: Way) -> Self {
        let (amr, acr) = (way.amr().to_owned(), way.acr());
        Self { way, amr, acr, auth_at: None, provider: None, groups: vec![] }
    }
}

impl From<Way> for Proof {
    fn from(way: Way) -> Self {
        Self::of(way)
    }
}

/// A session that is to begin.
#[derive(Clone)]
pub(crate) struct NewSession {
    pub(crate) secret: String,
    pub(crate) session: Session,
    replaces: Option<SignedIn>,
    event: Event,
}

impl People {
    /// A session for `user`, with a secret that nobody has seen before. The session that the browser came with,
    /// if any, ends: what was planted before the sign-in is worth nothing after it.
    pub(crate) fn new_session(&self, visit: &Visit, user: &UserId, proof: impl Into<Proof>) -> NewSession {
        let proof = proof.into();
        let (secret, now) = (random_id("s_", &*self.rng), self.now());
        let session = Session {
            hash: SecretHash::of(&secret),
            user: user.clone(),
            created_at: now,
            expires_at: now.after(self.config.sign_in.session.get()),
            auth_at: proof.auth_at.unwrap_or(now),
            amr: proof.amr,
            acr: proof.acr,
            way: proof.way.word().to_owned(),
            provider: proof.provider,
            groups: proof.groups,
            last_used_at: now,
            address: visit.address.shown(),
            user_agent: visit.agent.clone(),
        };
        let mut event = visit.event(EventKind::SignIn, proof.way.action(), Outcome::Permit, now);
        if let Some(provider) = &session.provider {
            event.details.insert("provider", provider.as_str().into());
        }
        event.subject = Some(prokura_core::Principal::User(user.clone()));
        NewSession { secret, session, replaces: visit.signed_in.clone(), event }
    }

    /// Sends a browser that has just signed in on its way, with its new cookie.
    pub(crate) fn signed_in(&self, visit: &Visit, session: &NewSession, to: &str) -> Response {
        let mut response = see_other(to);
        self.keep_session(session, &mut response);
        self.keep_browser(visit, &mut response);
        response
    }

    /// Gives a browser the cookie of its new session.
    pub(crate) fn keep_session(&self, session: &NewSession, response: &mut Response) {
        let seconds = session.session.expires_at.since(session.session.created_at).as_secs();
        add_cookie(response, &set_cookie(Cookie::Session, self.issuer(), &session.secret, Some(seconds)));
    }

    /// Ends the session of this visit.
    pub(crate) async fn sign_out(&self, visit: &Visit) -> Result<(), PageFault> {
        let Some(signed_in) = visit.signed_in.clone() else { return Ok(()) };
        let mut event = visit.event(EventKind::SignIn, "sign_out", Outcome::Permit, self.now());
        event.subject = Some(prokura_core::Principal::User(signed_in.user.id.clone()));
        self.store
            .transact(move |tx| {
                tx.record(event.clone());
                tx.end_session(&signed_in.user.id, &signed_in.session.hash).map(drop)
            })
            .await
            .map_err(|e: StoreError| e.into())
    }

    /// Takes the session's cookie away.
    pub(crate) fn forget_session(&self, response: &mut Response) {
        add_cookie(response, &set_cookie(Cookie::Session, self.issuer(), "", Some(0)));
    }

    /// Takes both cookies away.
    pub(crate) fn forget(&self, response: &mut Response) {
        for cookie in [Cookie::Session, Cookie::Browser] {
            add_cookie(response, &set_cookie(cookie, self.issuer(), "", Some(0)));
        }
    }
}

impl NewSession {
    /// The same session, of whoever it turns out to be.
    #[must_use]
    pub(crate) fn of(mut self, user: &UserId) -> Self {
        self.session.user = user.clone();
        self.event.subject = Some(prokura_core::Principal::User(user.clone()));
        self
    }

    /// What is recorded when it begins.
    pub(crate) fn event(&self) -> &Event {
        &self.event
    }

    /// Begins it, on record.
    pub(crate) fn begin(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if let Some(old) = &self.replaces {
            tx.end_session(&old.user.id, &old.session.hash)?;
        }
        tx.record(self.event.clone());
        crate::signals::signed_in(tx, &self.session.user, self.session.created_at, &self.event.trace)?;
        tx.insert_session(&self.session)
    }
}

impl Visit {
    /// Something that happened in this visit.
    pub(crate) fn event(&self, kind: EventKind, action: &str, outcome: Outcome, now: Timestamp) -> Event {
        let mut event = Event::new(kind, action, outcome, now, self.trace.clone());
        event.details.insert("address", self.address.shown().as_str().into());
        event
    }
}
