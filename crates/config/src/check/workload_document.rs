//! Providers whose evidence is no token: whose workloads they are must be said, and nothing of tokens.

use super::Checked;
use super::workload_provider::wrong;
use crate::{Config, ConfigError, PlatformName, Span, WorkloadProvider};
use url::Url;

pub(super) fn check(config: &Config) -> Checked {
    config.workload.providers.iter().try_for_each(provider)?;
    let door = &config.workload.attester;
    let within = |span: Span, least: Span, most: Span| span >= least && span <= most;
    if !within(door.life, Span::minutes(1), Span::hours(1)) {
        return Err(ConfigError::value(
            "workload.attester.life",
            "an attestation that gets out is good for as long",
            "use 1m to 1h",
        ));
    }
    if !within(door.challenge_life, Span::seconds(10), Span::minutes(10)) {
        let fix = "use 10s to 10m";
        return Err(ConfigError::value(
            "workload.attester.challenge_life",
            "it is too short or too long",
            fix,
        ));
    }
    if door.per_minute == 0 {
        return Err(ConfigError::value("workload.attester.per_minute", "0 lets nobody in", "use at least 1"));
    }
    Ok(())
}

fn provider(p: &WorkloadProvider) -> Checked {
    use PlatformName as P;
    let of = |platforms: &[PlatformName]| platforms.contains(&p.platform);
    let misplaced = [
        ("accounts", p.accounts.is_empty(), of(&[P::AwsCaller, P::Ec2])),
        ("regions", p.regions.is_empty(), of(&[P::AwsCaller, P::Ec2])),
        ("sts_endpoint", p.sts_endpoint.is_none(), of(&[P::AwsCaller])),
        ("subscriptions", p.subscriptions.is_empty(), of(&[P::AzureVm])),
        ("metadata_name", p.metadata_name.is_none(), of(&[P::AzureVm])),
        ("certificate_files", p.certificate_files.is_empty(), of(&[P::Ec2, P::AzureVm])),
        ("root_files", p.root_files.is_empty(), of(&[P::AzureVm])),
        ("old_certificate_files", p.old_certificate_files.is_empty(), of(&[P::Ec2])),
    ];
    if let Some((key, ..)) = misplaced.into_iter().find(|(_, absent, belongs)| !absent && !belongs) {
        return Err(wrong(p, &format!(".{key}"), "it means nothing on this platform", "remove it"));
    }
    if of(&[P::AwsCaller, P::Ec2]) {
        accounts(p)?;
    }
    if of(&[P::AzureVm]) {
        subscriptions(p)?;
    }
    if of(&[P::AwsCaller, P::Ec2, P::AzureVm]) { no_token(p) } else { Ok(()) }
}

fn accounts(p: &WorkloadProvider) -> Checked {
    if p.accounts.is_empty() {
        let reason = "without it, everybody who has an account would be believed";
        return Err(wrong(p, ".accounts", reason, "name the accounts: `accounts = [\"123456789012\"]`"));
    }
    let fine = |a: &&String| a.len() != 12 || !a.bytes().all(|b| b.is_ascii_digit());
    if let Some(odd) = p.accounts.iter().find(fine) {
        return Err(wrong(p, ".accounts", format!("`{odd}` is no account"), "write its twelve digits"));
    }
    match &p.sts_endpoint {
        Some(endpoint) if !is_protected(endpoint) => {
            let reason = format!("`{endpoint}` is no protected address");
            Err(wrong(
                p,
                ".sts_endpoint",
                reason,
                "use `https`, or `http` on a loopback address, without a path",
            ))
        }
        _ => Ok(()),
    }
}

