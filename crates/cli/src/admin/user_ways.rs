//! `prokura user show`, `sessions`, `totp`: the ways into an account, and where it is open.

use super::{OPERATOR, Opened};
use crate::failure::Failure;
use crate::show::{Table, exact, json, plain, print};
use prokura_core::{Principal, UserId};
use prokura_store::{Happens, Identity, Passkey, SecondFactor, Session, StoreError, User};
use serde_json::json as object;

/// Everything that opens an account.
struct Ways {
    user: User,
    passkeys: Vec<Passkey>,
    identities: Vec<Identity>,
    factor: Option<SecondFactor>,
    sessions: Vec<Session>,
}

impl Opened {
    async fn ways(&self, login: &str) -> Result<Ways, Failure> {
        let (user, now) = (self.user(login).await?, self.clock.now());
        let read = self.store.read::<_, StoreError>(move |tx| {
            Ok(Ways {
                passkeys: tx.passkeys_of(&user.id)?,
                identities: tx.identities_of(&user.id)?,
                factor: tx.second_factor(&user.id)?,
                sessions: tx.sessions_of(&user.id, now)?,
                user: user.clone(),
            })
        });
        Ok(read.await?)
    }

    pub(super) async fn show_user(&self, login: &str) -> Result<(), Failure> {
        let ways = self.ways(login).await?;
        if self.json {
            return json(&ways.as_json());
        }
        print(ways.as_table())
    }

    pub(super) async fn sessions(&self, login: &str, end: bool) -> Result<(), Failure> {
        let ways = self.ways(login).await?;
        if end {
            return self.end_sessions(ways.user).await;
        }
        let mut table = Table::new(&["since", "last used", "how", "from", "browser"]);
        for s in ways.sessions {
            if self.json {
                json(&session_json(&s))?;
                continue;
            }
            table.row([
                exact(s.created_at),
                exact(s.last_used_at),
                how(&s),
                plain(&s.address),
                plain(&s.user_agent),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn end_sessions(&self, user: User) -> Result<(), Failure> {
        let (id, mut event) = (user.id.clone(), self.event("session:end_all"));
        event.subject = Some(Principal::User(id.clone()));
        let ended = self.store.transact::<_, StoreError>(move |tx| {
            tx.record(event.clone());
            let why = "an administrator signed the user out";
            let ended = Happens { kind: "sessions", id: id.as_str(), word: "ended", by: OPERATOR, why };
            tx.happens(ended, event.at)?;
            tx.end_sessions_of(&id)
        });
        let ended = ended.await?;
        let said = format!("{} is signed out of {ended} browsers.", plain(&user.display_name));
        self.done("session:end_all", user.id.as_str(), said)
    }

    pub(super) async fn reset_totp(&self, login: &str) -> Result<(), Failure> {
        let user = self.user(login).await?;
        let (id, mut event) = (user.id.clone(), self.event("totp:reset"));
        event.subject = Some(Principal::User(id.clone()));
        let reset = self.store.transact::<_, StoreError>(move |tx| {
            let reset = tx.delete_second_factor(&id)?;
            if reset {
                let why = "an administrator removed it";
                let gone =
                    Happens { kind: "credential", id: id.as_str(), word: "app:delete", by: OPERATOR, why };
                tx.happens(gone, event.at)?;
                tx.record(event.clone());
            }
            Ok(reset)
        });
        let name = plain(&user.display_name);
        match reset.await? {
            true => {
                self.done("totp:reset", user.id.as_str(), format!("{name} has no one-time codes any more."))
            }
            false => Err(Failure::refused(format!("{name} has no one-time codes"))),
        }
    }

    /// Gives a new user an e-mail address.
    pub(super) async fn give_email(&self, id: &UserId, email: String) -> Result<(), Failure> {
        let id = id.clone();
        let given = self.store.transact::<_, StoreError>(move |tx| tx.set_email(&id, Some(&email)));
        match given.await? {
            true => Ok(()),
            false => {
                Err(Failure::refused("another user has that e-mail address; the user was added without one"))
            }
        }
    }
}

impl Ways {
    fn as_json(&self) -> serde_json::Value {
        let passkey = |p: &Passkey| object!({ "label": p.label, "added": exact(p.created_at) });
        let identity = |i: &Identity| object!({ "provider": i.provider, "issuer": i.issuer, "subject": i.subject, "groups": i.groups });
        object!({
            "id": self.user.id.as_str(), "name": self.user.name, "display_name": self.user.display_name,
            "email": self.user.email, "disabled": self.user.disabled, "password": self.user.password_hash.is_some(),
            "totp": self.factor.as_ref().map(|f| object!({ "added": exact(f.created_at), "codes_left": f.codes_left })),
            "passkeys": self.passkeys.iter().map(passkey).collect::<Vec<_>>(),
            "identities": self.identities.iter().map(identity).collect::<Vec<_>>(),
            "sessions": self.sessions.iter().map(session_json).collect::<Vec<_>>(),
        })
    }

    fn as_table(&self) -> Table {
        let mut table = Table::new(&["what", "is"]);
        let mut row = |what: &str, is: String| table.row([what.to_owned(), is]);
        row("name", self.user.name.clone());
        row("shown as", plain(&self.user.display_name));
        row("id", self.user.id.to_string());
        row("e-mail", self.user.email.as_deref().map_or("-".into(), plain));
        row("state", if self.user.disabled { "disabled" } else { "active" }.into());
        row("password", if self.user.password_hash.is_some() { "yes" } else { "no" }.into());
        let left =
            |f: &SecondFactor| format!("since {}, {} recovery codes left", exact(f.created_at), f.codes_left);
        row("one-time codes", self.factor.as_ref().map_or("no".into(), left));
        for passkey in &self.passkeys {
            row("passkey", format!("{}, since {}", plain(&passkey.label), exact(passkey.created_at)));
        }
        for identity in &self.identities {
            row("account at", format!("{}: {}", plain(&identity.provider), plain(&identity.label)));
        }
        row("sessions", self.sessions.len().to_string());
        table
    }
}

fn how(session: &Session) -> String {
    match &session.provider {
        Some(provider) => format!("{} {}", session.way, plain(provider)),
        None => session.way.clone(),
    }
}

fn session_json(s: &Session) -> serde_json::Value {
    object!({
        "since": exact(s.created_at), "last_used": exact(s.last_used_at), "until": exact(s.expires_at),
        "way": s.way, "provider": s.provider, "acr": s.acr.as_str(), "amr": s.amr, "groups": s.groups,
        "address": s.address, "browser": s.user_agent,
    })
}
