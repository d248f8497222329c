//! Transaction tokens at the token endpoint: what they say, who gets them, and that they never grow.

use crate::world::*;
use prokura_core::{Clock as _, TrustDomain};
use prokura_oauth::access_token::View;
use prokura_oauth::json::Value;
use prokura_oauth::transaction_token::TransactionToken;

const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const TRANSACTION: &str = "urn:ietf:params:oauth:token-type:txn_token";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The server of the resource `sales`, one of another resource, and one that the operator did not name.
const DOMAIN: &str = r#"
    [[resource]]
    name = "hr"
    upstream = "http://127.0.0.1:9501/mcp"
    [resource.scopes]
    "hr:read" = { title = "Read", actions = ["tool:list"] }
    [[client]]
    id = "sales-server"
    secret = { env = "SECRET" }
    grant_types = ["token_exchange"]
    introspects = ["sales"]
    [[client]]
    id = "hr-server"
    secret = { env = "SECRET" }
    grant_types = ["token_exchange"]
    introspects = ["hr"]
    [[client]]
    id = "unnamed"
    secret = { env = "SECRET" }
    grant_types = ["token_exchange"]
    introspects = ["sales"]
    [transaction_tokens]
    trust_domain = "tools.example"
    clients = ["sales-server", "hr-server"]
"#;

async fn world() -> World {
    World::and(DOMAIN).await
}

impl World {
    async fn transaction(&self, client: &str, token: &str, changes: &[(&str, &str)]) -> Answer {
        let usual = [
            ("grant_type", EXCHANGE),
            ("requested_token_type", TRANSACTION),
            ("audience", "tools.example"),
            ("scope", "read"),
            ("subject_token", token),
            ("subject_token_type", ACCESS),
        ];
        let kept = usual.iter().filter(|(n, _)| !changes.iter().any(|(c, _)| c == n));
        let form: Vec<_> = kept.chain(changes).copied().collect();
        self.form("/token", Some(&format!("{client}:{SECRET}")), &form).await
    }

    fn read(&self, compact: &str) -> TransactionToken {
        let domain = TrustDomain::parse("tools.example").unwrap();
        let keys = self.server.keys();
        let read =
            TransactionToken::verify(compact, &keys.borrow(), ISSUER, &domain, self.clock.now()).unwrap();
        drop(keys);
        read
    }

    /// A token for `scope` at the resource `sales`.
    async fn sales(&self, scope: &str) -> String {
        let code = self.authorize(&[("resource", SALES), ("scope", scope)]).await.redirect().1;
        self.redeem(&code["code"], &[]).await.text("access_token")
    }
}

