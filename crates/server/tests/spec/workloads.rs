//! Workload identity: evidence as a grant (RFC 7523 §2.1, SEP-1933) and as a client's authentication (§2.2), what comes of
//! it, and how rules are looked after.

use super::admin_api::{API, token};
use crate::world::workload::*;
use crate::world::*;
use http::Method;
use prokura_core::{AgentId, Platform, Principal};
use prokura_oauth::json::{Value, obj};
use prokura_oauth::token_request::ASSERTION_TYPE;
use prokura_store::StoreError;

/// Clients that show what their infrastructure says of them.
const CLIENTS: &str = r#"
    [[client]]
    id = "app"
    agent = "planner"
    auth = "workload"
    workload = { rule = "planner" }
    grant_types = ["client_credentials", "authorization_code", "refresh_token"]
    redirect_uris = ["https://app.example/cb"]
    introspects = ["sales"]
    [[client.grant]]
    resource = "sales"
    scopes = ["write"]
    [[client]]
    id = "job"
    auth = "workload"
    workload = { provider = "ci", subject = "project:42:ref:main" }
    grant_types = ["client_credentials", "jwt_bearer"]
    [[client.grant]]
    resource = "sales"
    scopes = ["read"]
    [[client]]
    id = "admin"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["workloads:read", "workloads:write"]
"#;

fn shown<'a>(jwt: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![("client_assertion_type", ASSERTION_TYPE), ("client_assertion", jwt)];
    all.extend(more);
    all
}

#[tokio::test]
async fn evidence_alone_yields_a_short_token_that_says_whose_it_is() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let jwt = platforms.pod(&world, &[]);
    let got = world.federate(&jwt, &[("resource", SALES)]).await;
    assert_eq!((got.text("token_type"), got.text("scope")), ("Bearer".into(), "read".into()));
    assert!(!got.json().contains_key("refresh_token"));
    let token = world.verified(&got.text("access_token"));
    assert_eq!(token.subject, Principal::Agent(AgentId::parse("agt_planner").unwrap()));
    assert_eq!((token.client.as_str(), token.actors.len()), ("agt_planner", 0));
    let said = token.workload.unwrap();
    assert_eq!((&*said.provider, said.platform), ("prod", Platform::Kubernetes));
    assert_eq!(said.claims["namespace"], "agents");
    let on_record = world.record().await.into_iter().find(|e| e.action == "token:jwt_bearer").unwrap();
    assert_eq!(on_record.details.str("rule"), Some("planner"));
    assert_eq!(on_record.details.str("provider"), Some("prod"));
    let job = world.federate(&platforms.job(&world, &[]), &[]).await;
    assert_eq!(job.text("scope"), "read write", "all that the rule gives, where nothing is asked for");
    let on_record = world.record().await.into_iter().find(|e| e.action == "token:jwt_bearer").unwrap();
    assert_eq!(on_record.details.str("evidence"), Some("job-1"));
}

#[tokio::test]
async fn a_client_id_that_nobody_authenticates_says_nothing() {
    let platforms = Platforms::default();
    let world = platforms.world(CLIENTS).await;
    for id in ["conformance-wif-workload", "batch", "app"] {
        let got = world.federate(&platforms.pod(&world, &[]), &[("client_id", id)]).await;
        assert_eq!(world.verified(&got.text("access_token")).client.as_str(), "agt_planner", "{id}");
    }
    let wrong = [("client_id", "post"), ("client_secret", "wrong-but-long-enough-to-be-a-secret")];
    let answer = world.federate(&platforms.pod(&world, &[]), &wrong).await;
    assert_eq!(answer.error(), "401 invalid_client", "whoever authenticates has to be right");
    let right = [("client_id", "post"), ("client_secret", SECRET)];
    assert_eq!(world.federate(&platforms.pod(&world, &[]), &right).await.error(), "400 unauthorized_client");
}

