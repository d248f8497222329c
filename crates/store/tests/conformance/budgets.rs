//! Budgets: drawn from everything above or from nothing, and never beyond.

use crate::world::{World, at, g, grant, now};
use prokura_core::{Amount, Budget, Decimal, Grant, GrantId, Path, Sum};
use prokura_oauth::json::{Limits, Value, parse};
use prokura_store::{Drawn, Said, Store, StoreError, Undrawn};

fn amount(text: &str) -> Amount {
    Amount::of(&Decimal::parse(text).unwrap()).unwrap()
}

fn path() -> Path {
    Path::parse(".amount").unwrap()
}

/// So many calls, and so much to pay.
pub(crate) fn budget(calls: Option<u64>, most: Option<&str>) -> Budget {
    let sum = |most| Sum { tools: ["pay".to_owned()].into(), path: path(), most: amount(most) };
    Budget::new(calls, most.map(sum).into_iter().collect()).unwrap()
}

fn bounded(id: &str, parents: &[&str], budget: Budget) -> Grant {
    let mut grant = grant(id, parents);
    grant.terms.budget = Some(budget);
    grant
}

fn arguments(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::DOCUMENT).unwrap()
}

async fn draw(
    store: &Store,
    grants: &[&str],
    (tool, with): (&'static str, &str),
) -> Result<Vec<Drawn>, Undrawn> {
    let (grants, with): (Vec<GrantId>, _) = (grants.iter().map(|id| g(id)).collect(), arguments(with));
    store.transact::<_, StoreError>(move |tx| tx.draw(&grants, tool, &with)).await.unwrap()
}

async fn left(w: &World, id: &str) -> (Option<u64>, Vec<String>) {
    let id = g(id);
    let left = w.read(move |tx| tx.budget_left(&id)).await.unwrap();
    (left.calls, left.sums.iter().map(ToString::to_string).collect())
}

pub(crate) async fn d01_a_call_draws_from_everything_above_or_from_nothing(w: World) {
    w.write(|tx| {
        tx.insert_grant(&bounded("g_1", &[], budget(Some(9), Some("100"))))?;
        tx.insert_grant(&bounded("g_2", &["g_1"], budget(None, Some("1000"))))?;
        tx.insert_grant(&bounded("g_3", &["g_2"], budget(Some(2), None)))
    })
    .await;
    let all = ["g_1", "g_2", "g_3"];
    let drawn = draw(&w.store, &all, ("pay", r#"{"amount":60.5}"#)).await.unwrap();
    assert_eq!(
        drawn.iter().map(|d| d.draw.sums.clone()).collect::<Vec<_>>(),
        [vec![amount("60.5")], vec![amount("60.5")], vec![]]
    );
    assert_eq!(left(&w, "g_1").await, (Some(8), vec!["39.5".to_owned()]));
    assert_eq!(left(&w, "g_2").await, (None, vec!["939.5".to_owned()]));
    let over = draw(&w.store, &all, ("pay", r#"{"amount":39.500001}"#)).await;
    assert_eq!(over, Err(Undrawn::Sum(path())), "the parent's is used up, though the child's is not");
    assert_eq!(left(&w, "g_2").await, (None, vec!["939.5".to_owned()]), "nothing was drawn of the others");
    assert!(draw(&w.store, &all, ("look", "{}")).await.is_ok(), "another tool draws a call and no sum");
    assert_eq!(draw(&w.store, &all, ("look", "{}")).await, Err(Undrawn::Calls));
    assert_eq!(left(&w, "g_1").await, (Some(7), vec!["39.5".to_owned()]));
    assert_eq!(left(&w, "g_3").await, (Some(0), vec![]));
    assert_eq!(draw(&w.store, &["g_1", "g_none"], ("look", "{}")).await, Err(Undrawn::Elsewhere));
    assert_eq!(left(&w, "g_1").await.0, Some(7));
}

pub(crate) async fn a_narrowed_budget_keeps_what_was_used(w: World) {
    w.write(|tx| tx.insert_grant(&bounded("g_1", &[], budget(None, Some("100"))))).await;
    draw(&w.store, &["g_1"], ("pay", r#"{"amount":60}"#)).await.unwrap();
    let said = || Said { by: "usr_alice", why: "less", now: now() };
    let less = bounded("g_1", &[], budget(Some(1), Some("70")));
    assert!(w.write(move |tx| tx.narrow_grant(&less, said())).await);
    assert_eq!(left(&w, "g_1").await, (Some(1), vec!["10".to_owned()]));
    let below = Grant { revision: 1, ..bounded("g_1", &[], budget(Some(1), Some("50"))) };
    assert!(w.write(move |tx| tx.narrow_grant(&below, said())).await);
    assert_eq!(left(&w, "g_1").await, (Some(1), vec!["0".to_owned()]));
    for wider in [budget(None, Some("50")), budget(Some(2), Some("50")), budget(Some(1), Some("51"))] {
        let wider = Grant { revision: 2, ..bounded("g_1", &[], wider) };
        let refused = w.store.transact(move |tx| tx.narrow_grant(&wider, said())).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))));
    }
    assert_eq!(w.read(|tx| tx.grant(&g("g_1"))).await.unwrap().expires_at, at(3600));
}

pub(crate) async fn however_many_call_at_once_no_more_is_drawn_than_there_is(w: World) {
    w.write(|tx| {
        tx.insert_grant(&bounded("g_1", &[], budget(Some(70), Some("100"))))?;
        tx.insert_grant(&bounded("g_2", &["g_1"], budget(None, Some("90.5"))))?;
        tx.insert_grant(&bounded("g_3", &["g_1"], budget(Some(60), None)))
    })
    .await;
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    let racers: Vec<_> = (0..200)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            let chain: &[&str] = if i % 3 == 0 { &["g_1", "g_3"] } else { &["g_1", "g_2"] };
            tokio::spawn(async move { draw(&store, chain, ("pay", r#"{"amount":1.5}"#)).await })
        })
        .collect();
    let (mut left_side, mut right_side) = (0_u64, 0_u64);
    for (i, racer) in racers.into_iter().enumerate() {
        match (racer.await.unwrap(), i % 3 == 0) {
            (Ok(_), true) => left_side += 1,
            (Ok(_), false) => right_side += 1,
            (Err(why), _) => assert_eq!(why, Undrawn::Sum(path())),
        }
    }
    assert_eq!(left_side + right_side, 66, "100 in steps of 1.5, and 60 of one side at most");
    assert_eq!(left(&w, "g_1").await, (Some(4), vec!["1".to_owned()]));
    let used = amount("1.5").millionths() * right_side;
    let rest = Amount::of_millionths(amount("90.5").millionths() - used).unwrap();
    assert_eq!(left(&w, "g_2").await, (None, vec![rest.to_string()]));
    assert_eq!(left(&w, "g_3").await, (Some(60 - left_side), vec![]));
}
