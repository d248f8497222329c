//! Pipelines: GitHub gives a job an address to ask for tokens; GitLab, and whoever else, puts one into the environment.

use super::around::Surroundings;
use super::aws::parsed;
use super::error::EvidenceError;
use super::evidence::Evidence;
use super::options::Options;
use super::out::{Out, Question};
use crate::client::Secret;
use prokura_core::Platform;

const GITHUB: &str = "GitHub's token address";
pub(super) const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
pub(super) const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// Where a pipeline puts its token if nobody says otherwise.
pub(super) const USUAL_VARIABLE: &str = "PROKURA_ID_TOKEN";

/// A token of the job.
pub(super) async fn github(
    around: &Surroundings,
    out: &Out,
    audience: &str,
) -> Result<Evidence, EvidenceError> {
    let needed = |name: &str| {
        around.variable(name).ok_or_else(|| EvidenceError::Absent {
            missing: format!("`{name}`"),
            remedy: "give the job `permissions: id-token: write`".to_owned(),
        })
    };
    let mut url = parsed(&needed(URL)?)?;
    let others: Vec<_> = url
        .query_pairs()
        .filter(|(name, _)| name != "audience")
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair("audience", audience);
    let question = Question::get(GITHUB, url).with("authorization", format!("Bearer {}", needed(TOKEN)?));
    let remedy = |_: &str| "give the job `permissions: id-token: write`".to_owned();
    let told = out.ask(question, remedy).await?;
    let token = Secret::new(told.member("value", "token")?);
    Ok(Evidence { platform: Platform::Github, place: GITHUB.to_owned(), token })
}

/// The token that stands in a variable.
pub(super) fn variable(
    platform: Platform,
    around: &Surroundings,
    options: &Options,
) -> Result<Evidence, EvidenceError> {
    let name = options.variable.as_deref().unwrap_or(USUAL_VARIABLE);
    let token = around.variable(name).ok_or_else(|| EvidenceError::Absent {
        missing: format!("`{name}`"),
        remedy: format!(
            "let the pipeline put a token there (GitLab: `id_tokens: {name}: aud: …`), or say where it is: `variable=NAME`"
        ),
    })?;
    Ok(Evidence { platform, place: format!("the variable `{name}`"), token: Secret::new(token) })
}
