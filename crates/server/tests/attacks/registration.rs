//! B: registration.

use crate::world::*;
use http::Method;

fn body(more: &str) -> String {
    format!(r#"{{"redirect_uris":["{CB}"],"client_name":"X","token_endpoint_auth_method":"none"{more}}}"#)
}

#[tokio::test]
async fn b01_registrations_are_bounded_by_rate_and_in_number() {
    let world = World::and("\n[registration]\ndynamic = \"open\"\nper_minute = 3\nmax_clients = 4\n").await;
    let register = || world.json(Method::POST, "/register", None, "");
    for _ in 0..3 {
        assert_eq!(world.json(Method::POST, "/register", None, &body("")).await.status, 201);
    }
    let flooded = world.json(Method::POST, "/register", None, &body("")).await;
    assert_eq!(flooded.error(), "429 temporarily_unavailable");
    assert!(flooded.headers.contains_key("retry-after"));
    world.refused_for("too_many").await;
    world.wait(60);
    assert_eq!(world.json(Method::POST, "/register", None, &body("")).await.status, 201);
    assert_eq!(
        world.json(Method::POST, "/register", None, &body("")).await.error(),
        "429 temporarily_unavailable"
    );
    assert_eq!(register().await.error(), "400 invalid_client_metadata");
    // What was never used goes, and there is room again.
    world.wait(31 * 24 * 3600);
    world.server.maintain().await.unwrap();
    assert_eq!(world.json(Method::POST, "/register", None, &body("")).await.status, 201);
    let count =
        world.store.read::<_, prokura_store::StoreError>(|tx| tx.clients(None, 100)).await.unwrap().len();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn b02_who_may_register_is_the_operators_word() {
    let off = World::new().await;
    assert_eq!(off.json(Method::POST, "/register", None, &body("")).await.error(), "403 access_denied");
    off.refused_for("registration_off").await;
    let metadata = off.get("/.well-known/oauth-authorization-server").await.json();
    assert!(!metadata.contains_key("registration_endpoint"));

    let token = "\n[registration]\ndynamic = \"token\"\ninitial_access_token = { env = \"T\" }\n";
    let token = World::and(token).await;
    for wrong in [None, Some("x"), Some("")] {
        let answer = token.json(Method::POST, "/register", wrong, &body("")).await;
        assert_eq!(answer.error(), "401 invalid_token");
    }
    assert_eq!(token.json(Method::POST, "/register", Some(SECRET), &body("")).await.status, 201);

    let hosts = "\n[registration]\ndynamic = \"open\"\nredirect_hosts = [\"app.example\"]\n";
    let hosts = World::and(hosts).await;
    assert_eq!(hosts.json(Method::POST, "/register", None, &body("")).await.status, 201);
    for uri in [
        "https://evil.example/cb",
        "http://127.0.0.1/cb",
        "https://app.example.evil.example/cb",
        "com.evil.app://app.example:443/cb",
    ] {
        let body = format!(r#"{{"redirect_uris":["{uri}"]}}"#);
        assert_eq!(
            hosts.json(Method::POST, "/register", None, &body).await.error(),
            "400 invalid_redirect_uri"
        );
    }
}

#[tokio::test]
async fn b03_nothing_is_assigned_that_is_not_on_the_list() {
    let world = World::and(OPEN_REGISTRATION).await;
    let more = r#","grant_types":["authorization_code","client_credentials"],"introspects":["sales"],
        "agent":"agt_batch","client_id":"batch","client_secret":"mine","disabled":false,"service_account":true"#;
    let answer = world.json(Method::POST, "/register", None, &body(more)).await.json();
    let id = answer.str("client_id").unwrap().to_owned();
    assert_ne!(id, "batch");
    for member in ["introspects", "agent", "client_secret", "disabled", "service_account"] {
        assert!(!answer.contains_key(member), "{member}");
    }
    assert_eq!(answer.get("grant_types").unwrap().to_vec(), br#"["authorization_code"]"#);
    // Nor by an update.
    let (token, path) = (answer.str("registration_access_token").unwrap(), format!("/register/{id}"));
    let update = body(&format!(r#","client_id":"{id}","grant_types":["client_credentials"]"#));
    let update = world.json(Method::PUT, &path, Some(token), &update).await;
    assert_eq!(update.error(), "400 invalid_client_metadata");
    let update = body(&format!(r#","client_id":"{id}","service_account":true"#));
    let update = world.json(Method::PUT, &path, Some(token), &update).await;
    assert_eq!(update.status, 200);
    assert!(!update.json().contains_key("service_account"));
    let another = world.json(Method::PUT, &path, Some(token), &body(r#","client_id":"web""#)).await;
    assert_eq!(another.error(), "400 invalid_client_metadata");
    let secret = body(&format!(r#","client_id":"{id}""#)).replace("\"none\"", "\"client_secret_post\"");
    assert_eq!(
        world.json(Method::PUT, &path, Some(token), &secret).await.error(),
        "400 invalid_client_metadata"
    );
}

#[tokio::test]
async fn b04_a_registration_token_ends_with_its_client() {
    let world = World::and(OPEN_REGISTRATION).await;
    let answer = world.json(Method::POST, "/register", None, &body("")).await;
    let (id, token) = (answer.text("client_id"), answer.text("registration_access_token"));
    let path = format!("/register/{id}");
    let update = body(&format!(r#","client_id":"{id}""#));
    assert_eq!(world.json(Method::GET, &path, Some(&token), "").await.status, 200);
    for wrong in [None, Some("x"), Some(&token[1..])] {
        assert_eq!(world.json(Method::GET, &path, wrong, "").await.error(), "401 invalid_token");
    }
    world.disable_client(&id).await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = world.json(method.clone(), &path, Some(&token), &update).await;
        assert_eq!(answer.error(), "401 invalid_token", "{method}");
        world.refused_for("registration_token").await;
    }
    assert_eq!(
        world.json(Method::GET, "/register/cli_none", Some(&token), "").await.error(),
        "401 invalid_token"
    );
}
