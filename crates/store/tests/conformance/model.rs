//! Random histories, compared with a model that is too simple to be wrong.

use crate::world::{World, at, g, grant, now};
use prokura_core::GrantState;
use prokura_store::{Artifact, ArtifactKind, Consumed, Ended};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

/// Something that is done to one of a few artifacts at some second.
#[derive(Debug, Clone)]
enum Act {
    Put(u8, i64),
    Consume(u8, i64),
    ConsumeWith(u8, i64, u8),
    Update(u8, i64, u8, u8),
    RevokeGrant(u8, i64),
}

fn act() -> impl Strategy<Value = Act> {
    let (who, when) = (0..4_u8, 0..20_i64);
    prop_oneof![
        (who.clone(), when.clone()).prop_map(|(a, t)| Act::Put(a, t)),
        (who.clone(), when.clone()).prop_map(|(a, t)| Act::Consume(a, t)),
        (who.clone(), when.clone(), 0..3_u8).prop_map(|(a, t, p)| Act::ConsumeWith(a, t, p)),
        (who.clone(), when.clone(), 0..3_u8, 0..3_u8).prop_map(|(a, t, p, q)| Act::Update(a, t, p, q)),
        (who, when).prop_map(|(a, t)| Act::RevokeGrant(a, t)),
    ]
}

#[derive(Default)]
struct Model(BTreeMap<u8, Artifact>);

impl Model {
    /// What spending gives; `payload` is what is left behind.
    fn spend(&mut self, who: u8, when: i64, payload: Option<u8>) -> Consumed {
        let Some(a) = self.0.get_mut(&who) else { return Consumed::Absent };
        if a.consumed_at.is_some() {
            return Consumed::Already(a.clone());
        }
        if a.expires_at <= at(when) {
            return Consumed::Expired;
        }
        a.consumed_at = Some(at(when));
        let before = a.clone();
        a.payload = payload.map_or(before.payload.clone(), |p| vec![p]);
        Consumed::Won(before)
    }

    fn update(&mut self, who: u8, when: i64, from: u8, to: u8) -> bool {
        let Some(a) = self.0.get_mut(&who) else { return false };
        let fine = a.consumed_at.is_none() && a.expires_at > at(when) && a.payload == [from];
        if fine {
            a.payload = vec![to];
        }
        fine
    }
}

const KIND: ArtifactKind = ArtifactKind::RefreshToken;

/// Artifact `who` belongs to grant `who / 2`.
fn owner(who: u8) -> prokura_core::GrantId {
    g(&format!("g_{}", who / 2))
}

async fn play(w: &World, round: u32, acts: Vec<Act>) {
    let mut model = Model::default();
    let name = move |who: u8| format!("{round}-{who}");
    for act in acts {
        match act {
            Act::Put(who, until) if !model.0.contains_key(&who) => {
                w.write(move |tx| tx.put_artifact(KIND, &name(who), Some(&owner(who)), &[0], at(until)))
                    .await;
                let fresh = Artifact {
                    grant: Some(owner(who)),
                    payload: vec![0],
                    expires_at: at(until),
                    consumed_at: None,
                };
                model.0.insert(who, fresh);
            }
            Act::Put(..) => (),
            Act::Consume(who, t) => {
                let got = w.write(move |tx| tx.consume(KIND, &name(who), at(t))).await;
                assert_eq!(got, model.spend(who, t, None));
            }
            Act::ConsumeWith(who, t, p) => {
                let got = w.write(move |tx| tx.consume_with(KIND, &name(who), at(t), &[p])).await;
                assert_eq!(got, model.spend(who, t, Some(p)));
            }
            Act::Update(who, t, from, to) => {
                let got = w.write(move |tx| tx.update_payload(KIND, &name(who), &[from], &[to], at(t))).await;
                assert_eq!(got, model.update(who, t, from, to));
            }
            Act::RevokeGrant(who, t) => {
                w.write(move |tx| tx.revoke_artifacts_by_grant(&owner(who), at(t))).await;
                for a in model.0.values_mut().filter(|a| a.grant == Some(owner(who))) {
                    a.consumed_at.get_or_insert(at(t));
                }
            }
        }
    }
    for (who, expected) in model.0 {
        assert_eq!(w.read(move |tx| tx.artifact(KIND, &name(who))).await, Some(expected));
    }
    w.write(|tx| (0..2).try_for_each(|n| tx.revoke_artifacts_by_grant(&owner(2 * n), now()).map(drop))).await;
}

pub(crate) async fn artifacts_behave_as_the_model_says(w: World) {
    let mut runner = TestRunner::deterministic();
    for round in 0..40 {
        let acts = vec(act(), 1..40).new_tree(&mut runner).unwrap().current();
        play(&w, round, acts).await;
    }
}

pub(crate) async fn revoking_ends_exactly_what_is_below(w: World) {
    let mut runner = TestRunner::deterministic();
    for round in 0..15 {
        // Grant n may have any earlier grants as parents; then some are revoked, one after the other.
        let edges =
            vec(vec(any::<prop::sample::Index>(), 0..3), 2..12).new_tree(&mut runner).unwrap().current();
        let order = vec(any::<prop::sample::Index>(), 1..5).new_tree(&mut runner).unwrap().current();
        let name = |n: usize| format!("g_{round}_{n:02}");
        let mut parents: Vec<BTreeSet<usize>> = Vec::new();
        for (n, above) in edges.iter().enumerate() {
            let above = if n == 0 { BTreeSet::new() } else { above.iter().map(|i| i.index(n)).collect() };
            let names: Vec<_> = above.iter().map(|p| name(*p)).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let new = grant(&name(n), &names);
            w.write(move |tx| tx.insert_grant(&new)).await;
            parents.push(above);
        }
        let mut ended: BTreeSet<usize> = BTreeSet::new();
        for index in order {
            let top = index.index(parents.len());
            let mut below = BTreeSet::from([top]);
            for (n, above) in parents.iter().enumerate().skip(top) {
                if above.iter().any(|p| below.contains(p)) {
                    below.insert(n);
                }
            }
            let new = below.difference(&ended).count() as u64;
            let id = g(&name(top));
            let got = w.write(move |tx| tx.revoke_tree(&id, "operator", "test", now())).await;
            let expected = (!ended.contains(&top)).then(|| Ended { id: g(&name(top)), below: new - 1 });
            assert_eq!(got, expected);
            ended.extend(below);
        }
        for n in 0..parents.len() {
            let id = g(&name(n));
            let chain = w.read(move |tx| tx.chain(&id)).await.unwrap();
            let stands = w.store.revoked().stands(chain.grants().map(|g| (&g.id, g.revision)));
            assert_eq!(stands, !ended.contains(&n));
            assert_eq!(chain.leaf().state == GrantState::Active, !ended.contains(&n));
        }
    }
}
