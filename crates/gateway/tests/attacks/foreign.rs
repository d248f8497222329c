//! Tokens of other authorization servers at the gateway: E1, C21, E24, E25.

use crate::issuer::{FakeIssuer, object};
use crate::world::{Reply, World, alice};
use http::Method;
use prokura_core::{ClientId, Clock, UserId};
use prokura_oauth::json::Object;
use prokura_store::{Foreigner, StoreError};
use serde_json::json;

/// Two servers: `corp` calls our scopes otherwise, and is asked about opaque tokens; `lab` calls them as we do.
const SERVERS: &str = r#"
issuer = "http://ADDRESS"
database = "sqlite::memory:"
[[resource]]
name = "crm"
upstream = "http://UPSTREAM/mcp"
default_scopes = ["read"]
authorization_servers = ["corp", "lab"]
[resource.scopes]
read  = { title = "Read", actions = ["tool:read_report", "resource:report/*"] }
write = { title = "Write", actions = ["tool:write_report"] }
[[resource]]
name = "hr"
upstream = "http://UPSTREAM/mcp"
authorization_servers = ["lab"]
[resource.scopes]
people = { title = "See people", actions = ["tool:read_report"] }
[[resource]]
name = "ours"
upstream = "http://UPSTREAM/mcp"
[resource.scopes]
read  = { title = "Read", actions = ["tool:read_report"] }
[[resource]]
name = "both"
upstream = "http://UPSTREAM/mcp"
authorization_servers = ["self", "lab"]
[resource.scopes]
read  = { title = "Read", actions = ["tool:read_report"] }
[[authorization_server]]
name = "corp"
issuer = "CORP"
audience = { crm = ["api://crm", "api://crm-old"] }
introspection = { client_id = "gateway", secret = { env = "SECRET" }, cache = "30s" }
[authorization_server.scopes]
read = { scopes = ["Crm.Read"], ask = "api://crm/Crm.Read" }
write = { scopes = ["Crm.Write"], roles = ["editor"] }
[[authorization_server]]
name = "lab"
issuer = "LAB"
audience = { crm = ["urn:crm"], hr = ["urn:hr"], both = ["urn:both"] }
"#;

struct Scene {
    corp: FakeIssuer,
    lab: FakeIssuer,
    world: World,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Reply::echo).await
    }

    async fn with(reply: impl Fn(&crate::world::Seen) -> Reply + Send + Sync + 'static) -> Self {
        let (corp, lab) = (FakeIssuer::start("/realms/corp").await, FakeIssuer::start("").await);
        let config = SERVERS.replace("CORP", &corp.issuer).replace("LAB", &lab.issuer);
        let world = World::with_config(reply, &config).await;
        Self { corp, lab, world }
    }

    fn claims(&self, of: &FakeIssuer, audience: &str, scope: &str) -> Object {
        let mut claims = of.claims(audience, &*self.world.clock);
        claims.insert("scope", scope.into());
        claims
    }

    /// A token of `corp` for `crm`.
    fn corp(&self, scope: &str) -> String {
        self.corp.sign("at+jwt", &self.claims(&self.corp, "api://crm", scope))
    }

    /// A token of `lab`.
    fn lab(&self, audience: &str, scope: &str) -> String {
        self.lab.sign("at+jwt", &self.claims(&self.lab, audience, scope))
    }

    async fn status(&self, token: &str, resource: &str) -> u16 {
        self.world.read_report(token).at(resource).send().await.status
    }

    async fn stop(&self, who: Foreigner, disabled: bool) {
        let now = self.world.clock.now();
        let stopped =
            self.world.store.transact(move |tx| tx.disable_foreigner(&who, disabled, "op", "", now));
        assert!(stopped.await.unwrap_or_else(|e: StoreError| panic!("{e}")));
    }
}