#[tokio::test]
async fn a_client_shows_evidence_on_every_grant() {
    let platforms = Platforms::default();
    let world = platforms.world(CLIENTS).await;
    let jwt =
        platforms.pod(&world, &[("exp", (prokura_core::Clock::now(&*world.clock).seconds() + 100).into())]);
    for more in [&[("client_id", "app")][..], &[], &[("client_id", "system:serviceaccount:agents:planner")]] {
        let mut asked = shown(&jwt, &[("grant_type", "client_credentials")]);
        asked.extend(more);
        let got = world.form("/token", None, &asked).await;
        assert_eq!(got.text("scope"), "write", "what the client was given, not what the rule gives");
        assert_eq!(got.json().get("expires_in").unwrap().as_i64(), Some(100), "not longer than the evidence");
        let token = world.verified(&got.text("access_token"));
        assert_eq!((token.client.as_str(), token.workload.is_some()), ("app", true));
    }
    let code = world.code("app").await;
    let got = world.form("/token", None, &shown(&jwt, &redemption(&code, &[("client_id", "app")]))).await;
    let refresh = got.text("refresh_token");
    assert!(world.verified(&got.text("access_token")).workload.is_some());
    let renew = [("grant_type", "refresh_token"), ("refresh_token", &*refresh), ("client_id", "app")];
    assert_eq!(
        world.form("/token", None, &renew).await.error(),
        "401 invalid_client",
        "not without evidence"
    );
    let got = world.form("/token", None, &shown(&jwt, &renew)).await;
    let access = got.text("access_token");
    for path in ["/introspect", "/revoke"] {
        let asked = shown(&jwt, &[("client_id", "app"), ("token", &access)]);
        assert_eq!(world.form(path, None, &asked).await.status, 200, "{path}");
    }
    let mut pushed = request(&[("client_id", "app")]);
    pushed.extend(shown(&jwt, &[]));
    assert_eq!(world.form("/par", None, &pushed).await.status, 201);
}

#[tokio::test]
async fn no_evidence_is_another_clients() {
    let platforms = Platforms::default();
    let world = platforms.world(CLIENTS).await;
    let credentials = [("grant_type", "client_credentials")];
    let ask = async |jwt: &str, kind: &str, id: &str| {
        let mut all = vec![("client_assertion_type", kind), ("client_assertion", jwt), credentials[0]];
        all.extend((!id.is_empty()).then_some(("client_id", id)));
        world.form("/token", None, &all).await.error()
    };
    let pod = platforms.pod(&world, &[]);
    assert_eq!(ask(&pod, ASSERTION_TYPE, "job").await, "401 invalid_client");
    assert_eq!(ask(&pod, ASSERTION_TYPE, "signer").await, "401 invalid_client");
    assert_eq!(ask(&pod, JWT_SPIFFE, "app").await, "401 invalid_client", "it is no SVID");
    let other = platforms.cluster.sign("JWT", &pod_claims(&world, "other", "pod-9")).unwrap();
    assert_eq!(ask(&other, ASSERTION_TYPE, "app").await, "401 invalid_client");
    assert_eq!(ask(&other, ASSERTION_TYPE, "").await, "401 invalid_client");
    let other = platforms.job(&world, &[("sub", "project:42:ref:mainline".into())]);
    assert_eq!(ask(&other, ASSERTION_TYPE, "job").await, "401 invalid_client", "a subject is compared whole");
    let job = platforms.job(&world, &[]);
    assert_eq!(ask(&job, ASSERTION_TYPE, "job").await, "200 ");
    assert_eq!(ask(&job, ASSERTION_TYPE, "job").await, "401 invalid_client", "this provider's count once");
    let typed = platforms.ci.sign("client-authentication+jwt", &platforms.job_claims(&world)).unwrap();
    assert_eq!(ask(&typed, ASSERTION_TYPE, "job").await, "200 ");
    let typed = platforms.ci.sign("client-authentication+jwt", &platforms.job_claims(&world)).unwrap();
    assert_eq!(
        world.federate(&typed, &[]).await.error(),
        "400 invalid_grant",
        "that type is for clients alone"
    );
}

