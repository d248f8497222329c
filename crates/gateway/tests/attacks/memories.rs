//! What a gateway remembers between calls changes no answer: tokens that it verified, descriptions, schemas and mappings that it
//! read, policies that it compiled, the directory. After each step of a random history, a process that has seen all of it
//! answers as one that was just started on the same database.

use crate::world::{CONFIG, Reply, Seen, TokenFor, World, alice};
use axum::Router;
use http_body_util::BodyExt as _;
use prokura_config::PolicyLanguage;
use prokura_core::{Clock as _, GrantId};
use prokura_decider::text::{SetText, TextFile};
use prokura_decider::{Decider, InForce};
use prokura_policy::pdp::{Directory, Engine, Entity, EntityId};
use prokura_store::StoreError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt as _;

const POLICIES: [&str; 4] = [
    "permit (principal, action, resource);",
    "permit (principal, action == Action::\"get\", resource == customer::\"c1\");",
    "permit (principal in Group::\"staff\", action, resource);",
    "permit (principal, action, resource); forbid (principal, action, resource) when { context.arguments.id == \"c2\" };",
];

const GRANTS: [&str; 3] = ["g_a", "g_b", "g_c"];

/// Alice, and whether she is staff.
struct Then(bool, u64);

impl Directory for Then {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        let mut alice = Entity::bare(EntityId::new("User", "usr_alice").ok()?);
        if self.0 {
            alice.parents.push(EntityId::new("Group", "staff").ok()?);
        }
        (alice.id == *id).then(|| Arc::new(alice))
    }

    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
        Box::new(std::iter::empty())
    }

    fn revision(&self) -> u64 {
        self.1
    }
}

/// How the server describes its tool.
fn description(n: usize) -> Value {
    let mapping = json!({"evaluation": {"action": {"name": "get"},
        "resource": {"type": "customer", "id": "$params.arguments.id"}}});
    let schema = match n {
        0 => json!({"type": "object", "properties": {"id": {"type": "string"}}}),
        1 => {
            json!({"type": "object", "properties": {"id": {"type": "string"}}, "x-authzen-mapping": mapping})
        }
        2 => json!({"type": "object", "properties": {"id": {"type": "integer"}}}),
        3 => json!({"type": "object", "x-authzen-mapping": {"evaluation": 7}}),
        _ => json!({"type": "object", "required": ["id"]}),
    };
    json!({"name": "get_customer", "inputSchema": schema})
}

/// Numbers that come again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

struct History {
    world: World,
    said: Arc<Mutex<usize>>,
    tokens: Vec<String>,
    policies: Option<usize>,
    staff: bool,
    revision: u64,
}

impl History {
    async fn new(file: &std::path::Path) -> Self {
        let said = Arc::new(Mutex::new(0));
        let says = Arc::clone(&said);
        let reply = move |seen: &Seen| match seen.mcp().as_str() {
            "tools/list" => Reply::result(seen, json!({"tools": [description(*says.lock().unwrap())]})),
            _ => Reply::echo(seen),
        };
        let config = CONFIG.replacen("\"tool:read_report\"", "\"tool:get_customer\"", 1).replacen(
            "default_scopes = [\"read\"]",
            "default_scopes = [\"read\"]\nrate = { calls = 100000, per = \"1m\" }\nauthzen_mapping = \"read\"",
            1,
        );
        let world = World::in_file_with(reply, &config, file).await;
        for grant in GRANTS {
            world.insert_grant(grant).await;
        }
        let mut history = Self { world, said, tokens: vec![], policies: Some(0), staff: false, revision: 1 };
        history.renew();
        history.world.decider.replace(history.in_force());
        history.list().await;
        history
    }

    fn renew(&mut self) {
        let token = |grant| self.world.token(&TokenFor { grant, life: 300, ..alice() });
        self.tokens = GRANTS.into_iter().map(token).collect();
    }

    /// What is in force, made anew of its texts.
    fn in_force(&self) -> InForce {
        let engine = |n: usize| -> Arc<dyn Engine> {
            let files = vec![TextFile { name: "p.cedar".into(), text: POLICIES[n].into() }];
            let text = SetText { language: PolicyLanguage::Cedar, files, schema: None };
            prokura_decider::languages::engine("crm", &text).unwrap()
        };
        InForce {
            set: self.policies.map(|n| format!("v{n}").into()),
            engines: self.policies.map(engine).into_iter().collect(),
            directory: Some(Arc::new(Then(self.staff, self.revision))),
            ..InForce::default()
        }
    }

