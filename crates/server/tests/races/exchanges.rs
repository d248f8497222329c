//! Exchanges, against what ends, pauses or narrows the grant at the root of the chain.

use crate::round::{Round, answers, members};
use crate::schedule::Racer;
use crate::world::exchange::{ACCESS, CHAIN, CRM, VAULT, read};
use crate::world::{Answer, SECRET, World, encode};
use prokura_core::{GrantId, ScopeSet};
use std::sync::Arc;

/// What is configured besides: the agents and the rules between them.
pub(crate) const MORE: &str = CHAIN;

/// Every agent's token of its own, made before the race so that nothing else is minted in it.
struct Owned {
    reporter: String,
    keeper: String,
}

/// What a user let the planner do, and who else acts.
struct Chained {
    access: String,
    refresh: String,
    root: GrantId,
    own: Arc<Owned>,
}

async fn chained(round: &Round) -> Chained {
    let world = &round.world;
    let answer = world.allowed("planner", &[("scope", "read write")]).await;
    let (access, refresh) = (answer.text("access_token"), answer.text("refresh_token"));
    let own = Owned { reporter: world.own("sales-api").await, keeper: world.own("keeper").await };
    Chained { root: read(&access).grant.id, access, refresh, own: Arc::new(own) }
}

async fn at_crm(world: &World, token: &str, own: &Owned) -> Answer {
    let shown = [("resource", CRM), ("actor_token", own.reporter.as_str()), ("actor_token_type", ACCESS)];
    world.exchange("sales-api", token, &shown).await
}

/// Two hops, as far as they go.
fn pass_on(round: &Round, chained: &Chained) -> Racer<Vec<Answer>> {
    let (token, own) = (chained.access.clone(), Arc::clone(&chained.own));
    round.racer(|world| async move {
        let first = at_crm(&world, &token, &own).await;
        if first.status != 200 {
            return vec![first];
        }
        let shown = [("resource", VAULT), ("actor_token", own.keeper.as_str()), ("actor_token_type", ACCESS)];
        let second = world.exchange("keeper", &first.text("access_token"), &shown).await;
        vec![first, second]
    })
}

fn refresh(round: &Round, chained: &Chained) -> Racer<Vec<Answer>> {
    let token = chained.refresh.clone();
    round.racer(|world| async move {
        let form = encode(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
        vec![world.raw_form("/token", Some(&format!("planner:{SECRET}")), &form).await]
    })
}

fn silent(act: Racer<Option<Answer>>) -> Racer<Vec<Answer>> {
    Box::pin(async move { act.await.into_iter().collect() })
}

/// Lets exchanges and a refresh race `act`; every access token there was.
async fn raced(round: &Round, chained: &Chained, act: Racer<Option<Answer>>) -> Vec<String> {
    let all = vec![silent(act), pass_on(round, chained), pass_on(round, chained), refresh(round, chained)];
    let answers: Vec<Answer> = round.race(all).await.into_iter().flatten().collect();
    members(&answers, "access_token").into_iter().chain([chained.access.clone()]).collect()
}

pub(crate) async fn c16_a_revocation_against_exchanges(round: Round) {
    let chained = chained(&round).await;
    let tokens = raced(&round, &chained, round.revoke(&chained.root)).await;
    round.nothing_after("grant:revoke", &tokens).await;
    assert_eq!(at_crm(&round.world, &chained.access, &chained.own).await.error(), "400 invalid_grant");
}

pub(crate) async fn c16_a_suspension_against_exchanges(round: Round) {
    let chained = chained(&round).await;
    let tokens = raced(&round, &chained, round.suspend(&chained.root)).await;
    round.nothing_after("grant:suspend", &tokens).await;
    round.world.resume(&chained.root).await;
    for token in &tokens {
        assert!(round.is_active(token).await, "what was paused goes on");
    }
}

/// Whatever is minted after `write` was taken away is without it, and what was minted before counts no more.
pub(crate) async fn c17_a_narrowing_against_refreshes_and_exchanges(round: Round) {
    let chained = chained(&round).await;
    let root = chained.root.clone();
    let narrow = round.racer(|world| async move {
        world.narrow_on_record(&root, "read").await;
        None
    });
    let tokens = raced(&round, &chained, narrow).await;
    let left = ScopeSet::parse("read crm:read vault:open").unwrap();
    let later = round.minted_after("grant:narrow").await;
    for event in &later {
        let scopes = ScopeSet::parse(event.details.str("scope").unwrap()).unwrap();
        assert!(scopes.is_within(&left), "wider than what is left: {event:?}");
    }
    for token in &tokens {
        let token_id = read(token).id;
        let is_later = later.iter().any(|e| e.details.str("jti") == Some(token_id.as_str()));
        assert_eq!(round.is_active(token).await, is_later, "what was minted before counts no more");
    }
    assert!(!round.is_active(&chained.access).await);
}

/// Of one authority comes one grant for one agent at one resource, however many ask at once.
pub(crate) async fn d01_exchanges_at_once_make_one_grant(round: Round) {
    let chained = chained(&round).await;
    let ask = || {
        let (token, own) = (chained.access.clone(), Arc::clone(&chained.own));
        round.racer(|world| async move { Some(at_crm(&world, &token, &own).await) })
    };
    let answers = answers(round.race(vec![ask(), ask(), ask()]).await);
    assert!(answers.iter().all(|a| a.status == 200), "{}", answers[0].body);
    let grants = members(&answers, "access_token").iter().map(|t| read(t).grant.id).collect::<Vec<_>>();
    assert!(grants.len() == 3 && grants.iter().all(|g| *g == grants[0]), "{grants:?}");
    let made = |e: &&prokura_ledger::Event| e.action == "grant:make" && e.reasons == ["exchange"];
    assert_eq!(round.log().await.iter().filter(made).count(), 1);
    // The next round begins with a grant of its own.
    round.world.revoke_on_record(&chained.root).await;
}
