//! A passkey in software.

use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use passkey::types::webauthn::{CredentialCreationOptions, CredentialRequestOptions};
use serde_json::{Value, json};
use url::Url;

struct Willing;

#[async_trait::async_trait]
impl UserValidationMethod for Willing {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _hint: UiHint<'a, Passkey>,
        _presence: bool,
        _verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence: true, verification: true })
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }
}

/// One authenticator with room for one passkey.
pub struct SoftKey {
    passkey: Option<Passkey>,
    origin: Url,
}

impl SoftKey {
    pub fn new(origin: &str) -> Self {
        Self { passkey: None, origin: Url::parse(origin).unwrap() }
    }

    fn key(&self) -> Authenticator<Option<Passkey>, Willing, RustCryptoBackend> {
        Authenticator::new(Aaguid::new_empty(), self.passkey.clone(), Willing, RustCryptoBackend)
    }

    /// Answers creation options, as a browser's `toJSON` does.
    pub async fn create(&mut self, options: &str) -> String {
        let options: CredentialCreationOptions = public_key(options);
        let mut client = Client::new(self.key());
        let made = client.register(&self.origin, options, DefaultClientData).await.unwrap();
        self.passkey = client.authenticator().store().clone();
        serde_json::to_string(&made).unwrap()
    }

    /// Answers request options.
    pub async fn get(&self, options: &str) -> String {
        let options: CredentialRequestOptions = public_key(options);
        let answered =
            Client::new(self.key()).authenticate(&self.origin, options, DefaultClientData).await.unwrap();
        serde_json::to_string(&answered).unwrap()
    }
}

fn public_key<T: serde::de::DeserializeOwned>(options: &str) -> T {
    let options: Value = serde_json::from_str(options).unwrap();
    serde_json::from_value(json!({ "publicKey": options })).unwrap()
}
