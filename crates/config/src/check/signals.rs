//! Shared signals: transmitters that can be told apart, believed and asked.

use super::{Checked, unique};
use crate::{
    Config, ConfigError, ConfiguredGrant, SIGNALS, SSF_MANAGE, SSF_READ, SignalDelivery, SignalTransmitter,
    Span,
};
use prokura_core::ResourceUri;

/// Whether a grant is one on the interface of event streams, not on a resource that has its name.
pub(super) fn is_streams(config: &Config, grant: &ConfiguredGrant) -> bool {
    grant.resource == SIGNALS && (config.signals.send.enabled || config.resource(SIGNALS).is_none())
}

pub(super) fn check(config: &Config) -> Checked {
    let all = &config.signals.transmitters;
    unique("signals.transmitter.name", all.iter().map(|t| t.name.as_str()))?;
    all.iter().try_for_each(|t| transmitter(config, t))?;
    sending(config)
}

fn sending(config: &Config) -> Checked {
    let send = &config.signals.send;
    if send.queue == 0 || send.streams_per_client == 0 {
        let fix = "use at least 1, or `enabled = false`";
        return Err(ConfigError::value("signals.send", "`queue` or `streams_per_client` is 0", fix));
    }
    let grants = config.clients.iter().flat_map(|c| c.grants.iter().map(move |g| (c, g)));
    for (client, grant) in grants.filter(|(_, g)| is_streams(config, g)) {
        let key = |what: &str| format!("client {}.grant.{what}", client.id);
        if !send.enabled {
            let fix = "set `[signals.send] enabled = true`, or remove the grant";
            return Err(ConfigError::value(key("resource"), "no events are sent", fix));
        }
        if let Some(unknown) = grant.scopes.iter().find(|s| ![SSF_READ, SSF_MANAGE].contains(&s.as_str())) {
            let reason = format!("event streams have no scope `{unknown}`");
            return Err(ConfigError::value(key("scopes"), reason, "use `ssf.read` and `ssf.manage`"));
        }
    }
    if send.enabled && config.resource(SIGNALS).is_some() {
        let reason = "`ssf` is the interface of event streams";
        return Err(ConfigError::value("resource.name", reason, "choose another name"));
    }
    Ok(())
}

fn transmitter(config: &Config, t: &SignalTransmitter) -> Checked {
    let key = |what: &str| format!("signals.transmitter {}{what}", t.name);
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if t.name.is_empty() || t.name.len() > 64 || !t.name.bytes().all(fine) {
        let fix = "use 1 to 64 lower-case letters, digits, `-` or `_`";
        return Err(ConfigError::value("signals.transmitter.name", format!("`{}` is no name", t.name), fix));
    }
    if t.issuer == config.issuer.as_str() {
        let fix = "name another server";
        return Err(ConfigError::value(key(".issuer"), "it is this server itself", fix));
    }
    let issuers = t.subject_issuers.iter().flatten().map(|i| (".subject_issuers", i));
    let addresses = [(".issuer", Some(&t.issuer)), (".jwks_uri", t.jwks_uri.as_ref())];
    let addresses = addresses.into_iter().chain([
        (".poll_endpoint", t.poll_endpoint.as_ref()),
        (".client.token_endpoint", t.client.as_ref().map(|c| &c.token_endpoint)),
    ]);
    let addresses = addresses.filter_map(|(what, a)| Some((what, a?))).chain(issuers);
    for (what, address) in addresses {
        if !is_address(address) {
            let reason = format!("`{address}` is no protected address");
            return Err(ConfigError::value(key(what), reason, "write an `https` address"));
        }
    }
    delivery(t, &key)?;
    if t.algorithms.is_empty() {
        return Err(ConfigError::value(key(".algorithms"), "nothing could be verified", "use `[\"RS256\"]`"));
    }
    if t.max_age > Span::days(30) || t.max_age < Span::minutes(1) {
        let reason = "for so long every event's id is kept";
        return Err(ConfigError::value(key(".max_age"), reason, "use 1m to 30d"));
    }
    if t.email_domains.iter().any(|d| d.is_empty() || d.contains('@') || d.chars().any(char::is_whitespace)) {
        let fix = "write domains, like `example.com`";
        return Err(ConfigError::value(key(".email_domains"), "one of them is no domain", fix));
    }
    Ok(())
}

