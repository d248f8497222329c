//! Other authorization servers: their tokens become callers like any other, under names that say whose they are.
//!
//! Whoever another server knows is called `NAME:WORD` here: the name that the configuration gives the server, which
//! stays with its issuer for ever, and the server's own word. No id of our own has a colon in it, and no two servers
//! have one name, so nobody is taken for somebody else. See decision 0010.

use crate::route::GatewayError;
use prokura_config::{AuthorizationServerConfig, IntrospectionAuth, SecretRef, ServerProfile};
use prokura_core::{
    AgentId, ClientId, Clock, GrantId, Principal, ResourceUri, Scope, ScopeSet, Timestamp, TokenId, UserId,
};
use prokura_egress::{Egress, FetchUrl};
use prokura_oauth::access_token::{AccessToken, GrantClaim, View};
use prokura_oauth::confirmation::Confirmation;
use prokura_oauth::foreign::{ClaimPath, ForeignError, ForeignToken, Profile, Rules, Subject, Word, Words};
use prokura_oauth::jose::Algorithm;
use prokura_oauth::rich;
use prokura_oauth::secret::sha256_base64url;
use prokura_verify::{IntrospectionOptions, IssuerOptions, Present, TrustedIssuer, Unavailable};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Another authorization server, as it is used.
#[derive(Clone)]
pub struct ForeignServer {
    /// What it is called here.
    pub(crate) name: String,
    /// Its issuer, keys and introspection; shared by all resources.
    pub(crate) issuer: Arc<TrustedIssuer>,
    /// The audiences that are taken for each resource, by the resource's name.
    pub(crate) audience: BTreeMap<String, Vec<String>>,
    /// What our scopes are called there.
    pub(crate) words: Words,
}

