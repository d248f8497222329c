//! Clients whose users are elsewhere, and where they are told.

use super::person::without_dev;
use super::streams::Door;
use super::{Answer, SALES, SECRET, USUAL, World};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use prokura_access::{ApprovalSeal, Facts};
use prokura_core::{
    AgentId, AskedCall, Ballot, ClientId, Clock as _, Details, Evidence, Grant, GrantId, GrantState, Grantor,
    Principal, Quorum, ResourceUri, ScopeSet, SystemRng, TaskId, Terms, UserId, Voter,
};
use prokura_oauth::json::{Limits, parse};
use prokura_oauth::seal::MasterKey;
use prokura_store::{TaskAsk, TaskAsked};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";
/// What notes to a webhook are signed with.
pub const HOOK: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";

/// `desk` asks and asks again; `other` does, too.
pub const DESKS: &str = r#"
    [[client]]
    id = "desk"
    name = "Travel desk"
    secret = { env = "SECRET" }
    grant_types = ["ciba", "refresh_token"]
    [[client]]
    id = "other"
    secret = { env = "SECRET" }
    grant_types = ["ciba"]
"#;

/// A world where nobody agrees by themselves, of Alice, whom clients may ask.
pub async fn desks(more: &str) -> World {
    let world = World::with(&without_dev(&format!("{USUAL}{DESKS}{more}"))).await;
    world.add_user("alice").await;
    world
}

/// Where somebody is told.
pub struct Told {
    door: Option<Door>,
    pub host: String,
    pub heard: Heard,
}

type Heard = Arc<Mutex<Vec<(HeaderMap, String)>>>;

impl Told {
    pub fn new() -> Self {
        let door = Door::new();
        let host = door.host.clone();
        Self { door: Some(door), host, heard: Heard::default() }
    }

    /// Opens the door: whatever comes is kept, and answered so.
    pub fn open(&mut self, status: StatusCode) {
        let answer = move |State(heard): State<Heard>, headers: HeaderMap, body: Bytes| async move {
            heard.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
            status
        };
        let router = Router::new().route("/told", post(answer)).with_state(Arc::clone(&self.heard));
        self.door.take().unwrap().serve(router);
    }

    /// `bell`, which is told at this door.
    pub fn bell(&self) -> String {
        format!(
            "[[client]]\nid = \"bell\"\nsecret = {{ env = \"SECRET\" }}\ngrant_types = [\"ciba\"]\n\
             backchannel_token_delivery_mode = \"ping\"\n\
             backchannel_client_notification_endpoint = \"http://{}/told\"\n",
            self.host
        )
    }

    /// A world of Alice that may reach this door.
    pub async fn world(&self, more: &str) -> World {
        let config = without_dev(&format!("{USUAL}{DESKS}{}{more}", self.bell()));
        let world = World::that_reaches(&self.host, &config, "sqlite::memory:", "pep_test").await;
        world.add_user("alice").await;
        world
    }

    pub fn times(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// What was said last: what it was shown as, and the body.
    pub fn last(&self) -> (HeaderMap, String) {
        self.heard.lock().unwrap().last().unwrap().clone()
    }
}

pub fn authorization(headers: &HeaderMap) -> &str {
    headers.get(AUTHORIZATION).unwrap().to_str().unwrap()
}

impl World {
    /// The id of who signs in so.
    pub async fn named(&self, login: &'static str) -> UserId {
        self.write(move |tx| Ok(tx.user_by_name(login)?.unwrap().id)).await
    }

    /// A client asks Alice.
    pub async fn call(&self, client: &str, more: &[(&str, &str)]) -> Answer {
        let mut parameters = vec![("scope", "read"), ("login_hint", "alice")];
        parameters.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        parameters.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        self.form("/bc-authorize", Some(&format!("{client}:{SECRET}")), &parameters).await
    }

    /// As [`call`](Self::call), of `desk`: what it asks with.
    pub async fn called(&self, more: &[(&str, &str)]) -> String {
        let begun = self.call("desk", more).await;
        assert_eq!(begun.status, 200, "{}", begun.body);
        begun.text("auth_req_id")
    }

