//! Client ID metadata documents: what is fetched, kept and refused (attacks B11–B13).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod publisher;

use prokura_core::{AgentId, ClientId, Clock, ManualClock, PointId, SystemRng, Timestamp};
use prokura_egress::EgressError;
use prokura_oauth::client_metadata::MetadataError;
use prokura_server::clients::{Document, DocumentError, DocumentPolicy, Documents};
use prokura_store::{Agent, DatabaseUrl, Store, StoreError};
use publisher::Publisher;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

struct Scene {
    publisher: Publisher,
    clock: Arc<ManualClock>,
    store: Store,
    documents: Arc<Documents>,
}

impl Scene {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let url = DatabaseUrl::parse("sqlite::memory:").unwrap();
        let store = Store::open(&url, PointId::random(&SystemRng), clock.clone()).await.unwrap();
        let publisher = Publisher::start().await;
        let documents = Arc::new(documents(&publisher, &store, &clock, &[]));
        Self { publisher, clock, store, documents }
    }

    fn id(&self) -> ClientId {
        ClientId::parse(&self.publisher.address).unwrap()
    }

    async fn find(&self) -> Result<Arc<Document>, Arc<DocumentError>> {
        self.documents.find(&self.id()).await
    }

    fn publish(&self, cache: &'static str, extra: &str) {
        self.publisher.publish(cache, document(&self.publisher.address, extra));
    }
}

fn documents(publisher: &Publisher, store: &Store, clock: &Arc<ManualClock>, hosts: &[&str]) -> Documents {
    let trusted_hosts = hosts.iter().map(|h| (*h).to_owned()).collect();
    let policy = DocumentPolicy { enabled: true, trusted_hosts };
    Documents::new(publisher.egress(), store.clone(), clock.clone(), policy)
}

