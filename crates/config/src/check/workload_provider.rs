//! Whose word about workloads is believed: what would let anybody in, or nobody.

use super::{Checked, unique, workload_spiffe};
use crate::{Config, ConfigError, PlatformName, Span, WorkloadProvider};
use url::Url;

pub(super) fn check(config: &Config) -> Checked {
    let all = &config.workload.providers;
    unique("workload.provider.name", all.iter().map(|p| p.name.as_str()))?;
    let issuers: Vec<String> = all.iter().flat_map(WorkloadProvider::issuers).collect();
    unique("workload.provider.issuer", issuers.iter().map(String::as_str))?;
    all.iter().try_for_each(|p| provider(config, p))
}

pub(super) fn wrong(
    p: &WorkloadProvider,
    what: &str,
    reason: impl Into<String>,
    fix: impl Into<String>,
) -> ConfigError {
    ConfigError::value(format!("workload.provider {}{what}", p.name), reason, fix)
}

fn provider(config: &Config, p: &WorkloadProvider) -> Checked {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if p.name.is_empty() || p.name.len() > 64 || !p.name.bytes().all(fine) {
        let reason = format!("`{}` cannot be used", p.name);
        return Err(ConfigError::value(
            "workload.provider.name",
            reason,
            "use 1 to 64 lower-case letters, digits, `-` or `_`",
        ));
    }
    issuer(config, p)?;
    audience(p)?;
    keys(p)?;
    life(p)?;
    platform_keys(p)?;
    workload_spiffe::check(config, p)?;
    claims(p)
}

fn issuer(config: &Config, p: &WorkloadProvider) -> Checked {
    if p.issuer.as_ref().is_some_and(|i| i.as_str() == config.issuer.as_str()) {
        return Err(wrong(p, ".issuer", "it is this server itself", "name the issuer of the infrastructure"));
    }
    match p.platform {
        PlatformName::Azure => tenant(p),
        PlatformName::Kubernetes | PlatformName::Aws | PlatformName::Gitlab | PlatformName::Oidc
            if p.issuer.is_none() =>
        {
            Err(wrong(p, ".issuer", "it is missing", format!("write {}", where_issuer(p.platform))))
        }
        PlatformName::Gcp if p.issuer.as_ref().is_some_and(|i| i.as_str() != WorkloadProvider::GOOGLE) => {
            let fix = "remove it; for the issuer of a cluster, use platform `kubernetes`";
            Err(wrong(p, ".issuer", format!("Google's is `{}`", WorkloadProvider::GOOGLE), fix))
        }
        _ if p.tenant.is_some() => Err(wrong(p, ".tenant", "it is for Azure", "remove it")),
        _ => Ok(()),
    }
}

fn where_issuer(platform: PlatformName) -> &'static str {
    match platform {
        PlatformName::Kubernetes => {
            "what `kubectl get --raw /.well-known/openid-configuration` calls `issuer`, to the byte"
        }
        PlatformName::Aws => {
            "what `aws iam get-outbound-web-identity-federation-info` says: each account has its own"
        }
        PlatformName::Gitlab => "the address of the GitLab instance, such as `https://gitlab.com`",
        _ => "it as `iss` stands in its tokens",
    }
}

fn tenant(p: &WorkloadProvider) -> Checked {
    let Some(tenant) = &p.tenant else {
        let fix = "write the id of the one tenant whose identities are believed";
        return Err(wrong(p, ".tenant", "it is missing", fix));
    };
    let guid = tenant.len() == 36
        && tenant.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        });
    if !guid {
        let reason = format!("`{tenant}` is no tenant id");
        return Err(wrong(p, ".tenant", reason, "write the GUID in lower case; names can change hands"));
    }
    match &p.issuer {
        Some(issuer) if !issuer.as_str().contains(tenant.as_str()) => {
            Err(wrong(p, ".issuer", "it is that of another tenant", "make both the same, or remove it"))
        }
        _ => Ok(()),
    }
}

/// Tokens that were made for somebody else are no evidence here.
fn audience(p: &WorkloadProvider) -> Checked {
    let place = ".audience";
    if p.platform == PlatformName::Azure && p.audience.is_empty() {
        let fix = "register an application that stands for this server, and write its id or `api://…`";
        return Err(wrong(p, place, "Azure makes tokens for registered applications only", fix));
    }
    for aud in &p.audience {
        if aud.trim().is_empty() || aud.chars().any(char::is_control) {
            return Err(wrong(p, place, "an empty audience would let anybody in", "remove it"));
        }
        if let Some(whose) = somebody_else(p, aud) {
            let reason = format!("`{aud}` is {whose}, which could show such a token here");
            return Err(wrong(p, place, reason, "have tokens made for the address of this server"));
        }
    }
    Ok(())
}

