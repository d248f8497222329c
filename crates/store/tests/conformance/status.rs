//! Places in status lists.

use crate::world::{World, at, g, now};
use prokura_core::Rng;
use prokura_store::STATUS_PLACES;

/// Chance that always falls on the same place.
struct Stuck(u64);

impl Rng for Stuck {
    fn fill(&self, out: &mut [u8]) {
        let bytes = self.0.to_le_bytes();
        out.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
    }
}

async fn given(world: &World, name: &'static str, rng: u64) -> u64 {
    world.write(move |tx| tx.status_place(name, &g("g_1"), &format!("about {name}"), &Stuck(rng))).await
}

pub(crate) async fn a_place_is_given_once_and_a_full_list_is_followed_by_another(world: World) {
    world.grant("g_1").await;
    assert_eq!(world.read(|tx| tx.status_lists()).await, 1);
    assert_eq!(given(&world, "a", 7).await, 7);
    assert_eq!(given(&world, "a", 9).await, 7);
    // As if the list were full.
    assert_eq!(given(&world, "b", 7 + STATUS_PLACES).await, STATUS_PLACES + 7);
    assert_eq!(given(&world, "c", 8).await, STATUS_PLACES + 8);
    assert_eq!(world.read(|tx| tx.status_lists()).await, 2);
    let list = async |n: u64, now| world.read(move |tx| tx.status_list(n, now)).await;
    let [only] = &list(0, now()).await[..] else { panic!("one place was given") };
    assert_eq!((only.place, only.about.as_deref()), (7, Some("about a")));
    assert_eq!(list(1, now()).await.len(), 2);
    assert!(list(2, now()).await.is_empty() && list(u64::MAX, now()).await.is_empty());
    let about = async |now| list(0, now).await.remove(0).about;
    assert_eq!(about(at(400 * 24 * 3600)).await, None);
    world.write(|tx| tx.revoke_grant(&g("g_1"), "test", "test", now())).await;
    assert_eq!(about(now()).await, None);
}