fn delivery(t: &SignalTransmitter, key: &dyn Fn(&str) -> String) -> Checked {
    let asks = t.token.is_some() || t.client.is_some();
    if t.token.is_some() && t.client.is_some() {
        let fix = "keep one of them";
        return Err(ConfigError::value(key(".token"), "`client` says another way to the same", fix));
    }
    if t.delivery == SignalDelivery::Push && t.secret.is_none() {
        let fix = "add `secret`, and give it to the transmitter as its bearer token";
        return Err(ConfigError::value(key(".secret"), "anybody could post events", fix));
    }
    if t.delivery == SignalDelivery::Push && t.poll_endpoint.is_some() {
        let fix = "remove it, or set `delivery = \"poll\"`";
        return Err(ConfigError::value(key(".poll_endpoint"), "its events are posted", fix));
    }
    let where_to = t.poll_endpoint.is_some() || t.create_stream;
    if t.delivery == SignalDelivery::Poll && !(where_to && asks) {
        let fix = "add `poll_endpoint` or `create_stream = true`, and `token` or `client`";
        return Err(ConfigError::value(key(""), "its events cannot be fetched", fix));
    }
    if t.create_stream && (!asks || t.stream_id.is_some() || t.poll_endpoint.is_some()) {
        let fix = "add `token` or `client`, and remove `stream_id` and `poll_endpoint`";
        return Err(ConfigError::value(key(".create_stream"), "a stream cannot be made so", fix));
    }
    if t.verify_every.is_some() && !(asks && (t.stream_id.is_some() || t.create_stream)) {
        let fix = "add `stream_id`, and `token` or `client`";
        return Err(ConfigError::value(key(".verify_every"), "it cannot be asked to show its stream", fix));
    }
    if t.verify_every.is_some_and(|every| every < Span::minutes(1)) {
        return Err(ConfigError::value(key(".verify_every"), "that is too often", "use at least 1m"));
    }
    Ok(())
}

/// `https`, or `http` on this machine.
fn is_address(text: &str) -> bool {
    let Ok(uri) = ResourceUri::parse(text) else { return false };
    let here = |host: &str| {
        let rest = uri.as_str().strip_prefix(host);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    };
    uri.as_str().starts_with("https://")
        || ["http://localhost", "http://127.0.0.1", "http://[::1]"].into_iter().any(here)
}

#[cfg(test)]
mod tests {
    use crate::{Config, Reaction};

    const GOOD: &str = r#"
        issuer = "http://localhost:9400"
        database = "sqlite:prokura.db"
        [signals.send]
        enabled = true
        [[client]]
        id = "receiver"
        secret = { env = "SECRET" }
        grant_types = ["client_credentials"]
        [[client.grant]]
        resource = "ssf"
        scopes = ["ssf.manage"]
        [[signals.transmitter]]
        name = "acme"
        issuer = "https://idp.example"
        secret = { env = "PUSH" }
        session_revoked = { users = "revoke", software = "disable" }
        [[signals.transmitter]]
        name = "edr"
        issuer = "https://edr.example"
        delivery = "poll"
        token = { env = "EDR" }
        create_stream = true
        verify_every = "1h"
    "#;

    #[test]
    fn transmitters_can_be_believed_and_asked_or_the_start_is_refused() {
        let config = Config::parse(GOOD).unwrap();
        let acme = &config.signals.transmitters[0];
        assert_eq!(acme.session_revoked.users, Reaction::Revoke);
        assert_eq!(acme.credential_change.users, Reaction::Sessions);
        for (find, replace, says) in [
            ("https://idp.example\"", "http://localhost:9400\"", "this server itself"),
            ("https://idp.example\"", "http://idp.example\"", "no protected address"),
            ("https://idp.example\"", "http://localhost.evil.example\"", "no protected address"),
            ("name = \"acme\"", "name = \"edr\"", "twice"),
            ("name = \"acme\"", "name = \"a/b\"", "is no name"),
            ("secret = { env = \"PUSH\" }", "", "anybody could post"),
            ("create_stream = true", "", "cannot be fetched"),
            ("token = { env = \"EDR\" }", "", "cannot be fetched"),
            ("create_stream = true", "create_stream = true\nstream_id = \"s\"", "made so"),
            ("verify_every = \"1h\"", "verify_every = \"1s\"", "too often"),
            ("verify_every = \"1h\"", "max_age = \"90d\"", "id is kept"),
            ("verify_every = \"1h\"", "algorithms = []", "nothing could be verified"),
            ("verify_every = \"1h\"", "email_domains = [\"a@b\"]", "no domain"),
            ("enabled = true", "", "no events are sent"),
            ("enabled = true", "enabled = true\nqueue = 0", "is 0"),
            ("\"ssf.manage\"", "\"ssf.rule\"", "no scope `ssf.rule`"),
            (
                "[signals.send]",
                "[[resource]]\nname = \"ssf\"\nupstream = \"http://127.0.0.1:1/\"\npublic = true\n[signals.send]",
                "another name",
            ),
        ] {
            assert!(GOOD.contains(find), "{find}");
            let error = Config::parse(&GOOD.replace(find, replace)).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
    }
}