#[tokio::test]
async fn what_serves_a_resource_gets_a_token_for_what_it_calls() {
    let world = world().await;
    let front = world.sales("read write").await;
    let planner = world.delegate(&front, "agt_planner", "read", View::Agent).await;
    let more = [("request_details", r#"{"order":7}"#), ("request_context", r#"{"req_ip":"192.0.2.7"}"#)];
    let answer = world.transaction("sales-server", &planner, &more).await;
    assert_eq!((answer.status.as_u16(), answer.text("token_type").as_str()), (200, "N_A"), "{}", answer.body);
    assert_eq!(answer.text("issued_token_type"), TRANSACTION);
    assert!(!answer.json().contains_key("refresh_token"));
    let (read, was) = (world.read(&answer.text("access_token")), world.verified(&planner));
    assert_eq!((&read.subject, &read.actors, &read.grant), (&was.subject, &was.actors, &was.grant));
    assert_eq!((read.scopes.to_string().as_str(), read.requester.as_str()), ("read", "sales-server"));
    assert_eq!(read.context.get("order").and_then(Value::as_u64), Some(7));
    assert_eq!(read.request.str("req_ip"), Some("192.0.2.7"));
    assert!(read.expires_at.since(read.issued_at).as_secs() <= 60);
    assert!(!answer.text("access_token").contains(&planner), "an access token is never inside");
    let event = world.record().await.remove(0);
    assert_eq!((event.action.as_str(), event.actors), ("token:transaction_token", was.actors));
    assert_eq!(event.details.str("txn"), Some(read.txn.as_str()));
}

#[tokio::test]
async fn only_who_serves_the_resource_and_is_named_gets_one() {
    let world = world().await;
    let token = world.sales("read").await;
    for (client, error) in [("hr-server", "400 invalid_request"), ("unnamed", "400 unauthorized_client")] {
        assert_eq!(world.transaction(client, &token, &[]).await.error(), error, "{client}");
    }
    for (change, error) in [
        (("audience", "other.example"), "400 invalid_target"),
        (("audience", SALES), "400 invalid_target"),
        (("scope", ""), "400 invalid_request"),
        (("subject_token", "x.y.z"), "400 invalid_request"),
        (("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), "400 invalid_request"),
        (("subject_token_type", "urn:ietf:params:oauth:token-type:self_signed"), "400 invalid_request"),
        (("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), "400 invalid_request"),
        (("request_details", "{"), "400 invalid_request"),
        (("request_context", r#"{"a":1,"a":1}"#), "400 invalid_request"),
        (("request_context", r#"{"req_wl_before":[]}"#), "400 invalid_request"),
        (("token_view", "user"), "400 invalid_request"),
    ] {
        let answer = world.transaction("sales-server", &token, &[change]).await;
        assert_eq!(answer.error(), error, "{change:?}");
    }
    let none = World::new().await;
    let basic = format!("batch:{SECRET}");
    let form = [("grant_type", EXCHANGE), ("requested_token_type", TRANSACTION), ("subject_token", "x")];
    assert!(none.form("/token", Some(&basic), &form).await.error().starts_with("400"));
}

#[tokio::test]
async fn d01_a_transaction_token_never_widens() {
    let world = world().await;
    let token = world.sales("read").await;
    let wider = world.transaction("sales-server", &token, &[("scope", "read write")]).await;
    assert_eq!(wider.error(), "400 invalid_scope");
    let both = world.sales("read write").await;
    let first = world.transaction("sales-server", &both, &[("request_details", r#"{"order":7}"#)]).await;
    let first = first.text("access_token");
    let replace = |token: String, changes: Vec<(&'static str, &'static str)>| {
        let world = &world;
        async move {
            let all = [vec![("subject_token_type", TRANSACTION)], changes].concat();
            world.transaction("hr-server", &token, &all).await
        }
    };
    assert_eq!(replace(first.clone(), vec![("scope", "read write")]).await.error(), "400 invalid_scope");
    let changed = replace(first.clone(), vec![("request_details", r#"{"order":8}"#)]).await;
    assert_eq!(changed.error(), "400 invalid_request");
    world.wait(5);
    let second = replace(first.clone(), vec![("request_details", r#"{"line":1}"#)]).await;
    let (a, b) = (world.read(&first), world.read(&second.text("access_token")));
    assert_eq!((&a.txn, &a.subject, &a.domain, &a.actors), (&b.txn, &b.subject, &b.domain, &b.actors));
    assert_eq!(
        (a.expires_at, b.requesters().collect::<Vec<_>>()),
        (b.expires_at, vec!["sales-server", "hr-server"])
    );
    assert_eq!(b.context.get("order").and_then(Value::as_u64), Some(7));
    world.wait(40);
    assert_eq!(replace(first, vec![]).await.error(), "400 invalid_request", "it has ended");
}

#[tokio::test]
async fn a_transaction_ends_with_its_grant() {
    let world = world().await;
    let token = world.sales("read").await;
    let first = world.transaction("sales-server", &token, &[]).await.text("access_token");
    world.revoke_grant(&world.verified(&token).grant.id).await;
    assert_eq!(world.transaction("sales-server", &token, &[]).await.error(), "400 invalid_request");
    let replaced = world.transaction("hr-server", &first, &[("subject_token_type", TRANSACTION)]).await;
    assert_eq!(replaced.error(), "400 invalid_grant");
}

#[tokio::test]
async fn c22_no_transaction_token_passes_for_an_access_token_nor_the_reverse() {
    let world = world().await;
    let token = world.sales("read").await;
    let transaction = world.transaction("sales-server", &token, &[]).await.text("access_token");
    assert!(!world.is_active(&transaction).await);
    for (shown, kind) in [(&token, TRANSACTION), (&transaction, ACCESS)] {
        let answer = world.transaction("sales-server", shown, &[("subject_token_type", kind)]).await;
        assert_eq!(answer.error(), "400 invalid_request", "{kind}");
    }
    let answer = world.json(http::Method::GET, "/userinfo", Some(&transaction), "").await;
    assert_eq!(answer.status, 401);
}
