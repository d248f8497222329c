//! What stands behind an MCP server: a user's token and an agent's with one call, and transaction tokens.

use crate::issuer::FakeIssuer;
use http::HeaderMap;
use prokura_core::{
    Acr, AgentId, ClientId, Clock, Demand, Duty, GrantId, ManualClock, Principal, ResourceUri, ScopeSet,
    Timestamp, TokenId, TraceId, TrustDomain, UserId,
};
use prokura_oauth::access_token::{AccessToken, GrantClaim, View};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::confirmation::{Confirmation, Thumbprint};
use prokura_oauth::introspection::{UserToken, inactive, together};
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use prokura_oauth::transaction_token::{Making, TransactionToken};
use prokura_sdk::delegated::{Presented, Refused, Verifier};
use std::sync::Arc;
use std::time::Duration;

const API: &str = "https://as.example/mcp/orders";

struct Behind {
    issuer: FakeIssuer,
    clock: Arc<ManualClock>,
    verifier: Verifier,
}

fn agent(id: &str) -> AgentId {
    AgentId::parse(id).unwrap()
}

fn grant(id: &str) -> GrantId {
    GrantId::parse(id).unwrap()
}

impl Behind {
    async fn new() -> Self {
        let issuer = FakeIssuer::start("").await;
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let shared: Arc<dyn Clock> = clock.clone();
        let verifier = Verifier::of(issuer.issuer.as_str())
            .resource(API)
            .introspect("orders", "secret")
            .transactions("tools.example", &[API])
            .clock(shared)
            .build()
            .unwrap();
        Self { issuer, clock, verifier }
    }

    /// The token of the front agent, of the grant that Alice gave it.
    fn front(&self) -> AccessToken {
        let now = self.clock.now();
        AccessToken {
            issuer: self.issuer.issuer.clone(),
            audience: ResourceUri::parse(API).unwrap(),
            subject: Principal::User(UserId::parse("usr_alice").unwrap()),
            view: View::User,
            client: ClientId::parse("front").unwrap(),
            actors: vec![agent("agt_front")],
            may_act: None,
            scopes: ScopeSet::parse("read write").unwrap(),
            details: prokura_core::Details::default(),
            id: TokenId::parse("t_1").unwrap(),
            issued_at: now,
            expires_at: now.after(Duration::from_secs(300)),
            grant: GrantClaim::of_root(grant("g_1")),
            authentication: Some(Authentication::new(now, Acr::Mfa, "pwd otp")),
            cnf: Confirmation::default(),
            workload: None,
            status: None,
        }
    }

    /// What the planner got of it.
    fn planner(&self, view: View) -> AccessToken {
        let hidden = view == View::Impersonation;
        AccessToken {
            view,
            client: ClientId::parse("planner").unwrap(),
            actors: if hidden {
                vec![agent("agt_planner")]
            } else {
                vec![agent("agt_planner"), agent("agt_front")]
            },
            scopes: ScopeSet::parse("read").unwrap(),
            grant: GrantClaim {
                ancestors: vec![grant("g_1")],
                holder: hidden.then(|| agent("agt_planner")),
                ..GrantClaim::of_root(grant("g_2"))
            },
            ..self.front()
        }
    }

    fn sign(&self, token: &AccessToken) -> String {
        self.issuer.sign("at+jwt", &token.claims())
    }

    fn id_token(&self, client: &str, agent: &str, user: &str) -> String {
        let now = self.clock.now().seconds();
        let claims = obj([
            ("iss", self.issuer.issuer.as_str().into()),
            ("sub", user.into()),
            ("aud", client.into()),
            ("agent", agent.into()),
            ("auth_time", now.into()),
            ("acr", "mfa".into()),
            ("iat", now.into()),
            ("exp", (now + 300).into()),
        ]);
        self.issuer.sign("JWT", &claims)
    }

    async fn both(&self, user: &str, actor: &AccessToken) -> Result<String, Refused> {
        let actor = self.sign(actor);
        let told = self.verifier.delegated(user, Presented::Bearer(&actor)).await?;
        Ok(format!("{} [{}]", told.path(), told.scopes))
    }
}

