//! RFC 7591 and 7592.

use crate::world::*;
use http::Method;

#[tokio::test]
async fn a_client_registers_uses_and_removes_itself() {
    let world = World::and(OPEN_REGISTRATION).await;
    let body = r#"{"redirect_uris":["http://127.0.0.1/cb"],"client_name":"Inspector","application_type":"native",
        "token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}"#;
    let answer = world.json(Method::POST, "/register", None, body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.text("application_type"), "native");
    assert!(!answer.json().contains_key("client_secret"));
    let (id, token) = (answer.text("client_id"), answer.text("registration_access_token"));
    assert_eq!(answer.text("registration_client_uri"), format!("{ISSUER}/register/{id}"));

    let redirect = ("redirect_uri", "http://127.0.0.1:7777/cb");
    let code = world.authorize(&[("client_id", &id), redirect]).await.redirect().1.remove("code").unwrap();
    let answer = world.redeem(&code, &[("client_id", &id), redirect]).await;
    let access = answer.text("access_token");
    assert!(world.is_active(&access).await);

    let path = format!("/register/{id}");
    assert_eq!(world.json(Method::GET, &path, Some(&token), "").await.text("client_name"), "Inspector");
    let update = body
        .replace("\"client_name\"", &format!("\"client_id\":\"{id}\",\"client_name\""))
        .replace("Inspector", "Other");
    let answer = world.json(Method::PUT, &path, Some(&token), &update).await;
    assert_eq!((answer.status.as_u16(), answer.text("client_name").as_str()), (200, "Other"));
    assert_eq!(world.json(Method::DELETE, &path, Some(&token), "").await.status, 204);
    assert!(!world.is_active(&access).await, "and what users let it do has ended");
    assert_eq!(world.json(Method::GET, &path, Some(&token), "").await.error(), "401 invalid_token");
    let actions = ["client:register", "client:update", "client:remove"];
    for action in actions {
        assert_eq!(world.count(action).await, 1, "{action}");
    }
}

#[tokio::test]
async fn a_secret_is_told_once_and_works() {
    let world = World::and(OPEN_REGISTRATION).await;
    let body = format!(r#"{{"redirect_uris":["{CB}"],"token_endpoint_auth_method":"client_secret_basic"}}"#);
    let answer = world.json(Method::POST, "/register", None, &body).await;
    let (id, secret) = (answer.text("client_id"), answer.text("client_secret"));
    let token = answer.text("registration_access_token");
    let read = world.json(Method::GET, &format!("/register/{id}"), Some(&token), "").await;
    assert!(!read.json().contains_key("client_secret"));
    let code = world.authorize(&[("client_id", &id)]).await.redirect().1.remove("code").unwrap();
    let form = redemption(&code, &[("client_id", "")]);
    assert_eq!(world.form("/token", Some(&format!("{id}:wrong")), &form).await.error(), "401 invalid_client");
    assert_eq!(world.form("/token", Some(&format!("{id}:{secret}")), &form).await.status, 200);
}

#[tokio::test]
async fn a_client_that_is_used_stays_and_one_that_is_not_goes() {
    let world = World::and(OPEN_REGISTRATION).await;
    let body = format!(
        r#"{{"redirect_uris":["{CB}"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"]}}"#
    );
    let used = world.json(Method::POST, "/register", None, &body).await.text("client_id");
    let unused = world.json(Method::POST, "/register", None, &body).await.text("client_id");
    world.wait(20 * 24 * 3600);
    let code = world.authorize(&[("client_id", &used)]).await.redirect().1.remove("code").unwrap();
    assert_eq!(world.redeem(&code, &[("client_id", &used)]).await.status, 200);
    world.wait(20 * 24 * 3600);
    assert_eq!(world.authorize(&[("client_id", &used)]).await.status, 303);
    assert_eq!(world.authorize(&[("client_id", &unused)]).await.status, 400);
}

#[tokio::test]
async fn only_json_is_read_and_only_in_one_way() {
    let world = World::and(OPEN_REGISTRATION).await;
    for (body, error) in [
        ("[]", "400 invalid_client_metadata"),
        (
            r#"{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}"#,
            "400 invalid_client_metadata",
        ),
        ("{}", "400 invalid_redirect_uri"),
    ] {
        assert_eq!(world.json(Method::POST, "/register", None, body).await.error(), error, "{body}");
    }
    assert_eq!(world.form("/register", None, &[("redirect_uris", CB)]).await.error(), "400 invalid_request");
}
