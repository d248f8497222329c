//! Bundle endpoints that prove a SPIFFE ID (`https_spiffe`).

use crate::svid::{Authority, authority, bundle_text, key, params};
use crate::world::World;
use prokura_attest::AttestError;
use prokura_oauth::jose::SigningKey;
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

const SERVER_ID: &str = "spiffe://example.org/spire/server";

/// An endpoint with the SVID of the moment.
struct Endpoint {
    address: String,
    says: Mutex<Vec<u8>>,
    tls: Mutex<Arc<ServerConfig>>,
    folder: tempfile::TempDir,
}

impl Endpoint {
    async fn of(tls: ServerConfig, bundle: Vec<u8>) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("first.json"), &bundle).unwrap();
        let this = Arc::new(Self {
            address: format!("https://{}/", listener.local_addr().unwrap()),
            says: Mutex::new(bundle),
            tls: Mutex::new(Arc::new(tls)),
            folder,
        });
        let served = Arc::clone(&this);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, says) = (served.tls.lock().unwrap().clone(), served.says.lock().unwrap().clone());
                let Ok(mut stream) = TlsAcceptor::from(tls).accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 4096]).await;
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", says.len());
                let _ = stream.write_all(&[head.into_bytes(), says].concat()).await;
                let _ = stream.shutdown().await;
            }
        });
        this
    }

    fn world(&self) -> World {
        let file = self.folder.path().join("first.json");
        World::of(&format!(
            "endpoint = \"{}\", profile = \"https_spiffe\", endpoint_id = \"{SERVER_ID}\", file = \"{}\"",
            self.address,
            file.display()
        ))
    }

    fn now(&self, tls: ServerConfig, bundle: Vec<u8>) {
        *self.tls.lock().unwrap() = Arc::new(tls);
        *self.says.lock().unwrap() = bundle;
    }
}

/// A server that shows this ID, and lets connections be resumed.
fn server(id: &str, by: &Authority) -> ServerConfig {
    let pair = KeyPair::generate().unwrap();
    let certificate = params(&[id], 3600 * 24 * 2).signed_by(&pair, by).unwrap();
    let private = PrivateKeyDer::Pkcs8(pair.serialize_der().into());
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap()
}

async fn is_believed(world: &World, key: &SigningKey) -> bool {
    match world.verify(&world.svid(key)).await {
        Ok(_) => true,
        Err(AttestError::Unavailable { .. } | AttestError::Refused { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_endpoint_is_who_it_says_by_its_svid_whatever_its_host() {
    let (ca, k) = (authority("example.org"), key("k1"));
    let endpoint = Endpoint::of(server(SERVER_ID, &ca), bundle_text(&[&ca], &[&k])).await;
    assert!(is_believed(&endpoint.world(), &k).await);
}

#[tokio::test]
async fn d07_another_workload_of_the_trust_domain_serves_no_bundle() {
    let (ca, k) = (authority("example.org"), key("k1"));
    for (id, by) in [
        ("spiffe://example.org/agents/planner", &ca),
        ("spiffe://example.org.evil.example/spire/server", &ca),
        (SERVER_ID, &authority("example.org")),
    ] {
        let endpoint = Endpoint::of(server(id, by), bundle_text(&[&ca], &[&k])).await;
        let refused = endpoint.world().verify(&endpoint.world().svid(&k)).await.unwrap_err();
        assert!(matches!(refused, AttestError::Unavailable { .. }), "{id}: {refused}");
    }
}

#[tokio::test]
async fn an_endpoint_that_changes_its_authority_is_followed() {
    let (first, second, third) =
        (authority("example.org"), authority("example.org"), authority("example.org"));
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let endpoint = Endpoint::of(server(SERVER_ID, &first), bundle_text(&[&first], &[&a])).await;
    let world = endpoint.world();
    assert!(is_believed(&world, &a).await);
    endpoint.now(server(SERVER_ID, &first), bundle_text(&[&first, &second], &[&a, &b]));
    world.later(300);
    assert!(is_believed(&world, &b).await);
    endpoint.now(server(SERVER_ID, &second), bundle_text(&[&second, &third], &[&b, &c]));
    world.later(300);
    assert!(is_believed(&world, &c).await, "by what it said itself, since the file knows only the first");
}

#[tokio::test]
async fn d09_no_connection_is_resumed_past_the_authority_that_was_dropped() {
    let (first, second) = (authority("example.org"), authority("example.org"));
    let (a, b) = (key("a"), key("b"));
    let endpoint = Endpoint::of(server(SERVER_ID, &first), bundle_text(&[&second], &[&a])).await;
    std::fs::write(endpoint.folder.path().join("first.json"), bundle_text(&[&first], &[])).unwrap();
    let world = endpoint.world();
    assert!(is_believed(&world, &a).await);
    // The bundle dropped the authority that vouched for the endpoint. The same server, with the tickets that it gave out,
    // now says something else.
    *endpoint.says.lock().unwrap() = bundle_text(&[&second], &[&b]);
    world.later(300);
    assert!(!is_believed(&world, &b).await);
}
