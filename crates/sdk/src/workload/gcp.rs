//! Google Cloud: identity tokens of the metadata server, in the full format, which says on which machine it was made.

use super::around::Surroundings;
use super::aws::parsed;
use super::error::EvidenceError;
use super::evidence::Evidence;
use super::options::Options;
use super::out::{Out, Question};
use crate::client::Secret;
use prokura_core::Platform;

const SERVER: &str = "the Google metadata server";
const FLAVOR: &str = "metadata-flavor";

/// What asking Google needs.
pub(super) struct Gcp<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) options: &'a Options,
    pub(super) out: &'a Out,
}

impl Gcp<'_> {
    /// A token of the service account.
    pub(super) async fn token(&self, audience: &str) -> Result<Evidence, EvidenceError> {
        let host = self.around.variable("GCE_METADATA_HOST").unwrap_or_else(|| "169.254.169.254".to_owned());
        let account = self.options.service_account.as_deref().unwrap_or("default");
        let mut url = parsed(&format!("http://{host}/"))?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([
                "computeMetadata",
                "v1",
                "instance",
                "service-accounts",
                account,
                "identity",
            ]);
        }
        url.query_pairs_mut().append_pair("audience", audience).append_pair("format", "full");
        let question = Question::get(SERVER, url).with(FLAVOR, "Google");
        let remedy = |_: &str| "attach a service account to the machine or service".to_owned();
        let told = self.out.ask(question, remedy).await?;
        // Whatever answers at that address elsewhere does not say so.
        if told.answer.headers.get(FLAVOR).is_none_or(|flavor| flavor != "Google") {
            return Err(told.malformed("answer of Google's"));
        }
        Ok(Evidence {
            platform: Platform::Gcp,
            place: SERVER.to_owned(),
            token: Secret::new(told.text("token")?),
        })
    }
}
