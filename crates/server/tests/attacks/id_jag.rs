//! Identity assertions (ID-JAG), both ways: who is believed, for whom, once, and never for more.

use crate::world::*;
use axum::Router;
use axum::routing::get;
use prokura_core::{Clock as _, Evidence, Principal, UserId};
use prokura_oauth::id_jag::{self, IdJag};
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::Foreigner;

const JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const REFRESH: &str = "urn:ietf:params:oauth:token-type:refresh_token";
const THERE: &str = "https://auth.chat.example/";

/// An identity provider: an address, and a key.
struct Provider {
    host: String,
    key: SigningKey,
}

impl Provider {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwks = String::from_utf8(KeySet::of(vec![key.public()]).unwrap().to_jwks().to_vec()).unwrap();
        let answer = get(move || async move { ([("content-type", "application/json")], jwks) });
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/jwks", answer)).await });
        Self { host, key }
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.host)
    }

    fn config(&self, link: &str) -> String {
        format!(
            r#"{USUAL}
            [[client]]
            id = "planner"
            secret = {{ env = "SECRET" }}
            grant_types = ["jwt_bearer", "token_exchange", "authorization_code", "refresh_token"]
            redirect_uris = ["https://app.example/cb"]
            [[id_jag.issuer]]
            name = "acme"
            issuer = "{0}"
            jwks_uri = "{0}/jwks"
            link = "{link}"
            scopes = ["read"]
            [[id_jag.audience]]
            issuer = "{THERE}"
            resources = ["https://mcp.chat.example/"]
            scopes = ["chat.read", "chat.history"]
            clients = {{ planner = "f53f" }}
            "#,
            self.issuer()
        )
    }

    async fn world(&self, link: &str) -> World {
        World::that_reaches(&self.host, &self.config(link), "sqlite::memory:", "pep_test").await
    }

    fn claims(&self, world: &World) -> Object {
        let now = world.clock.now().seconds();
        obj([
            ("iss", self.issuer().into()),
            ("sub", "U019488227".into()),
            ("aud", ISSUER.into()),
            ("client_id", "planner".into()),
            ("jti", "j1".into()),
            ("iat", now.into()),
            ("exp", (now + 300).into()),
            ("resource", SALES.into()),
            ("scope", "read write".into()),
            ("email", "ada@example.org".into()),
            ("email_verified", true.into()),
        ])
    }

    fn assertion(&self, world: &World, changes: &[(&str, Value)]) -> String {
        let mut claims = self.claims(world);
        for (name, value) in changes {
            claims.remove(name);
            if !value.is_null() {
                claims.insert(*name, value.clone());
            }
        }
        self.key.sign(id_jag::TYP, &claims).unwrap()
    }
}