#[tokio::test]
async fn both_tokens_name_user_agent_and_chain_in_every_view() {
    let behind = Behind::new().await;
    let front = behind.sign(&behind.front());
    let id = behind.id_token("front", "agt_front", "usr_alice");
    let whole = "usr_alice → agt_front → agt_planner [read]";
    for view in [View::User, View::Agent] {
        for user in [&front, &id] {
            assert_eq!(behind.both(user, &behind.planner(view)).await.unwrap(), whole, "{view:?}");
        }
    }
    // Of plain impersonation the tokens alone tell who holds it, and an ID token of another client proves no flow.
    let hidden = behind.planner(View::Impersonation);
    assert_eq!(behind.both(&front, &hidden).await.unwrap(), "usr_alice → agt_planner [read]");
    assert!(matches!(behind.both(&id, &hidden).await, Err(Refused::Spliced)));
    // Of two that both say more, what both say.
    let wide = AccessToken { scopes: ScopeSet::parse("write admin").unwrap(), ..behind.planner(View::User) };
    assert_eq!(behind.both(&front, &wide).await.unwrap(), "usr_alice → agt_front → agt_planner [write]");
}

#[tokio::test]
async fn d02_chain_splicing_is_refused_offline() {
    let behind = Behind::new().await;
    let front = behind.sign(&behind.front());
    let planner = behind.planner(View::User);
    let other = AccessToken {
        grant: GrantClaim { ancestors: vec![grant("g_9")], ..GrantClaim::of_root(grant("g_8")) },
        ..planner.clone()
    };
    assert!(matches!(behind.both(&front, &other).await, Err(Refused::Spliced)));
    let bob = AccessToken { subject: Principal::User(UserId::parse("usr_bob").unwrap()), ..planner.clone() };
    assert!(matches!(behind.both(&front, &bob).await, Err(Refused::Spliced)));
    let strange = behind.id_token("elsewhere", "agt_elsewhere", "usr_alice");
    assert!(matches!(behind.both(&strange, &planner).await, Err(Refused::Spliced)));
    let of_bob = behind.id_token("front", "agt_front", "usr_bob");
    assert!(matches!(behind.both(&of_bob, &planner).await, Err(Refused::Spliced)));
    // What nobody signed, what is for another resource, what is no user's token at all.
    let mut foreign = behind.front();
    foreign.audience = ResourceUri::parse("https://as.example/mcp/hr").unwrap();
    assert!(matches!(behind.both(&behind.sign(&foreign), &planner).await, Err(Refused::UserAccess(_))));
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let forged = stranger.sign("JWT", &obj([("sub", "usr_alice".into())])).unwrap();
    assert!(matches!(behind.both(&forged, &planner).await, Err(Refused::User(_))));
    let own = AccessToken { actors: vec![], subject: Principal::Agent(agent("agt_planner")), ..planner };
    assert!(behind.both(&front, &own).await.is_err());
}

