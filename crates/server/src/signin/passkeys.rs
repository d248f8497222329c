//! Passkeys (WebAuthn Level 3). The state of a ceremony goes through the browser, marked for it; its challenge can
//! be answered once.

use crate::people::{PageFault, People, PeopleError, Visit};
use prokura_config::Issuer;
use prokura_core::{Timestamp, UserId};
use prokura_oauth::json::{self, Limits};
use prokura_store::{ArtifactKind, SecretHash, User};
use std::time::Duration;
use url::Url;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// The relying party: the issuer's host (WebAuthn §5.1.3).
pub(crate) struct Passkeys(Webauthn);

/// A ceremony that the browser is asked to perform.
pub(crate) struct Ceremony {
    /// The options for the browser, as JSON.
    pub(crate) options: String,
    /// The state to come back with the answer.
    pub(crate) state: String,
}

/// A passkey that answered its challenge.
#[derive(Clone)]
pub(crate) struct Answered {
    /// Whose it is.
    pub(crate) user: User,
    id: Vec<u8>,
    before: String,
    after: String,
    challenge: String,
}

const ANSWER_WITHIN: Duration = Duration::from_secs(10 * 60);

impl Passkeys {
    /// None where the issuer is an address and not a name: browsers give it no passkeys.
    pub(crate) fn new(issuer: &Issuer) -> Result<Option<Self>, PeopleError> {
        let refused = |why: String| PeopleError::Passkeys { issuer: issuer.to_string(), why };
        let origin = Url::parse(&issuer.origin()).map_err(|e| refused(e.to_string()))?;
        if origin.domain().is_none() {
            return Ok(None);
        }
        let webauthn = WebauthnBuilder::new(issuer.host(), &origin)
            .map(|b| b.rp_name("Prokura").timeout(Duration::from_secs(5 * 60)))
            .and_then(WebauthnBuilder::build)
            .map_err(|e| refused(e.to_string()))?;
        Ok(Some(Self(webauthn)))
    }
}

/// What a passkey calls a user: 16 bytes that say nothing about them (WebAuthn §14.6.1).
fn handle(user: &UserId) -> Uuid {
    let hex = SecretHash::of(&format!("passkey {user}")).to_string();
    Uuid::parse_str(&hex[..32]).unwrap_or_default()
}

/// What the browser posted, read strictly and written again: the reader that decides sees the same as ours.
fn strict<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    let value = json::parse(text.as_bytes(), &Limits::DOCUMENT).ok()?;
    serde_json::from_slice(&value.to_vec()).ok()
}

fn ours(error: impl std::error::Error + Send + Sync + 'static) -> PageFault {
    PageFault::Ours(error.into())
}

impl People {
    fn ceremony(
        &self,
        purpose: &str,
        holder: &str,
        options: &impl serde::Serialize,
        state: &impl serde::Serialize,
    ) -> Result<Ceremony, PageFault> {
        let mut options = serde_json::to_value(options).map_err(ours)?;
        let public_key = options.get_mut("publicKey").map(serde_json::Value::take).unwrap_or_default();
        let state = serde_json::to_vec(state).map_err(ours)?;
        Ok(Ceremony {
            options: public_key.to_string(),
            state: self.seal.wrap(purpose, holder, &state, self.now().after(ANSWER_WITHIN)),
        })
    }

    /// Asks for any passkey of this server's.
    pub(crate) fn ask_passkey(&self, visit: &Visit) -> Result<Option<Ceremony>, PageFault> {
        let Some(passkeys) = &self.passkeys else { return Ok(None) };
        let (options, state) = passkeys.0.start_discoverable_authentication().map_err(ours)?;
        self.ceremony("passkey get", &visit.browser, &options, &state).map(Some)
    }

