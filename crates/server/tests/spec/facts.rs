//! Facts that clients say, and postures that others signed.

use super::admin_api::token;
use crate::world::*;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use prokura_core::{Clock as _, FactName};
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::FactKind;

const PATH: &str = "/api/admin/v1/facts";
const ADMINS: &str = r#"
    [facts]
    most = 5
    [[facts.issuer]]
    issuer = "https://edr.example"
    jwks_file = "signer.json"
    max_age = "10m"
    [[client]]
    id = "looker"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["facts:read"]
    [[client]]
    id = "edr"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["facts:read", "facts:write"]
    [[client]]
    id = "courier"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["posture:write"]
"#;

fn fact(id: &str, name: &str, value: &str, more: &str) -> String {
    format!(
        r#"{{"subject":{{"kind":"host","id":"{id}"}},"name":"{name}","value":{value},"max_age":600{more}}}"#
    )
}

struct Api {
    world: World,
    edr: String,
}

impl Api {
    async fn new() -> Self {
        let world = World::and(ADMINS).await;
        let edr = token(&world, "edr").await;
        Self { world, edr }
    }

    async fn put(&self, facts: &[String]) -> Answer {
        let body = format!(r#"{{"facts":[{}]}}"#, facts.join(","));
        self.world.json(Method::PUT, PATH, Some(&self.edr), &body).await
    }

    async fn get(&self, query: &str) -> Answer {
        let request = Request::builder().uri(format!("{PATH}{query}"));
        self.world.send(request.header(AUTHORIZATION, format!("Bearer {}", self.edr)), "").await
    }

    async fn forget(&self, path: &str) -> u16 {
        let request = Request::builder().method("DELETE").uri(format!("{PATH}/{path}"));
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.edr));
        self.world.send(request, "").await.status.as_u16()
    }

    fn known(&self, id: &str, name: &str) -> Option<String> {
        let name = FactName::parse(name).unwrap();
        self.world.store.facts().fact(FactKind::Host, id, &name).map(|f| f.value.to_string())
    }
}

fn code(answer: &Answer) -> String {
    format!("{} {}", answer.status.as_u16(), answer.json().str("code").unwrap_or_default())
}

