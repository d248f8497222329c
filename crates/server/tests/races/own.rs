//! Tokens of an agent's own authority, whose grants are remembered between requests.

use crate::round::{Round, members};
use crate::schedule::Racer;
use crate::world::Answer;

/// What is configured besides.
pub(crate) const MORE: &str = "";

fn own(round: &Round) -> Racer<Option<Answer>> {
    round.racer(|world| async move { Some(world.batch().await) })
}

fn shown(round: &Round, evidence: String) -> Racer<Option<Answer>> {
    round.racer(|world| async move { Some(world.federate(&evidence, &[]).await) })
}

/// Pauses the grant behind `first` while others ask, and sees that nothing was made once it was paused.
async fn paused_among(round: Round, first: Answer, racers: Vec<Racer<Option<Answer>>>) {
    let first = first.text("access_token");
    let grant = round.world.verified(&first).grant.id;
    let suspend = round.suspend(&grant);
    let answers = crate::round::answers(round.race(racers.into_iter().chain([suspend]).collect()).await);
    let mut tokens = members(&answers, "access_token");
    tokens.push(first.clone());
    round.nothing_after("grant:suspend", &tokens).await;
    round.world.resume(&grant).await;
    assert!(round.world.is_active(&first).await, "what was paused goes on");
}

pub(crate) async fn c16_a_suspension_against_tokens_of_a_clients_own(round: Round) {
    let first = round.world.batch().await;
    assert_eq!(first.status, 200, "after a pause there are tokens again: {}", first.body);
    let racers = (0..3).map(|_| own(&round)).collect();
    paused_among(round, first, racers).await;
}

/// Evidence that is shown again and again, and evidence that is shown once.
pub(crate) async fn c16_a_suspension_against_evidence_of_a_workload(round: Round) {
    let once = round.chance.below(2) == 0;
    let evidence = || match once {
        true => round.platforms.job(&round.world, &[]),
        false => round.platforms.pod(&round.world, &[]),
    };
    let first = round.world.federate(&evidence(), &[]).await;
    assert_eq!(first.status, 200, "after a pause there are tokens again: {}", first.body);
    let racers = (0..3).map(|_| shown(&round, evidence())).collect();
    paused_among(round, first, racers).await;
}