async fn bring(world: &World, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let mut form =
        vec![("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)];
    form.extend(more);
    world.form("/token", Some(&format!("planner:{SECRET}")), &form).await
}

async fn exchange(world: &World, client: &str, changes: &[(&str, &str)]) -> Answer {
    let usual = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", JAG),
        ("audience", THERE),
    ];
    let kept = usual.iter().filter(|(n, _)| !changes.iter().any(|(c, _)| c == n));
    let form: Vec<_> = kept.chain(changes).filter(|(_, v)| !v.is_empty()).copied().collect();
    world.form("/token", Some(&format!("{client}:{SECRET}")), &form).await
}

/// Access and refresh token of the client `planner` for Alice.
async fn tokens(world: &World) -> (String, String) {
    let code = world.authorize(&[("client_id", "planner")]).await.redirect().1["code"].clone();
    let form = redemption(&code, &[("client_id", "")]);
    let answer = world.form("/token", Some(&format!("planner:{SECRET}")), &form).await;
    (answer.text("access_token"), answer.text("refresh_token"))
}

#[tokio::test]
async fn c11_a_provider_that_is_trusted_lets_a_client_act_within_every_bound() {
    let provider = Provider::start().await;
    let world = provider.world("create").await;
    let answer = bring(&world, &provider.assertion(&world, &[]), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    // `write` is in the assertion and not in the configuration.
    assert_eq!(answer.text("scope"), "read");
    assert!(!answer.json().contains_key("refresh_token"), "the provider stays the one who decides");
    let token = world.verified(&answer.text("access_token"));
    let Principal::User(user) = token.subject.clone() else { panic!("no user") };
    assert_eq!((token.actors.len(), token.grant.ancestors.len()), (1, 1));
    let made = world.write(move |tx| tx.user(&user)).await.unwrap();
    assert_eq!(made.email.as_deref(), Some("ada@example.org"));
    let id = token.grant.id.clone();
    let grant = world.write(move |tx| tx.grant(&id)).await.unwrap();
    assert!(matches!(grant.evidence, Evidence::IdJag { jti, .. } if jti == "j1"));
    // The next assertion is a child of the same root.
    let second = provider.assertion(&world, &[("jti", "j2".into()), ("scope", Value::Null)]);
    let second = bring(&world, &second, &[("scope", "read"), ("resource", SALES)]).await;
    assert_eq!(world.verified(&second.text("access_token")).grant.ancestors, token.grant.ancestors);
    let logged = format!("{:?}", world.record().await);
    assert!(!logged.contains("eyJ"), "the assertion itself is never recorded");
    let metadata = world.get("/.well-known/oauth-authorization-server").await.body;
    assert!(metadata.contains(id_jag::PROFILE));
    let without = World::new().await.get("/.well-known/oauth-authorization-server").await.body;
    assert!(
        !without.contains("id-jag") && !without.contains("token-exchange") && !without.contains("jwt-bearer")
    );
}

#[tokio::test]
async fn c11_what_is_not_meant_for_this_server_client_and_resource_is_refused() {
    let provider = Provider::start().await;
    let world = provider.world("create").await;
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let claims = provider.claims(&world);
    let mut bad = vec![
        ("another key", stranger.sign(id_jag::TYP, &claims).unwrap()),
        ("another type", provider.key.sign("JWT", &claims).unwrap()),
        ("an access token", provider.key.sign("at+jwt", &claims).unwrap()),
        ("garbage", "a.b.c".to_owned()),
    ];
    for (name, value) in [
        ("iss", Value::from("https://idp.example")),
        ("aud", "http://localhost:9400/".into()),
        ("aud", "http://localhost:9400/token".into()),
        ("aud", Value::Array(vec![ISSUER.into()])),
        ("aud", THERE.into()),
        ("client_id", "basic".into()),
        ("client_id", Value::Null),
        ("resource", "http://localhost:9400/mcp/hr".into()),
        ("resource", "https://elsewhere.example/mcp".into()),
        ("jti", Value::Null),
        ("exp", (world.clock.now().seconds() - 60).into()),
        ("exp", (world.clock.now().seconds() + 3600).into()),
        ("sub", Value::Null),
        ("act", "x".into()),
    ] {
        bad.push((name, provider.assertion(&world, &[(name, value)])));
    }
    for (what, assertion) in &bad {
        assert_eq!(bring(&world, assertion, &[]).await.error(), "400 invalid_grant", "{what} {assertion}");
    }
    let good = provider.assertion(&world, &[]);
    let elsewhere = [("resource", "http://localhost:9400/mcp/hr")];
    assert_eq!(bring(&world, &good, &elsewhere).await.error(), "400 invalid_grant");
    let other = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", good.as_str())];
    let basic = world.form("/token", Some(&format!("basic:{SECRET}")), &other).await;
    assert_eq!(basic.error(), "400 unauthorized_client", "who did not register for it");
    assert_eq!(world.count("token:jwt_bearer").await, 0);
    // None of them spent it.
    assert_eq!(bring(&world, &good, &[]).await.status, 200);
}

#[tokio::test]
async fn c02_an_identity_assertion_counts_once_on_whichever_process() {
    let provider = Provider::start().await;
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("p.db").display());
    let config = provider.config("create");
    let one = World::that_reaches(&provider.host, &config, &database, "pep_one").await;
    let two = World::that_reaches(&provider.host, &config, &database, "pep_two").await;
    let assertion = provider.assertion(&one, &[]);
    assert_eq!(bring(&one, &assertion, &[]).await.status, 200);
    for world in [&one, &two] {
        assert_eq!(bring(world, &assertion, &[]).await.error(), "400 invalid_grant");
        world.refused_for("assertion_replayed").await;
    }
}

/// The grant is asked of the database when the assertion is put on record, whatever this process has heard by then.
#[tokio::test]
async fn c16_no_assertion_is_made_after_a_revocation_was_answered() {
    let provider = Provider::start().await;
    let dir = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("p.db").display());
    let config = provider.config("create");
    let one = World::that_reaches(&provider.host, &config, &database, "pep_one").await;
    let two = World::that_reaches(&provider.host, &config, &database, "pep_two").await;
    let (access, _) = tokens(&one).await;
    let subject = [("subject_token", access.as_str()), ("subject_token_type", ACCESS)];
    assert_eq!(exchange(&one, "planner", &subject).await.status, 200);
    two.revoke_grant(&one.verified(&access).grant.id).await;
    assert_eq!(exchange(&one, "planner", &subject).await.error(), "400 invalid_grant");
    assert_eq!(one.count("token:id_jag").await, 1);
}

