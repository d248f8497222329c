//! `prokura workload verify-live`: from where this runs, fetches what the real platform says, and verifies it as the server
//! would. Tokens that the keys of a live cloud signed for us cannot be had where the tests of this program run, so this is
//! how its user sees that a provider is right.

use crate::bridge::WorkloadArgs;
use crate::failure::Failure;
use crate::serve::load::Loaded;
use crate::serve::service::{egress, trust};
use crate::show::{Steps, claims, plain};
use clap::Args;
use prokura_attest::{Bound, Documents, Door, Evidence, NoRule, Providers, Rule, Rules};
use prokura_config::Config;
use prokura_core::{Clock, Platform, SystemClock, SystemRng, random_id};
use prokura_egress::Egress;
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_sdk::workload::{self, Workload};
use std::path::PathBuf;
use std::sync::Arc;

/// Fetch what the platform says of this process, and verify it as a server with this configuration would
#[derive(Debug, Args)]
pub(crate) struct VerifyLive {
    /// The platform; it is detected if it is not named
    #[arg(value_name = "PLATFORM", value_parser = platform)]
    platform: Option<Platform>,
    /// The configuration of the server, whose providers and rules are tried; nothing of it is changed, and its database is
    /// not opened
    #[arg(long, value_name = "FILE", conflicts_with = "issuer", required_unless_present = "issuer")]
    config: Option<PathBuf>,
    /// The address of an authorization server, where there is no configuration yet: the token is verified by the keys of
    /// whoever it says made it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Print an object with every step
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workload: WorkloadArgs,
}

fn platform(word: &str) -> Result<Platform, String> {
    let known: Vec<_> = Platform::ALL.iter().map(|p| p.as_str()).collect();
    Platform::parse(word).ok_or_else(|| format!("it is none of {}", known.join(", ")))
}

impl VerifyLive {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let mut steps = Steps::default();
        let ended = self.verify(&mut steps).await;
        steps.show(self.json)?;
        ended
    }

    async fn verify(&self, steps: &mut Steps) -> Result<(), Failure> {
        let workload = self.workload.named_or_found(self.platform)?;
        steps.say("platform", true, vec![workload.platform().to_string()]);
        let known = match &self.config {
            Some(path) => Some(Loaded::read(path)?.config),
            None => None,
        };
        let evidence = if workload.gives_tokens() {
            self.by_token(&workload, known.as_deref(), steps).await?
        } else {
            by_document(&workload, known.as_deref(), steps).await?
        };
        let mut lines = vec![
            format!("provider: {}", evidence.provider),
            format!("subject: {}", plain(&evidence.subject)),
        ];
        lines.extend(
            evidence.claims.iter().map(|(name, value)| format!("{name} = {}", plain(&value.to_string()))),
        );
        steps.say("what was verified", true, lines);
        match known {
            Some(config) => by_rules(&config, &evidence, steps),
            None => Ok(()),
        }
    }

    async fn by_token(
        &self,
        workload: &Workload,
        known: Option<&Config>,
        steps: &mut Steps,
    ) -> Result<Evidence, Failure> {
        let issuer = self.issuer.as_deref().or(known.map(|c| c.issuer.as_str())).unwrap_or_default();
        let token = match workload.evidence(issuer).await {
            Ok(token) => token,
            Err(error) => {
                steps.say("what the platform says", false, vec![error.to_string()]);
                return Err(Failure::refused(error));
            }
        };
        let said = token.claims();
        let mut lines = vec![format!("from: {}", token.place)];
        lines.extend(said.as_ref().map(|said| claims(said, SystemClock.now())).unwrap_or_default());
        steps.say("what the platform says", said.is_some(), lines);
        let made;
        let config = match known {
            Some(config) => config,
            None => {
                made = assumed(issuer, workload, token.token.reveal())?;
                &made
            }
        };
        let providers =
            Providers::new(config, &way_out(config)?, Arc::new(SystemClock)).map_err(Failure::usage)?;
        let verified = providers.verify_jwt(token.token.reveal(), Door::Grant).await;
        verified.map_err(|error| {
            steps.say("what was verified", false, vec![error.to_string()]);
            Failure::refused(error)
        })
    }
}