    /// Whose passkey answered; nobody's if the answer is wrong, old or another browser's.
    pub(crate) async fn answered(
        &self,
        visit: &Visit,
        state: &str,
        credential: &str,
    ) -> Result<Option<Answered>, PageFault> {
        let Some(passkeys) = &self.passkeys else { return Ok(None) };
        let Some(bytes) = self.seal.unwrap("passkey get", &visit.browser, state, self.now()) else {
            return Ok(None);
        };
        let Some(credential) = strict::<PublicKeyCredential>(credential) else { return Ok(None) };
        let Ok((handed, id)) = passkeys.0.identify_discoverable_authentication(&credential) else {
            return Ok(None);
        };
        let id = id.to_vec();
        let Some((row, user)) = self.passkey_of(id.clone()).await? else { return Ok(None) };
        let mut passkey: Passkey = serde_json::from_str(&row.data).map_err(ours)?;
        let asked: DiscoverableAuthentication = serde_json::from_slice(&bytes).map_err(ours)?;
        if handed != handle(&user.id) {
            return Ok(None);
        }
        let finished = passkeys.0.finish_discoverable_authentication_v2(&credential, asked, &passkey);
        let Some(result) = noted(visit, finished) else { return Ok(None) };
        passkey.update_credential(&result);
        let after = serde_json::to_string(&passkey).map_err(ours)?;
        Ok(Some(Answered { user, id, before: row.data, after, challenge: state.to_owned() }))
    }

    async fn passkey_of(&self, id: Vec<u8>) -> Result<Option<(prokura_store::Passkey, User)>, PageFault> {
        let found = self
            .store
            .read(move |tx| {
                let Some(row) = tx.passkey(&id)? else { return Ok(None) };
                Ok::<_, prokura_store::StoreError>(
                    tx.user(&row.user)?.filter(|u| !u.disabled).map(|u| (row, u)),
                )
            })
            .await?;
        Ok(found)
    }

    /// Asks for a new passkey of `user`, besides those in `known`.
    pub(crate) fn offer_passkey(
        &self,
        visit: &Visit,
        user: &User,
        known: &[prokura_store::Passkey],
    ) -> Result<Option<Ceremony>, PageFault> {
        let Some(passkeys) = &self.passkeys else { return Ok(None) };
        let known = known.iter().map(|p| CredentialID::from(p.id.clone())).collect();
        let (options, state) = passkeys
            .0
            .start_passkey_registration(handle(&user.id), &user.name, &user.display_name, Some(known))
            .map_err(ours)?;
        let mut options = serde_json::to_value(options).map_err(ours)?;
        // To be found at sign-in without a user name, the passkey must be kept by its authenticator.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = "required".into();
        options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = true.into();
        self.ceremony("passkey create", holder(visit), &options, &state).map(Some)
    }

    /// The new passkey, if the answer is right, new and this session's.
    pub(crate) fn enrolled(
        &self,
        visit: &Visit,
        state: &str,
        credential: &str,
    ) -> Result<Option<(Vec<u8>, String)>, PageFault> {
        let Some(passkeys) = &self.passkeys else { return Ok(None) };
        let Some(bytes) = self.seal.unwrap("passkey create", holder(visit), state, self.now()) else {
            return Ok(None);
        };
        let Some(credential) = strict::<RegisterPublicKeyCredential>(credential) else { return Ok(None) };
        let asked: PasskeyRegistration = serde_json::from_slice(&bytes).map_err(ours)?;
        let finished = passkeys.0.finish_passkey_registration(&credential, &asked);
        let Some(passkey) = noted(visit, finished) else { return Ok(None) };
        let data = serde_json::to_string(&passkey).map_err(ours)?;
        Ok(Some((passkey.cred_id().to_vec(), data)))
    }
}

/// What a ceremony gave, or nothing; why it failed is for the operator, not for whoever tries.
fn noted<T>(visit: &Visit, finished: Result<T, WebauthnError>) -> Option<T> {
    finished.inspect_err(|error| tracing::info!(trace = %visit.trace, %error, "a passkey was refused")).ok()
}

fn holder(visit: &Visit) -> &str {
    visit.signed_in.as_ref().map_or("", |s| &s.secret)
}

impl Answered {
    /// Spends the challenge and notes the use; false if either was done before, by whoever was quicker.
    pub(crate) fn spend(
        &self,
        tx: &mut prokura_store::Tx<'_>,
        now: Timestamp,
    ) -> Result<bool, prokura_store::StoreError> {
        let until = now.after(ANSWER_WITHIN);
        Ok(tx.claim(ArtifactKind::PasskeyChallenge, &self.challenge, now, until)?
            && tx.use_passkey(&self.id, &self.before, &self.after, now)?)
    }
}
