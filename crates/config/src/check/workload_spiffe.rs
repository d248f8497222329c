//! SPIFFE trust domains among the providers: each with the bundle that is its own.

use super::Checked;
use super::workload_provider::{protected, wrong};
use crate::{Config, EndpointProfile, PlatformName, SpiffeBundle, WorkloadProvider};

pub(super) fn check(config: &Config, p: &WorkloadProvider) -> Checked {
    if p.platform != PlatformName::Spiffe {
        return match (&p.trust_domain, &p.bundle) {
            (None, None) => Ok(()),
            (Some(_), _) => Err(wrong(p, ".trust_domain", "it is for SPIFFE", "remove it")),
            (None, Some(_)) => Err(wrong(p, ".bundle", "it is for SPIFFE", "remove it")),
        };
    }
    trust_domain(config, p)?;
    let elsewhere = [&p.metadata_url, &p.jwks_uri, &p.jwks_file, &p.jwks, &p.token_file];
    if p.issuer.is_some() || elsewhere.iter().any(|key| key.is_some()) {
        let reason = "the keys of a trust domain are in its bundle, whatever `iss` says";
        let fix = "remove `issuer`, `metadata_url`, `jwks_uri`, `jwks_file`, `jwks` and `token_file`, and write `bundle`";
        return Err(wrong(p, "", reason, fix));
    }
    let Some(of) = &p.bundle else {
        let fix = "write `bundle = { endpoint = \"https://…\", profile = \"https_web\" }`, or one with `file` or `workload_api`";
        return Err(wrong(p, ".bundle", "it is missing", fix));
    };
    bundle(p, of)
}

fn trust_domain(config: &Config, p: &WorkloadProvider) -> Checked {
    let place = ".trust_domain";
    let Some(name) = &p.trust_domain else {
        return Err(wrong(
            p,
            place,
            "it is missing",
            "write the name of the one trust domain, like `example.org`",
        ));
    };
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    if name.is_empty() || name.len() > 255 || !name.bytes().all(fine) {
        let fix =
            "write it as it stands after `spiffe://`: a-z, 0-9, `.`, `-` and `_`, without port and path";
        return Err(wrong(p, place, format!("`{name}` is no name of a trust domain"), fix));
    }
    let same = config.workload.providers.iter().filter(|other| other.trust_domain.as_ref() == Some(name));
    if same.count() > 1 {
        let fix = "keep one provider for it: two bundles for one name would let either speak for the other";
        return Err(wrong(p, place, format!("`{name}` stands there twice"), fix));
    }
    Ok(())
}

fn bundle(p: &WorkloadProvider, of: &SpiffeBundle) -> Checked {
    match of {
        SpiffeBundle { endpoint: Some(endpoint), workload_api: None, profile, .. } => {
            protected(p, ".bundle.endpoint", endpoint)?;
            profiled(p, of, *profile)
        }
        SpiffeBundle { endpoint: None, file, workload_api, profile: None, endpoint_id: None } => {
            if file.is_some() == workload_api.is_some() {
                let fix = "write one of `endpoint`, `file` and `workload_api`";
                return Err(wrong(p, ".bundle", "it does not come from exactly one place", fix));
            }
            if p.ca_file.is_some() {
                return Err(wrong(p, ".ca_file", "nothing is fetched over HTTPS", "remove it"));
            }
            workload_api.as_deref().map_or(Ok(()), |socket| self::socket(p, socket))
        }
        SpiffeBundle { endpoint: None, .. } => {
            let fix = "write `endpoint`, or remove `profile` and `endpoint_id`";
            Err(wrong(p, ".bundle", "there is no endpoint", fix))
        }
        _ => {
            let fix = "write one of `endpoint`, `file` and `workload_api`";
            Err(wrong(p, ".bundle", "it does not come from exactly one place", fix))
        }
    }
}

fn profiled(p: &WorkloadProvider, of: &SpiffeBundle, profile: Option<EndpointProfile>) -> Checked {
    match profile {
        None => {
            let reason = "how the endpoint proves who it is cannot be guessed from its address";
            Err(wrong(p, ".bundle.profile", reason, "write `https_web` or `https_spiffe`"))
        }
        Some(EndpointProfile::HttpsWeb) if of.endpoint_id.is_some() || of.file.is_some() => {
            let reason = "with `https_web` the endpoint proves its host name alone";
            Err(wrong(p, ".bundle", reason, "remove `endpoint_id` and `file`, or write `https_spiffe`"))
        }
        Some(EndpointProfile::HttpsSpiffe) if of.endpoint_id.is_none() || of.file.is_none() => {
            let reason =
                "with `https_spiffe` the endpoint proves a SPIFFE ID, by a bundle that is here already";
            let fix = "write `endpoint_id = \"spiffe://…\"`, and `file` with the bundle of its trust domain";
            Err(wrong(p, ".bundle", reason, fix))
        }
        Some(EndpointProfile::HttpsSpiffe) if p.ca_file.is_some() => {
            let reason = "with `https_spiffe` only the bundle says who the endpoint is";
            Err(wrong(p, ".ca_file", reason, "remove it"))
        }
        Some(_) => Ok(()),
    }
}