#[tokio::test]
async fn d01_scopes_are_what_assertion_request_and_configuration_share() {
    let provider = Provider::start().await;
    let world = provider.world("create").await;
    for (n, (said, asked, expected)) in [
        ("read write", "", "read"),
        ("read", "read write", "read"),
        ("write", "", "invalid_scope"),
        ("read", "write", "invalid_scope"),
    ]
    .into_iter()
    .enumerate()
    {
        let assertion =
            provider.assertion(&world, &[("jti", format!("j{n}").into()), ("scope", said.into())]);
        let asked = [("scope", asked)];
        let more: &[_] = if asked[0].1.is_empty() { &[] } else { &asked };
        let answer = bring(&world, &assertion, more).await;
        let got = answer.json();
        assert_eq!(got.str("scope").or(got.str("error")), Some(expected), "{said} {more:?}");
    }
    // The other way: what the client asks for is cut to what the configuration passes on.
    let (_, refresh) = tokens(&world).await;
    let subject = [("subject_token", refresh.as_str()), ("subject_token_type", REFRESH)];
    let ask = |scope: &'static str| [subject[0], subject[1], ("scope", scope)];
    assert_eq!(exchange(&world, "planner", &ask("chat.read chat.admin")).await.text("scope"), "chat.read");
    assert_eq!(exchange(&world, "planner", &ask("chat.admin")).await.error(), "400 invalid_scope");
    for (name, value) in [
        ("audience", "https://auth.chat.example"),
        ("audience", ISSUER),
        ("audience", ""),
        ("resource", "https://mcp.other.example/"),
    ] {
        let answer = exchange(&world, "planner", &[subject[0], subject[1], (name, value)]).await;
        assert_eq!(answer.error(), "400 invalid_target", "{name} {value}");
    }
    assert_eq!(exchange(&world, "signer", &subject).await.status, 401, "who is not in the map");
}

