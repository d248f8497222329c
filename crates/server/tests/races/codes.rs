//! Codes, which are redeemed once.

use crate::round::{Round, answers, members};
use crate::schedule::Racer;
use crate::world::Answer;
use prokura_store::ArtifactKind;

/// What is configured besides.
pub(crate) const MORE: &str = "";

fn redeem(round: &Round, code: &str) -> Racer<Option<Answer>> {
    let code = code.to_owned();
    round.racer(|world| async move { Some(world.redeem(&code, &[]).await) })
}

pub(crate) async fn c16_a_revocation_against_the_redemption_of_a_code(round: Round) {
    let code = round.world.code("web").await;
    let held = code.clone();
    let held = round
        .world
        .store
        .read::<_, prokura_store::StoreError>(move |tx| tx.artifact(ArtifactKind::Code, &held));
    let grant = held.await.unwrap().unwrap().grant.unwrap();
    let answers = answers(round.race(vec![redeem(&round, &code), round.revoke(&grant)]).await);
    round.nothing_after("grant:revoke", &members(&answers, "access_token")).await;
    for token in members(&answers, "refresh_token") {
        assert_eq!(round.world.refresh(&token, &[]).await.error(), "400 invalid_grant");
    }
}

pub(crate) async fn c11_two_redemptions_of_a_code_end_what_came_of_it(round: Round) {
    let code = round.world.code("web").await;
    let answers = answers(round.race(vec![redeem(&round, &code), redeem(&round, &code)]).await);
    let tokens = members(&answers, "access_token");
    assert_eq!(tokens.len(), 1, "a code is redeemed once");
    round.nothing_after("grant:revoke", &tokens).await;
}