    async fn list(&self) {
        let list = self.world.legacy(&self.tokens[0], "tools/list", json!({})).send().await;
        assert!(matches!(list.status, 200 | 401), "{}", list.body);
    }

    /// Something happens.
    async fn step(&mut self, dice: &mut Dice) {
        match dice.below(8) {
            0 | 1 => {
                *self.said.lock().unwrap() = dice.below(5);
                self.list().await;
            }
            2 | 3 => self.approve().await,
            4 => {
                self.policies = (dice.below(5) > 0).then(|| dice.below(POLICIES.len()));
                self.world.decider.replace(self.in_force());
            }
            5 => {
                (self.staff, self.revision) = (!self.staff, self.revision + 1);
                self.world.decider.replace(self.in_force());
            }
            6 if dice.below(12) == 0 => {
                let id = GrantId::parse(GRANTS[1 + dice.below(2)]).unwrap();
                let now = self.world.clock.now();
                let revoked =
                    self.world.store.transact(move |tx| tx.revoke_grant(&id, "usr_alice", "test", now)).await;
                let _again = revoked.unwrap_or_else(|e: StoreError| panic!("{e}"));
            }
            _ => {
                self.world.clock.advance(Duration::from_secs(90));
                if dice.below(3) > 0 {
                    self.renew();
                }
            }
        }
    }

    async fn approve(&self) {
        let found = self.world.store.read(|tx| tx.tool("crm", "get_customer")).await;
        let tool = found.unwrap_or_else(|e: StoreError| panic!("{e}"));
        let Some(hash) = tool.and_then(|t| t.offered).map(|text| text.hash) else { return };
        let now = self.world.clock.now();
        let done = self
            .world
            .store
            .transact(move |tx| tx.approve_tool("crm", "get_customer", &hash, "cli_admin", now));
        assert!(done.await.unwrap_or_else(|e: StoreError| panic!("{e}")));
    }

    /// Status, code and word of an answer.
    fn told(status: u16, body: &str) -> String {
        let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let (error, echo) = (&body["error"], &body["result"]["echo"]["arguments"]);
        format!("{status} {} {} {echo}", error["code"], error["data"]["error"])
    }

    async fn warm(&self, token: &str, arguments: &Value) -> String {
        let params = json!({"name": "get_customer", "arguments": arguments});
        let answer = self.world.legacy(token, "tools/call", params).send().await;
        Self::told(answer.status, &answer.body)
    }

    async fn cold(&self, process: &Router, token: &str, arguments: &Value) -> String {
        let params = json!({"name": "get_customer", "arguments": arguments});
        let request =
            self.world.legacy(token, "tools/call", params).into_request().map(axum::body::Body::new);
        let answer = process.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Self::told(status, &String::from_utf8_lossy(&body))
    }
}

#[tokio::test]
async fn f02_a_process_that_remembers_answers_as_one_that_was_just_started() {
    let folder = tempfile::tempdir().unwrap();
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..2 {
        let mut history = History::new(&folder.path().join(format!("{seed}.db"))).await;
        let mut dice = Dice(seed);
        for step in 0..20 {
            history.step(&mut dice).await;
            let decider = Arc::new(Decider::new(history.in_force()));
            let process = history.world.replica_with(&decider).await;
            for (at, arguments) in
                [(0, json!({"id": "c1"})), (1, json!({"id": "c2"})), (2, json!({"id": 7})), (0, json!({}))]
            {
                let token = &history.tokens[at];
                let warm = history.warm(token, &arguments).await;
                let cold = history.cold(&process, token, &arguments).await;
                let said = *history.said.lock().unwrap();
                assert_eq!(
                    warm, cold,
                    "history {seed}, step {step}: {arguments}, policies {:?}, described as {said}",
                    history.policies
                );
                *answers.entry(warm.split(' ').take(3).collect::<Vec<_>>().join(" ")).or_default() += 1;
            }
        }
    }
    // A history in which everything is answered alike would show nothing.
    assert!(answers.len() >= 5 && answers.keys().any(|a| a.starts_with("200")), "{answers:?}");
}