#[tokio::test]
async fn d02_who_acts_is_said_on_in_both_directions() {
    let provider = Provider::start().await;
    let world = provider.world("create").await;
    let (access, refresh) = tokens(&world).await;
    let actor = world.verified(&access).actor().unwrap().to_string();
    for (token, kind) in [(&access, ACCESS), (&refresh, REFRESH)] {
        let answer =
            exchange(&world, "planner", &[("subject_token", token), ("subject_token_type", kind)]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(
            (answer.text("issued_token_type").as_str(), answer.text("token_type").as_str()),
            (JAG, "N_A")
        );
        let keys = KeySet::from_jwks(&world.get("/jwks").await.json(), &Algorithm::PUBLIC).unwrap();
        let (now, longest) = (world.clock.now(), std::time::Duration::from_secs(600));
        let said = IdJag::verify(&answer.text("access_token"), &keys, ISSUER, THERE, longest, now).unwrap();
        assert_eq!(said.actors, std::slice::from_ref(&actor), "a token with an actor never leaves without");
        assert_eq!(
            (said.client.as_str(), said.resource.as_deref()),
            ("f53f", Some("https://mcp.chat.example/"))
        );
        assert_eq!(said.subject, "usr_alice");
    }
    assert_eq!(world.count("token:id_jag").await, 2);
    let chain = obj([("sub", "front".into())]);
    let brought = bring(&world, &provider.assertion(&world, &[("act", chain.into())]), &[]).await;
    let token = world.verified(&brought.text("access_token"));
    assert_eq!(token.actors[1].as_str(), "agt_acme:front");
}

#[tokio::test]
async fn d03_an_id_token_is_exchanged_by_the_client_that_it_is_for_and_while_it_lives() {
    const ID: &str = "urn:ietf:params:oauth:token-type:id_token";
    let provider = Provider::start().await;
    let world = provider.world("create").await;
    let asked = world.authorize(&[("client_id", "planner"), ("scope", "openid read")]).await;
    let code = asked.redirect().1["code"].clone();
    let form = redemption(&code, &[("client_id", "")]);
    let id_token = world.form("/token", Some(&format!("planner:{SECRET}")), &form).await.text("id_token");
    let subject = [("subject_token", id_token.as_str()), ("subject_token_type", ID)];
    let answer = exchange(&world, "planner", &subject).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let keys = KeySet::from_jwks(&world.get("/jwks").await.json(), &Algorithm::PUBLIC).unwrap();
    let (now, longest) = (world.clock.now(), std::time::Duration::from_secs(600));
    let said = IdJag::verify(&answer.text("access_token"), &keys, ISSUER, THERE, longest, now).unwrap();
    assert_eq!((said.subject.as_str(), said.client.as_str()), ("usr_alice", "f53f"));
    let other = world.authorize(&[("scope", "openid read")]).await.redirect().1["code"].clone();
    let theirs = world.redeem(&other, &[]).await.text("id_token");
    let stolen = [("subject_token", theirs.as_str()), ("subject_token_type", ID)];
    assert_eq!(exchange(&world, "planner", &stolen).await.error(), "400 invalid_request");
    world.wait(3600);
    assert_eq!(exchange(&world, "planner", &subject).await.error(), "400 invalid_request");
}

#[tokio::test]
async fn d03_only_a_clients_own_token_without_another_actor_is_exchanged() {
    let provider = Provider::start().await;
    let world = provider.world("create").await;
    let (access, _) = tokens(&world).await;
    let (foreign, foreign_refresh) = world.tokens().await;
    let own = world.batch().await.text("access_token");
    let assertion = provider.assertion(&world, &[]);
    for (token, kind) in [
        (foreign.as_str(), ACCESS),
        (&foreign_refresh, REFRESH),
        (&own, ACCESS),
        (&assertion, JAG),
        ("x.y.z", "urn:ietf:params:oauth:token-type:id_token"),
        (&access, "urn:ietf:params:oauth:token-type:id_token"),
    ] {
        let form = [("subject_token", token), ("subject_token_type", kind)];
        assert_eq!(exchange(&world, "planner", &form).await.error(), "400 invalid_request", "{kind}");
    }
    let with_actor = [
        ("subject_token", access.as_str()),
        ("subject_token_type", ACCESS),
        ("actor_token", &foreign),
        ("actor_token_type", ACCESS),
    ];
    assert_eq!(exchange(&world, "planner", &with_actor).await.error(), "400 invalid_request");
    let general = [
        ("subject_token", access.as_str()),
        ("subject_token_type", ACCESS),
        ("requested_token_type", ACCESS),
    ];
    assert_eq!(exchange(&world, "planner", &general).await.error(), "400 invalid_target", "that server's");
    assert_eq!(world.count("token:id_jag").await, 0);
}

#[tokio::test]
async fn d05_what_the_user_ended_no_provider_begins_again() {
    let provider = Provider::start().await;
    let world = provider.world("create").await;
    let first = bring(&world, &provider.assertion(&world, &[]), &[]).await.text("access_token");
    let root = world.verified(&first).grant.ancestors[0].clone();
    world.revoke_grant(&root).await;
    assert!(!world.is_active(&first).await);
    let again = provider.assertion(&world, &[("jti", "j2".into())]);
    assert_eq!(bring(&world, &again, &[]).await.error(), "400 invalid_grant");
    world.refused_for("grant_over").await;
}

#[tokio::test]
async fn c10_neither_a_disabled_issuer_nor_a_disabled_user_gets_in() {
    let provider = Provider::start().await;
    let world = provider.world("create").await;
    let token = bring(&world, &provider.assertion(&world, &[]), &[]).await.text("access_token");
    let Principal::User(user) = world.verified(&token).subject else { panic!("no user") };
    let now = world.clock.now();
    let u = user.clone();
    world.write(move |tx| tx.disable_user(&u, true, "test", "test", now)).await;
    let next = |n: u8| provider.assertion(&world, &[("jti", format!("k{n}").into())]);
    assert_eq!(bring(&world, &next(1), &[]).await.error(), "400 invalid_grant");
    world.write(move |tx| tx.disable_user(&user, false, "test", "test", now)).await;
    assert_eq!(bring(&world, &next(2), &[]).await.status, 200);
    let issuer = Foreigner::Issuer(provider.issuer());
    world.write(move |tx| tx.disable_foreigner(&issuer, true, "test", "test", now)).await;
    assert_eq!(bring(&world, &next(3), &[]).await.error(), "400 invalid_grant");
    world.refused_for("disabled").await;
    let (_, refresh) = tokens(&world).await;
    let alice = UserId::parse("usr_alice").unwrap();
    world.write(move |tx| tx.disable_user(&alice, true, "test", "test", now)).await;
    let form = [("subject_token", refresh.as_str()), ("subject_token_type", REFRESH)];
    assert_eq!(exchange(&world, "planner", &form).await.error(), "400 invalid_grant");
}

#[tokio::test]
async fn nobody_is_known_by_an_address_that_nobody_verified() {
    let provider = Provider::start().await;
    let world = provider.world("verified_email").await;
    assert_eq!(bring(&world, &provider.assertion(&world, &[]), &[]).await.error(), "400 invalid_grant");
    world.refused_for("assertion_person").await;
    world.tokens().await;
    world
        .write(|tx| {
            let alice = tx.user_by_name("alice")?.unwrap();
            tx.set_email(&alice.id, Some("ada@example.org"))
        })
        .await;
    for verified in [Value::Null, false.into(), "true".into()] {
        let unverified = provider.assertion(&world, &[("email_verified", verified)]);
        assert_eq!(bring(&world, &unverified, &[]).await.error(), "400 invalid_grant");
    }
    let token = bring(&world, &provider.assertion(&world, &[]), &[]).await.text("access_token");
    assert_eq!(world.verified(&token).subject.as_str(), "usr_alice");
}

/// It is Friday, 15 January 2027, 08:00 UTC: an assertion for another server is judged as every token is.
#[tokio::test]
async fn d03_the_conditions_of_access_hold_for_assertions_to_other_servers_too() {
    const OFFICE: &str = r#"
        [[access_policy]]
        name = "office"
        applies = { stages = ["exchange"] }
        requires = { time = { zone = "UTC", windows = [{ days = ["fri"], from = "08:00", to = "08:02" }] } }
    "#;
    let provider = Provider::start().await;
    let text = provider.config("create") + OFFICE;
    let world = World::that_reaches(&provider.host, &text, "sqlite::memory:", "pep_test").await;
    let (access, _) = tokens(&world).await;
    let subject = [("subject_token", access.as_str()), ("subject_token_type", ACCESS)];
    let answer = exchange(&world, "planner", &subject).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let life = answer.json().get("expires_in").and_then(Value::as_u64).unwrap();
    assert!(life <= 120, "not longer than the window: {life}");
    world.wait(121);
    assert_eq!(exchange(&world, "planner", &subject).await.error(), "400 access_denied");
    world.refused_for("access_denied").await;
}