#[tokio::test]
async fn what_is_not_met_or_not_known_fails_closed() {
    let behind = Behind::new().await;
    let front = behind.sign(&behind.front());
    let with = |change: &dyn Fn(&mut AccessToken)| {
        let mut token = behind.planner(View::User);
        change(&mut token);
        token
    };
    let sure = Duty::SignIn(Demand { acr: Some(Acr::Phr), max_age: None });
    let duty = with(&|t| t.grant.duties = [sure.clone()].into());
    assert!(matches!(behind.both(&front, &duty).await, Err(Refused::SignIn(_))));
    let budget = with(&|t| t.grant.budgets = vec![grant("g_1")]);
    assert!(matches!(behind.both(&front, &budget).await, Err(Refused::Budget)));
    let bound = with(&|t| t.cnf.key = Some(Thumbprint::of(b"a key")));
    assert!(matches!(behind.both(&front, &bound).await, Err(Refused::Possession)));
    let mut claims = behind.planner(View::User).claims();
    let mut unknown = claims.get("grant").unwrap().as_object().unwrap().clone();
    let duties = parse(br#"[{"type":"call_the_manager"}]"#, &Limits::DOCUMENT).unwrap();
    unknown.insert("duties", duties);
    claims.insert("grant", Value::Object(unknown));
    let odd = behind.issuer.sign("at+jwt", &claims);
    let told = behind.verifier.delegated(&front, Presented::Bearer(&odd)).await;
    assert!(matches!(told, Err(Refused::Actor(_))), "a duty that is not understood");
    behind.clock.advance(Duration::from_secs(311));
    assert!(behind.both(&front, &behind.planner(View::User)).await.is_err());
}

#[tokio::test]
async fn the_issuer_is_asked_once_about_both_and_its_answer_is_not_believed_blindly() {
    let behind = Behind::new().await;
    let (front, hidden) = (behind.front(), behind.planner(View::Impersonation));
    let (user, actor) = (behind.sign(&front), behind.sign(&hidden));
    let ask = || behind.verifier.introspected(&user, Presented::Bearer(&actor));
    assert!(matches!(ask().await, Err(Refused::Inactive)));
    // The issuer knows the whole chain, of plain impersonation too.
    let known = AccessToken { actors: vec![agent("agt_planner"), agent("agt_front")], ..hidden.clone() };
    let answer = together(UserToken::Access(&front), &known);
    let answers = |answer: Object| behind.issuer.with(|s| s.answers.insert(user.clone(), answer));
    answers(answer.clone());
    let told = ask().await.unwrap();
    assert_eq!(
        (told.path().as_str(), told.view),
        ("usr_alice → agt_front → agt_planner", View::Impersonation)
    );
    let asked = behind.issuer.with(|s| s.introspections.last().unwrap().0.clone());
    assert!(asked.contains("actor_token=") && asked.contains("actor_token_type="), "{asked}");
    for (name, value) in [("aud", "https://as.example/mcp/hr"), ("iss", "https://evil.example")] {
        let mut changed = answer.clone();
        changed.insert(name, value.into());
        answers(changed);
        assert!(ask().await.is_err(), "{name}");
    }
    answers(inactive());
    assert!(matches!(ask().await, Err(Refused::Inactive)), "nothing is remembered");
}

#[tokio::test]
async fn c20_a_transaction_is_worth_nothing_at_another_server() {
    let behind = Behind::new().await;
    let sign = |at: &str, domain: &str| {
        let token = AccessToken { audience: ResourceUri::parse(at).unwrap(), ..behind.planner(View::Agent) };
        let (domain, txn) = (TrustDomain::parse(domain).unwrap(), TraceId::parse("tr_1").unwrap());
        let making = Making {
            issuer: &behind.issuer.issuer,
            domain: &domain,
            txn: &txn,
            requester: at,
            life: Duration::from_secs(30),
            now: behind.clock.now(),
        };
        let arguments = parse(br#"{"b":1.50,"a":"x"}"#, &Limits::DOCUMENT).unwrap();
        let hash = prokura_oauth::secret::sha256_base64url(&arguments.to_jcs());
        let said = obj([("action", "tool:order".into()), ("arguments_sha256", hash.into())]);
        let token = TransactionToken::of(&token, &making).saying(&said, &Object::default()).unwrap();
        behind.issuer.sign("txntoken+jwt", &token.claims())
    };
    let headers = |tokens: &[&str]| {
        let mut headers = HeaderMap::new();
        for token in tokens {
            headers.append("Txn-Token", token.parse().unwrap());
        }
        headers
    };
    let good = sign(API, "tools.example");
    let told = behind.verifier.transaction(&headers(&[&good])).await.unwrap();
    assert_eq!((told.user().unwrap().as_str(), told.chain().len()), ("usr_alice", 2));
    assert_eq!(told.action(), Some("tool:order"));
    let arguments = |text: &str| parse(text.as_bytes(), &Limits::DOCUMENT).unwrap();
    assert!(told.is_about(&arguments(r#"{"a":"x", "b":1.5}"#)));
    assert!(!told.is_about(&arguments(r#"{"a":"x", "b":2}"#)));
    let refused = |tokens: Vec<String>| {
        let headers = headers(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
        let verifier = behind.verifier.clone();
        async move { verifier.transaction(&headers).await.unwrap_err() }
    };
    // Replayed at another server, in another domain, twice in one request, or an access token in its place.
    let elsewhere = sign("https://as.example/mcp/hr", "tools.example");
    assert!(matches!(refused(vec![elsewhere]).await, Refused::OtherCall));
    assert!(matches!(refused(vec![sign(API, "other.example")]).await, Refused::Transaction(_)));
    assert!(matches!(refused(vec![good.clone(), good.clone()]).await, Refused::NoTransaction));
    assert!(matches!(refused(vec![]).await, Refused::NoTransaction));
    assert!(matches!(refused(vec![behind.sign(&behind.front())]).await, Refused::Transaction(_)));
    let front = behind.sign(&behind.front());
    assert!(behind.verifier.delegated(&front, Presented::Bearer(&good)).await.is_err());
    assert!(behind.verifier.delegated(&good, Presented::Bearer(&front)).await.is_err());
    behind.clock.advance(Duration::from_secs(41));
    assert!(matches!(refused(vec![good]).await, Refused::Transaction(_)));
}

#[test]
fn a_verifier_that_would_take_nothing_or_anything_is_not_built() {
    assert!(Verifier::of("https://as.example").build().is_err());
    assert!(Verifier::of("https://as.example").transactions("tools.example", &[]).build().is_err());
    assert!(Verifier::of("https://as.example").transactions("https://as.example", &[API]).build().is_err());
    assert!(Verifier::of("as.example").resource(API).build().is_err());
}

/// The example, as its README says: Rust and Python, before one issuer that says the same to both.
#[tokio::test]
async fn the_example_of_an_api_knows_both() {
    let behind = Behind::new().await;
    let (front, mut planner) = (behind.front(), behind.planner(View::User));
    let (user, actor) = (behind.sign(&front), behind.sign(&planner));
    let shared: Arc<dyn Clock> = behind.clock.clone();
    let verifier =
        Verifier::of(behind.issuer.issuer.as_str()).resource(API).introspect("orders-api", "secret");
    let rust = listening(crate::example::app(verifier.clock(shared).build().unwrap())).await;
    let python = Python::start(&behind.issuer.issuer);
    let answers = |answer: Object| behind.issuer.with(|s| s.answers.insert(user.clone(), answer));
    for (scopes, status) in [("orders:read", 200), ("other", 403)] {
        planner.scopes = ScopeSet::parse(scopes).unwrap();
        answers(together(UserToken::Access(&front), &planner));
        for at in [Some(&rust), python.as_ref().map(|p| &p.at)].into_iter().flatten() {
            let (got, body) = ask(at, Some(&user), &actor).await;
            assert_eq!(got, status, "{at}: {body}");
            assert!(status != 200 || (body.contains("usr_alice") && body.contains("agt_planner")), "{body}");
            assert_eq!(ask(at, None, &actor).await.0, 401);
        }
    }
    answers(inactive());
    for at in [Some(&rust), python.as_ref().map(|p| &p.at)].into_iter().flatten() {
        assert_eq!(ask(at, Some(&user), &actor).await.0, 401);
    }
}

async fn listening(app: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    at
}

async fn ask(at: &str, user: Option<&str>, actor: &str) -> (u16, String) {
    let mut request = reqwest::Client::new().get(format!("{at}/orders")).bearer_auth(actor);
    if let Some(user) = user {
        request = request.header("User-Token", user);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The example in Python, if there is a Python here.
struct Python {
    child: std::process::Child,
    at: String,
}

impl Python {
    fn start(issuer: &str) -> Option<Self> {
        use std::io::{BufRead, BufReader};
        use std::process::{Command, Stdio};
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop/clients/api_behind_mcp.py");
        let command = Command::new("python3")
            .args([script, issuer, "0"])
            .env("ORDERS_API_SECRET", "secret")
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = command else {
            assert!(std::env::var_os("CI").is_none(), "python3 is needed here");
            return None;
        };
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told = parse(line.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
        let port = told.get("port").and_then(Value::as_u64).unwrap();
        Some(Self { child, at: format!("http://127.0.0.1:{port}") })
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
