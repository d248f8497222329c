//! Clients that ask users who are elsewhere.

use super::Checked;
use crate::{AuthMethod, ClientConfig, Config, ConfigError, DeliveryMode, DeviceClients, GrantType};

pub(super) fn check(config: &Config) -> Checked {
    if config.ciba.per_user == 0 || config.ciba.per_minute == 0 {
        let fix = "use at least 1, or `clients = \"off\"`";
        return Err(ConfigError::value("ciba", "0 lets nobody ask", fix));
    }
    config.clients.iter().try_for_each(|c| client(config, c))
}

fn client(config: &Config, c: &ClientConfig) -> Checked {
    let wrong = |what: &str, why: &str, fix: &str| {
        Err(ConfigError::value(format!("client {}.{what}", c.id), why.to_owned(), fix))
    };
    let endpoint = "backchannel_client_notification_endpoint";
    let asks = c.grant_types.contains(&GrantType::Ciba);
    let says = c.backchannel_token_delivery_mode == DeliveryMode::Ping
        || c.backchannel_client_notification_endpoint.is_some()
        || c.backchannel_authentication_request_signing_alg.is_some();
    if !asks {
        let fix = "add \"ciba\" to `grant_types`, or remove what begins with `backchannel`";
        return if says {
            wrong("grant_types", "it never asks users who are elsewhere", fix)
        } else {
            Ok(())
        };
    }
    if config.ciba.clients == DeviceClients::Off {
        return wrong(
            "grant_types",
            "`ciba.clients` is `off`",
            "remove \"ciba\", or set `ciba.clients` to `configured`",
        );
    }
    if c.auth() == AuthMethod::None {
        let why = "a client without credentials could put questions before anybody in another's name";
        return wrong("grant_types", why, "add a `secret`, `jwks_uri` or `jwks_file`");
    }
    match (c.backchannel_token_delivery_mode, &c.backchannel_client_notification_endpoint) {
        (DeliveryMode::Ping, None) => {
            return wrong(endpoint, "nobody knows where to tell it", "write its address");
        }
        (DeliveryMode::Poll, Some(_)) => {
            let fix = "set `backchannel_token_delivery_mode = \"ping\"`, or remove it";
            return wrong(endpoint, "a client that asks is not told", fix);
        }
        _ => {}
    }
    if c.backchannel_authentication_request_signing_alg.is_some()
        && c.jwks_uri.is_none()
        && c.jwks_file.is_none()
    {
        let what = "backchannel_authentication_request_signing_alg";
        return wrong(what, "nothing could verify what it signs", "add `jwks_uri` or `jwks_file`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(client: &str, more: &str) -> String {
        let text = format!(
            "issuer = \"http://localhost:9400\"\ndatabase = \"sqlite::memory:\"\n{more}\n[[client]]\nid = \"desk\"\n{client}"
        );
        Config::parse(&text).map_or_else(|e| e.to_string(), |_| String::new())
    }

    const ASKS: &str = "grant_types = [\"ciba\"]\nsecret = { env = \"S\" }\n";

    #[test]
    fn who_asks_has_credentials_and_says_how_it_hears() {
        assert_eq!(error(ASKS, ""), "");
        let told = "backchannel_token_delivery_mode = \"ping\"\n";
        let at = "backchannel_client_notification_endpoint = \"https://desk.example/told\"\n";
        assert_eq!(error(&format!("{ASKS}{told}{at}"), ""), "");
        for (client, more, why) in [
            ("grant_types = [\"ciba\"]".to_owned(), "", "without credentials"),
            (format!("{ASKS}{told}"), "", "nobody knows where to tell it"),
            (format!("{ASKS}{at}"), "", "a client that asks is not told"),
            (ASKS.to_owned(), "[ciba]\nclients = \"off\"", "is `off`"),
            (ASKS.to_owned(), "[ciba]\nwaits = \"2h\"", "at most 1h"),
            (ASKS.to_owned(), "[ciba]\nper_user = 0", "0 lets nobody ask"),
            (
                format!("{ASKS}backchannel_authentication_request_signing_alg = \"ES256\""),
                "",
                "nothing could verify",
            ),
            (
                format!("grant_types = [\"client_credentials\"]\nsecret = {{ env = \"S\" }}\n{told}{at}"),
                "",
                "it never asks",
            ),
        ] {
            assert!(error(&client, more).contains(why), "{client} {more}: {}", error(&client, more));
        }
    }
}
