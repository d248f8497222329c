//! Token exchange by who somebody is: policies that hide who acts, tokens of other issuers, evidence of workloads.

use crate::world::exchange::*;
use crate::world::workload::Platforms;
use crate::world::*;
use prokura_core::{Clock as _, UserId};
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{Value, obj};
use prokura_store::Foreigner;

const CORP: &str = "https://idp.example";

/// Who may hide who acts, and one who may not.
const HIDDEN: &str = r#"
    [[group]]
    name = "staff"
    members = ["alice"]
    [[impersonation]]
    name = "billing"
    clients = ["sales-api"]
    groups = ["staff"]
    resources = ["crm"]
    scopes = ["crm:read"]
    reason = "The billing system predates act"
    [[impersonation]]
    name = "others"
    clients = ["keeper"]
    users = ["bob"]
    resources = ["crm"]
    scopes = ["crm:read"]
    reason = "For somebody else"
"#;

#[tokio::test]
async fn d02_who_acts_is_hidden_only_by_a_policy_and_never_where_it_was_said() {
    let world = World::with(&format!("{USUAL}{CHAIN}{HIDDEN}")).await;
    let answer = world.allowed("sales-api", &[("scope", "openid read")]).await;
    let (id, access) = (answer.text("id_token"), answer.text("access_token"));
    let ask = [("subject_token_type", ID), ("resource", CRM), ("token_view", "impersonation")];
    let hidden = world.exchange("sales-api", &id, &ask).await;
    assert_eq!((hidden.status.as_u16(), hidden.text("scope").as_str()), (200, "crm:read"), "{}", hidden.body);
    let token = hidden.text("access_token");
    assert!(!said(&token).contains_key("act") && said(&token).str("sub") == Some("usr_alice"));
    assert_eq!(actors(&token), ["agt_reporter"], "the grant knows it all the same");
    let event = world.record().await.remove(0);
    assert_eq!(
        (event.action.as_str(), event.details.str("impersonation")),
        ("token:impersonation", Some("billing"))
    );
    assert_eq!(event.details.str("reason"), Some("The billing system predates act"));
    // Only for that client, that user, that resource, those scopes.
    let wide = [ask[0], ask[1], ask[2], ("scope", "crm:write")];
    assert_eq!(world.exchange("sales-api", &id, &wide).await.error(), "400 invalid_scope");
    let elsewhere = [ask[0], ("resource", VAULT), ask[2]];
    assert_eq!(world.exchange("sales-api", &id, &elsewhere).await.error(), "400 unauthorized_client");
    let planners = world.allowed("planner", &[("scope", "openid read")]).await.text("id_token");
    assert_eq!(world.exchange("planner", &planners, &ask).await.error(), "400 unauthorized_client");
    // A token that says who acts does not become one that does not, not even by this policy.
    let washed = [("resource", CRM), ("token_view", "impersonation")];
    assert_eq!(world.pass("sales-api", &access, &washed).await.error(), "400 invalid_request");
    let user = world.planned().await;
    assert_eq!(world.pass("sales-api", &user, &washed).await.error(), "400 invalid_request");
    world.refused_for("exchange_act_stays").await;
    // Whoever gets it cannot pass it on, and its holder can only narrow it.
    assert_eq!(world.pass("keeper", &token, &[("resource", VAULT)]).await.error(), "400 invalid_grant");
    let again = world.exchange("sales-api", &token, &[]).await.text("access_token");
    assert!(!said(&again).contains_key("act"));
    let shown = world.exchange("sales-api", &token, &[("token_view", "user")]).await.text("access_token");
    assert_eq!(said(&shown).get("act").unwrap().as_object().unwrap().str("sub"), Some("agt_reporter"));
    // What the client gave back can be had again.
    let back = world.form("/revoke", Some(&format!("sales-api:{SECRET}")), &[("token", &token)]).await;
    assert_eq!(back.status, 200);
    assert_eq!(world.exchange("sales-api", &token, &[]).await.error(), "400 invalid_grant");
    let token = world.exchange("sales-api", &id, &ask).await.text("access_token");
    // What the user took back is not made again.
    world.revoke_grant(&read(&token).grant.id).await;
    assert_eq!(world.exchange("sales-api", &id, &ask).await.error(), "400 invalid_grant");
    assert_eq!(world.exchange("sales-api", &token, &[]).await.error(), "400 invalid_grant");
}