#[tokio::test]
async fn a_call_with_a_token_of_another_server_walks_the_whole_way() {
    let s = Scene::new().await;
    let answer = s.world.read_report(&s.corp("Crm.Read openid")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let record = s.world.record().await;
    let (permit, outcome) = (&record[0].event, &record[1].event);
    assert_eq!(permit.subject.as_ref().unwrap().as_str(), "usr_corp:alice");
    assert_eq!(permit.actors[0].as_str(), "agt_corp:desk");
    assert_eq!(permit.client.as_ref().unwrap().as_str(), "corp:desk");
    assert!(permit.grant.as_ref().unwrap().as_str().starts_with("g_corp:"));
    assert_eq!(permit.grant, outcome.grant);
    assert_eq!(
        (permit.action.as_str(), permit.reasons.join(",")),
        ("tool:read_report", "scope_allows".into())
    );
    // E24: the upstream sees nothing of the token.
    let seen = format!("{:?}", s.world.upstream.last());
    assert!(!seen.contains("authorization") && !seen.contains("Bearer"), "{seen}");
}

#[tokio::test]
async fn a_client_is_led_to_the_other_server_and_told_its_words() {
    let s = Scene::new().await;
    let metadata = s.world.request(Method::GET, "crm").path("/.well-known/oauth-protected-resource/mcp/crm");
    let metadata = metadata.send().await.json();
    assert_eq!(metadata["authorization_servers"], json!([s.corp.issuer, s.lab.issuer]));
    assert_eq!(metadata["scopes_supported"], json!(["api://crm/Crm.Read", "read"]));
    let none = s.world.read_report("x").without("authorization").send().await;
    let challenge = none.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"Bearer scope="api://crm/Crm.Read", resource_metadata="#), "{challenge}");
    // Step-up, in the words of whoever issued the token, with what is held.
    let (tokens, expected) = (
        [s.corp("Crm.Read"), s.lab("urn:crm", "read")],
        [r#"scope="Crm.Write api://crm/Crm.Read""#, r#"scope="read write""#],
    );
    for (token, scope) in tokens.into_iter().zip(expected) {
        let params = json!({"name": "write_report", "arguments": {}});
        let answer = s.world.legacy(&token, "tools/call", params).send().await;
        let challenge = answer.header("www-authenticate").unwrap();
        assert_eq!(answer.status, 403);
        assert!(challenge.contains("insufficient_scope") && challenge.contains(scope), "{challenge}");
    }
}

#[tokio::test]
async fn a_role_stands_for_a_scope_where_the_configuration_says_so() {
    let s = Scene::new().await;
    let mut claims = s.claims(&s.corp, "api://crm", "");
    claims.insert("roles", ["editor", "Editor"].into_iter().collect());
    let editor = s.corp.sign("at+jwt", &claims);
    let write = json!({"name": "write_report", "arguments": {}});
    assert_eq!(s.world.legacy(&editor, "tools/call", write.clone()).send().await.status, 200);
    claims.insert("roles", ["read", "Crm.Read"].into_iter().collect());
    assert_eq!(s.status(&s.corp.sign("at+jwt", &claims), "crm").await, 403, "a role is no scope");
}

#[tokio::test]
async fn c21_no_server_speaks_for_another_or_for_a_resource_that_does_not_name_it() {
    let s = Scene::new().await;
    assert_eq!(s.status(&s.corp("Crm.Read"), "crm").await, 200);
    assert_eq!(s.status(&s.lab("urn:crm", "read"), "crm").await, 200);
    assert_eq!(s.status(&s.lab("urn:hr", "people"), "hr").await, 200);
    let refused = [
        ("an audience of the other server", s.lab("api://crm", "Crm.Read read"), "crm"),
        ("an audience of another resource", s.lab("urn:hr", "read people"), "crm"),
        ("a server that is not named", s.corp("Crm.Read people"), "hr"),
        (
            "in the name of corp by lab",
            s.lab.sign("at+jwt", &s.claims(&s.corp, "api://crm", "Crm.Read")),
            "crm",
        ),
        ("our own token", s.world.token(&alice()), "crm"),
        ("a foreign token at our own", s.lab("urn:crm", "read"), "ours"),
        ("an ID token", s.corp.sign("JWT", &s.claims(&s.corp, "api://crm", "Crm.Read")), "crm"),
        ("in our own name", s.lab.sign("at+jwt", &s.world.claims(&alice()).claims()), "both"),
        ("bound to a key", bound(&s), "crm"),
    ];
    for (what, token, resource) in refused {
        let answer = s.world.read_report(&token).at(resource).send().await;
        assert_eq!(answer.status, 401, "{what}");
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"), "{what}");
    }
    assert_eq!(s.world.upstream.seen().len(), 3);
}

fn bound(s: &Scene) -> String {
    let mut claims = s.claims(&s.corp, "api://crm", "Crm.Read");
    claims.insert("cnf", object(r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#).into());
    s.corp.sign("at+jwt", &claims)
}

#[tokio::test]
async fn a_resource_may_take_our_own_tokens_and_those_of_another() {
    let s = Scene::new().await;
    let own = crate::world::TokenFor { resource: "both", ..alice() };
    for _ in 0..2 {
        assert_eq!(s.status(&s.world.token(&own), "both").await, 200);
        assert_eq!(s.status(&s.lab("urn:both", "read"), "both").await, 200);
    }
    let metadata = s.world.request(Method::GET, "x").path("/.well-known/oauth-protected-resource/mcp/both");
    let servers = metadata.send().await.json()["authorization_servers"].clone();
    assert_eq!(servers, json!([s.world.issuer.as_str(), s.lab.issuer]));
}

#[tokio::test]
async fn e01_whom_another_server_knows_is_stopped_at_the_next_call() {
    let s = Scene::new().await;
    let token = s.corp("Crm.Read");
    assert_eq!(s.status(&token, "crm").await, 200);
    for who in [
        Foreigner::User(UserId::parse("usr_corp:alice").unwrap()),
        Foreigner::Client(ClientId::parse("corp:desk").unwrap()),
        Foreigner::Issuer(s.corp.issuer.clone()),
    ] {
        s.stop(who.clone(), true).await;
        assert_eq!(s.status(&token, "crm").await, 401, "{who:?}");
        assert_eq!(
            s.status(&s.lab("urn:crm", "read"), "crm").await,
            200,
            "somebody of the same name elsewhere"
        );
        s.stop(who.clone(), false).await;
        assert_eq!(s.status(&token, "crm").await, 200, "{who:?}");
    }
}

#[tokio::test]
async fn e25_the_same_name_at_two_servers_is_two_people() {
    let s = Scene::with(|seen| match seen.mcp().as_str() {
        "initialize" => Reply::WithSession(
            json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "u", "version": "1"}}}),
            "upstream-session".into(),
        ),
        _ => Reply::echo(seen),
    })
    .await;
    let (at_corp, at_lab) = (s.corp("Crm.Read"), s.lab("urn:crm", "read"));
    let begun = s.world.legacy(&at_corp, "initialize", json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}));
    let begun = begun.send().await;
    let session = begun.header("mcp-session-id").unwrap_or_else(|| panic!("{}", begun.body)).to_owned();
    let with = |token: &str| s.world.read_report(token).header("mcp-session-id", &session);
    assert_eq!(with(&at_corp).send().await.status, 200);
    assert_eq!(with(&at_lab).send().await.status, 404);
}

