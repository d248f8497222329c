//! Answers of dynamic client registration and its management (RFC 7591 §3.2.1, RFC 7592 §3). Requests are read by
//! [`ClientMetadata`].

use crate::client_metadata::ClientMetadata;
use crate::json::Object;
use prokura_core::{ClientId, Timestamp};

/// What is told to a client that registered, or asked about itself.
#[derive(Clone, PartialEq)]
pub struct ClientInformation<'a> {
    /// Its id.
    pub id: &'a ClientId,
    /// What it registered, as it was accepted.
    pub metadata: &'a ClientMetadata,
    /// When it registered.
    pub issued_at: Timestamp,
    /// Its secret: told once, when it is made.
    pub secret: Option<&'a str>,
    /// The token by which it manages itself.
    pub registration_token: &'a str,
    /// Where it manages itself.
    pub registration_uri: String,
}

impl ClientInformation<'_> {
    /// The document.
    pub fn to_object(&self) -> Object {
        let mut o = self.metadata.to_object();
        o.insert("client_id", self.id.as_str().into());
        o.insert("client_id_issued_at", self.issued_at.seconds().into());
        if let Some(secret) = self.secret {
            o.insert("client_secret", secret.into());
            o.insert("client_secret_expires_at", 0_i64.into());
        }
        o.insert("registration_access_token", self.registration_token.into());
        o.insert("registration_client_uri", self.registration_uri.as_str().into());
        o
    }
}