fn document(id: &str, extra: &str) -> String {
    let redirect = r#""redirect_uris":["https://a.example/cb"]"#;
    format!(r#"{{"client_id":"{id}","client_name":"A",{redirect}{extra}}}"#)
}

#[tokio::test]
async fn b09_logo_is_never_fetched() {
    let scene = Scene::new().await;
    let host = scene.publisher.address.trim_end_matches("/client.json").to_owned();
    let pictures = ["logo_uri", "client_uri", "tos_uri", "policy_uri"];
    let extra: String = pictures.iter().map(|name| format!(r#","{name}":"{host}/{name}""#)).collect();
    scene.publish("max-age=600", &extra);
    scene.find().await.unwrap();
    // Whatever would be fetched beside would be asked for by now: the publisher answers in 20 ms.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(scene.publisher.hits(), 1, "the document, and nothing that it names");
}

#[tokio::test]
async fn a_document_is_fetched_once_and_kept() {
    let scene = Scene::new().await;
    scene.publish("max-age=3600", r#","scope":"x""#);
    let found = scene.find().await.unwrap();
    assert_eq!((found.host.as_str(), found.metadata.name.as_deref()), ("127.0.0.1", Some("A")));
    scene.clock.advance(HOUR - MINUTE);
    assert_eq!(scene.find().await.unwrap(), found);
    assert_eq!(scene.publisher.hits(), 1);
    scene.clock.advance(MINUTE);
    assert!(scene.find().await.is_ok());
    assert_eq!(scene.publisher.hits(), 2, "what is old is fetched again");
}

#[tokio::test]
async fn all_who_ask_at_once_share_one_fetch() {
    let scene = Scene::new().await;
    scene.publish("", "");
    let (documents, id) = (scene.documents.clone(), scene.id());
    let ask = || {
        tokio::spawn({
            let (d, id) = (documents.clone(), id.clone());
            async move { d.find(&id).await }
        })
    };
    let all: Vec<_> = (0..50).map(|_| ask()).collect();
    for one in all {
        assert!(one.await.unwrap().is_ok());
    }
    assert_eq!(scene.publisher.hits(), 1);
}

#[tokio::test]
async fn asking_leaves_no_row_and_letting_in_leaves_one_for_all_processes() {
    let scene = Scene::new().await;
    scene.publish("max-age=3600", "");
    let found = scene.find().await.unwrap();
    let stored = |store: Store, id: ClientId| async move {
        store.read::<_, StoreError>(move |tx| tx.client_document(&id)).await.unwrap()
    };
    assert!(stored(scene.store.clone(), scene.id()).await.is_none());
    let (kept, now) = (found.clone(), scene.clock.now());
    let keep = move |tx: &mut prokura_store::Tx<'_>| {
        let id = AgentId::parse("agt_a").unwrap();
        let fresh = Agent { id: id.clone(), name: "A".into(), disabled: false, created_at: now };
        tx.agent_for_client(&kept.client, &fresh)?;
        Documents::keep(tx, &kept, &id)
    };
    scene.store.transact::<_, StoreError>(keep).await.unwrap();
    let other = documents(&scene.publisher, &scene.store, &scene.clock, &[]);
    assert_eq!(other.find(&scene.id()).await.unwrap(), found);
    assert_eq!(scene.publisher.hits(), 1, "another process takes it from the store");
    scene.clock.advance(HOUR);
    assert!(documents(&scene.publisher, &scene.store, &scene.clock, &[]).find(&scene.id()).await.is_ok());
    assert_eq!(scene.publisher.hits(), 2, "but not when it is old");
}

#[tokio::test]
async fn only_trusted_hosts_if_any_are_named_and_nothing_when_switched_off() {
    let scene = Scene::new().await;
    scene.publish("", "");
    let trusting = documents(&scene.publisher, &scene.store, &scene.clock, &["127.0.0.1"]);
    assert!(trusting.find(&scene.id()).await.is_ok());
    let strict =
        documents(&scene.publisher, &scene.store, &scene.clock, &["a.example", "0.0.1", "127.0.0.10"]);
    assert!(matches!(*strict.find(&scene.id()).await.unwrap_err(), DocumentError::Host(_)));
    let (egress, store) = (scene.publisher.egress(), scene.store.clone());
    let off = Documents::new(egress, store, scene.clock.clone(), DocumentPolicy::default());
    assert!(matches!(*off.find(&scene.id()).await.unwrap_err(), DocumentError::Disabled));
    assert_eq!(scene.publisher.hits(), 1);
}

#[tokio::test]
async fn a_pinned_document_needs_no_network_but_must_be_valid() {
    let scene = Scene::new().await;
    let mut pinned = documents(&scene.publisher, &scene.store, &scene.clock, &[]);
    let address = "https://conformance-test.local/client-metadata.json";
    pinned.pin(address, document(address, "").into_bytes()).unwrap();
    let found = pinned.find(&ClientId::parse(address).unwrap()).await.unwrap();
    assert_eq!(found.host, "conformance-test.local");
    let other = document("https://other.example/c", "").into_bytes();
    assert!(matches!(pinned.pin(address, other), Err(DocumentError::Metadata(MetadataError::ClientId))));
    assert!(matches!(pinned.pin("https://a.example", Vec::new()), Err(DocumentError::NoPath)));
}

#[tokio::test]
async fn b10_a_document_is_small() {
    let scene = Scene::new().await;
    scene.publish("", &format!(r#","x":"{}""#, "y".repeat(5 * 1024)));
    let refused = scene.find().await.unwrap_err();
    assert!(matches!(*refused, DocumentError::Fetch(EgressError::TooLarge { .. })), "{refused}");
}

#[tokio::test]
async fn b11_client_id_mismatch_fragment_userinfo_dot_segments() {
    let scene = Scene::new().await;
    scene.publish("", "");
    let at = scene.publisher.address.clone();
    let base = at.strip_suffix("client.json").unwrap();
    let authority = base.strip_prefix("http://").unwrap();
    for refused in [
        format!("{at}#"),
        format!("{at}#f"),
        format!("http://u@{authority}client.json"),
        format!("http://u:p@{authority}client.json"),
        format!("http://a.example@{authority}client.json"),
        format!("{base}./client.json"),
        format!("{base}a/../client.json"),
        format!("{base}%2e/client.json"),
        format!("{base}a/%2E%2e/client.json"),
        format!("{base}a/.."),
        base.to_owned(),
        base.strip_suffix('/').unwrap().to_owned(),
        at.replace("http://", "HTTP://"),
        at.replace("127.0.0.1", "127.1"),
        at.replace("127.0.0.1", "0x7f.0.0.1"),
        at.replace("127.0.0.1", "localhost"),
        at.replace("http://", "https:"),
        at.replace("http://", "http:\\\\"),
        "http://a.example/client.json".to_owned(),
        "https://a.example:8443/client.json".to_owned(),
        "https://a.example:443/client.json".to_owned(),
        "https://127.0.0.1/client.json".to_owned(),
        "https://A.example/client.json".to_owned(),
        "data:application/json,{}".to_owned(),
        "client".to_owned(),
    ] {
        let Ok(id) = ClientId::parse(&refused) else { continue };
        assert!(scene.documents.find(&id).await.is_err(), "{refused}");
    }
    assert_eq!(scene.publisher.hits(), 0, "none of them was asked for");
    for other in [
        format!("{at}/"),
        format!("{at}?"),
        format!("{at}?x=1"),
        at.replace("client", "Client"),
        at.replace("127.0.0.1", "localhost"),
        "https://claude.example/client.json".to_owned(),
        String::new(),
    ] {
        scene.publisher.publish("", document(&other, ""));
        let refused = scene.find().await.unwrap_err();
        assert!(matches!(*refused, DocumentError::Metadata(MetadataError::ClientId)), "{other}: {refused}");
    }
    for odd in [r#"{"client_name":"A"}"#, r#"{"client_id":7}"#, r#"{"client_id":null}"#] {
        scene.publisher.publish("", odd);
        assert!(scene.find().await.is_err(), "{odd}");
    }
    let twice = document(&at, &format!(r#","client_id":"{at}""#));
    scene.publisher.publish("", twice);
    assert!(matches!(*scene.find().await.unwrap_err(), DocumentError::Json(_)), "a member that stands twice");
    scene.publisher.publish("", "[]");
    assert!(matches!(*scene.find().await.unwrap_err(), DocumentError::NotObject));
}

#[tokio::test]
async fn b12_document_with_secret_or_symmetric_authentication() {
    let scene = Scene::new().await;
    for extra in [
        r#","client_secret":"s""#,
        r#","client_secret":"""#,
        r#","client_secret_expires_at":0"#,
        r#","token_endpoint_auth_method":"client_secret_basic""#,
        r#","token_endpoint_auth_method":"client_secret_post""#,
        r#","token_endpoint_auth_method":"client_secret_jwt""#,
        r#","token_endpoint_auth_method":"none","jwks":{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#,
        r#","jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"x","y":"y","d":"d"}]}"#,
    ] {
        scene.publish("", extra);
        let refused = scene.find().await.unwrap_err();
        assert!(matches!(*refused, DocumentError::Metadata(MetadataError::Secret)), "{extra}: {refused}");
        assert!(!refused.public().unwrap().contains("c2VjcmV0"));
    }
    scene.publish("", r#","token_endpoint_auth_method":"none""#);
    assert!(scene.find().await.is_ok());
}

#[tokio::test]
async fn b13_cache_abuse() {
    let scene = Scene::new().await;
    let keys = |address: &str| {
        format!(r#","token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://{address}/jwks""#)
    };
    scene.publish("public, max-age=315360000, immutable", &keys("old.example"));
    let old = scene.find().await.unwrap();
    scene.publish("public, max-age=315360000, immutable", &keys("new.example"));
    scene.clock.advance(24 * HOUR - MINUTE);
    assert_eq!(scene.find().await.unwrap(), old);
    scene.clock.advance(MINUTE);
    let new = scene.find().await.unwrap();
    assert_ne!(
        new.metadata.keys, old.metadata.keys,
        "a swap of keys is seen after a day, whatever max-age says"
    );

    for eager in ["no-store", "max-age=0", "no-cache", "max-age=-1", "private"] {
        scene.publish(eager, "");
        scene.clock.advance(24 * HOUR);
        scene.find().await.unwrap();
        let hits = scene.publisher.hits();
        scene.clock.advance(4 * MINUTE);
        scene.find().await.unwrap();
        assert_eq!(scene.publisher.hits(), hits, "{eager}: nobody makes us ask at every request");
        scene.clock.advance(MINUTE);
        scene.find().await.unwrap();
        assert_eq!(scene.publisher.hits(), hits + 1, "{eager}");
    }
}

#[tokio::test]
async fn b13_errors_and_invalid_documents_are_never_kept() {
    let scene = Scene::new().await;
    for status in [404, 500, 503] {
        scene.publish("max-age=3600", "");
        scene.publisher.fail(status);
        let refused = scene.find().await.unwrap_err();
        assert!(matches!(*refused, DocumentError::Fetch(EgressError::Status { .. })), "{refused}");
    }
    for invalid in ["", "{", "null", r#"{"client_id":"x"}"#] {
        scene.publisher.publish("max-age=3600", invalid);
        assert!(scene.find().await.is_err(), "{invalid}");
    }
    scene.publish("max-age=3600", "");
    assert!(scene.find().await.is_ok(), "as soon as it is right, it is used");
    scene.publisher.fail(500);
    scene.clock.advance(HOUR);
    assert!(scene.find().await.is_err(), "an old document is never used in place of none");
    scene.publish("max-age=3600", "");
    assert!(scene.find().await.is_ok());
}
