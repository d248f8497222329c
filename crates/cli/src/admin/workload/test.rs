//! `prokura workload test`: what would become of a token, with what was expected and what was received.

use super::super::Opened;
use crate::failure::Failure;
use crate::serve::service;
use crate::show::{exact, json, plain, print};
use clap::Args;
use prokura_attest::Providers;
use prokura_server::{Examination, TriedRule, examine};
use prokura_store::StoreError;
use std::io::Read as _;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The token; `-` reads it from standard input
    token: String,
    /// Judge it as the authentication of a client, not as a grant
    #[arg(long)]
    as_client: bool,
}

/// The longest token that is read.
const MAX_TOKEN: u64 = 64 * 1024;

impl Opened {
    pub(super) async fn test_token(&self, args: TestArgs) -> Result<(), Failure> {
        let token = match args.token.as_str() {
            "-" => {
                let mut text = String::new();
                let read = std::io::stdin().take(MAX_TOKEN).read_to_string(&mut text);
                read.map_err(Failure::refused)?;
                text
            }
            given => given.to_owned(),
        };
        let config = &self.loaded.config;
        let egress = service::egress(config, &service::trust(config)?)?;
        let providers = Providers::new(config, &egress, Arc::clone(&self.clock)).map_err(Failure::usage)?;
        let stored = self.store.read::<_, StoreError>(|tx| tx.workload_rules()).await?;
        let found = examine(config, &providers, &stored, &token, args.as_client).await;
        if self.json {
            let text = String::from_utf8(found.to_object().to_vec()).map_err(Failure::refused)?;
            let value: serde_json::Value = serde_json::from_str(&text).map_err(Failure::refused)?;
            json(&value)?;
        } else {
            print(said(&found))?;
        }
        match found.matched() {
            Some(_) => Ok(()),
            None => Err(Failure::refused("a workload that shows this token gets nothing here")),
        }
    }
}

fn said(found: &Examination) -> String {
    let evidence = match &found.outcome {
        Err(why) => return format!("not believed: {}", plain(&why.to_string())),
        Ok(evidence) => evidence,
    };
    let mut lines = vec![
        format!("believed   {} ({})", plain(&evidence.provider), evidence.platform),
        format!("subject    {}", plain(&evidence.subject)),
        format!("instance   {}", plain(&evidence.instance)),
        format!("until      {}", exact(evidence.expires_at)),
    ];
    lines.extend(
        evidence
            .claims
            .iter()
            .map(|(name, value)| format!("claim      {} = {}", plain(name), plain(&value.to_string()))),
    );
    if found.rules.is_empty() {
        lines.push(format!("no rule is for the provider `{}`", plain(&evidence.provider)));
    }
    for rule in &found.rules {
        lines.extend(of_rule(rule));
    }
    lines.join("\n")
}

fn of_rule(rule: &TriedRule) -> Vec<String> {
    let from = if rule.stored { "store" } else { "file" };
    if rule.mismatches.is_empty() {
        let mut lines = vec![format!("rule       {} ({from}) matches: {}", rule.name, rule.agent)];
        lines.extend(rule.grants.iter().map(|(at, scopes)| format!("may        {scopes} at {at}")));
        return lines;
    }
    let mut lines = vec![format!("rule       {} ({from}) does not match:", rule.name)];
    lines.extend(rule.mismatches.iter().map(|m| {
        let received = m.received.as_ref().map_or("nothing".to_owned(), |r| plain(&r.to_string()));
        format!(
            "             {}: expected {}, received {received}",
            plain(&m.claim),
            plain(&m.expected.to_string())
        )
    }));
    lines
}