#[tokio::test]
async fn an_opaque_token_is_judged_by_the_one_server_that_is_asked() {
    let s = Scene::new().await;
    let answer = r#"{"active":true,"aud":"api://crm-old","sub":"bob","client_id":"desk","scope":"Crm.Read"}"#;
    s.corp.with(|c| c.answers.insert("opaque".into(), object(answer)));
    assert_eq!(s.status("opaque", "crm").await, 200);
    assert_eq!(s.world.record().await[0].event.subject.as_ref().unwrap().as_str(), "usr_corp:bob");
    assert_eq!(s.status("opaque", "hr").await, 401, "nobody is asked there");
    s.corp.with(|c| c.answers.clear());
    assert_eq!(s.status("opaque", "crm").await, 200, "for half a minute");
    s.world.clock.advance(std::time::Duration::from_secs(31));
    assert_eq!(s.status("opaque", "crm").await, 401);
    assert_eq!(s.lab.with(|l| l.introspections.len()), 0);
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_makes_the_call_wait_and_the_token_not_invalid() {
    let s = Scene::new().await;
    s.corp.with(|c| c.up = false);
    for token in [s.corp("Crm.Read"), "opaque".to_owned()] {
        let answer = s.world.read_report(&token).send().await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        assert!(answer.header("www-authenticate").is_none(), "the token is not to be thrown away");
        assert_eq!(answer.json()["error"]["data"]["error"], "authorization_server_down");
    }
    assert!(s.world.upstream.is_untouched());
    let last = s.world.record_lines().await.pop().unwrap();
    assert_eq!(last, "decision mcp:request deny authorization_server_down");
}