async fn by_document(
    workload: &Workload,
    known: Option<&Config>,
    steps: &mut Steps,
) -> Result<Evidence, Failure> {
    let config = known.ok_or_else(|| {
        Failure::usage("evidence that is no token is believed for accounts or subscriptions that the configuration names: say --config")
    })?;
    let documents = Documents::new(&config.workload.providers, &way_out(config)?).map_err(Failure::usage)?;
    let provider = documents.named(None, workload.platform()).map_err(Failure::usage)?;
    let key = SigningKey::generate(Algorithm::Es256).map_err(Failure::refused)?.public();
    let unnamed = || Failure::refused("a key without a thumbprint");
    let key = key.thumbprint().and_then(Thumbprint::parse).ok_or_else(unnamed)?;
    let challenge = random_id("", &SystemRng);
    let shown = workload.document(&challenge, &key.to_string()).await.map_err(|error| {
        steps.say("what the platform says", false, vec![error.to_string()]);
        Failure::refused(error)
    })?;
    steps.say("what the platform says", true, vec![format!("from: {}", shown.place)]);
    let bound = Bound { challenge: &challenge, key };
    let verified = documents.verify(&provider, &shown.parts, &bound, SystemClock.now()).await;
    verified.map_err(|error| {
        steps.say("what was verified", false, vec![error.to_string()]);
        Failure::refused(error)
    })
}

fn by_rules(config: &Config, evidence: &Evidence, steps: &mut Steps) -> Result<(), Failure> {
    let rules: Result<Vec<_>, _> = config.workload.rules.iter().map(Rule::configured).collect();
    let rules = Rules::new(rules.map_err(Failure::usage)?);
    match rules.find(evidence) {
        Ok(rule) => {
            let mut lines = vec![format!("{} leads to {}", rule.name, rule.agent)];
            lines.extend(rule.grants.iter().map(|(resource, scopes)| format!("at {resource}: {scopes}")));
            steps.say("rule", true, lines);
            Ok(())
        }
        Err(none) => {
            steps.say("rule", false, unmatched(&none));
            steps.remedy("mend the rule, or write one for this workload; rules that stand in the database are not looked at here");
            Err(Failure::refused(none))
        }
    }
}

fn unmatched(none: &NoRule) -> Vec<String> {
    let mut lines = Vec::new();
    for tried in &none.tried {
        lines.push(format!("{} does not fit:", tried.rule));
        lines.extend(tried.mismatches.iter().map(|wrong| {
            let received = wrong.received.as_ref().map_or("nothing".to_owned(), |v| plain(&v.to_string()));
            format!("    {}: expected {}, received {received}", wrong.claim, wrong.expected)
        }));
    }
    if lines.is_empty() { vec!["there is no rule for this provider".to_owned()] } else { lines }
}

fn way_out(config: &Config) -> Result<Egress, Failure> {
    egress(config, &trust(config)?)
}

/// A configuration in which whoever the token says made it is believed: for a first look, before there is one.
fn assumed(issuer: &str, workload: &Workload, token: &str) -> Result<Config, Failure> {
    let said =
        workload::claims(token).ok_or_else(|| Failure::refused("what the platform gives is no JWT"))?;
    let quoted = |text: &str| toml_text(text);
    let mut provider = format!("name = \"live\"\nplatform = \"{}\"\n", workload.platform());
    let own = said.str("iss").unwrap_or_default();
    match workload.platform() {
        Platform::Github | Platform::Gcp => {}
        Platform::Azure => {
            provider.push_str(&format!("tenant = {}\n", quoted(said.str("tid").unwrap_or_default())))
        }
        _ => provider.push_str(&format!("issuer = {}\n", quoted(own))),
    }
    if let Some(audience) = &workload.options().audience {
        provider.push_str(&format!("audience = [{}]\n", quoted(audience)));
    }
    let text = format!(
        "issuer = {}\nlisten = \"127.0.0.1:9400\"\ndatabase = \"sqlite:prokura.db\"\n[[workload.provider]]\n{provider}",
        quoted(issuer)
    );
    Config::parse(&text)
        .map_err(|e| Failure::usage(format!("without a configuration this cannot be tried: {e}")))
}

/// A text of TOML, whatever it contains.
fn toml_text(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}
