//! What no single value shows: names that repeat, references that lead nowhere, combinations that cannot be.

use crate::{
    ADMIN, ADMIN_SCOPES, AuthMethod, ClientCertificates, ClientConfig, Config, ConfigError, ConfiguredGrant,
    Dynamic, GrantType, ResourceConfig, Span,
};
use prokura_core::{ClientId, Scope};
use std::collections::BTreeSet;

mod authzen;
mod ciba;
mod consent;
mod delegation;
mod feed;
mod foreign;
mod id_jag;
mod network;
mod policy;
mod relations;
mod signals;
mod tool;
mod transaction;
mod workload;
mod workload_document;
mod workload_provider;
mod workload_spiffe;

pub(crate) use authzen::is_authzen;
pub(crate) use consent::consent as enterprise_consent;
pub(crate) use feed::is_feed;
pub(crate) use foreign::gateway_alone;
pub(crate) use workload::rule as workload_rule;

pub(crate) type Checked = Result<(), ConfigError>;

pub(crate) fn check(config: &Config) -> Checked {
    unique("resource.name", config.resources.iter().map(|r| r.name.as_str()))?;
    unique("client.id", config.clients.iter().map(|c| c.id.as_str()))?;
    config.resources.iter().try_for_each(resource)?;
    config.clients.iter().try_for_each(|c| client(config, c))?;
    crate::check_provider::check(config)?;
    tls(config)?;
    network::check(config)?;
    lives(config)?;
    registration(config)?;
    ciba::check(config)?;
    foreign::check(config)?;
    feed::check(config)?;
    authzen::check(config)?;
    id_jag::check(config)?;
    delegation::check(config)?;
    signals::check(config)?;
    consent::check(config)?;
    crate::approvals::check(config)?;
    transaction::check(config)?;
    workload::check(config)?;
    crate::access::policies(config)?;
    policy::check(config)?;
    relations::check(config)?;
    dev(config)
}

pub(crate) fn unique<'a>(key: &str, names: impl Iterator<Item = &'a str>) -> Checked {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(ConfigError::value(key, format!("`{name}` stands there twice"), "give each its own"));
        }
    }
    Ok(())
}

fn resource(r: &ResourceConfig) -> Checked {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if r.name.is_empty() || r.name.len() > 64 || !r.name.bytes().all(fine) {
        let reason = format!("`{}` cannot stand in an address", r.name);
        return Err(ConfigError::value(
            "resource.name",
            reason,
            "use 1 to 64 lower-case letters, digits, `-` or `_`",
        ));
    }
    if r.name == ADMIN {
        let reason = "`admin` is this server's own administration API";
        return Err(ConfigError::value("resource.name", reason, "choose another name"));
    }
    if r.scopes.is_empty() && !r.public {
        return Err(ConfigError::value(
            format!("resource {}", r.name),
            "it has no scopes, so every call would be refused",
            "add `[resource.scopes]`, or `public = true` if anybody may call it",
        ));
    }
    for scope in r.scopes.keys() {
        Scope::parse(scope.as_str()).map_err(|e| {
            ConfigError::value(
                format!("resource {}.scopes", r.name),
                format!("`{scope}`: {e}"),
                "choose another name",
            )
        })?;
    }
    let known = |s: &&String| !r.scopes.contains_key(*s);
    if let Some(unknown) = r.default_scopes.iter().flatten().find(known) {
        let key = format!("resource {}.default_scopes", r.name);
        return Err(ConfigError::value(
            key,
            format!("`{unknown}` is not among its scopes"),
            "add it there or remove it here",
        ));
    }
    if r.public && r.require_dpop {
        return Err(ConfigError::value(
            format!("resource {}.require_dpop", r.name),
            "a public resource looks at no token",
            "remove it, or `public`",
        ));
    }
    if r.rate.calls == 0 {
        return Err(ConfigError::value(
            format!("resource {}.rate.calls", r.name),
            "0 lets nobody in",
            "use at least 1",
        ));
    }
    tool::check(r)
}