fn somebody_else(p: &WorkloadProvider, aud: &str) -> Option<&'static str> {
    let host = Url::parse(aud).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default();
    let below = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    match p.platform {
        PlatformName::Kubernetes
            if p.issuer.as_ref().is_some_and(|i| i.as_str() == aud)
                || aud.contains("kubernetes.default.svc") =>
        {
            Some("the API server, for which every pod has a token")
        }
        PlatformName::Azure
            if [
                "management.azure.com",
                "management.core.windows.net",
                "graph.microsoft.com",
                "vault.azure.net",
            ]
            .iter()
            .any(|d| below(d)) =>
        {
            Some("a service of Azure")
        }
        PlatformName::Github if below("github.com") => Some("what GitHub writes if nothing is asked for"),
        PlatformName::Aws if below("amazonaws.com") => Some("a service of AWS"),
        _ => None,
    }
}

fn keys(p: &WorkloadProvider) -> Checked {
    let sources = [&p.jwks_uri, &p.jwks_file, &p.jwks].into_iter().flatten().count();
    if sources > 1 {
        let fix = "keep one of `jwks_uri`, `jwks_file` and `jwks`";
        return Err(wrong(p, "", "it says twice where its keys are", fix));
    }
    let fixed = p.jwks_file.is_some() || p.jwks.is_some();
    if fixed
        && (p.metadata_url.is_some() || p.token_file.is_some() || (p.ca_file.is_some() && p.review.is_none()))
    {
        let reason = "its keys are given, so nothing is fetched";
        return Err(wrong(p, "", reason, "remove `metadata_url`, `ca_file` and `token_file`, or the keys"));
    }
    if p.algorithms.as_ref().is_some_and(Vec::is_empty) {
        return Err(wrong(p, ".algorithms", "an empty list lets nobody in", "name one, or remove it"));
    }
    for (key, address) in [(".metadata_url", &p.metadata_url), (".jwks_uri", &p.jwks_uri)] {
        address.as_deref().map_or(Ok(()), |a| protected(p, key, a))?;
    }
    if p.keys_max_age > Span::hours(24) {
        let reason = "a withdrawn key would be used for too long";
        return Err(wrong(p, ".keys_max_age", reason, "use at most 24h"));
    }
    Ok(())
}

pub(super) fn protected(p: &WorkloadProvider, key: &str, address: &str) -> Checked {
    let url = Url::parse(address).ok().filter(|u| u.host().is_some() && u.username().is_empty());
    let loopback = |u: &Url| matches!(u.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url {
        Some(u) if u.scheme() == "https" || (u.scheme() == "http" && loopback(&u)) => Ok(()),
        _ => Err(wrong(p, key, format!("`{address}` is no protected address"), "write it with `https://`")),
    }
}

fn life(p: &WorkloadProvider) -> Checked {
    if p.leeway > Span::minutes(2) {
        return Err(wrong(p, ".leeway", "it is too long to be safe", "use at most 2m, and mend the clock"));
    }
    let most = if p.platform == PlatformName::Azure { Span::minutes(24 * 60 + 5) } else { Span::hours(24) };
    if p.max_life() > most {
        let reason = "a token that gets out would be good for too long";
        return Err(wrong(p, ".max_life", reason, "use at most 24h; an hour is enough for most platforms"));
    }
    if p.platform == PlatformName::Kubernetes && p.max_life() > Span::hours(1) {
        let reason = "a default-mounted token, which is good for a year, should not come near";
        let fix = "use at most 1h, and `expirationSeconds: 3600` or less in the volume";
        return Err(wrong(p, ".max_life", reason, fix));
    }
    Ok(())
}

/// Keys that mean nothing on this platform would only seem to protect.
fn platform_keys(p: &WorkloadProvider) -> Checked {
    let kubernetes = p.platform == PlatformName::Kubernetes;
    if let Some(review) = &p.review {
        if !kubernetes {
            return Err(wrong(p, ".review", "only Kubernetes reviews tokens", "remove it"));
        }
        protected(p, ".review.server", &review.server)?;
    }
    if !p.require_instance && !kubernetes && p.platform != PlatformName::Gcp {
        return Err(wrong(p, ".require_instance", "it is for Kubernetes and GCP", "remove it"));
    }
    if p.platform != PlatformName::Oidc && (!p.claims.is_empty() || p.instance.is_some()) {
        let reason = "the claims of this platform have their names already";
        return Err(wrong(p, ".claims", reason, "remove `claims` and `instance`, or use platform `oidc`"));
    }
    Ok(())
}

fn claims(p: &WorkloadProvider) -> Checked {
    let reserved = ["subject", "iss", "aud", "exp", "iat", "nbf", "jti"];
    for (name, claim) in &p.claims {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(fine) || reserved.contains(&name.as_str())
        {
            let fix = "use lower-case letters, digits and `_`, and none of the registered names";
            return Err(wrong(p, ".claims", format!("`{name}` cannot be the name of a claim"), fix));
        }
        if claim.path.as_ref().is_some_and(|path| path.is_empty() || path.len() > 4) {
            let fix = "name one to four members, one after the other: `path = [\"project\", \"id\"]`";
            return Err(wrong(p, &format!(".claims.{name}"), "the way to it is empty or too long", fix));
        }
    }
    match &p.instance {
        Some(name) if !p.claims.contains_key(name) => {
            let reason = format!("there is no claim `{name}`");
            Err(wrong(p, ".instance", reason, "name one of `claims`, and make it `required`"))
        }
        _ => Ok(()),
    }
}
