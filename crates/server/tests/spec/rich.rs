//! RFC 9396, with the type `mcp_tool`.

use crate::world::*;
use prokura_oauth::json::{Object, Value};

const READ: &str = r#"[{"type":"mcp_tool","actions":["read"],"constraints":[["<=",".days",30]]}]"#;
const BOTH: &str = r#"[{"type":"mcp_tool","actions":["read","write"]}]"#;
const D: &str = "authorization_details";

/// The details of an answer, without what stands in all of them.
fn said(o: &Object) -> String {
    let text = o.get(D).map_or(String::new(), |v| String::from_utf8(v.to_vec()).unwrap());
    text.replace(r#""type":"mcp_tool","locations":["http://localhost:9400/mcp/sales"],"#, "")
}

async fn code(world: &World, more: &[(&str, &str)]) -> String {
    world.authorize(more).await.redirect().1["code"].clone()
}

#[tokio::test]
async fn details_alone_are_carried_through_code_token_introspection_and_refresh() {
    let world = World::new().await;
    let code = code(&world, &[("scope", ""), (D, READ)]).await;
    let answer = world.redeem(&code, &[]).await;
    let expected = r#"[{"actions":["read"],"constraints":[["<=",".days",30]]}]"#;
    assert_eq!((said(&answer.json()).as_str(), answer.json().contains_key("scope")), (expected, false));
    let access = answer.text("access_token");
    let token = world.verified(&access);
    assert!(token.scopes.is_empty());
    assert_eq!(token.details.tools().into_iter().collect::<Vec<_>>(), ["read"]);
    assert_eq!(said(&world.introspect("rs", &access).await), expected);
    let again = world.refresh(&answer.text("refresh_token"), &[]).await;
    assert_eq!(said(&again.json()), expected);
    let issued = world.record().await.into_iter().find(|e| e.action == "token:authorization_code").unwrap();
    assert!(issued.details.get(D).unwrap().to_string().contains(r#"[["<=",".days",30]]"#));
    let id = token.grant.id.clone();
    let grant = world.write(move |tx| tx.grant(&id)).await.unwrap();
    assert_eq!(grant.details, token.details);
}

#[tokio::test]
async fn what_is_not_understood_is_not_passed_over() {
    let world = World::new().await;
    let elsewhere =
        r#"[{"type":"mcp_tool","locations":["http://localhost:9400/mcp/hr"],"actions":["read"]}]"#;
    for bad in [
        "x",
        "{}",
        "[]",
        r#"[{"type":"payment_initiation","actions":["read"]}]"#,
        r#"[{"type":"mcp_tool","actions":[]}]"#,
        r#"[{"type":"mcp_tool","actions":["drop"]}]"#,
        r#"[{"type":"mcp_tool","actions":["Read"]}]"#,
        r#"[{"type":"mcp_tool","actions":["read"],"limit":1}]"#,
        r#"[{"type":"mcp_tool","actions":["read"],"constraints":[["~",".a","b"]]}]"#,
        elsewhere,
    ] {
        let (to, p) = world.get(&format!("/authorize?{}", encode(&request(&[(D, bad)])))).await.redirect();
        assert_eq!((to.as_str(), p["error"].as_str()), (CB, "invalid_authorization_details"), "{bad}");
        let pushed = world.form("/par", None, &request(&[(D, bad)])).await;
        assert_eq!(pushed.error(), "400 invalid_authorization_details", "{bad}");
        let own = [("grant_type", "client_credentials"), (D, bad)];
        let own = world.form("/token", Some(&format!("batch:{SECRET}")), &own).await;
        assert_eq!(own.error(), "400 invalid_authorization_details", "{bad}");
    }
    // Beside a scope a tool must be within it, or the user would be asked for what no call may do.
    let (_, p) = world.get(&format!("/authorize?{}", encode(&request(&[(D, BOTH)])))).await.redirect();
    assert_eq!(p["error"], "invalid_authorization_details");
}

#[tokio::test]
async fn a_token_request_narrows_and_never_widens() {
    let world = World::new().await;
    let ask = [("scope", "read write"), (D, BOTH)];
    let first = code(&world, &ask).await;
    let wider = r#"[{"type":"mcp_tool","actions":["drop"]}]"#;
    assert_eq!(world.redeem(&first, &[(D, wider)]).await.error(), "400 invalid_authorization_details");
    world.refused_for("details_too_wide").await;
    // What can be mended can be sent again.
    let answer = world.redeem(&first, &[(D, READ)]).await;
    assert_eq!(said(&answer.json()), r#"[{"actions":["read"],"constraints":[["<=",".days",30]]}]"#);
    // The refresh token holds what was agreed to.
    let refreshed = world.refresh(&answer.text("refresh_token"), &[]).await;
    assert_eq!(said(&refreshed.json()), r#"[{"actions":["read","write"]}]"#);
    let next = refreshed.text("refresh_token");
    assert_eq!(world.refresh(&next, &[(D, wider)]).await.error(), "400 invalid_authorization_details");
    let narrow = world.refresh(&next, &[(D, READ)]).await;
    assert_eq!(said(&narrow.json()), r#"[{"actions":["read"],"constraints":[["<=",".days",30]]}]"#);
    assert_eq!(narrow.text("scope"), "read write");
}

#[tokio::test]
async fn c17_a_looser_constraint_changes_nothing() {
    let world = World::new().await;
    let first = code(&world, &[("scope", ""), (D, READ)]).await;
    let looser = r#"[{"type":"mcp_tool","actions":["read"],"constraints":[["<=",".days",9000]]}]"#;
    let answer = world.redeem(&first, &[(D, looser)]).await;
    let agreed = r#"[{"actions":["read"],"constraints":[["<=",".days",30]]}]"#;
    assert_eq!(said(&answer.json()), agreed);
    let bare = r#"[{"type":"mcp_tool","actions":["read"]}]"#;
    let again = world.refresh(&answer.text("refresh_token"), &[(D, bare)]).await;
    assert_eq!(said(&again.json()), agreed);
}

#[tokio::test]
async fn a_client_of_its_own_authority_may_ask_for_less() {
    let world = World::new().await;
    let ask = |scope: &'static str, details: &'static str| {
        let parameters = [("grant_type", "client_credentials"), ("scope", scope), (D, details)];
        let world = &world;
        async move { world.form("/token", Some(&format!("batch:{SECRET}")), &parameters).await }
    };
    let alone = ask("", READ).await;
    assert!(!alone.json().contains_key("scope"));
    assert!(world.verified(&alone.text("access_token")).scopes.is_empty());
    let beside = ask("read", READ).await;
    assert_eq!(beside.text("scope"), "read");
    assert_eq!(said(&beside.json()), said(&alone.json()));
    // `batch` was given `read` alone.
    assert_eq!(ask("", BOTH).await.error(), "400 invalid_authorization_details");
}

#[tokio::test]
async fn the_location_of_all_details_names_the_resource() {
    let world = World::and(SECOND).await;
    let details = r#"[{"type":"mcp_tool","locations":["http://localhost:9400/mcp/hr"],"actions":["list"]}]"#;
    let first = code(&world, &[("scope", ""), (D, details)]).await;
    let answer = world.redeem(&first, &[]).await;
    let claims = world.introspect("hr-rs", &answer.text("access_token")).await;
    assert_eq!(claims.str("aud"), Some("http://localhost:9400/mcp/hr"));
}

#[tokio::test]
async fn a_client_that_registered_other_types_may_not_ask() {
    let more = r#"
    [[client]]
    id = "plain"
    redirect_uris = ["https://app.example/cb"]
    authorization_details_types = []
    "#;
    let world = World::and(&format!("{more}{OPEN_REGISTRATION}")).await;
    let ask = request(&[("client_id", "plain"), (D, READ)]);
    let (_, p) = world.get(&format!("/authorize?{}", encode(&ask))).await.redirect();
    assert_eq!(p["error"], "invalid_authorization_details");
    let metadata = world.get("/.well-known/oauth-authorization-server").await.json();
    let types = Value::from_iter(["mcp_tool", "mcp_approval"]);
    assert_eq!(metadata.get("authorization_details_types_supported"), Some(&types));
    let body = r#"{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none","authorization_details_types":["mcp_tool","other"]}"#;
    let registered =
        http::Request::builder().method("POST").uri("/register").header("content-type", "application/json");
    let registered = world.send(registered, body).await;
    let types = Value::from_iter(["mcp_tool", "other"]);
    assert_eq!(registered.json().get("authorization_details_types"), Some(&types), "{}", registered.body);
}

#[tokio::test]
async fn d01_a_budget_is_kept_by_the_grant_and_named_by_its_tokens() {
    let world = World::new().await;
    let pay = r#"[{"type":"mcp_tool","actions":["read"],"budget":{"calls":3,"sum":[{"argument":".days","most":90}]}}]"#;
    let first = code(&world, &[("scope", ""), (D, pay)]).await;
    let token = world.verified(&world.redeem(&first, &[]).await.text("access_token"));
    assert_eq!(token.grant.budgets, std::slice::from_ref(&token.grant.id));
    let id = token.grant.id.clone();
    let left = world.write(move |tx| tx.budget_left(&id)).await.unwrap();
    assert_eq!((left.calls, left.sums[0].to_string().as_str()), (Some(3), "90"));
    let agreed = world.record().await.into_iter().find(|e| e.action == "grant:make").unwrap();
    assert!(agreed.details.get("budget").unwrap().to_string().contains(r#""calls":3"#));
    // Asked for again, it is another grant with a budget of its own, not more of the first.
    let again = code(&world, &[("scope", ""), (D, pay)]).await;
    let other = world.verified(&world.redeem(&again, &[]).await.text("access_token"));
    assert_ne!(other.grant.id, token.grant.id);
    // Where no grant is made, a budget cannot be kept, and is refused.
    let own = [("grant_type", "client_credentials"), (D, pay)];
    let own = world.form("/token", Some(&format!("batch:{SECRET}")), &own).await;
    assert_eq!(own.error(), "400 invalid_authorization_details");
    let odd = r#"[{"type":"mcp_tool","actions":["read"],"budget":{"calls":-1}}]"#;
    let (_, p) = world.get(&format!("/authorize?{}", encode(&request(&[(D, odd)])))).await.redirect();
    assert_eq!(p["error"], "invalid_authorization_details");
}