fn client(config: &Config, c: &ClientConfig) -> Checked {
    let key = |what: &str| format!("client {}{what}", c.id);
    ClientId::parse(c.id.as_str())
        .map_err(|e| ConfigError::value("client.id", e.to_string(), "choose another id"))?;
    credentials(c)?;
    if c.require_signed_request_object && c.jwks_uri.is_none() && c.jwks_file.is_none() {
        let reason = "nothing could verify what it signs";
        let fix = "add `jwks_uri` or `jwks_file`";
        return Err(ConfigError::value(key(".require_signed_request_object"), reason, fix));
    }
    if c.grant_types.contains(&GrantType::AuthorizationCode) && c.redirect_uris.is_empty() {
        let fix = "add `redirect_uris`, or set `grant_types = [\"client_credentials\"]`";
        return Err(ConfigError::value(key(".redirect_uris"), "there is none to send users back to", fix));
    }
    // Whoever holds a key may narrow its own tokens by it.
    let bound = c.dpop_bound_access_tokens || c.tls_client_certificate_bound_access_tokens;
    let with_credentials = |g: &GrantType| match g {
        GrantType::ClientCredentials => true,
        GrantType::TokenExchange => !bound,
        _ => false,
    };
    if c.grant_types.iter().any(with_credentials) && c.auth() == AuthMethod::None {
        let fix = "add a `secret`, `jwks_uri` or `jwks_file`";
        return Err(ConfigError::value(
            key(".grant_types"),
            "a client without credentials has no authority of its own",
            fix,
        ));
    }
    for g in &c.grants {
        if g.resource == ADMIN {
            admin_grant(c, g)?;
            continue;
        }
        if signals::is_streams(config, g) || is_feed(config, g) || is_authzen(config, g) {
            continue;
        }
        let Some(r) = config.resource(&g.resource) else {
            return Err(ConfigError::value(
                key(".grant.resource"),
                format!("there is no resource `{}`", g.resource),
                "use the name of a `[[resource]]`",
            ));
        };
        if let Some(unknown) = g.scopes.iter().find(|s| !r.scopes.contains_key(*s)) {
            let reason = format!("resource `{}` has no scope `{unknown}`", r.name);
            return Err(ConfigError::value(key(".grant.scopes"), reason, "use one of its scopes"));
        }
    }
    if let Some(unknown) = c.introspects.iter().find(|name| config.resource(name).is_none()) {
        return Err(ConfigError::value(
            key(".introspects"),
            format!("there is no resource `{unknown}`"),
            "use the name of a `[[resource]]`",
        ));
    }
    Ok(())
}

/// A grant on the administration API: whoever gets it must be able to ask for a token of its own.
fn admin_grant(c: &ClientConfig, g: &ConfiguredGrant) -> Checked {
    let key = |what: &str| format!("client {}{what}", c.id);
    if let Some(unknown) = g.scopes.iter().find(|s| !crate::admin::has_scope(s)) {
        let names: Vec<_> = ADMIN_SCOPES.iter().map(|(name, _)| *name).collect();
        let reason = format!("the administration API has no scope `{unknown}`");
        return Err(ConfigError::value(
            key(".grant.scopes"),
            reason,
            format!("use some of {}", names.join(", ")),
        ));
    }
    if !c.grant_types.contains(&GrantType::ClientCredentials) {
        let reason = "the administration API takes tokens of a client's own authority only";
        let fix = "add \"client_credentials\" to `grant_types`";
        return Err(ConfigError::value(key(".grant.resource"), reason, fix));
    }
    Ok(())
}