#[tokio::test]
async fn an_id_jag_and_evidence_are_never_taken_for_each_other() {
    let platforms = Platforms::default();
    let more = format!(
        r#"{CLIENTS}
        [[id_jag.issuer]]
        name = "acme"
        issuer = "{CI}"
        jwks_uri = "{CI}/jwks""#
    );
    let world = platforms.world(&more).await;
    let jag = platforms.ci.sign("oauth-id-jag+jwt", &platforms.job_claims(&world)).unwrap();
    assert_eq!(world.federate(&jag, &[]).await.error(), "400 invalid_request", "an ID-JAG needs its client");
    assert_eq!(world.federate(&platforms.job(&world, &[]), &[]).await.status, 200);
    for typ in ["at+jwt", "dpop+jwt", "oauth-client-attestation+jwt", "secevent+jwt", "logout+jwt"] {
        let jwt = platforms.ci.sign(typ, &platforms.job_claims(&world)).unwrap();
        assert_eq!(world.federate(&jwt, &[]).await.error(), "400 invalid_grant", "{typ}");
    }
}

#[tokio::test]
async fn metadata_say_only_what_is_on() {
    let off = World::new().await.get("/.well-known/oauth-authorization-server").await;
    assert!(!off.body.contains(JWT_BEARER));
    let platforms = Platforms::default();
    let on = platforms.world("").await.get("/.well-known/oauth-authorization-server").await;
    assert!(on.body.contains(JWT_BEARER) && !on.body.contains("spiffe_jwt"), "{}", on.body);
    let off = World::new().await.federate("a.b.c", &[]).await;
    assert!(
        off.error() == "400 unsupported_grant_type" || off.error() == "400 invalid_request",
        "{}",
        off.error()
    );
}

#[tokio::test]
async fn the_register_is_written_when_something_changes_or_once_a_minute() {
    let platforms = Platforms::default();
    let world = platforms.world("").await;
    let seen = async || {
        let all = world.store.read::<_, StoreError>(|tx| tx.workloads(None, 10)).await.unwrap();
        (all[0].first_seen, all[0].last_seen, all.len())
    };
    let start = prokura_core::Clock::now(&*world.clock);
    for _ in 0..3 {
        assert_eq!(world.federate(&platforms.pod(&world, &[]), &[]).await.status, 200);
        world.wait(15);
    }
    assert_eq!(seen().await, (start, start, 1), "nothing changed within the minute");
    world.wait(30);
    let later = prokura_core::Clock::now(&*world.clock);
    assert_eq!(world.federate(&platforms.pod(&world, &[]), &[]).await.status, 200);
    assert_eq!(seen().await, (start, later, 1));
}

