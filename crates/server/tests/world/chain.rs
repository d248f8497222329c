//! Chains of grants, and tokens of them as this server makes them.

use super::World;
use prokura_core::{
    AgentId, Chain, ChildRequest, ClientId, Clock as _, Details, Evidence, GrantId, NoPassage, ScopeSet,
    SystemRng, Terms, TokenId,
};
use prokura_oauth::access_token::{AccessToken, GrantClaim, View};
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::seal::MasterKey;
use prokura_store::{Agent, StoreError};

impl World {
    /// The key that this server signs with.
    pub async fn signing_key(&self) -> SigningKey {
        let now = self.clock.now();
        let keys = self.store.read::<_, StoreError>(move |tx| tx.keys(now)).await.unwrap();
        let key = keys.iter().find(|k| k.alg == "ES256").unwrap();
        let seal = MasterKey::new([7; 32]).seal_key("signing keys").unwrap();
        let sealed = std::str::from_utf8(&key.sealed).unwrap();
        let der = seal.open(sealed, key.kid.as_bytes()).unwrap();
        SigningKey::from_pkcs8(Algorithm::Es256, &key.kid, &der).unwrap()
    }

    /// Lets `agent` hold a part of the grant behind `token`, and gives it a token of that part.
    pub async fn delegate(&self, token: &str, agent: &str, scopes: &str, view: View) -> String {
        let (above, now) = (self.verified(token), self.clock.now());
        let agent = AgentId::parse(agent).unwrap();
        let request = ChildRequest {
            id: GrantId::random(&SystemRng),
            grantee: agent.clone(),
            resource: above.audience.clone(),
            actions: ScopeSet::parse(scopes).unwrap(),
            details: Details::default(),
            not_before: now,
            expires_at: above.expires_at,
            terms: Terms::default(),
            evidence: Evidence::Exchange { by: "test".into() },
        };
        let parent = above.grant.id.clone();
        let chain = self
            .write(move |tx| {
                let row = Agent { id: agent.clone(), name: "Agent".into(), disabled: false, created_at: now };
                let client = ClientId::parse(format!("client-of-{agent}")).unwrap();
                tx.agent_for_client(&client, &row)?;
                let parent = tx.chain(&parent)?.unwrap();
                let child = Chain::child(&[&parent], request.clone(), now, &NoPassage).unwrap();
                tx.insert_grant(&child)?;
                Ok(tx.chain(&child.id)?.unwrap())
            })
            .await;
        self.token_of(&above, &chain, view).await
    }

    /// A token of all that the grant at the end of a chain yields.
    pub async fn token_of(&self, above: &AccessToken, chain: &Chain, view: View) -> String {
        let actors = chain.actors();
        let holder = (view == View::Impersonation).then(|| actors[0].clone());
        let token = AccessToken {
            view,
            client: ClientId::parse(format!("client-of-{}", actors[0])).unwrap(),
            actors: if view == View::Impersonation { actors[..1].to_vec() } else { actors },
            scopes: chain.leaf().actions.clone(),
            details: chain.leaf().details.clone(),
            id: TokenId::random(&SystemRng),
            grant: GrantClaim {
                ancestors: chain.above().iter().map(|g| g.id.clone()).collect(),
                revisions: chain.grants().map(|g| g.revision).collect(),
                holder,
                ..GrantClaim::of_root(chain.leaf().id.clone())
            },
            ..above.clone()
        };
        token.sign(&self.signing_key().await).unwrap()
    }
}
