//! The feed of revocations: who may follow it, and a gateway that does.

use super::Checked;
use crate::{Config, ConfigError, ConfiguredGrant, FEED, FEED_RELATIONS, GrantType};
use ::url::Url;

/// Whether a grant is one on the feed of revocations, not on a resource that has its name.
pub(crate) fn is_feed(config: &Config, grant: &ConfiguredGrant) -> bool {
    grant.resource == FEED && config.resource(FEED).is_none()
}

pub(super) fn check(config: &Config) -> Checked {
    if config.feed.connections == 0 || config.feed.connections_per_client == 0 {
        let fix = "use at least 1; the feed is off as long as no client has a grant on it";
        return Err(ConfigError::value("feed", "`connections` or `connections_per_client` is 0", fix));
    }
    let grants = config.clients.iter().flat_map(|c| c.grants.iter().map(move |g| (c, g)));
    for (client, grant) in grants.filter(|(_, g)| is_feed(config, g)) {
        let key = |what: &str| format!("client {}.{what}", client.id);
        if let Some(unknown) = grant.scopes.iter().find(|s| *s != FEED && *s != FEED_RELATIONS) {
            let reason = format!("the feed of revocations has no scope `{unknown}`");
            return Err(ConfigError::value(key("grant.scopes"), reason, "use `feed` or `relations`"));
        }
        if !client.grant_types.contains(&GrantType::ClientCredentials) {
            let reason = "the feed takes tokens of a client's own authority only";
            let fix = "add \"client_credentials\" to `grant_types`";
            return Err(ConfigError::value(key("grant.resource"), reason, fix));
        }
    }
    let Some(feed) = &config.gateway.feed else { return Ok(()) };
    let said = &config.relations;
    if feed.relations && (said.model.is_some() || !said.tuples.is_empty()) {
        let reason = "the relations are the issuer's, and files say others";
        let fix = "remove `[relations] model` and `tuples` here, or `relations` of `[gateway.feed]`";
        return Err(ConfigError::value("gateway.feed.relations", reason, fix));
    }
    if feed.relations && !said.is_asked() {
        let fix = "say in `[relations] ask` or `parents` what policies want to know, or remove it";
        return Err(ConfigError::value("gateway.feed.relations", "no policy asks for relations", fix));
    }
    feed.at.as_deref().map_or(Ok(()), at)
}

fn at(address: &str) -> Checked {
    let url = Url::parse(address).ok().filter(|u| {
        let loopback = match u.host() {
            Some(::url::Host::Domain(name)) => name == "localhost",
            Some(::url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(::url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        (u.scheme() == "https" || (u.scheme() == "http" && loopback))
            && u.query().is_none()
            && u.fragment().is_none()
    });
    let fine = url.is_some() && !address.ends_with('/');
    if fine {
        return Ok(());
    }
    let reason = format!("`{address}` is no protected address of an issuer");
    Err(ConfigError::value("gateway.feed.at", reason, "write an `https` address without a `/` at its end"))
}

#[cfg(test)]
mod tests {
    use crate::Config;

    const CLIENT: &str =
        "[[client]]\nid = \"gw\"\nsecret = { env = \"S\" }\ngrant_types = [\"client_credentials\"]\n";

    fn refused(text: &str) -> String {
        let whole = format!(
            "issuer = \"https://as.example\"\ndatabase = \"sqlite:a.db\"\nmaster_key = {{ env = \"M\" }}\n{text}"
        );
        Config::parse(&whole).map_or_else(|e| e.to_string(), |c| format!("fine {}", c.has_feed()))
    }

    #[test]
    fn the_feed_is_for_whom_the_operator_named() {
        let grant = |rest: &str| refused(&format!("{CLIENT}[[client.grant]]\nresource = \"feed\"\n{rest}"));
        assert_eq!(refused(CLIENT), "fine false");
        assert_eq!(grant("scopes = [\"feed\"]"), "fine true");
        assert_eq!(grant("scopes = [\"feed\", \"relations\"]"), "fine true");
        assert!(grant("scopes = [\"read\"]").contains("no scope `read`"));
        assert!(refused("[feed]\nconnections = 0").contains("`connections`"));
    }

    #[test]
    fn relations_are_the_issuers_or_of_files_and_never_both() {
        let follow = |more: &str| {
            refused(&format!(
                "[gateway.feed]\nclient_id = \"g\"\nsecret = {{ env = \"S\" }}\nrelations = true\n{more}"
            ))
        };
        assert_eq!(follow("[relations]\nparents = { Group = \"member\" }"), "fine false");
        assert!(follow("").contains("no policy asks"));
        let both = follow("[relations]\nmodel = \"m.fga\"\nparents = { Group = \"member\" }");
        assert!(both.contains("gateway.feed.relations"), "{both}");
    }

    #[test]
    fn a_gateway_follows_a_protected_address() {
        let at = |at: &str| {
            refused(&format!("[gateway.feed]\nclient_id = \"g\"\nsecret = {{ env = \"S\" }}\nat = \"{at}\""))
        };
        for fine in ["https://as.internal", "https://as.internal/x", "http://127.0.0.1:9400"] {
            assert_eq!(at(fine), "fine false", "{fine}");
        }
        for bad in ["http://as.internal", "https://as.internal/", "as.internal", "https://as.internal?x=1"] {
            assert!(at(bad).contains("gateway.feed.at"), "{bad}");
        }
    }
}
