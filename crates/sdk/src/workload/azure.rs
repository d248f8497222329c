//! Azure: tokens of managed identities, by the service that this runs on: App Service and Functions (and Container Apps),
//! a federated token file (workload identity of AKS), or the instance metadata service.
//!
//! What a token can be for has to be registered with Entra, so `audience=` names an application there.

use super::around::Surroundings;
use super::aws::parsed;
use super::error::EvidenceError;
use super::evidence::Evidence;
use super::options::Options;
use super::out::{Out, Question};
use crate::client::Secret;
use prokura_core::Platform;
use std::path::Path;
use url::Url;
use url::form_urlencoded::Serializer;

const INSTANCE: &str = "the Azure instance metadata service";
const SERVICE: &str = "the identity endpoint of the app";
const ENTRA: &str = "Microsoft Entra";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What asking Azure needs.
pub(super) struct Azure<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) options: &'a Options,
    pub(super) out: &'a Out,
}

impl Azure<'_> {
    /// A token of the managed identity.
    pub(super) async fn token(&self, audience: &str) -> Result<Evidence, EvidenceError> {
        let (place, told) = if let Some(file) = self.around.variable("AZURE_FEDERATED_TOKEN_FILE") {
            (ENTRA, self.by_federation(&file, audience).await?)
        } else if let Some((endpoint, header)) = self.app() {
            let url = self.question(&endpoint, "2019-08-01", audience)?;
            let question = Question::get(SERVICE, url).with("x-identity-header", header);
            (SERVICE, self.out.ask(question, remedy).await?)
        } else {
            let at = format!("{}/metadata/identity/oauth2/token", self.instance());
            let url = self.question(&at, "2018-02-01", audience)?;
            (INSTANCE, self.out.ask(Question::get(INSTANCE, url).with("metadata", "true"), remedy).await?)
        };
        let token = Secret::new(told.member("access_token", "token")?);
        Ok(Evidence { platform: Platform::Azure, place: place.to_owned(), token })
    }

    fn app(&self) -> Option<(String, String)> {
        Some((self.around.variable("IDENTITY_ENDPOINT")?, self.around.variable("IDENTITY_HEADER")?))
    }

    pub(super) fn instance(&self) -> String {
        let named = self.around.variable("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        let named = named.unwrap_or_else(|| "http://169.254.169.254".to_owned());
        named.trim_end_matches('/').to_owned()
    }

    fn question(&self, at: &str, version: &str, audience: &str) -> Result<Url, EvidenceError> {
        let mut url = parsed(at)?;
        let mut query = url.query_pairs_mut();
        query.append_pair("api-version", version).append_pair("resource", audience);
        if let Some(id) = self.options.client_id.clone().or_else(|| self.around.variable("AZURE_CLIENT_ID")) {
            query.append_pair("client_id", &id);
        }
        drop(query);
        Ok(url)
    }

    /// The cluster's token, traded at Entra for one of the identity that trusts it (RFC 7523 §2.2).
    async fn by_federation(&self, file: &str, audience: &str) -> Result<super::out::Told, EvidenceError> {
        let needed = |name: &str| {
            self.around.variable(name).ok_or_else(|| EvidenceError::Absent {
                missing: format!("`{name}`"),
                remedy: "label the pod `azure.workload.identity/use: \"true\"`".to_owned(),
            })
        };
        let authority = self.around.variable("AZURE_AUTHORITY_HOST");
        let authority = authority.unwrap_or_else(|| "https://login.microsoftonline.com".to_owned());
        let tenant = needed("AZURE_TENANT_ID")?;
        let id = self.options.client_id.clone().map_or_else(|| needed("AZURE_CLIENT_ID"), Ok)?;
        let mut url = parsed(&authority)?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([tenant.as_str(), "oauth2", "v2.0", "token"]);
        }
        let body = Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &id)
            .append_pair("scope", &format!("{audience}/.default"))
            .append_pair("client_assertion_type", ASSERTION)
            .append_pair("client_assertion", &self.around.read(Path::new(file))?)
            .finish();
        self.out.ask(Question::get(ENTRA, url).posting(body), remedy).await
    }
}

fn remedy(said: &str) -> String {
    let unknown = ["AADSTS500011", "AADSTS100", "invalid_resource"].iter().any(|word| said.contains(word));
    let text = if unknown {
        "the audience has to be the identifier of an application that is registered with Entra: \
         `audience=api://…` together with `issuer=https://…`"
    } else if said.contains("dentity not found") || said.contains("invalid_request") {
        "give the machine or the app a managed identity, and name it by `client_id=…` if there are several"
    } else {
        "look at the managed identity, and at the audience, which has to be registered with Entra"
    };
    text.to_owned()
}
