//! What cannot be of an identity provider: an issuer that is not one, and policies that would let everybody in.

use crate::check::{Checked, unique};
use crate::{Config, ConfigError, IdentityProvider, Linking, Preset};
use url::{Host, Url};

pub(crate) fn check(config: &Config) -> Checked {
    unique("identity_provider.name", config.identity_providers.iter().map(|p| p.name.as_str()))?;
    unique("identity_provider.issuer", config.identity_providers.iter().map(IdentityProvider::issuer))?;
    config.identity_providers.iter().try_for_each(provider)
}

fn refuse(p: &IdentityProvider, what: &str, reason: impl Into<String>, fix: impl Into<String>) -> Checked {
    Err(ConfigError::value(format!("identity_provider {}{what}", p.name), reason, fix))
}

fn provider(p: &IdentityProvider) -> Checked {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if p.name.is_empty() || p.name.len() > 64 || !p.name.bytes().all(fine) {
        let fix = "use 1 to 64 lower-case letters, digits, `-` or `_`";
        return refuse(p, ".name", "it cannot stand in an address", fix);
    }
    if p.client_secret.is_some() == p.private_key.is_some() {
        let fix = "give either `client_secret` or `private_key`";
        return refuse(p, "", "it does not say how this server proves who it is there", fix);
    }
    issuer(p)?;
    linking(p)?;
    groups(p)
}

fn issuer(p: &IdentityProvider) -> Checked {
    let Some(text) = &p.issuer else {
        return match p.preset {
            Preset::Google => Ok(()),
            _ => refuse(p, ".issuer", "it is missing", "write it as it stands in the provider's metadata"),
        };
    };
    let url = Url::parse(text).ok().filter(|u| u.query().is_none() && u.fragment().is_none());
    let Some(url) = url.filter(|u| u.scheme() == "https" || is_loopback(u)) else {
        let fix = "write it as it stands in the provider's metadata, like `https://idp.example.com`";
        return refuse(p, ".issuer", format!("`{text}` is no issuer"), fix);
    };
    quirks(p, text, &url)
}

fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
}

fn quirks(p: &IdentityProvider, text: &str, url: &Url) -> Checked {
    let first = url.path_segments().and_then(|mut s| s.next()).unwrap_or_default();
    let (wrong, fix) = match p.preset {
        Preset::Google => {
            (text != IdentityProvider::GOOGLE, "leave it out, or write `https://accounts.google.com`")
        }
        Preset::Keycloak => (
            !url.path().contains("/realms/") || url.path().ends_with('/'),
            "write the realm's address, like `https://keycloak.example.com/realms/corp`",
        ),
        Preset::Entra => (
            ["common", "organizations", "consumers", ""].contains(&first) || !url.path().ends_with("/v2.0"),
            "name your tenant: `https://login.microsoftonline.com/TENANT-ID/v2.0`",
        ),
        Preset::Okta => (
            !(url.path() == "/" && !text.ends_with('/') || first == "oauth2"),
            "write `https://DOMAIN.okta.com` or `https://DOMAIN.okta.com/oauth2/default`",
        ),
        Preset::Generic => (false, ""),
    };
    if wrong {
        refuse(p, ".issuer", format!("`{text}` is not the issuer of one organisation"), fix)
    } else {
        Ok(())
    }
}

fn linking(p: &IdentityProvider) -> Checked {
    if p.preset == Preset::Entra && (p.link == Linking::VerifiedEmail || !p.allowed_domains.is_empty()) {
        let reason = "Entra does not say whether an e-mail address is verified: whoever administers a tenant can write any";
        return refuse(
            p,
            ".link",
            reason,
            "use `invite` or `create`, and `allowed_groups` instead of domains",
        );
    }
    let open = p.allowed_domains.is_empty() && p.allowed_groups.is_empty();
    if p.preset == Preset::Google && p.link == Linking::Create && open {
        let reason = "anybody with a Google account would become a user";
        return refuse(p, ".link", reason, "add `allowed_domains = [\"example.com\"]`");
    }
    if let Some(odd) =
        p.allowed_domains.iter().find(|d| d.is_empty() || d.contains('@') || **d != d.to_lowercase())
    {
        return refuse(p, ".allowed_domains", format!("`{odd}` is no domain"), "write it like `example.com`");
    }
    Ok(())
}

fn groups(p: &IdentityProvider) -> Checked {
    let fine = |g: &String| {
        !g.is_empty() && g.len() <= 64 && !g.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    match p.groups.values().find(|g| !fine(g)) {
        Some(odd) => refuse(
            p,
            ".groups",
            format!("`{odd}` is no name of a group"),
            "use 1 to 64 characters without white space",
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn error(provider: &str) -> String {
        let text = format!(
            "issuer = \"https://as.example\"\ndatabase = \"sqlite:x.db\"\n[[identity_provider]]\nname = \"corp\"\nclient_id = \"c\"\n{provider}"
        );
        Config::parse(&text).map_or_else(|e| e.to_string(), |_| String::new())
    }

    const SECRET: &str = "client_secret = { env = \"S\" }\n";

    #[test]
    fn right_providers_are_read() {
        for fine in [
            "issuer = \"https://idp.example\"",
            "preset = \"google\"\nlink = \"create\"\nallowed_domains = [\"example.com\"]",
            "preset = \"keycloak\"\nissuer = \"https://kc.example/realms/corp\"\n[identity_provider.acr]\n\"2\" = \"mfa\"",
            "preset = \"entra\"\nissuer = \"https://login.microsoftonline.com/8c2e/v2.0\"",
            "preset = \"okta\"\nissuer = \"https://x.okta.com\"",
            "preset = \"okta\"\nissuer = \"https://x.okta.com/oauth2/default\"",
        ] {
            assert_eq!(error(&format!("{SECRET}{fine}")), "", "{fine}");
        }
    }

    #[test]
    fn what_would_trust_the_wrong_ones_is_refused_with_the_fix() {
        for (wrong, says) in [
            ("issuer = \"http://idp.example\"", "is no issuer"),
            ("preset = \"keycloak\"\nissuer = \"https://kc.example\"", "/realms/corp"),
            (
                "preset = \"entra\"\nissuer = \"https://login.microsoftonline.com/common/v2.0\"",
                "name your tenant",
            ),
            ("preset = \"okta\"\nissuer = \"https://x.okta.com/\"", "oauth2/default"),
            ("preset = \"google\"\nlink = \"create\"", "anybody with a Google account"),
            (
                "preset = \"entra\"\nissuer = \"https://login.microsoftonline.com/8c2e/v2.0\"\nlink = \"verified_email\"",
                "does not say whether",
            ),
            ("issuer = \"https://idp.example\"\nallowed_domains = [\"@Example.com\"]", "is no domain"),
            ("issuer = \"https://idp.example\"\ngroups = { \"A B\" = \"a b\" }", "is no name of a group"),
        ] {
            let said = error(&format!("{SECRET}{wrong}"));
            assert!(said.contains(says), "{wrong}: {said}");
        }
        assert!(
            error("issuer = \"https://idp.example\"").contains("either `client_secret` or `private_key`")
        );
    }
}
