//! `prokura token --explain`: each step on the way to a token, what came of it, and how it is mended. Claims are shown;
//! tokens never are.

use super::token::failed;
use super::workload::Chosen;
use crate::failure::Failure;
use crate::show::{Steps, claims, plain, until};
use prokura_connect::{Acting, Actor, Asks, token};
use prokura_core::{Clock, SystemClock};
use prokura_sdk::client::{Client, ClientError, Discovered, TokenError};
use prokura_sdk::workload::Workload;

/// Goes the whole way, as far as it leads.
pub(super) async fn explained(
    clients: &[Client],
    asks: &Asks,
    chosen: &Chosen,
) -> (Steps, Result<(), Failure>) {
    let mut told = Explanation::default();
    let ended = told.go(clients, asks, chosen).await;
    (told.0, ended)
}

/// What happened, in order.
#[derive(Default)]
struct Explanation(Steps);

impl Explanation {
    async fn go(&mut self, clients: &[Client], asks: &Asks, chosen: &Chosen) -> Result<(), Failure> {
        self.looked(chosen);
        let Some(client) = clients.first() else { return Ok(()) };
        let found = match client.discover().await {
            Ok(found) => found,
            Err(error) => return Err(self.failed("who grants access", error)),
        };
        self.discovered(&found);
        if let Asks::Handed(acting) = asks {
            self.handed(acting, &found).await?;
        } else if let Asks::Platform(workload) = asks {
            self.evidence(workload, &found).await?;
        } else if !matches!(asks, Asks::Itself) && !client.is_signed_in().await.unwrap_or_default() {
            let sentence = "a person has to agree, and --explain asks nobody: run the command without it";
            self.say("token", false, vec![sentence.to_owned()]);
            return Err(Failure::sign_in(sentence));
        }
        self.asked(clients).await
    }

    fn looked(&mut self, chosen: &Chosen) {
        let mut lines: Vec<String> = Vec::new();
        for looked in &chosen.detection.looked {
            let there = if looked.there { "there" } else { "not there" };
            lines.push(format!("{}: {} - {there}", looked.platform, looked.at));
            lines.extend(looked.note.map(|note| format!("    {note}")));
        }
        self.say("what is looked for", chosen.detection.found.is_some(), lines);
        let who = chosen
            .workload
            .as_ref()
            .map_or("not a workload".to_owned(), |w| format!("a workload of `{}`", w.platform()));
        self.say("who speaks", true, vec![format!("{who}: {}", chosen.why)]);
    }

    fn discovered(&mut self, found: &Discovered) {
        let issuer = &found.issuer;
        let endpoint = issuer.token_endpoint.as_ref().map_or("none".to_owned(), ToString::to_string);
        let resource = found.resource.as_ref().map_or("(the server says nothing of itself)", |r| &r.resource);
        let mut lines = vec![
            format!("resource: {}", plain(resource)),
            format!("authorization server: {}", plain(&issuer.issuer)),
            format!("token endpoint: {}", plain(&endpoint)),
        ];
        if let Some(grants) = issuer.list("grant_types_supported") {
            lines.push(format!("grants: {}", plain(&grants.join(" "))));
        }
        self.say("who grants access", true, lines);
    }

    /// The token that was handed over, and what shows who acts.
    async fn handed(&mut self, acting: &Acting, found: &Discovered) -> Result<(), Failure> {
        let source = &acting.exchange.subject;
        match source.token(&found.issuer.issuer).await {
            Ok(token) => {
                let said = prokura_sdk::workload::claims(&token);
                let mut lines = said.map(|said| claims(&said, SystemClock.now()));
                let lines = lines.get_or_insert_with(|| vec!["it is no JWT".to_owned()]);
                self.say("whose authority", true, std::mem::take(lines));
            }
            Err(error) => {
                self.say("whose authority", false, vec![error.clone()]);
                return Err(Failure::refused(error));
            }
        }
        match &acting.actor {
            Actor::Workload(workload) => return self.evidence(workload, found).await,
            Actor::Client => {
                self.say(
                    "who acts",
                    true,
                    vec!["whoever holds the token, or this client as it authenticates".to_owned()],
                );
            }
            Actor::Token(..) => self.say("who acts", true, vec!["a token that came along".to_owned()]),
            Actor::Own(at) => {
                self.say(
                    "who acts",
                    true,
                    vec![format!("a token of this client's own authority at {}", plain(at))],
                );
            }
        }
        Ok(())
    }

