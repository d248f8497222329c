//! RFC 8414, OpenID Connect Discovery, RFC 7517.

use crate::world::*;

#[tokio::test]
async fn every_address_that_is_named_answers() {
    let world = World::and(OPEN_REGISTRATION).await;
    let metadata = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.header("access-control-allow-origin"), "*");
    let metadata = metadata.json();
    assert_eq!(metadata.str("issuer"), Some(ISSUER));
    for (name, value) in &metadata {
        if !name.ends_with("_endpoint") && name != "jwks_uri" {
            continue;
        }
        let path = value.as_str().unwrap().strip_prefix(ISSUER).unwrap();
        let found = world.send(http::Request::builder().method("PATCH").uri(path), "").await;
        assert_eq!(found.status, 405, "{name}: the address exists, and not for this method");
    }
    insta::assert_snapshot!(String::from_utf8(metadata.to_vec()).unwrap().replace(",\"", ",\n\""));
}

#[tokio::test]
async fn the_openid_document_is_the_same_and_has_what_its_readers_insist_on() {
    let world = World::new().await;
    let server = world.get("/.well-known/oauth-authorization-server").await.json();
    let openid = world.get("/.well-known/openid-configuration").await.json();
    for (name, value) in &server {
        assert_eq!(openid.get(name), Some(value), "{name}");
    }
    for name in ["subject_types_supported", "id_token_signing_alg_values_supported"] {
        assert!(openid.contains_key(name));
    }
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_documents_where_clients_look() {
    let config = USUAL.replace("http://localhost:9400", "http://localhost:9400/t1");
    let world = World::with(&config).await;
    for path in [
        "/.well-known/oauth-authorization-server/t1",
        "/.well-known/openid-configuration/t1",
        "/t1/.well-known/openid-configuration",
    ] {
        assert_eq!(world.get(path).await.text("issuer"), "http://localhost:9400/t1", "{path}");
    }
    assert_eq!(world.get("/t1/jwks").await.status, 200);
    let (_, p) = world.get(&format!("/t1/authorize?{}", encode(&request(&[])))).await.redirect();
    assert_eq!(p["iss"], "http://localhost:9400/t1");
}