#[tokio::test]
async fn what_a_client_says_is_known_at_once_and_on_record() {
    let api = Api::new().await;
    let now = api.world.clock.now().seconds();
    let answer = api
        .put(&[
            fact("prod/node:a", "posture.compliant", "true", ""),
            fact("prod/node:a", "risk.level", "\"HIGH\"", &format!(",\"observed_at\":{}", now - 60)),
        ])
        .await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, r#"{"kept":2,"older":0}"#));
    assert_eq!(api.known("prod/node:a", "posture.compliant").as_deref(), Some("true"));
    let entry = api.world.record().await.remove(0);
    assert_eq!((entry.action.as_str(), entry.client.unwrap().as_str()), ("fact:put", "edr"));
    assert_eq!(entry.details.str("source"), Some("client edr"));
    assert_eq!(api.world.count("fact:put").await, 2);
    // Seen before what is known: it changes nothing, and nothing is recorded.
    let older = fact("prod/node:a", "risk.level", "\"LOW\"", &format!(",\"observed_at\":{}", now - 61));
    assert_eq!(api.put(&[older]).await.body, r#"{"kept":0,"older":1}"#);
    assert_eq!(api.known("prod/node:a", "risk.level").as_deref(), Some("HIGH"));
    assert_eq!(api.world.count("fact:put").await, 2);
}

#[tokio::test]
async fn what_was_said_is_listed_and_can_be_taken_back() {
    let api = Api::new().await;
    api.put(&[fact("prod/node:a", "custom.a", "7", ""), fact("prod/node:b", "custom.a", "\"x\"", "")]).await;
    let all = api.get("").await.json();
    assert_eq!(all.get("facts").unwrap().as_array().unwrap().len(), 2);
    let one = api.get("?kind=host&id=prod%2Fnode%3Ab").await.json();
    let [one] = one.get("facts").unwrap().as_array().unwrap() else { panic!("{one:?}") };
    assert_eq!(one.as_object().unwrap().get("value").unwrap().as_str(), Some("x"));
    assert_eq!(code(&api.get("?kind=host").await), "422 body_wrong");
    assert_eq!(api.forget("host/prod%2Fnode%3Aa/custom.a").await, 204);
    assert_eq!(
        (api.known("prod/node:a", "custom.a"), api.forget("host/prod%2Fnode%3Aa/custom.a").await),
        (None, 404)
    );
    assert_eq!(api.forget("host/prod%2Fnode%3Ab/workload.namespace").await, 404);
    assert_eq!(api.world.count("fact:forget").await, 1);
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_whole_and_says_where() {
    let api = Api::new().await;
    let good = fact("prod/node:a", "custom.a", "1", "");
    for (bad, at) in [
        (fact("node:a", "custom.a", "1", ""), "/facts/1/subject/id"),
        (fact("prod/node:a", "workload.namespace", "1", ""), "/facts/1/name"),
        (fact("prod/node:a", "approval.x", "true", ""), "/facts/1/name"),
        (fact("prod/node:a", "behaviour.refused", "0", ""), "/facts/1/name"),
        (fact("prod/node:a", "network.country", "\"DE\"", ""), "/facts/1/name"),
        (fact("prod/node:a", "custom.a", "null", ""), "/facts/1/value"),
        (fact("prod/node:a", "custom.a", "1.5", ""), "/facts/1/value"),
        (fact("prod/node:a", "risk.level", "\"NONE\"", ""), "/facts/1/value"),
        (fact("prod/node:a", "custom.a", "1", ",\"observed_at\":9999999999"), "/facts/1/observed_at"),
        (fact("prod/node:a", "custom.a", "1", ",\"observed_at\":1"), "/facts/1/observed_at"),
        (fact("prod/node:a", "custom.a", "1", ",\"source\":\"me\""), "/facts/1/source"),
        ("7".to_owned(), "/facts/1"),
    ] {
        let answer = api.put(&[good.clone(), bad.clone()]).await;
        assert_eq!(code(&answer), "422 body_wrong", "{bad}");
        let errors = answer.json();
        let [error] = errors.get("errors").unwrap().as_array().unwrap() else { panic!("{}", answer.body) };
        assert_eq!(error.as_object().unwrap().str("pointer"), Some(at), "{bad}");
    }
    assert_eq!(api.known("prod/node:a", "custom.a"), None, "nothing of a bad batch is kept");
    for body in ["[]", "{", r#"{"facts":[],"facts":[]}"#] {
        let answer = api.world.json(Method::PUT, PATH, Some(&api.edr), body).await;
        assert!(code(&answer).starts_with("400 body"), "{body}: {}", answer.body);
    }
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(300_000));
    assert_eq!(code(&api.world.json(Method::PUT, PATH, Some(&api.edr), &long).await), "413 too_large");
    let request = Request::builder().method("PUT").uri(PATH).header(CONTENT_TYPE, "text/plain");
    let request = request.header(AUTHORIZATION, format!("Bearer {}", api.edr));
    assert_eq!(code(&api.world.send(request, "{}").await), "415 content_type");
    let looker = token(&api.world, "looker").await;
    let answer = api.world.json(Method::PUT, PATH, Some(&looker), "{}").await;
    assert_eq!(code(&answer), "403 admin_scope");
    assert_eq!(
        answer.header("www-authenticate"),
        r#"Bearer error="insufficient_scope", scope="facts:write""#
    );
}

#[tokio::test]
async fn more_facts_than_are_kept_are_refused() {
    let api = Api::new().await;
    for n in 0..5 {
        assert_eq!(api.put(&[fact(&format!("prod/node:{n}"), "custom.a", "1", "")]).await.status, 200);
    }
    assert_eq!(code(&api.put(&[fact("prod/node:6", "custom.a", "1", "")]).await), "409 full");
}

/// A posture of a host with some claims changed.
fn posture(world: &World, changes: &[(&str, Value)]) -> String {
    let now = world.clock.now().seconds();
    let subject = obj([("kind", "host".into()), ("id", "prod/node:a".into())]);
    let mut claims: Object = obj([
        ("iss", "https://edr.example".into()),
        ("aud", ISSUER.into()),
        ("jti", "p1".into()),
        ("iat", now.into()),
        ("exp", (now + 60).into()),
        ("subject", Value::Object(subject)),
        ("posture", Value::Object(obj([("compliant", true.into())]))),
    ]);
    for (name, value) in changes {
        claims.insert(*name, value.clone());
    }
    world.signer.sign("posture+jwt", &claims).unwrap()
}

async fn deliver(world: &World, bearer: &str, jwt: &str) -> Answer {
    let request = Request::builder().method("POST").uri("/api/admin/v1/posture");
    let request =
        request.header(CONTENT_TYPE, "application/jwt").header(AUTHORIZATION, format!("Bearer {bearer}"));
    world.send(request, jwt.to_owned()).await
}

#[tokio::test]
async fn a_signed_posture_counts_once_whoever_delivers_it() {
    let api = Api::new().await;
    let courier = token(&api.world, "courier").await;
    let jwt = posture(&api.world, &[]);
    let answer = deliver(&api.world, &courier, &jwt).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, r#"{"kept":1,"older":0}"#));
    assert_eq!(api.known("prod/node:a", "posture.compliant").as_deref(), Some("true"));
    let entry = api.world.record().await.remove(0);
    assert_eq!(
        (entry.action.as_str(), entry.details.str("source")),
        ("fact:posture", Some("posture of https://edr.example"))
    );
    assert_eq!(code(&deliver(&api.world, &courier, &jwt).await), "422 evidence", "it was delivered before");
    assert_eq!(code(&deliver(&api.world, &api.edr, &jwt).await), "403 admin_scope");
    for (name, value) in [
        ("iss", Value::from("https://other.example")),
        ("aud", "https://other.example".into()),
        ("exp", 1_i64.into()),
        ("posture", Value::Object(Object::default())),
    ] {
        let bad = posture(&api.world, &[("jti", "p2".into()), (name, value)]);
        assert_eq!(code(&deliver(&api.world, &courier, &bad).await), "422 evidence", "{name}");
    }
    for bad in ["", "x", "a.b.c", &jwt[..jwt.len() - 4]] {
        assert_eq!(code(&deliver(&api.world, &courier, bad).await), "422 evidence", "{bad}");
    }
}