    async fn evidence(&mut self, workload: &Workload, found: &Discovered) -> Result<(), Failure> {
        let issuer = &found.issuer.issuer;
        let wanted = workload.audience(issuer).to_owned();
        if !workload.gives_tokens() {
            let sentence =
                format!("`{}` gives no token: the server attests what it says", workload.platform());
            self.say("what the platform says", true, vec![sentence]);
            return Ok(());
        }
        match workload.evidence(issuer).await {
            Ok(evidence) => {
                let fits = evidence.audiences() == [wanted.clone()];
                let mut lines = vec![format!("from: {}", evidence.place)];
                let said = evidence.claims().map(|said| claims(&said, SystemClock.now()));
                lines.extend(said.unwrap_or_else(|| vec!["it is no JWT".to_owned()]));
                lines.push(format!("audience expected: {}", plain(&wanted)));
                lines.push(format!("audience received: {}", plain(&evidence.audiences().join(" "))));
                self.say("what the platform says", fits, lines);
                if !fits {
                    self.remedy(format!("let the platform make it for `{wanted}` and for nobody else"));
                }
                Ok(())
            }
            Err(error) => {
                self.say(
                    "what the platform says",
                    false,
                    vec![format!("asked for: {wanted}"), error.to_string()],
                );
                Err(Failure::refused(error))
            }
        }
    }

    async fn asked(&mut self, clients: &[Client]) -> Result<(), Failure> {
        match token(clients).await {
            Ok(token) => {
                let left = token
                    .expires_at
                    .map_or("it does not say how long".to_owned(), |at| until(at, SystemClock.now()));
                let kind = if token.bound { "bound to a key" } else { "a bearer token" };
                let lines = vec![
                    format!("given by {}: {kind}, {left}", plain(&token.issuer)),
                    format!("scope: {}", token.scope),
                ];
                self.say("token", true, lines);
                Ok(())
            }
            Err(error) => Err(self.failed("token", error)),
        }
    }

    fn failed(&mut self, step: &'static str, error: ClientError) -> Failure {
        self.say(step, false, vec![error.to_string()]);
        if let Some(remedy) = remedy(&error) {
            self.remedy(remedy.to_owned());
        }
        failed(error)
    }

    fn say(&mut self, step: &'static str, ok: bool, lines: Vec<String>) {
        self.0.say(step, ok, lines);
    }

    fn remedy(&mut self, remedy: String) {
        self.0.remedy(remedy);
    }
}

/// What usually mends it, where the error does not say so itself.
fn remedy(error: &ClientError) -> Option<&'static str> {
    let refused = match error {
        ClientError::NotServed { .. } => {
            return Some(
                "its operator has to switch it on; Prokura serves it as soon as there is a `[[workload.provider]]`",
            );
        }
        ClientError::Token(TokenError::Refused { error, .. }) => error.as_str(),
        _ => return None,
    };
    Some(match refused {
        "invalid_grant" | "invalid_client" | "access_denied" => {
            "the server does not believe what the platform says, or no rule leads from it to an agent: its log says what \
             was expected and what was received, and `prokura workload test` there says which rule fits"
        }
        "unauthorized_client" => "the agent may not have this here: look at the rule that leads to it",
        "invalid_target" => {
            "the server grants nothing for this address: its operator has to name the resource in the rule"
        }
        "invalid_scope" => "ask for less (`--scope`), or have the rule grant more",
        "unsupported_grant_type" => "its operator has to switch workload identity on",
        "invalid_dpop_proof" | "use_dpop_nonce" => {
            "the rule wants a token that is bound to a key: use `prokura connect`"
        }
        _ => return None,
    })
}