fn socket(p: &WorkloadProvider, socket: &str) -> Checked {
    let path = socket.strip_prefix("unix://").unwrap_or(socket);
    if path.starts_with('/') && path.len() > 1 {
        return Ok(());
    }
    let fix = "write it like `unix:///run/spire/sockets/agent.sock`";
    Err(wrong(p, ".bundle.workload_api", format!("`{socket}` is no socket"), fix))
}

#[cfg(test)]
mod tests {
    use crate::Config;

    const BASE: &str = "issuer = \"https://as.example\"\ndatabase = \"sqlite:prokura.db\"\n[[workload.provider]]\nname = \"mesh\"\nplatform = \"spiffe\"\n";
    const WEB: &str = "bundle = { endpoint = \"https://spire.example/bundle\", profile = \"https_web\" }\n";

    fn error(text: &str) -> String {
        let read = Config::parse(&format!("{BASE}{text}")).map_err(|e| e.to_string());
        read.err().unwrap_or_else(|| panic!("it was taken: {text}"))
    }

    #[test]
    fn a_bundle_comes_from_one_place() {
        for good in [
            WEB,
            "bundle = { endpoint = \"https://b.example\", profile = \"https_spiffe\", endpoint_id = \"spiffe://example.org/spire/server\", file = \"first.json\" }",
            "bundle = { file = \"bundle.json\" }",
            "bundle = { workload_api = \"unix:///run/spire/sockets/agent.sock\" }",
        ] {
            let text = format!("{BASE}trust_domain = \"example.org\"\n{good}");
            assert!(Config::parse(&text).is_ok(), "{good}: {:?}", Config::parse(&text).err());
        }
    }

    #[test]
    fn d07_a_trust_domain_without_a_bundle_of_its_own_is_refused_with_the_fix() {
        for (text, says) in [
            (WEB, "after `spiffe://`|the one trust domain"),
            ("trust_domain = \"Example.org\"\nbundle = { file = \"b\" }", "no name of a trust domain"),
            ("trust_domain = \"spiffe://example.org\"\nbundle = { file = \"b\" }", "as it stands after"),
            ("trust_domain = \"example.org:8081\"\nbundle = { file = \"b\" }", "without port"),
            ("trust_domain = \"example.org\"", "`bundle = { endpoint"),
            ("trust_domain = \"example.org\"\nbundle = {}", "one of `endpoint`"),
            ("trust_domain = \"example.org\"\nbundle = { endpoint = \"https://b\" }", "`https_web` or"),
            (
                "trust_domain = \"example.org\"\nbundle = { endpoint = \"http://b.example\", profile = \"https_web\" }",
                "no protected address",
            ),
            (
                "trust_domain = \"example.org\"\nbundle = { endpoint = \"https://b\", profile = \"https_spiffe\" }",
                "`endpoint_id",
            ),
            (
                "trust_domain = \"example.org\"\nbundle = { endpoint = \"https://b\", profile = \"https_web\", file = \"b\" }",
                "proves its host name alone",
            ),
            (
                "trust_domain = \"example.org\"\nbundle = { file = \"b\", workload_api = \"unix:///s\" }",
                "exactly one place",
            ),
            ("trust_domain = \"example.org\"\nbundle = { workload_api = \"tcp://1.2.3.4:5\" }", "no socket"),
            (
                "trust_domain = \"example.org\"\njwks_uri = \"https://a/keys\"\nbundle = { file = \"b\" }",
                "in its bundle",
            ),
            (
                "trust_domain = \"example.org\"\nissuer = \"https://oidc.example\"\nbundle = { file = \"b\" }",
                "whatever `iss` says",
            ),
            (
                "trust_domain = \"example.org\"\nbundle = { file = \"b\" }\n[[workload.provider]]\nname = \"other\"\nplatform = \"spiffe\"\ntrust_domain = \"example.org\"\nbundle = { file = \"c\" }",
                "stands there twice",
            ),
            (
                "trust_domain = \"example.org\"\nbundle = { file = \"b\" }\n[[workload.provider]]\nname = \"other\"\nplatform = \"github\"\ntrust_domain = \"a\"",
                "it is for SPIFFE",
            ),
        ] {
            let said = error(text);
            assert!(says.split('|').any(|s| said.contains(s)), "{text}: {said}");
        }
    }
}
