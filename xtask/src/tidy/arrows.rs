//! Which crate may know which: arrows point down only. And that what is depended on is used.

use crate::workspace::File;
use anyhow::{Context, Result};
use toml::Table;

/// Each crate of ours, and those of ours that it may depend on. `testkit` and `xtask` are for development only, so
/// nobody may depend on them but as a development dependency.
const ARROWS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("oauth", &["core"]),
    ("mcp", &["core", "oauth"]),
    ("connect", &["core", "oauth", "mcp", "egress", "sdk"]),
    ("egress", &["core", "oauth"]),
    ("verify", &["core", "oauth", "egress"]),
    ("spiffe", &["core", "oauth"]),
    ("attest", &["core", "oauth", "verify", "egress", "config", "spiffe"]),
    ("facts", &["core", "oauth", "policy", "config", "store", "egress"]),
    // Conditional access at work: between the pure policies and those who enforce.
    ("access", &["core", "oauth", "policy", "ledger", "store"]),
    ("ledger", &["core", "oauth"]),
    ("policy", &["core", "oauth"]),
    ("engines", &["core", "oauth", "policy"]),
    ("relations", &["core", "oauth"]),
    // The decision point at work: between the pure engines and those who enforce.
    ("decider", &["core", "oauth", "policy", "engines", "relations", "ledger", "store", "egress", "config"]),
    ("config", &["core", "policy"]),
    ("ui", &["core"]),
    ("store", &["core", "oauth", "ledger"]),
    (
        "gateway",
        &[
            "core",
            "oauth",
            "verify",
            "mcp",
            "egress",
            "ledger",
            "policy",
            "config",
            "store",
            "facts",
            "access",
            "decider",
            "relations",
        ],
    ),
    (
        "server",
        &[
            "core",
            "oauth",
            "verify",
            "mcp",
            "attest",
            "egress",
            "ledger",
            "policy",
            "config",
            "store",
            "facts",
            "access",
            "decider",
            "relations",
            "ui",
        ],
    ),
    // Published: it must not drag a server along.
    ("sdk", &["core", "oauth", "verify", "mcp", "egress", "spiffe"]),
    ("doctor", &["core", "oauth", "mcp", "egress"]),
    // The demo is a client and an upstream: it knows the wire, and nothing of how Prokura works.
    ("demo", &["core", "oauth", "egress"]),
    (
        "cli",
        &[
            "core",
            "oauth",
            "egress",
            "ledger",
            "policy",
            "config",
            "store",
            "ui",
            "gateway",
            "server",
            "demo",
            "sdk",
            "connect",
            "doctor",
            "attest",
            "facts",
            "verify",
            "mcp",
            "access",
            "decider",
            "engines",
            "relations",
        ],
    ),
    (
        "testkit",
        &[
            "core",
            "oauth",
            "egress",
            "ledger",
            "policy",
            "config",
            "store",
            "gateway",
            "server",
            "access",
            "decider",
            "engines",
            "relations",
        ],
    ),
    ("xtask", &["config"]),
    ("fuzz", &["core", "oauth", "egress", "policy", "gateway", "relations", "decider"]),
];

/// Crates that one place alone may name, since everybody else goes through that place.
const KEPT: [(&str, &[&str]); 8] = [
    ("rusqlite", &["store", "demo"]),
    ("postgres", &["store"]),
    ("tokio-postgres", &["store"]),
    ("sqlx", &[]),
    ("getrandom", &["core"]),
    ("hyper-rustls", &["egress"]),
    ("reqwest", &[]),
    ("jsonwebtoken", &[]),
];

/// What is named only to choose its features, and so is never seen in a source.
const FOR_FEATURES: [&str; 1] = ["passkey-types"];