/// Another issuer, which stands at an address here and is trusted for the clients that the file names.
struct Corp {
    host: String,
    key: SigningKey,
}

impl Corp {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwks = String::from_utf8(KeySet::of(vec![key.public()]).unwrap().to_jwks().to_vec()).unwrap();
        let answer =
            axum::routing::get(move || async move { ([("content-type", "application/json")], jwks) });
        let router = axum::Router::new().route("/jwks", answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { host, key }
    }

    /// A world that trusts two such issuers; the user is known by the first.
    async fn world(&self, other: &Self) -> World {
        let issuer = |name: &str, host: &str, iss: &str| {
            format!(
                r#"
                [[exchange.issuer]]
                name = "{name}"
                issuer = "{iss}"
                jwks_uri = "http://{host}/jwks"
                clients = {{ planner = ["0oa1"], keeper = ["0oa2"] }}
                "#
            )
        };
        let (one, two) =
            (issuer("corp", &self.host, CORP), issuer("evil", &other.host, "https://evil.example"));
        let text = format!("{USUAL}{CHAIN}{one}{two}");
        let world = World::that_reaches(&self.host, &text, "sqlite::memory:", "pep_test").await;
        world.planned().await;
        let now = world.clock.now();
        world
            .write(move |tx| {
                tx.insert_identity(&prokura_store::Identity {
                    issuer: CORP.to_owned(),
                    subject: "u1".to_owned(),
                    user: UserId::parse("usr_alice").unwrap(),
                    provider: "corp".to_owned(),
                    label: "alice@corp".to_owned(),
                    groups: Vec::new(),
                    created_at: now,
                    last_used_at: None,
                })
            })
            .await;
        world
    }

    fn token(&self, world: &World, changes: &[(&str, Value)]) -> String {
        let now = world.clock.now().seconds();
        let mut o = obj([
            ("iss", CORP.into()),
            ("sub", "u1".into()),
            ("aud", "0oa1".into()),
            ("iat", now.into()),
            ("exp", (now + 120).into()),
        ]);
        for (name, value) in changes {
            o.remove(name);
            o.insert(*name, value.clone());
        }
        self.key.sign("JWT", &o).unwrap()
    }
}

#[tokio::test]
async fn c11_a_foreign_token_says_who_the_user_is_and_nothing_of_what_may_be_done() {
    let (corp, evil) = (Corp::start().await, Corp::start().await);
    let world = corp.world(&evil).await;
    let form = [("subject_token_type", JWT), ("resource", SALES)];
    let good = world.exchange("planner", &corp.token(&world, &[]), &form).await;
    assert_eq!(good.status, 200, "{}", good.body);
    let token = read(&good.text("access_token"));
    assert_eq!((token.subject.as_str(), token.actors.len()), ("usr_alice", 1));
    assert!(token.expires_at.since(world.clock.now()).as_secs() <= 120, "never longer than the token");
    for (what, token, error) in [
        ("for another client", corp.token(&world, &[("aud", "0oa2".into())]), "400 invalid_request"),
        ("for somebody else", corp.token(&world, &[("aud", "0oa9".into())]), "400 invalid_request"),
        (
            "with an actor",
            corp.token(&world, &[("act", obj([("sub", "x".into())]).into())]),
            "400 invalid_request",
        ),
        ("by another issuer's key", evil.token(&world, &[]), "400 invalid_request"),
        (
            "in another's name",
            evil.token(&world, &[("iss", "https://nobody.example".into())]),
            "400 invalid_request",
        ),
        ("about a stranger", corp.token(&world, &[("sub", "u2".into())]), "400 invalid_grant"),
    ] {
        assert_eq!(world.exchange("planner", &token, &form).await.error(), error, "{what}");
    }
    // A user who allowed this client nothing, at another resource or for another client.
    let elsewhere = [form[0], ("resource", CRM)];
    let answer = world.exchange("planner", &corp.token(&world, &[]), &elsewhere).await;
    assert_eq!(answer.error(), "400 invalid_grant");
    let theirs = corp.token(&world, &[("aud", "0oa2".into())]);
    assert_eq!(world.exchange("keeper", &theirs, &form).await.error(), "400 invalid_grant");
    // An issuer that is disabled vouches for nobody.
    let (off, now) = (prokura_store::Foreigner::Issuer(CORP.to_owned()), world.clock.now());
    world.write(move |tx| tx.disable_foreigner(&off, true, "test", "test", now)).await;
    assert_eq!(world.exchange("planner", &corp.token(&world, &[]), &form).await.error(), "400 invalid_grant");
    world.refused_for("disabled").await;
}