#[tokio::test]
async fn a_stored_rule_counts_at_the_next_request_and_after_those_of_the_file() {
    let platforms = Platforms::default();
    let world = platforms.world(CLIENTS).await;
    let admin = token(&world, "admin").await;
    let call = async |method: Method, path: &str, body: &str| {
        world.json(method, &format!("/api/admin/v1{path}"), Some(&admin), body).await
    };
    let jwt = platforms.cluster.sign("JWT", &pod_claims(&world, "new", "pod-7")).unwrap();
    assert_eq!(world.federate(&jwt, &[]).await.error(), "400 invalid_grant");
    let (reason, details) = world.refusal().await;
    assert_eq!(reason, "evidence_no_rule");
    let detail = details.str("detail").unwrap();
    assert!(detail.contains("service_account is `new`, expected `planner`"), "{detail}");
    let rule = |scopes: &str| {
        format!(
            r#"{{"provider":"prod","agent":"newcomer","when":{{"namespace":"agents","service_account":"new"}},
            "grant":[{{"resource":"sales","scopes":[{scopes}]}}],"life":"1m"}}"#
        )
    };
    let put = call(Method::PUT, "/workload-rules/newcomer", &rule(r#""read""#)).await;
    assert_eq!(put.status, 200, "{}", put.body);
    let got = world.federate(&jwt, &[]).await;
    assert_eq!(
        (got.text("scope"), got.json().get("expires_in").unwrap().as_i64()),
        ("read".into(), Some(60))
    );
    call(Method::PUT, "/workload-rules/newcomer", &rule(r#""read","write""#)).await;
    assert_eq!(world.federate(&jwt, &[]).await.text("scope"), "read write");
    let listed = call(Method::GET, "/workload-rules", "").await.body;
    assert!(listed.find("\"file\"").unwrap() < listed.find("\"store\"").unwrap(), "{listed}");
    for (name, body) in [
        ("planner", rule(r#""read""#)),
        ("x", rule(r#""rule""#)),
        ("x", rule(r#""read""#).replace("\"namespace\":\"agents\",", "")),
        ("x", rule(r#""read""#).replace("agents", "*")),
        ("x", rule(r#""read""#).replace("\"life\"", "\"live\"")),
    ] {
        assert_eq!(call(Method::PUT, &format!("/workload-rules/{name}"), &body).await.status, 409, "{body}");
    }
    assert_eq!(call(Method::DELETE, "/workload-rules/newcomer", "").await.status, 204);
    assert_eq!(call(Method::DELETE, "/workload-rules/newcomer", "").await.status, 404);
    assert_eq!(world.federate(&jwt, &[]).await.error(), "400 invalid_grant");
    let acts: Vec<_> = world.record().await.into_iter().map(|e| e.action).collect();
    for action in ["workload_rule:put", "workload_rule:remove"] {
        assert!(acts.iter().any(|a| a == action), "{action}");
    }
    assert!(API.ends_with("/api/admin/v1"));
}

#[tokio::test]
async fn an_administrator_sees_workloads_stops_them_and_tries_tokens() {
    let platforms = Platforms::default();
    let world = platforms.world(CLIENTS).await;
    let admin = token(&world, "admin").await;
    let pod = platforms.pod(&world, &[]);
    assert_eq!(world.federate(&pod, &[]).await.status, 200);
    let api = async |method: Method, path: &str, body: &str| {
        world.json(method, &format!("/api/admin/v1{path}"), Some(&admin), body).await
    };
    let listed = api(Method::GET, "/workloads?agent=agt_planner", "").await.json();
    let first = listed.get("workloads").unwrap().as_array().unwrap()[0].as_object().unwrap().clone();
    assert_eq!((first.str("instance"), first.str("rule")), (Some("pod-1-uid"), Some("planner")));
    let path = format!("/workloads/{}/standing", first.str("id").unwrap());
    assert_eq!(api(Method::PUT, &path, r#"{"disabled":true,"why":"odd"}"#).await.status, 204);
    assert_eq!(world.federate(&pod, &[]).await.error(), "400 invalid_grant");
    assert_eq!(api(Method::PUT, &path, r#"{"disabled":false}"#).await.status, 204);
    assert_eq!(
        api(Method::PUT, "/workload-providers/prod/standing", r#"{"disabled":true}"#).await.status,
        204
    );
    assert_eq!(world.federate(&pod, &[]).await.error(), "400 invalid_grant");
    assert_eq!(
        api(Method::PUT, "/workload-providers/prod/standing", r#"{"disabled":false}"#).await.status,
        204
    );
    assert_eq!(api(Method::PUT, "/workloads/wl_none/standing", r#"{"disabled":true}"#).await.status, 404);
    let test = async |jwt: &str| {
        let request = http::Request::builder().method(Method::POST).uri("/api/admin/v1/workload-test");
        let request = request.header("content-type", "application/jwt");
        world.send(request.header("authorization", format!("Bearer {admin}")), jwt.to_owned()).await.json()
    };
    assert_eq!(test(&pod).await.str("rule"), Some("planner"));
    let other = platforms.cluster.sign("JWT", &pod_claims(&world, "other", "pod-1")).unwrap();
    let tried = test(&other).await;
    assert_eq!(tried.get("rule"), Some(&Value::Null));
    let wrong = obj([
        ("claim", "service_account".into()),
        ("expected", "`planner`".into()),
        ("received", "`other`".into()),
    ]);
    assert!(tried.get("tried").unwrap().to_string().contains(&Value::Object(wrong).to_string()), "{tried:?}");
    let elsewhere = test(&platforms.pod(&world, &[("aud", "https://other.example".into())])).await;
    assert!(elsewhere.str("why").unwrap().contains("expected `http://localhost:9400`"), "{elsewhere:?}");
    assert_eq!(world.count("token:jwt_bearer").await, 1, "trying issues nothing");
}
