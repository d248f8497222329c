//! Refreshes, against each other and against what ends their grant.

use crate::round::{Round, answers, members};
use crate::schedule::Racer;
use crate::world::Answer;
use prokura_core::GrantId;

/// What is configured besides.
pub(crate) const MORE: &str = "";

/// An access token with its refresh token and its grant.
async fn family(round: &Round) -> (String, String, GrantId) {
    let (access, refresh) = round.world.tokens().await;
    let grant = round.world.verified(&access).grant.id;
    (access, refresh, grant)
}

fn refresh(round: &Round, token: &str) -> Racer<Option<Answer>> {
    let token = token.to_owned();
    round.racer(|world| async move { Some(world.refresh(&token, &[]).await) })
}

/// Refreshes with the successor again, as long as it is answered.
fn refresh_on(round: &Round, token: &str) -> Racer<Option<Answer>> {
    let mut token = token.to_owned();
    round.racer(|world| async move {
        let mut last = None;
        for _ in 0..4 {
            let answer = world.refresh(&token, &[]).await;
            if answer.status != 200 {
                return last.or(Some(answer));
            }
            token = answer.text("refresh_token");
            last = Some(answer);
        }
        last
    })
}

pub(crate) async fn c14_of_many_refreshes_comes_one_successor(round: Round) {
    let (_, first, _) = family(&round).await;
    let racers = (0..round.chance.below(3) + 2).map(|_| refresh(&round, &first)).collect();
    let answers = answers(round.race(racers).await);
    assert!(answers.iter().all(|a| a.status == 200), "each is the first or a repetition");
    let mut successors = members(&answers, "refresh_token");
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert_eq!(round.world.refresh(&successors[0], &[]).await.status, 200, "and the family lives");
}

pub(crate) async fn c16_a_revocation_against_refreshes(round: Round) {
    let (access, first, grant) = family(&round).await;
    let racers = vec![round.revoke(&grant), refresh_on(&round, &first), refresh(&round, &first)];
    let answers = answers(round.race(racers).await);
    let mut tokens = members(&answers, "access_token");
    tokens.push(access);
    round.nothing_after("grant:revoke", &tokens).await;
    for token in members(&answers, "refresh_token").iter().chain([&first]) {
        assert_eq!(round.world.refresh(token, &[]).await.error(), "400 invalid_grant");
    }
}

pub(crate) async fn c16_a_suspension_against_refreshes(round: Round) {
    let (access, first, grant) = family(&round).await;
    let racers = vec![round.suspend(&grant), refresh_on(&round, &first)];
    let answers = answers(round.race(racers).await);
    let mut tokens = members(&answers, "access_token");
    tokens.push(access.clone());
    round.nothing_after("grant:suspend", &tokens).await;
    round.world.resume(&grant).await;
    assert!(round.world.is_active(&access).await, "what was paused goes on");
}
