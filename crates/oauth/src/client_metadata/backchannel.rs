//! How a client asks users who are elsewhere (OpenID Connect CIBA Core §4).

use super::{GrantType, MetadataError, optional_text, web_url, words};
use crate::ciba::DeliveryMode;
use crate::jose::Algorithm;
use crate::json::Object;
use url::Url;

const MODE: &str = "backchannel_token_delivery_mode";
const ENDPOINT: &str = "backchannel_client_notification_endpoint";
const ALGORITHM: &str = "backchannel_authentication_request_signing_alg";
const USER_CODE: &str = "backchannel_user_code_parameter";

/// How a client asks users who are elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Backchannel {
    /// `backchannel_token_delivery_mode`.
    pub mode: DeliveryMode,
    /// `backchannel_client_notification_endpoint`: where it is told; of a client that is told, and of no other.
    pub endpoint: Option<Url>,
    /// `backchannel_authentication_request_signing_alg`: if it is said, what the client asks counts only if it is signed
    /// so.
    pub algorithm: Option<Algorithm>,
}

impl Backchannel {
    /// Of a client that does not say how it hears: it asks until it does.
    pub const POLL: Self = Self { mode: DeliveryMode::Poll, endpoint: None, algorithm: None };

    pub(super) fn read(
        o: &Object,
        grant_types: &[GrantType],
        keys: bool,
    ) -> Result<Option<Self>, MetadataError> {
        let mode = match optional_text(o, MODE)? {
            None => None,
            Some(word) => Some(DeliveryMode::parse(&word).ok_or(MetadataError::Member(MODE))?),
        };
        let endpoint = web_url(o, ENDPOINT)?;
        let algorithm = match optional_text(o, ALGORITHM)? {
            None => None,
            Some(word) => {
                let known = Algorithm::parse(&word).filter(|a| !a.is_secret());
                Some(known.ok_or(MetadataError::Member(ALGORITHM))?)
            }
        };
        if words::flag(o, USER_CODE)? {
            return Err(MetadataError::Member(USER_CODE));
        }
        if !grant_types.contains(&GrantType::Ciba) {
            return Ok(None);
        }
        let found = Self { mode: mode.ok_or(MetadataError::Member(MODE))?, endpoint, algorithm };
        if algorithm.is_some() && !keys {
            return Err(MetadataError::NoRequestKeys);
        }
        found.fits().then_some(Some(found)).ok_or(MetadataError::Member(ENDPOINT))
    }

    /// Whether there is an address to be told at exactly where somebody is told. It is `https`; `http` only leads to this
    /// machine, in development, and what this server may reach is asked besides.
    pub fn fits(&self) -> bool {
        match (self.mode, &self.endpoint) {
            (DeliveryMode::Poll, _) => true,
            (DeliveryMode::Ping, None) => false,
            (DeliveryMode::Ping, Some(url)) => url.scheme() == "https" || is_loopback(url),
        }
    }

    pub(super) fn insert_into(&self, o: &mut Object) {
        o.insert(MODE, self.mode.as_str().into());
        if let Some(endpoint) = &self.endpoint {
            o.insert(ENDPOINT, endpoint.as_str().into());
        }
        if let Some(algorithm) = self.algorithm {
            o.insert(ALGORITHM, algorithm.as_str().into());
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_metadata::ClientMetadata;
    use crate::json::{self, Limits};

    fn read(more: &str) -> Result<ClientMetadata, MetadataError> {
        let text = format!(
            r#"{{"redirect_uris":["https://a.example/cb"],"grant_types":["urn:openid:params:grant-type:ciba"]{more}}}"#
        );
        let object = json::parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
        ClientMetadata::from_registration(&object)
    }

    #[test]
    fn who_is_told_says_where() {
        let poll = read(r#","backchannel_token_delivery_mode":"poll""#).unwrap();
        assert_eq!(poll.backchannel, Some(Backchannel::POLL));
        let ping = read(
            r#","backchannel_token_delivery_mode":"ping","backchannel_client_notification_endpoint":"https://a.example/cb","backchannel_user_code_parameter":false"#,
        )
        .unwrap();
        assert_eq!(ping.backchannel.as_ref().unwrap().mode, DeliveryMode::Ping);
        assert_eq!(ClientMetadata::from_registration(&ping.to_object()).unwrap(), ping);
    }

    #[test]
    fn what_is_not_served_is_refused() {
        let mode = r#","backchannel_token_delivery_mode":"ping""#;
        for (more, member) in [
            (String::new(), MODE),
            (r#","backchannel_token_delivery_mode":"push""#.to_owned(), MODE),
            (mode.to_owned(), ENDPOINT),
            (format!(r#"{mode},"backchannel_client_notification_endpoint":"http://a.example/x""#), ENDPOINT),
            (format!(r#"{mode},"backchannel_client_notification_endpoint":"file:///etc/x""#), ENDPOINT),
            (format!(r#"{mode},"backchannel_authentication_request_signing_alg":"HS256""#), ALGORITHM),
            (format!(r#"{mode},"backchannel_user_code_parameter":true"#), USER_CODE),
        ] {
            assert_eq!(read(&more).unwrap_err(), MetadataError::Member(member), "{more}");
        }
        let signed = r#","backchannel_token_delivery_mode":"poll","backchannel_authentication_request_signing_alg":"ES256""#;
        assert_eq!(read(signed).unwrap_err(), MetadataError::NoRequestKeys);
    }
}
