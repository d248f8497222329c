//! Relations by the administration API.

use super::admin_api::token;
use crate::world::*;
use http::header::AUTHORIZATION;
use http::{Method, Request};

const PATH: &str = "/api/admin/v1/relations";
const CLIENTS: &str = r#"
    [[client]]
    id = "looker"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["relations:read"]
    [[client]]
    id = "app"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["relations:read", "relations:write"]
"#;

const MODEL: &str = r#"{"model":"model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user]\ntype document\n  relations\n    define viewer: [user with before, group#member]\ncondition before(n: int) {\n  n < 10\n}\n"}"#;

struct Api {
    world: World,
    app: String,
}

impl Api {
    async fn new() -> Self {
        let world = World::and(CLIENTS).await;
        let app = token(&world, "app").await;
        Self { world, app }
    }

    async fn with_model() -> Self {
        let api = Self::new().await;
        let put = api.world.json(Method::PUT, &format!("{PATH}/model"), Some(&api.app), MODEL).await;
        assert_eq!((put.status.as_u16(), put.body.as_str()), (200, r#"{"version":1}"#));
        api
    }

    async fn post(&self, path: &str, body: &str) -> (u16, String) {
        let answer = self.world.json(Method::POST, &format!("{PATH}/{path}"), Some(&self.app), body).await;
        (answer.status.as_u16(), answer.body)
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::builder().uri(format!("{PATH}/{path}"));
        self.world.send(request.header(AUTHORIZATION, format!("Bearer {}", self.app)), "").await
    }
}

fn tuple(user: &str, relation: &str, object: &str) -> String {
    format!(r#"{{"user":"{user}","relation":"{relation}","object":"{object}"}}"#)
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

#[tokio::test]
async fn what_is_written_is_asked_and_stands_on_record() {
    let api = Api::with_model().await;
    let both = [tuple("user:anne", "member", "group:hr"), tuple("group:hr#member", "viewer", "document:1")];
    let write = format!(r#"{{"writes":[{}]}}"#, both.join(","));
    assert_eq!(api.post("write", &write).await, ok(r#"{"revision":"rev.1"}"#));
    let anne = tuple("user:anne", "viewer", "document:1");
    assert_eq!(api.post("check", &anne).await, ok(r#"{"allowed":true,"revision":"rev.1"}"#));
    assert_eq!(
        api.post("check", &anne.replace("anne", "bob")).await,
        ok(r#"{"allowed":false,"revision":"rev.1"}"#)
    );
    let objects = r#"{"user":"user:anne","relation":"viewer","type":"document","at_least":"rev.1"}"#;
    assert_eq!(
        api.post("list-objects", objects).await,
        ok(r#"{"objects":["document:1"],"revision":"rev.1"}"#)
    );
    let users = r#"{"object":"document:1","relation":"viewer","user_filter":"user"}"#;
    assert_eq!(api.post("list-users", users).await, ok(r#"{"users":["user:anne"],"revision":"rev.1"}"#));
    let tree = api.post("expand", r#"{"object":"document:1","relation":"viewer"}"#).await.1;
    assert!(tree.contains(r#""leaf":{"users":{"users":["group:hr#member"]}}"#), "{tree}");
    let listed = api.get("tuples?object=group%3Ahr").await;
    assert_eq!(listed.body, format!(r#"{{"tuples":[{}]}}"#, both[0]));
    let entry = api.world.record().await.remove(0);
    assert_eq!((entry.action.as_str(), entry.client.unwrap().as_str()), ("relation:write", "app"));
    assert_eq!(entry.details.str("revision"), Some("rev.1"));
    let delete = format!(r#"{{"deletes":[{}]}}"#, both[0]);
    assert_eq!(api.post("write", &delete).await, ok(r#"{"revision":"rev.2"}"#));
    assert_eq!(api.post("check", &anne).await, ok(r#"{"allowed":false,"revision":"rev.2"}"#));
    let changes = api.get("changes?after=rev.1").await.body;
    assert!(
        changes.contains(r#""operation":"delete""#) && !changes.contains(r#""operation":"write""#),
        "{changes}"
    );
}

#[tokio::test]
async fn conditions_and_tuples_of_a_question_count_for_it_alone() {
    let api = Api::with_model().await;
    let ask =
        |more: &str| format!(r#"{{"user":"user:anne","relation":"viewer","object":"document:1"{more}}}"#);
    let sent = r#","contextual_tuples":[{"user":"user:anne","relation":"viewer","object":"document:1","condition":{"name":"before"}}]"#;
    for (n, allowed) in [(5, true), (50, false)] {
        let (status, body) = api.post("check", &ask(&format!(r#"{sent},"context":{{"n":{n}}}"#))).await;
        assert_eq!((status, body), ok(&format!(r#"{{"allowed":{allowed},"revision":"rev.0"}}"#)));
    }
    assert_eq!(api.post("check", &ask(sent)).await.0, 422, "a missing parameter is no answer");
    assert_eq!(api.post("check", &ask("")).await, ok(r#"{"allowed":false,"revision":"rev.0"}"#));
}

#[tokio::test]
async fn what_contradicts_or_cannot_be_read_changes_nothing() {
    let api = Api::new().await;
    let anne = tuple("user:anne", "member", "group:hr");
    let write = format!(r#"{{"writes":[{anne}]}}"#);
    assert_eq!(api.post("write", &write).await.0, 409, "there is no model");
    let put = |body: &'static str| {
        api.world.json(Method::PUT, "/api/admin/v1/relations/model", Some(&api.app), body)
    };
    let refused = put(r#"{"model":"model\n  schema 1.1\ntype user\n  relations\n    define x: y\n"}"#).await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(refused.body.contains("5:15: "), "{}", refused.body);
    assert_eq!(put(MODEL).await.status.as_u16(), 200);
    assert_eq!(api.post("write", &write).await.0, 200);
    for (body, status) in [
        (write.clone(), 409),
        (
            format!(
                r#"{{"writes":[{}],"deletes":[{}]}}"#,
                tuple("user:b", "member", "group:hr"),
                tuple("user:c", "member", "group:hr")
            ),
            409,
        ),
        (format!(r#"{{"writes":[{}]}}"#, tuple("user:b", "viewer", "document:1")), 422),
        (format!(r#"{{"writes":[{}]}}"#, tuple("user:*", "member", "group:hr")), 422),
        (r#"{"writes":[]}"#.to_owned(), 422),
        ("{}".to_owned(), 422),
        (format!(r#"{{"writes":[{anne}],"on_duplicate":"replace"}}"#), 422),
    ] {
        assert_eq!(api.post("write", &body).await.0, status, "{body}");
    }
    assert_eq!(
        api.post("write", &format!(r#"{{"writes":[{anne}],"on_duplicate":"ignore"}}"#)).await,
        ok(r#"{"revision":"rev.1"}"#)
    );
    assert_eq!(api.world.count("relation:write").await, 1);
    let looker = token(&api.world, "looker").await;
    assert_eq!(
        api.world.json(Method::POST, &format!("{PATH}/write"), Some(&looker), &write).await.status.as_u16(),
        403
    );
}

#[tokio::test]
async fn changes_that_are_forgotten_are_said_to_be() {
    let api = Api::with_model().await;
    for n in 1..=3 {
        let one = tuple("user:anne", "member", &format!("group:{n}"));
        assert_eq!(api.post("write", &format!(r#"{{"writes":[{one}]}}"#)).await.0, 200);
    }
    let before = api.get("changes?after=rev.1").await;
    assert_eq!((before.status.as_u16(), before.body.matches("operation").count()), (200, 2));
    api.world.clock.advance(std::time::Duration::from_secs(31 * 24 * 3600));
    api.world.server.maintain().await.unwrap();
    let api = Api { app: token(&api.world, "app").await, world: api.world };
    let forgotten = api.get("changes?after=rev.1").await;
    assert_eq!(forgotten.status.as_u16(), 409, "{}", forgotten.body);
    assert!(
        forgotten.body.contains("rev.3") && forgotten.body.contains("changes_last"),
        "{}",
        forgotten.body
    );
    let newest = api.get("changes?after=rev.3").await;
    assert_eq!((newest.status.as_u16(), newest.body.as_str()), (200, r#"{"changes":[]}"#));
    // The tuples stay, and so do questions about what is long past.
    let anne = tuple("user:anne", "member", "group:1").replace('}', r#","at_least":"rev.1"}"#);
    assert!(api.post("check", &anne).await.1.contains("true"));
}