fn is_protected(address: &str) -> bool {
    let loopback = |u: &Url| matches!(u.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    Url::parse(address).is_ok_and(|u| {
        let bare = u.path() == "/" && u.query().is_none() && u.fragment().is_none();
        bare && (u.scheme() == "https" || (u.scheme() == "http" && loopback(&u)))
    })
}

fn subscriptions(p: &WorkloadProvider) -> Checked {
    if p.subscriptions.is_empty() {
        let reason = "without it, everybody who has a subscription would be believed";
        return Err(wrong(p, ".subscriptions", reason, "name the subscriptions by their GUIDs"));
    }
    if let Some(odd) = p.subscriptions.iter().find(|s| !is_guid(s)) {
        let reason = format!("`{odd}` is no subscription");
        return Err(wrong(p, ".subscriptions", reason, "write the GUID in lower case"));
    }
    let known = ["metadata.azure.com", "metadata.azure.us", "metadata.azure.cn"];
    match &p.metadata_name {
        Some(name) if !known.contains(&name.as_str()) => {
            let reason = format!("`{name}` is no cloud of Azure");
            Err(wrong(p, ".metadata_name", reason, "use `metadata.azure.com`, `.us` or `.cn`"))
        }
        _ => Ok(()),
    }
}

fn is_guid(text: &str) -> bool {
    let fits = |(at, b): (usize, u8)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// Keys of tokens would only seem to protect.
fn no_token(p: &WorkloadProvider) -> Checked {
    let given = [
        ("issuer", p.issuer.is_some()),
        ("audience", !p.audience.is_empty()),
        ("several_audiences", p.several_audiences),
        ("metadata_url", p.metadata_url.is_some()),
        ("jwks_uri", p.jwks_uri.is_some()),
        ("jwks_file", p.jwks_file.is_some()),
        ("jwks", p.jwks.is_some()),
        ("ca_file", p.ca_file.is_some()),
        ("token_file", p.token_file.is_some()),
        ("algorithms", p.algorithms.is_some()),
        ("max_life", p.max_life.is_some()),
        ("replay", p.replay.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((key, _)) => {
            Err(wrong(p, &format!(".{key}"), "it is about tokens, and this platform has none", "remove it"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn parse(text: &str) -> Result<Config, String> {
        let base = "issuer = \"https://as.example\"\ndatabase = \"sqlite:p.db\"\n[[workload.provider]]\nname = \"p\"\n";
        Config::parse(&format!("{base}{text}")).map_err(|e| e.to_string())
    }

    const CALLER: &str = "platform = \"aws_caller\"\naccounts = [\"123456789012\"]\n";
    const MACHINE: &str =
        "platform = \"azure_vm\"\nsubscriptions = [\"0afbfffa-5df9-4a3b-987e-fe7577624272\"]\n";

    #[test]
    fn right_providers_are_read() {
        parse(CALLER).unwrap();
        parse(&format!("{CALLER}regions = [\"eu-west-1\"]\nsts_endpoint = \"http://127.0.0.1:9000\""))
            .unwrap();
        parse("platform = \"ec2\"\naccounts = [\"123456789012\"]\nold_certificate_files = [\"a.pem\"]")
            .unwrap();
        parse(&format!("{MACHINE}metadata_name = \"metadata.azure.us\"")).unwrap();
    }

    #[test]
    fn d07_a_provider_without_accounts_or_subscriptions_is_refused() {
        for (text, says) in [
            ("platform = \"aws_caller\"".to_owned(), "everybody who has an account"),
            ("platform = \"ec2\"".to_owned(), "everybody who has an account"),
            ("platform = \"azure_vm\"".to_owned(), "everybody who has a subscription"),
            ("platform = \"ec2\"\naccounts = [\"*\"]".to_owned(), "twelve digits"),
            ("platform = \"azure_vm\"\nsubscriptions = [\"*\"]".to_owned(), "GUID in lower case"),
            (format!("{CALLER}sts_endpoint = \"http://sts.example\""), "no protected address"),
            (format!("{CALLER}sts_endpoint = \"https://sts.example/x\""), "no protected address"),
            (format!("{CALLER}root_files = [\"a\"]"), "means nothing on this platform"),
            (format!("{CALLER}audience = [\"a\"]"), "it is about tokens"),
            (format!("{CALLER}replay = \"until_exp\""), "it is about tokens"),
            (format!("{MACHINE}metadata_name = \"evil.example\""), "no cloud of Azure"),
            (format!("{CALLER}[workload.attester]\nlife = \"2h\""), "use 1m to 1h"),
            (format!("{CALLER}[workload.attester]\nchallenge_life = \"1h\""), "use 10s to 10m"),
            (format!("{CALLER}[workload.attester]\nper_minute = 0"), "lets nobody in"),
        ] {
            let error = parse(&text).err().unwrap_or_else(|| panic!("it was taken: {text}"));
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