#[tokio::test]
async fn d03_evidence_of_a_workload_says_who_acts_if_it_is_of_the_agent() {
    const WORKER: &str = r#"
        [[client]]
        id = "builder"
        secret = { env = "SECRET" }
        grant_types = ["token_exchange"]
        [[delegation]]
        name = "builds"
        at = "sales"
        from = ["planner"]
        to = ["builder"]
    "#;
    let platforms = Platforms::default();
    let text = format!("{}{CHAIN}{WORKER}", platforms.config(""));
    let world = World::with(&text).await;
    let user = world.planned().await;
    let job = platforms.job(&world, &[]);
    let shown = [("actor_token", job.as_str()), ("actor_token_type", JWT), ("scope", "read")];
    // Of another agent: the job is builder's.
    assert_eq!(world.exchange("writer", &user, &shown).await.error(), "400 invalid_request");
    world.refused_for("exchange_actor_other").await;
    let answer = world.exchange("builder", &user, &shown).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = answer.text("access_token");
    assert_eq!(actors(&token), ["agt_builder", "agt_planner"]);
    assert!(said(&token).contains_key("workload"));
    // What may be shown once is spent.
    assert_eq!(world.exchange("builder", &user, &shown).await.error(), "400 invalid_grant");
    let forged = Platforms::default().job(&world, &[]);
    let shown = [("actor_token", forged.as_str()), ("actor_token_type", JWT)];
    assert_eq!(world.exchange("builder", &user, &shown).await.error(), "400 invalid_grant");
}

/// Who stops a workload, or whoever vouches for it, stops what it got by whichever exchange.
#[tokio::test]
async fn c10_what_comes_of_a_workloads_token_names_the_workload() {
    const WORKER: &str = r#"
        [[client]]
        id = "builder"
        secret = { env = "SECRET" }
        grant_types = ["token_exchange"]
        [[delegation]]
        name = "builds"
        at = "sales"
        from = ["planner"]
        to = ["builder"]
    "#;
    let platforms = Platforms::default();
    let world = World::with(&format!("{}{CHAIN}{WORKER}", platforms.config(""))).await;
    let user = world.planned().await;
    let job = platforms.job(&world, &[]);
    let shown = [("actor_token", job.as_str()), ("actor_token_type", JWT), ("scope", "read")];
    let token = world.exchange("builder", &user, &shown).await.text("access_token");
    let workload = |token: &str| read(token).workload.map(|attested| attested.workload);
    let id = workload(&token).unwrap();
    // Less of it names the workload as well.
    let narrowed = world.exchange("builder", &token, &[("scope", "read")]).await.text("access_token");
    assert_eq!(workload(&narrowed), Some(id.clone()));
    // So does what another instance gets that shows its own token, and for no longer than that one says it.
    let own = world.federate(&platforms.job(&world, &[]), &[]).await.text("access_token");
    world.wait(100);
    let acting = [("actor_token", own.as_str()), ("actor_token_type", ACCESS), ("scope", "read")];
    let passed = world.exchange("builder", &user, &acting).await.text("access_token");
    assert_eq!(workload(&passed), workload(&own));
    assert_eq!(read(&passed).expires_at, read(&own).expires_at);
    let stopped = [Foreigner::provider("ci"), Foreigner::Workload(workload(&own).unwrap())];
    for who in stopped {
        let turn = |off: bool| {
            let (who, now) = (who.clone(), world.clock.now());
            world.write(move |tx| tx.disable_foreigner(&who, off, "test", "test", now))
        };
        turn(true).await;
        assert_eq!(world.exchange("builder", &user, &acting).await.error(), "400 invalid_grant", "{who:?}");
        world.refused_for("disabled").await;
        assert_eq!(world.exchange("builder", &passed, &[]).await.error(), "400 invalid_grant", "{who:?}");
        world.refused_for("disabled").await;
        turn(false).await;
        assert_eq!(world.exchange("builder", &passed, &[]).await.status, 200);
    }
}