    /// A client asks what became of it.
    pub async fn hear(&self, client: &str, request: &str) -> Answer {
        let parameters = [("grant_type", CIBA_GRANT), ("auth_req_id", request)];
        self.form("/token", Some(&format!("{client}:{SECRET}")), &parameters).await
    }

    /// What waits in the account of who is signed in: the address of the first.
    pub async fn waiting(&self, person: &mut super::person::Person<'_>) -> String {
        let list = person.get("/account/approvals").await;
        let list = person.signed_in(list).await;
        let list = match list.body.contains("/asks/") {
            true => list,
            false => person.get("/account/approvals").await,
        };
        let at = list.body.find("/asks/").unwrap_or_else(|| panic!("nothing waits: {}", list.body));
        list.body[at..].split('"').next().unwrap().to_owned()
    }

    /// Alice answers what waits: where that leads.
    pub async fn decide(&self, answer: &str, scopes: &[&str]) -> Answer {
        let mut alice = self.person();
        let address = self.waiting(&mut alice).await;
        let began = alice.get(&address).await;
        let question = alice.follow(began).await;
        alice.answer(&question, answer, scopes).await
    }

    /// A call of `client` in the name of `alice` that waits for an approval.
    pub async fn call_that_waits(&self, alice: &UserId, client: &str, id: &str) -> TaskId {
        let (now, task) = (self.clock.now(), TaskId::parse(id).unwrap());
        let agent = AgentId::parse(format!("agt_{client}")).unwrap();
        let grant = Grant {
            id: GrantId::parse(format!("g_{id}")).unwrap(),
            parents: vec![],
            subject: Principal::User(alice.clone()),
            grantor: Grantor::User(alice.clone()),
            grantee: agent.clone(),
            resource: ResourceUri::parse(SALES).unwrap(),
            actions: ScopeSet::parse("read write").unwrap(),
            details: Details::default(),
            not_before: now,
            expires_at: now.after(Duration::from_secs(86_400)),
            depth_left: 0,
            terms: Terms::default(),
            evidence: Evidence::Consent { interaction: "i_1".into() },
            state: GrantState::Active,
            revision: 0,
        };
        let given = parse(br#"{"id":"e7","salary":52000}"#, &Limits::DOCUMENT).unwrap();
        let facts = Facts::new("Change an employee", given.clone().into_object().unwrap(), vec![]);
        let seal = ApprovalSeal::new(&MasterKey::new([7; 32])).unwrap();
        let ask = TaskAsk {
            call: AskedCall {
                grant: grant.id.clone(),
                root: grant.id.clone(),
                subject: grant.subject.clone(),
                actor: agent.clone(),
                chain: vec![agent],
                client: ClientId::parse(client).unwrap(),
                resource: grant.resource.clone(),
                server: "sales".into(),
                action: "tool:write".into(),
                arguments: prokura_access::arguments_hash(Some(&given)),
            },
            quorum: Quorum {
                approvers: ["operator".to_owned()].into(),
                of: 1,
                acr: None,
                lasts: Duration::from_secs(300),
            },
            because: "raises are agreed to".into(),
            rules: vec![],
            risk: None,
            reversible: None,
            sealed: seal.seal(&task, &facts, &SystemRng).unwrap(),
            shape: String::new(),
            trace: "tr_call".into(),
            until: now.after(Duration::from_secs(600)),
            grant_until: grant.expires_at,
            id: task.clone(),
        };
        let asked = self.write(move |tx| {
            tx.insert_grant(&grant)?;
            tx.ask_task(&ask, now)
        });
        assert_eq!(asked.await, TaskAsked::New);
        task
    }

    /// The operator decides on an approval.
    pub async fn vote(&self, task: &TaskId, agrees: bool) {
        let (task, now) = (task.clone(), self.clock.now());
        let ballot = Ballot {
            voter: Voter::Operator(None),
            groups: [].into(),
            agent: None,
            sign_in: None,
            agrees,
            word: String::new(),
            at: now,
        };
        let child = GrantId::random(&SystemRng);
        self.write(move |tx| tx.vote(&task, child.clone(), &ballot)).await;
    }
}

/// Details that mean an approval.
pub fn approval(id: &str) -> String {
    format!(r#"[{{"type":"mcp_approval","identifier":"{id}"}}]"#)
}