/// What breaks the arrows.
pub(super) fn broken(files: &[File]) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for manifest in files.iter().filter(|f| f.path.ends_with("Cargo.toml") && has_arrows(f.home())) {
        let parsed: Table = manifest.text.parse().with_context(|| manifest.path.clone())?;
        let sources: Vec<&File> =
            files.iter().filter(|f| f.is_rust() && f.home() == manifest.home()).collect();
        let checked = Manifest { path: &manifest.path, name: short(manifest.home()), parsed: &parsed };
        broken.extend(checked.points_up());
        broken.extend(checked.names_what_is_kept());
        broken.extend(checked.unused(&sources));
    }
    Ok(broken)
}

fn has_arrows(home: &str) -> bool {
    home.starts_with("crates/") || home == "xtask" || home == "fuzz"
}

fn short(home: &str) -> &str {
    home.trim_start_matches("crates/")
}

struct Manifest<'a> {
    path: &'a str,
    name: &'a str,
    parsed: &'a Table,
}

impl Manifest<'_> {
    fn names(&self, section: &str) -> impl Iterator<Item = &str> {
        self.parsed
            .get(section)
            .and_then(toml::Value::as_table)
            .into_iter()
            .flatten()
            .map(|(k, _)| k.as_str())
    }

    fn points_up(&self) -> Vec<String> {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == self.name) else {
            return vec![format!("{}: give this crate its row in the table of arrows", self.path)];
        };
        self.names("dependencies")
            .filter_map(|d| d.strip_prefix("prokura-"))
            .filter(|d| !allowed.contains(d))
            .map(|d| format!("{}: `{}` may not depend on `{d}`", self.path, self.name))
            .collect()
    }

    fn names_what_is_kept(&self) -> Vec<String> {
        let keeper = |d: &str| KEPT.iter().find(|(kept, by)| *kept == d && !by.contains(&self.name));
        self.names("dependencies")
            .filter(|d| keeper(d).is_some())
            .map(|d| format!("{}: `{}` may not name `{d}`", self.path, self.name))
            .collect()
    }

    fn unused(&self, sources: &[&File]) -> Vec<String> {
        let is_used = |name: &str| {
            let ident = name.replace('-', "_");
            sources.iter().any(|f| has_word(&f.text, &ident))
        };
        ["dependencies", "dev-dependencies"]
            .into_iter()
            .flat_map(|section| self.names(section))
            .filter(|name| !FOR_FEATURES.contains(name) && !is_used(name))
            .map(|name| format!("{}: nothing uses `{name}`", self.path))
            .collect()
    }
}

fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(home: &str, manifest: &str, source: &str) -> Vec<String> {
        let file = |path: &str, text: &str| File { path: format!("{home}/{path}"), text: text.into() };
        broken(&[file("Cargo.toml", manifest), file("src/lib.rs", source)]).unwrap()
    }

    #[test]
    fn an_arrow_that_points_up_is_seen() {
        let manifest = "[dependencies]\nprokura-store.workspace = true\n";
        let said = said("crates/oauth", manifest, "use prokura_store::Store;");
        assert_eq!(said, ["crates/oauth/Cargo.toml: `oauth` may not depend on `store`"]);
    }

    #[test]
    fn a_driver_outside_the_store_is_seen_and_in_its_tests_it_is_not() {
        let source = "use rusqlite::Connection;";
        let said = |section: &str| said("crates/server", &format!("[{section}]\nrusqlite = \"1\"\n"), source);
        assert_eq!(said("dependencies"), ["crates/server/Cargo.toml: `server` may not name `rusqlite`"]);
        assert!(said("dev-dependencies").is_empty());
    }

    #[test]
    fn a_dependency_that_nothing_uses_is_seen() {
        let said = said("crates/core", "[dependencies]\nserde-json = \"1\"\n", "fn my_serde_json() {}");
        assert_eq!(said, ["crates/core/Cargo.toml: nothing uses `serde-json`"]);
    }

    #[test]
    fn a_crate_without_a_row_is_seen() {
        assert_eq!(said("crates/new", "[dependencies]\n", "").len(), 1);
    }
}
