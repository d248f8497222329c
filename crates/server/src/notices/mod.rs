//! What others are told when somebody has decided: clients by a ping (OpenID Connect CIBA Core §10.2), the operator by a
//! webhook.
//!
//! Invariants: what is to be told is written in the transaction in which it comes about, and kept until it was heard or
//! its time is over; it is told at least once, with an id by which a second time is known; nobody is told at an address
//! that is not public, unless the operator opened it.

mod ping;
mod tell;
mod webhook;

pub(crate) use tell::tell;

use crate::fault::Fault;
use crate::server::{Secrets, ServerError};
use prokura_config::{Config, DeliveryMode, DeviceClients};
use prokura_core::Rng;
use prokura_egress::{Egress, FetchUrl};
use prokura_oauth::ciba::NotificationToken;
use prokura_oauth::seal::{MasterKey, SealKey};
use prokura_oauth::webhook::WebhookSecret;
use url::Url;

/// What telling needs.
pub(crate) struct Notices {
    seal: SealKey,
    egress: Egress,
    /// Where the operator is told, and what that is signed with.
    webhook: Option<(FetchUrl, WebhookSecret)>,
}

impl Notices {
    pub(crate) fn new(
        config: &Config,
        secrets: &Secrets,
        egress: &Egress,
        master: &MasterKey,
    ) -> Result<Self, ServerError> {
        let wrong = |why: String| ServerError::Webhook(why);
        let webhook = match (&config.approvals.webhook, &secrets.webhook) {
            (Some(webhook), Some(secret)) => {
                let url = FetchUrl::parse(&webhook.url).map_err(|e| wrong(e.to_string()))?;
                Some((url, WebhookSecret::parse(secret).map_err(|e| wrong(format!("its secret: {e}")))?))
            }
            _ => None,
        };
        Ok(Self { seal: master.seal_key("what others are told")?, egress: egress.clone(), webhook })
    }

    /// Whether anybody could ever be told anything.
    pub(crate) fn may_have_any(&self, config: &Config) -> bool {
        let told = |c: &prokura_config::ClientConfig| c.backchannel_token_delivery_mode == DeliveryMode::Ping;
        let others = config.ciba.clients > DeviceClients::Configured;
        self.webhook.is_some() || others || config.clients.iter().any(told)
    }

    /// What is needed to ping, sealed for what it is about: with it somebody could ask in the client's place.
    pub(crate) fn sealed_ping(
        &self,
        about: &str,
        (to, token): &(Url, NotificationToken),
        request: &str,
        rng: &dyn Rng,
    ) -> Result<String, Fault> {
        let ping =
            ping::Ping { to: to.as_str().into(), token: token.as_str().into(), request: request.into() };
        self.seal
            .seal(&ping.to_vec(), about.as_bytes(), rng)
            .map_err(|e| Fault::Broken(format!("a ping cannot be sealed: {e}")))
    }
}