fn credentials(c: &ClientConfig) -> Checked {
    let has_keys = c.jwks_uri.is_some() || c.jwks_file.is_some();
    let fits = match c.auth() {
        // Keys may stand beside these: they verify what it signs besides (RFC 9101).
        AuthMethod::None => c.secret.is_none(),
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => c.secret.is_some(),
        AuthMethod::PrivateKeyJwt => has_keys && c.secret.is_none(),
        AuthMethod::TlsClientAuth => !has_keys && c.secret.is_none() && c.certificate_names() == 1,
        AuthMethod::SelfSignedTlsClientAuth => has_keys && c.secret.is_none(),
        AuthMethod::Workload => c.secret.is_none() && c.workload.is_some(),
    };
    let fits = fits && (c.auth() == AuthMethod::Workload) == c.workload.is_some();
    let one_source = c.jwks_uri.is_none() || c.jwks_file.is_none();
    if fits && one_source {
        return Ok(());
    }
    Err(ConfigError::value(
        format!("client {}", c.id),
        "its credentials do not fit the way it authenticates",
        "give a `secret` for client_secret_basic or client_secret_post, one of `jwks_uri` and `jwks_file` for private_key_jwt and self_signed_tls_client_auth, one of `tls_client_auth_subject_dn`, `tls_client_auth_san_dns` and `tls_client_auth_san_uri` for tls_client_auth, `workload` for workload, no secret for none; beside keys, name the way by `auth`",
    ))
}

fn tls(config: &Config) -> Checked {
    let tls = &config.tls;
    if tls.certificate.is_some() != tls.key.is_some() {
        return Err(ConfigError::value(
            "tls",
            "one of `certificate` and `key` is missing",
            "give both files",
        ));
    }
    if tls.certificate.is_some() && !config.issuer.is_https() {
        let reason = format!("the issuer `{}` is not served by TLS", config.issuer);
        return Err(ConfigError::value("tls.certificate", reason, "write the issuer with `https`"));
    }
    if tls.client_certificates == ClientCertificates::Optional && tls.certificate.is_none() {
        let fix = "add `certificate` and `key`; behind a proxy, use `proxy` instead";
        return Err(ConfigError::value("tls.client_certificates", "TLS does not end here", fix));
    }
    let by_name = |c: &ClientConfig| c.auth() == AuthMethod::TlsClientAuth;
    if config.clients.iter().any(by_name) && tls.client_authorities.is_empty() {
        let reason = "a client authenticates by `tls_client_auth`, and there is no authority to believe";
        return Err(ConfigError::value(
            "tls.client_authorities",
            reason,
            "name the files of its authorities",
        ));
    }
    let needs = |c: &&ClientConfig| {
        matches!(c.auth(), AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth)
            || c.tls_client_certificate_bound_access_tokens
    };
    match config.clients.iter().find(needs) {
        Some(c) if !tls.takes_certificates() => Err(ConfigError::value(
            format!("client {}", c.id),
            "it needs its certificate, and none can arrive here",
            "set `[tls] client_certificates = \"optional\"`, or `\"proxy\"` behind a proxy",
        )),
        _ => Ok(()),
    }
}

fn lives(config: &Config) -> Checked {
    let t = &config.tokens;
    let most = |key: &str, span: Span, max: Span, said: &str| {
        if span <= max {
            Ok(())
        } else {
            Err(ConfigError::value(key, "it is too long to be safe", format!("use at most {said}")))
        }
    };
    most("tokens.access", t.access, Span::hours(1), "1h")?;
    most("tokens.code", t.code, Span::minutes(10), "10m")?;
    most("device.code", config.device.code, Span::minutes(30), "30m")?;
    most("ciba.waits", config.ciba.waits, Span::hours(1), "1h")?;
    most("tokens.refresh_retry", t.refresh_retry, Span::minutes(5), "5m")?;
    most("dpop.nonce_life", config.dpop.nonce_life, Span::minutes(5), "5m")?;
    most("gateway.stale_after", config.gateway.stale_after, Span::minutes(1), "1m")?;
    most("status_list.ttl", config.status_list.ttl, Span::days(1), "1d")?;
    if config.keys.publish_before >= config.keys.rotate_every {
        return Err(ConfigError::value(
            "keys.publish_before",
            "a key would be published after it was replaced",
            "make it shorter than `keys.rotate_every`",
        ));
    }
    if config.sign_in.hash_workers == 0 {
        return Err(ConfigError::value("sign_in.hash_workers", "0 lets nobody sign in", "use at least 1"));
    }
    Ok(())
}