impl ForeignServer {
    /// Takes a server from the configuration. `read` finds the secrets that it refers to.
    ///
    /// # Errors
    /// [`GatewayError::AuthorizationServer`] if it cannot be used.
    pub fn new(
        config: &AuthorizationServerConfig,
        read: impl Fn(&SecretRef) -> Result<String, String>,
        egress: &Egress,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, GatewayError> {
        let fail = |why: String| GatewayError::AuthorizationServer { name: config.name.clone(), why };
        let address = |key: &str, text: &Option<String>| {
            let url = |text: &String| FetchUrl::parse(text).map_err(|e| fail(format!("`{key}`: {e}")));
            text.as_ref().map(url).transpose()
        };
        let introspection = match &config.introspection {
            None => None,
            Some(i) => Some(IntrospectionOptions {
                endpoint: address("introspection.endpoint", &i.endpoint)?,
                client: i.client_id.clone(),
                secret: read(&i.secret).map_err(|e| fail(format!("`introspection.secret`: {e}")))?.into(),
                present: match i.auth {
                    IntrospectionAuth::ClientSecretBasic => Present::Basic,
                    IntrospectionAuth::ClientSecretPost => Present::Post,
                },
                keep: i.cache.get(),
            }),
        };
        let options = IssuerOptions {
            rules: rules(config),
            metadata: address("metadata_url", &config.metadata_url)?,
            keys: address("jwks_uri", &config.jwks_uri)?,
            keys_max_age: config.keys_max_age.get(),
            introspection,
        };
        Ok(Self {
            name: config.name.clone(),
            issuer: Arc::new(TrustedIssuer::new(options, egress.clone(), Arc::clone(clock))),
            audience: config.audience.clone(),
            words: words(config).map_err(|e| fail(e.to_string()))?,
        })
    }
}

impl ForeignServer {
    /// What it is called here.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks for its metadata and keys, and says how many keys can be used.
    ///
    /// # Errors
    /// [`Unavailable`] says what could not be had, and why.
    pub async fn keys(&self) -> Result<usize, Unavailable> {
        self.issuer.keys(None).await.map(|keys| keys.len())
    }
}

fn rules(config: &AuthorizationServerConfig) -> Rules {
    let profile = match config.profile {
        ServerProfile::Rfc9068 => Profile::Rfc9068,
        ServerProfile::Keycloak => Profile::Keycloak,
        ServerProfile::Entra => Profile::Entra,
        ServerProfile::Okta => Profile::Okta,
        ServerProfile::Auth0 => Profile::Auth0,
    };
    let usual = Rules::new(config.issuer.as_str(), profile);
    let path = |text: &Option<String>| text.as_deref().and_then(ClaimPath::parse);
    let named = |all: &Vec<_>| {
        let parse = |a: &prokura_config::SignatureAlgorithm| Algorithm::parse(a.as_str());
        all.iter().filter_map(parse).collect()
    };
    Rules {
        types: config.types.clone(),
        algorithms: config.algorithms.as_ref().map_or_else(|| usual.algorithms.clone(), named),
        leeway: config.leeway.get(),
        max_lifetime: config.max_lifetime.get(),
        subject: path(&config.claims.subject),
        client: path(&config.claims.client),
        scope: path(&config.claims.scope),
        roles: config
            .claims
            .roles
            .as_ref()
            .map(|all| all.iter().filter_map(|p| ClaimPath::parse(p)).collect()),
        ..usual
    }
}

fn words(config: &AuthorizationServerConfig) -> Result<Words, prokura_core::InvalidScope> {
    let word = |(scope, foreign): (&String, &prokura_config::ForeignScope)| {
        let names = foreign.names();
        Ok(Word {
            scope: Scope::parse(scope.as_str())?,
            scopes: ScopeSet::parse(&names.scopes.join(" "))?,
            // The first that is written is the one to ask for; a set forgets the order.
            ask: names.ask.as_ref().or(names.scopes.first()).map(Scope::parse).transpose()?,
            roles: names.roles,
        })
    };
    config.scopes.iter().map(word).collect::<Result<_, _>>().map(Words::new)
}

/// A word of another server as an id of ours: what an id cannot hold, and `%`, is written as `%XX`.
fn local(prefix: &str, server: &str, word: &str) -> String {
    let mut id = format!("{prefix}{server}:");
    for byte in word.bytes() {
        if byte.is_ascii_graphic() && !b"%\"\\".contains(&byte) {
            id.push(char::from(byte));
        } else {
            id.push_str(&format!("%{byte:02X}"));
        }
    }
    id
}

/// What a person is called here whom this server knows by `subject`.
///
/// # Errors
/// [`prokura_core::InvalidId`] if the name is too long to be one.
pub fn foreign_user(server: &str, subject: &str) -> Result<UserId, prokura_core::InvalidId> {
    UserId::parse(local(UserId::PREFIX, server, subject))
}

/// What a client is called here that this server knows by `client`.
///
/// # Errors
/// [`prokura_core::InvalidId`] if the name is too long to be one.
pub fn foreign_client(server: &str, client: &str) -> Result<ClientId, prokura_core::InvalidId> {
    ClientId::parse(local("", server, client))
}

fn foreign_agent(server: &str, actor: &str) -> Result<AgentId, prokura_core::InvalidId> {
    AgentId::parse(local(AgentId::PREFIX, server, actor))
}

/// A token of another server as the gateway knows tokens. There is no grant of ours behind it; what this subject
/// allowed this client at this resource, over there, is given an id all the same, so that it stands together in the
/// record and handles are bound to it.
pub(crate) fn token(
    server: &str,
    words: &Words,
    resource: &ResourceUri,
    now: Timestamp,
    foreign: &ForeignToken,
) -> Result<AccessToken, ForeignError> {
    let bad = |claim: &'static str| move |_: prokura_core::InvalidId| ForeignError::Claim(claim.to_owned());
    let agent = foreign_agent(server, &foreign.client).map_err(bad("client"))?;
    let mut actors = Vec::new();
    for actor in &foreign.actors {
        actors.push(foreign_agent(server, actor).map_err(bad("act"))?);
    }
    let subject = match foreign.kind {
        Subject::Software => Principal::Agent(agent),
        Subject::Person => {
            // Somebody acts for a person: the client, unless the token says who.
            if actors.is_empty() {
                actors.push(agent);
            }
            Principal::User(foreign_user(server, &foreign.subject).map_err(bad("subject"))?)
        }
    };
    let client = foreign_client(server, &foreign.client).map_err(bad("client"))?;
    let behind = [subject.as_str(), client.as_str(), resource.as_str()].join("\n");
    let grant = local(GrantId::PREFIX, server, short(&behind).as_str());
    let cnf = Confirmation::read(&foreign.claims).ok().filter(|cnf| cnf.certificate.is_none());
    // Bound in a way that is not seen here: it is no bearer token.
    let cnf = cnf.ok_or_else(|| ForeignError::Claim("cnf".into()))?;
    let id = foreign.id.as_ref().map_or_else(|| short(&behind), |id| short(id));
    Ok(AccessToken {
        issuer: foreign.issuer.clone(),
        audience: resource.clone(),
        subject,
        client,
        view: View::User,
        actors,
        may_act: None,
        scopes: words.ours(foreign),
        details: rich::of_claims(&foreign.claims, resource)
            .map_err(|_| ForeignError::Claim("authorization_details".into()))?,
        id: TokenId::parse(local(TokenId::PREFIX, server, &id)).map_err(bad("jti"))?,
        issued_at: foreign.issued_at.unwrap_or(now),
        expires_at: foreign.expires_at,
        grant: GrantClaim::of_root(GrantId::parse(grant).map_err(bad("sub"))?),
        // How somebody signed in over there is said in that server's own words.
        authentication: None,
        cnf,
        // Who attests is asked by us or by nobody: another issuer's word is no evidence here.
        workload: None,
        // Its issuer knows what it means.
        status: None,
    })
}

/// 128 bits of the hash of a text.
fn short(text: &str) -> String {
    let mut hash = sha256_base64url(text.as_bytes());
    hash.truncate(22);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_two_servers_never_meet_and_every_word_has_one() {
        let user = |server: &str, word: &str| foreign_user(server, word).unwrap().to_string();
        assert_eq!(user("corp", "auth0|12"), "usr_corp:auth0|12");
        assert_eq!(user("corp", "Zo\u{eb} \"%3A\\"), "usr_corp:Zo%C3%AB%20%22%253A%5C");
        assert!(foreign_user("corp", &"x".repeat(3000)).is_err());
        assert_eq!(
            foreign_client("corp", "https://a.example/c").unwrap().as_str(),
            "corp:https://a.example/c"
        );
    }
}
