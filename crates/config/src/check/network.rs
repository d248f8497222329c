//! Proxies, places, and who speaks of postures.

use super::{Checked, unique};
use crate::{ClientCertificates, Config, ConfigError, FactIssuer, Span};

/// A month: what was said longer ago than this must be said again.
const LONGEST: Span = Span::days(30);

pub(super) fn check(config: &Config) -> Checked {
    for text in &config.network.trusted_proxies {
        prokura_core::Network::parse(text).map_err(|e| {
            let reason = format!("`{text}` cannot be a proxy's: {e}");
            ConfigError::value("network.trusted_proxies", reason, "name the proxies alone")
        })?;
    }
    if let Some(wide) = config.network.trusted_proxies.iter().find(|text| text.ends_with("/0")) {
        let reason = format!("with `{wide}` everybody could say where everybody is");
        return Err(ConfigError::value("network.trusted_proxies", reason, "name the proxies alone"));
    }
    if config.tls.client_certificates == ClientCertificates::Proxy
        && config.network.trusted_proxies.is_empty()
    {
        let reason = "certificates come by way of a proxy, and no proxy is trusted";
        let fix = "name it in `[network] trusted_proxies`";
        return Err(ConfigError::value("tls.client_certificates", reason, fix));
    }
    unique("facts.issuer", config.facts.issuers.iter().map(|i| i.issuer.as_str()))?;
    config.facts.issuers.iter().try_for_each(issuer)
}

fn issuer(i: &FactIssuer) -> Checked {
    let key = |what: &str| format!("facts.issuer {}{what}", i.issuer);
    if i.issuer.is_empty() {
        return Err(ConfigError::value("facts.issuer.issuer", "it is empty", "write what stands in `iss`"));
    }
    if i.jwks_uri.is_some() == i.jwks_file.is_some() {
        let reason = "its keys must be at one place";
        return Err(ConfigError::value(key(""), reason, "give `jwks_uri` or `jwks_file`"));
    }
    if i.about.is_empty() {
        return Err(ConfigError::value(
            key(".about"),
            "it may speak of nothing",
            "remove it, or name `host`",
        ));
    }
    if i.max_age > LONGEST {
        return Err(ConfigError::value(key(".max_age"), "it is too long to say anything", "use at most 30d"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    const GOOD: &str = r#"
        issuer = "https://as.example"
        database = "sqlite:prokura.db"
        [network]
        trusted_proxies = ["10.0.0.0/8"]
        [tls]
        client_certificates = "proxy"
        [facts]
        [[facts.issuer]]
        issuer = "https://edr.example"
        jwks_uri = "https://edr.example/jwks"
    "#;

    #[test]
    fn a_wrong_file_names_the_place_and_the_fix() {
        let read = |text: &str| crate::Config::parse(text).map(drop).map_err(|e| e.to_string());
        read(GOOD).unwrap();
        let proxies = "trusted_proxies = [\"10.0.0.0/8\"]";
        let changed = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            read(&GOOD.replace(from, to)).unwrap_err()
        };
        for (from, to, said) in [
            ("10.0.0.0/8", "10.0.0.1/8", "write `10.0.0.0/8` for the network"),
            ("10.0.0.0/8", "0.0.0.0/0", "everybody could say where everybody is"),
            (proxies, "", "name it in `[network] trusted_proxies`"),
            ("jwks_uri = \"https://edr.example/jwks\"", "", "give `jwks_uri` or `jwks_file`"),
            ("jwks_uri", "about = []\njwks_uri", "name `host`"),
            ("jwks_uri", "max_age = \"31d\"\njwks_uri", "use at most 30d"),
        ] {
            let error = changed(from, to);
            assert!(error.contains(said), "{error}");
        }
    }
}