fn registration(config: &Config) -> Checked {
    let r = &config.registration;
    match (r.dynamic, &r.initial_access_token) {
        (Dynamic::Token, None) => Err(ConfigError::value(
            "registration.initial_access_token",
            "`dynamic = \"token\"` needs one",
            "write `initial_access_token = { env = \"NAME\" }`",
        )),
        _ => Ok(()),
    }
}

fn dev(config: &Config) -> Checked {
    if config.dev.is_some() && !config.issuer.is_loopback() {
        return Err(ConfigError::value(
            "dev",
            format!("the issuer `{}` is not on this machine", config.issuer),
            "remove `[dev]`, or use an issuer on localhost",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        issuer = "http://localhost:9400"
        database = "sqlite:prokura.db"
        [[resource]]
        name = "sales"
        upstream = "http://127.0.0.1:9500/mcp"
        [resource.scopes]
        "read:report" = { title = "Read sales reports", actions = ["resource:report/*", "tool:read_report"] }
        [[client]]
        id = "batch"
        secret = { env = "BATCH_SECRET" }
        grant_types = ["client_credentials"]
        [[client.grant]]
        resource = "sales"
        scopes = ["read:report"]
    "#;

    fn error(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    fn with(find: &str, replace: &str) -> String {
        assert!(GOOD.contains(find), "{find}");
        error(&GOOD.replace(find, replace))
    }

    #[test]
    fn a_right_file_is_read() {
        let config = Config::parse(GOOD).unwrap();
        assert_eq!(config.resource_uri(&config.resources[0]).as_str(), "http://localhost:9400/mcp/sales");
        assert_eq!(config.clients[0].auth(), AuthMethod::ClientSecretBasic);
    }

    #[test]
    fn a_wrong_file_names_the_place_and_the_fix() {
        assert!(
            with("id = \"batch\"", "id = \"batch\"\nrequire_signed_request_object = true")
                .contains("add `jwks_uri` or `jwks_file`")
        );
        assert!(with("database", "databse").contains("unknown field `databse`"));
        assert!(
            with("{ env = \"BATCH_SECRET\" }", "\"hunter2\"").contains("secrets never stand in the file")
        );
        assert!(!with("{ env = \"BATCH_SECRET\" }", "\"hunter2\"").contains("hunter2"));
        assert!(with("\"resource:report/*\"", "\"files:*\"").contains("`files:*` is no action"));
        assert!(with("scopes = [\"read:report\"]", "scopes = [\"x\"]").contains("has no scope `x`"));
        assert!(with("sqlite:prokura.db", "postgres://u:p@h/d").contains("env = \"DATABASE_URL\""));
        assert!(with("name = \"sales\"", "name = \"Sales\"").contains("lower-case"));
        assert!(with("http://localhost:9400", "https://as.example/").contains("write `https://as.example`"));
        assert!(with("name = \"sales\"", "name = \"admin\"").contains("choose another name"));
        let admin = "\n[[client.grant]]\nresource = \"admin\"\nscopes = [\"facts:write\"]";
        assert!(Config::parse(&format!("{GOOD}{admin}")).unwrap().has_admin());
        assert!(!Config::parse(GOOD).unwrap().has_admin());
        let typo = admin.replace("facts:write", "facts:rite");
        assert!(error(&format!("{GOOD}{typo}")).contains("no scope `facts:rite`"));
        assert!(
            error(&format!("{}{admin}", GOOD.replace("client_credentials", "token_exchange")))
                .contains("client_credentials")
        );
        assert!(error(&format!("{GOOD}\n[tokens]\naccess = \"2h\"")).contains("at most 1h"));
        assert!(error(&format!("{GOOD}\n[status_list]\nttl = \"2d\"")).contains("at most 1d"));
        assert!(
            error(&format!("{GOOD}\n[registration]\ndynamic = \"token\"")).contains("initial_access_token")
        );
        assert!(
            error(&format!("{}\n[dev]", GOOD.replace("http://localhost:9400", "https://as.example")))
                .contains("localhost")
        );
    }
}
