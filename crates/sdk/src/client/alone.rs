//! The ways without a person: by the client's own authority, a workload's token, an enterprise.

use super::auth::{Kind, Registered, SecretBy, secret_by};
use super::error::ClientError;
use super::inner::Inner;
use super::obtain::Asking;
use super::registration::RegistrationError;
use super::token::{Given, TokenRequest};
use super::way::{Enterprise, Provider, TokenSource};
use crate::discovery::{DiscoveryError, issuer_metadata};
use crate::workload::is_addressed_to;
use prokura_egress::FetchUrl;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

/// What came of asking, and as whom.
pub(super) type Obtained = Result<(Given, Option<Registered>), ClientError>;

impl Inner {
    /// RFC 6749 §4.4.
    pub(super) async fn by_itself(&self, asking: &Asking<'_>) -> Obtained {
        asking.served("client_credentials")?;
        let client = self.must_be_known(asking)?;
        let request = asking.request(Some(&client), "client_credentials", asking.scope_parameter());
        Ok((request.token(&self.means).await?, Some(client)))
    }

    /// RFC 7523 §2.1 with the token of the platform (MCP workload identity federation). It is asked once: the same
    /// assertion will not do better a second time.
    pub(super) async fn as_workload(&self, asking: &Asking<'_>, source: &dyn TokenSource) -> Obtained {
        let client = self.may_be_known(asking)?;
        if let Some(client) = client.as_ref().filter(|c| c.kind == Kind::Known && c.is_public()) {
            return self.as_workload_of(asking, client, source).await;
        }
        asking.served(JWT_BEARER)?;
        let assertion = evidence(asking, source).await?;
        let mut form = asking.scope_parameter();
        form.push(("assertion", assertion));
        let request = asking.request(client.as_ref(), JWT_BEARER, form);
        Ok((request.token(&self.means).await?, client))
    }

    /// RFC 6749 §4.4 for a client that its platform vouches for (RFC 7523 §2.2).
    async fn as_workload_of(
        &self,
        asking: &Asking<'_>,
        client: &Registered,
        source: &dyn TokenSource,
    ) -> Obtained {
        asking.served("client_credentials")?;
        let mut form = asking.scope_parameter();
        form.push(("client_assertion_type", source.assertion_type().to_owned()));
        form.push(("client_assertion", evidence(asking, source).await?));
        let request = asking.request(Some(client), "client_credentials", form);
        Ok((request.token(&self.means).await?, Some(client.clone())))
    }

    /// An identity assertion from the provider (RFC 8693), and a token for it (RFC 7523).
    pub(super) async fn by_enterprise(&self, asking: &Asking<'_>, enterprise: &Enterprise) -> Obtained {
        asking.served(JWT_BEARER)?;
        let client = self.must_be_known(asking)?;
        let assertion = self.identity_assertion(asking, enterprise).await?;
        let mut form = asking.scope_parameter();
        form.push(("assertion", assertion));
        let request = asking.request(Some(&client), JWT_BEARER, form);
        Ok((request.token(&self.means).await?, Some(client)))
    }

    async fn identity_assertion(
        &self,
        asking: &Asking<'_>,
        enterprise: &Enterprise,
    ) -> Result<String, ClientError> {
        let (issuer, endpoint, by) = self.provider(&enterprise.provider).await?;
        let client = Registered {
            client_id: enterprise.client_id.clone(),
            auth: enterprise.auth.clone(),
            by,
            kind: Kind::Known,
        };
        let subject = token("the person", &*enterprise.subject, &issuer).await?;
        let mut form = asking.scope_parameter();
        form.extend([
            ("grant_type", TOKEN_EXCHANGE.to_owned()),
            ("requested_token_type", ID_JAG.to_owned()),
            ("audience", asking.issuer.issuer.clone()),
            ("resource", asking.resource.clone()),
            ("subject_token", subject),
            ("subject_token_type", enterprise.subject_type.clone()),
        ]);
        let request = TokenRequest {
            endpoint: &endpoint,
            issuer: &issuer,
            client: Some(&client),
            form,
            key: None,
            attested: None,
        };
        let given = request.token(&self.means).await?;
        match given.issued_token_type.as_deref() {
            Some(ID_JAG) => Ok(given.access_token.reveal().to_owned()),
            other => Err(ClientError::NoAssertion(super::token::printable(other.unwrap_or("nothing")))),
        }
    }

    /// Where the provider is asked, and as whom it is addressed.
    async fn provider(&self, provider: &Provider) -> Result<(String, FetchUrl, SecretBy), ClientError> {
        match provider {
            Provider::TokenEndpoint(at) => {
                let url = FetchUrl::parse(at).map_err(|_| DiscoveryError::BadIssuer(at.clone()))?;
                Ok((at.clone(), url, SecretBy::Basic))
            }
            Provider::Issuer(issuer) => {
                let found = issuer_metadata(&self.means.egress, issuer).await?;
                let by = secret_by(found.list("token_endpoint_auth_methods_supported").as_deref());
                let missing =
                    || DiscoveryError::Member { at: found.found_at.clone(), member: "token_endpoint" };
                let endpoint = found.token_endpoint.clone().ok_or_else(missing)?;
                Ok((issuer.clone(), endpoint, by))
            }
        }
    }

    pub(super) fn may_be_known(&self, asking: &Asking<'_>) -> Result<Option<Registered>, ClientError> {
        Ok(self.looking(asking).without_asking()?)
    }

    fn must_be_known(&self, asking: &Asking<'_>) -> Result<Registered, ClientError> {
        self.may_be_known(asking)?.ok_or_else(|| {
            let takes = "only clients that it knows in this way".to_owned();
            RegistrationError::NoWay { issuer: asking.issuer.issuer.clone(), takes }.into()
        })
    }
}

/// What the platform says of this workload, for the authorization server that is asked and for nobody else: whoever else
/// got it could show it there. A server that names another's audience, or a file that holds somebody else's token, gets
/// nothing out of here.
async fn evidence(asking: &Asking<'_>, source: &dyn TokenSource) -> Result<String, ClientError> {
    let issuer = &asking.issuer.issuer;
    if let Some(only) = source.only_issuer().filter(|only| only != issuer) {
        return Err(ClientError::OtherIssuer { only: only.to_owned(), issuer: issuer.clone() });
    }
    let evidence = token("this workload", source, issuer).await?;
    if source.only_issuer().is_none() {
        let addressed = is_addressed_to(&evidence, issuer, asking.endpoint.as_str());
        addressed.map_err(|audiences| ClientError::Audience { issuer: issuer.clone(), audiences })?;
    }
    Ok(evidence)
}

pub(super) async fn token(
    what: &'static str,
    source: &dyn TokenSource,
    audience: &str,
) -> Result<String, ClientError> {
    source.token(audience).await.map_err(|cause| ClientError::Source { what, cause })
}
