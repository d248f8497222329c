//! Clients and their agents.

use crate::world::{World, at, now};
use prokura_core::{AgentId, ClientId, GrantId};
use prokura_store::{Agent, Client, ClientDocument, SecretHash, StoreError};
use std::collections::BTreeSet;

fn agent(id: &str) -> Agent {
    Agent { id: AgentId::parse(id).unwrap(), name: "An agent".into(), disabled: false, created_at: now() }
}

fn id(id: &str) -> ClientId {
    ClientId::parse(id).unwrap()
}

fn client(name: &str) -> Client {
    Client {
        id: id(name),
        metadata: "{\"client_name\":\"X\"}".into(),
        secret_hash: None,
        registration_token_hash: Some(SecretHash::of("token")),
        agent: agent("agt_1").id,
        created_at: now(),
        expires_at: Some(at(10)),
        last_used_at: None,
        disabled: false,
    }
}

pub(crate) async fn the_first_sight_of_a_client_makes_one_agent(w: World) {
    let sights: Vec<_> = (0..100)
        .map(|i| {
            let store = w.store.clone();
            tokio::spawn(async move {
                let fresh = agent(&format!("agt_{i}"));
                let seen =
                    store.transact(move |tx| tx.agent_for_client(&id("https://a.example/c"), &fresh)).await;
                seen.map_err(|e: StoreError| e)
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    for sight in sights {
        seen.insert(sight.await.unwrap().unwrap().id);
    }
    assert_eq!(seen.len(), 1);
    assert_eq!(w.read(|tx| tx.agents(None, 100)).await.len(), 1, "no agent is left over");
    let one = seen.into_iter().next().unwrap();
    let clients = w.read(move |tx| tx.clients_of_agent(&one)).await;
    assert_eq!(clients, [id("https://a.example/c")]);
    assert_eq!(w.read(|tx| tx.agent_of_client(&id("cli_other"))).await, None);
}

pub(crate) async fn a_registered_client_lives_as_long_as_it_is_used(w: World) {
    let missing = w.store.transact(|tx| tx.insert_client(&client("cli_1"))).await;
    assert!(matches!(missing, Err(StoreError::Conflict(_))), "its agent must exist");
    w.write(|tx| {
        tx.insert_agent(&agent("agt_1"))?;
        tx.insert_client(&client("cli_1"))?;
        tx.insert_client(&client("cli_2"))
    })
    .await;
    assert_eq!(w.read(|tx| tx.client(&id("cli_1"))).await, Some(client("cli_1")));
    assert_eq!(w.read(|tx| tx.count_clients(now())).await, 2);
    w.write(|tx| tx.touch_client(&id("cli_2"), at(5), at(50))).await;
    w.write(|tx| tx.touch_client(&id("cli_2"), at(6), at(40))).await;
    assert_eq!(w.read(|tx| tx.count_clients(at(10))).await, 1);
    assert_eq!(w.write(|tx| tx.prune(at(10), 100)).await.rows, 1);
    let left = w.read(|tx| tx.clients(None, 100)).await;
    assert_eq!(left, [Client { expires_at: Some(at(50)), last_used_at: Some(at(6)), ..client("cli_2") }]);
    assert!(w.write(|tx| tx.delete_client(&id("cli_2"))).await);
    assert!(!w.write(|tx| tx.delete_client(&id("cli_2"))).await);
}

pub(crate) async fn an_agent_that_was_never_granted_anything_goes_with_its_client(w: World) {
    w.grant("g_1").await;
    let planner = w.read(|tx| tx.grant(&GrantId::parse("g_1").unwrap())).await.unwrap().grantee;
    let granted = planner.clone();
    w.write(move |tx| {
        for (name, agent_id) in [("cli_1", "agt_1"), ("cli_2", "agt_1"), ("cli_3", "agt_3")] {
            tx.agent_for_client(&id(name), &agent(agent_id))?;
            tx.insert_client(&Client { agent: agent(agent_id).id, ..client(name) })?;
        }
        tx.agent_for_client(&id("cli_4"), &agent(granted.as_str()))?;
        tx.insert_client(&Client { agent: granted.clone(), ..client("cli_4") })?;
        tx.disable_agent(&agent("agt_3").id, true, "operator", "", now()).map(drop)
    })
    .await;
    let agents =
        || w.read(|tx| Ok(tx.agents(None, 100)?.into_iter().map(|a| a.id.to_string()).collect::<Vec<_>>()));
    w.write(|tx| tx.delete_client(&id("cli_1"))).await;
    assert!(agents().await.contains(&"agt_1".to_owned()), "its other client lives");
    w.write(|tx| tx.prune(at(10), 100)).await;
    let left = agents().await;
    assert!(!left.contains(&"agt_1".to_owned()) && left.contains(&"agt_3".to_owned()), "{left:?}");
    assert!(left.contains(&planner.to_string()), "what was granted something is still named");
    assert_eq!(w.read(|tx| tx.clients(None, 100)).await, []);
    assert_eq!(w.read(|tx| tx.agent_of_client(&id("cli_2"))).await, None);
}

pub(crate) async fn a_disabled_client_cannot_change_itself(w: World) {
    w.write(|tx| {
        tx.insert_agent(&agent("agt_1"))?;
        tx.insert_client(&client("cli_1"))
    })
    .await;
    let changed = || Client { metadata: "{}".into(), registration_token_hash: None, ..client("cli_1") };
    assert!(w.write(move |tx| tx.update_client(&changed())).await);
    w.write(|tx| tx.disable_client(&id("cli_1"), true, "operator", "bad", now())).await;
    assert!(!w.write(move |tx| tx.update_client(&client("cli_1"))).await);
    let found = w.read(|tx| tx.client(&id("cli_1"))).await;
    assert_eq!(found, Some(Client { disabled: true, ..changed() }));
    assert!(w.store.revoked().client_disabled(&id("cli_1")));
    w.write(|tx| tx.disable_client(&id("https://a.example/c"), true, "operator", "bad", now())).await;
    assert!(w.store.revoked().client_disabled(&id("https://a.example/c")), "one that has no row too");
}

pub(crate) async fn a_document_is_kept_and_replaced(w: World) {
    w.write(|tx| tx.insert_agent(&agent("agt_1"))).await;
    let document = |bytes: &[u8], until| ClientDocument {
        client: id("https://a.example/c"),
        document: bytes.into(),
        fetched_at: now(),
        expires_at: at(until),
        agent: agent("agt_1").id,
    };
    for (bytes, until) in [(b"{}", 10), (b"[]", 20)] {
        w.write(move |tx| tx.put_client_document(&document(bytes, until))).await;
        let found = w.read(|tx| tx.client_document(&id("https://a.example/c"))).await;
        assert_eq!(found, Some(document(bytes, until)));
    }
    assert_eq!(w.write(|tx| tx.prune(at(19), 100)).await.rows, 0);
    assert_eq!(w.write(|tx| tx.prune(at(20), 100)).await.rows, 1);
}
