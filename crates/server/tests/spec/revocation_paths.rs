//! Every path on which a grant ends leads to the same: one word, and everything below is worth nothing, everywhere.

use crate::admin_api::token;
use crate::world::exchange::*;
use crate::world::signals::{Teller, opaque};
use crate::world::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use prokura_core::{Clock as _, GrantId, GrantState, Principal, Timestamp, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::json::Value;
use prokura_server::standing::{Act, Actor};
use prokura_store::StoreError;

/// An administrator of grants.
const GRANTS: &str = r#"
    [consent]
    disuse = "5d"
    [[client]]
    id = "registrar"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["grants:read", "grants:write"]
"#;

/// What a user allowed to `planner`, and a part of it in other hands.
struct Allowed {
    world: World,
    acme: Teller,
    root: String,
    refresh: String,
    name: String,
    child: String,
}

impl Allowed {
    async fn new() -> Self {
        let acme = Teller::start().await;
        let reaction = r#"session_revoked = { users = "revoke", software = "suspend" }"#;
        let world = acme.world(&format!("{reaction}\n{CHAIN}{GRANTS}")).await;
        let answer =
            world.allowed("planner", &[("grant_management_action", "create"), ("scope", "read write")]).await;
        let root = answer.text("access_token");
        let child = world.pass("sales-api", &root, &[("resource", CRM)]).await.text("access_token");
        assert_eq!(read(&child).grant.ancestors, [read(&root).grant.id]);
        Self {
            world,
            acme,
            root,
            refresh: answer.text("refresh_token"),
            name: answer.text("grant_id"),
            child,
        }
    }

    fn grant(&self) -> GrantId {
        read(&self.root).grant.id
    }

    /// Whether a gateway takes the token: it asks the chain that stands in it.
    fn stands(&self, token: &str) -> bool {
        self.world.store.revoked().stands(read(token).grant.standing())
    }

    async fn is_active(&self) -> [bool; 2] {
        let active = async |client: &str, token: &str| {
            self.world.introspect(client, token).await.get("active").unwrap().as_bool().unwrap()
        };
        [active("rs", &self.root).await, active("keeper", &self.child).await]
    }

    async fn renew(&self) -> Answer {
        let parameters = [("grant_type", "refresh_token"), ("refresh_token", &*self.refresh)];
        self.world.form("/token", Some(&format!("planner:{SECRET}")), &parameters).await
    }

    async fn exchanges(&self) -> [bool; 2] {
        let again = self.world.pass("sales-api", &self.root, &[("resource", CRM)]).await;
        let on = self.world.pass("keeper", &self.child, &[("resource", VAULT)]).await;
        [again.status == 200, on.status == 200]
    }

    async fn state(&self, token: &str) -> GrantState {
        let id = read(token).grant.id;
        let found = self.world.store.read::<_, StoreError>(move |tx| tx.grant(&id)).await;
        found.unwrap().unwrap().state
    }

    /// How many words about somebody's standing were said so far.
    async fn words(&self) -> usize {
        let ever = Timestamp::from_micros(0);
        let said = self.world.store.read::<_, StoreError>(move |tx| tx.words_since(0, ever, 1000)).await;
        said.unwrap().words.iter().filter(|word| !word.is_notice()).count()
    }

    async fn endings(&self) -> Vec<Event> {
        let ended = |e: &Event| e.action == "grant:revoke" && e.outcome == Outcome::Permit;
        self.world.record().await.into_iter().filter(ended).collect()
    }

    async fn ask(&self, method: &str, path: &str, authorization: &str, body: &'static str) -> Answer {
        let request = Request::builder().method(method).uri(path).header(AUTHORIZATION, authorization);
        self.world.send(request.header(CONTENT_TYPE, "application/json"), body).await
    }

    async fn act(&self, by: &str, owner: Option<Principal>) {
        let trace = TraceId::parse("tr_act").unwrap();
        let event = Event::new(EventKind::Grant, "grant", Outcome::Permit, self.world.clock.now(), trace);
        let (by, id) = (by.to_owned(), self.grant());
        let actor = Actor { by, owner, why: "enough".into(), event };
        let done = self.world.write(move |tx| Act::Revoke.run(tx, &id, None, &actor)).await;
        assert!(done.unwrap().below >= 1);
    }
}

/// The ways on which a grant ends, by somebody's hand or by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    AccessToken,
    RefreshToken,
    GrantManagement,
    Account,
    Command,
    AdminApi,
    Signal,
    RefreshReuse,
    Disuse,
    Expiry,
}

impl Way {
    const ALL: [Self; 10] = [
        Self::AccessToken,
        Self::RefreshToken,
        Self::GrantManagement,
        Self::Account,
        Self::Command,
        Self::AdminApi,
        Self::Signal,
        Self::RefreshReuse,
        Self::Disuse,
        Self::Expiry,
    ];

    async fn go(self, a: &Allowed) {
        let planner = format!("planner:{SECRET}");
        let day = 86_400;
        match self {
            Self::AccessToken => drop(a.world.form("/revoke", Some(&planner), &[("token", &a.root)]).await),
            Self::RefreshToken => {
                drop(a.world.form("/revoke", Some(&planner), &[("token", &a.refresh)]).await)
            }
            Self::GrantManagement => {
                let basic = format!("Basic {}", STANDARD.encode(planner));
                let answer = a.ask("DELETE", &format!("/grants/{}", a.name), &basic, "").await;
                assert_eq!(answer.status, 204, "{}", answer.body);
            }
            Self::Account => a.act("usr_alice", Some(read(&a.root).subject)).await,
            Self::Command => a.act("operator", None).await,
            Self::AdminApi => {
                let bearer = format!("Bearer {}", token(&a.world, "registrar").await);
                let path = format!("/api/admin/v1/grants/{}/revoke", a.grant());
                let answer = a.ask("POST", &path, &bearer, r#"{"why":"left the company"}"#).await;
                assert_eq!(answer.status, 200, "{}", answer.body);
                assert!(answer.json().get("below").unwrap().as_u64().is_some_and(|n| n >= 1));
            }
            Self::Signal => {
                let subject = opaque(read(&a.root).subject.as_str());
                assert!(a.acme.revoked(&a.world, subject).await.status.is_success());
            }
            Self::RefreshReuse => {
                assert_eq!(a.renew().await.status, 200);
                a.world.wait(day / 4);
                assert_eq!(a.renew().await.error(), "400 invalid_grant");
            }
            Self::Disuse => {
                a.world.wait(5 * day + 61);
                a.world.server.maintain().await.unwrap();
            }
            Self::Expiry => {
                a.world.wait(400 * day);
                a.world.server.maintain().await.unwrap();
            }
        }
    }

    /// Who did it and why, as it stands in the grant.
    fn named(self) -> (&'static str, &'static str) {
        match self {
            Self::AccessToken | Self::RefreshToken => ("planner", "the client revoked its token"),
            Self::GrantManagement => ("planner", "the client ended it"),
            Self::Account => ("usr_alice", "enough"),
            Self::Command => ("operator", "enough"),
            Self::AdminApi => ("registrar", "left the company"),
            Self::Signal => ("signals", "signal:acme:session-revoked"),
            Self::RefreshReuse => ("system", "a refresh token was used twice"),
            Self::Disuse => ("system", "disuse"),
            Self::Expiry => ("system", "expired"),
        }
    }
}

#[tokio::test]
async fn c11_every_way_to_end_a_grant_is_one_word_and_ends_everything_below() {
    for way in Way::ALL {
        let a = Allowed::new().await;
        assert_eq!((a.is_active().await, a.exchanges().await), ([true, true], [true, true]), "{way:?}");
        let before = a.words().await;
        way.go(&a).await;
        // A word about what has expired is forgotten at once.
        let said = usize::from(way != Way::Expiry);
        assert_eq!(a.words().await - before, said, "{way:?}: one word, however many stand below");
        for token in [&a.root, &a.child] {
            // A word about what has expired is forgotten, for so has every token.
            assert!(way == Way::Expiry || !a.stands(token), "{way:?}: at the gateway");
            let GrantState::Revoked(end) = a.state(token).await else { panic!("{way:?}: has not ended") };
            assert_eq!((end.by.as_str(), end.why.as_str()), way.named(), "{way:?}");
        }
        assert_eq!(a.is_active().await, [false, false], "{way:?}: introspection");
        assert_eq!(a.exchanges().await, [false, false], "{way:?}: exchange");
        let endings = a.endings().await;
        let [one] = &endings[..] else { panic!("{way:?}: {} entries", endings.len()) };
        assert_eq!(one.grant, Some(a.grant()), "{way:?}");
        // The part of the part that the first exchange made is below too.
        assert!(one.details.get("below").and_then(Value::as_u64).is_some_and(|n| n >= 1), "{way:?}");
        assert!(!one.reasons.is_empty(), "{way:?}: the entry says why");
        assert_eq!(a.renew().await.error(), "400 invalid_grant", "{way:?}: refresh");
    }
}

#[tokio::test]
async fn c11_a_part_that_its_holder_gives_back_ends_alone() {
    let a = Allowed::new().await;
    let back = a.world.form("/revoke", Some(&format!("sales-api:{SECRET}")), &[("token", &a.child)]).await;
    assert_eq!(back.status, 200);
    assert_eq!((a.stands(&a.root), a.stands(&a.child)), (true, false));
    assert_eq!(a.is_active().await, [true, false]);
}

#[tokio::test]
async fn c10_whoever_is_disabled_stops_what_is_below_too() {
    for who in ["usr_alice", "agt_planner"] {
        let a = Allowed::new().await;
        let (before, now) = (a.words().await, a.world.clock.now());
        let stop = Principal::parse(who).unwrap();
        a.world
            .write(move |tx| match &stop {
                Principal::User(id) => tx.disable_user(id, true, "operator", "left", now),
                Principal::Agent(id) => tx.disable_agent(id, true, "operator", "left", now),
            })
            .await;
        assert_eq!(a.words().await - before, 1, "{who}");
        assert_eq!(a.is_active().await, [false, false], "{who}");
        assert_eq!(a.exchanges().await, [false, false], "{who}");
        assert_ne!(a.renew().await.status, 200, "{who}");
    }
}

#[tokio::test]
async fn what_is_used_does_not_end_and_a_part_that_is_used_is_a_use() {
    let a = Allowed::new().await;
    a.world.wait(4 * 86_400);
    let refreshed = a.renew().await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    a.world.wait(5 * 86_400 - 1);
    a.world.server.maintain().await.unwrap();
    assert_eq!(a.state(&a.root).await, GrantState::Active, "five days are not over since the refresh");
    a.world.wait(1);
    a.world.server.maintain().await.unwrap();
    assert!(matches!(a.state(&a.root).await, GrantState::Revoked(end) if end.why == "disuse"));
}

#[tokio::test]
async fn an_administrator_narrows_by_the_api_and_refreshes_yield_less() {
    let a = Allowed::new().await;
    let bearer = format!("Bearer {}", token(&a.world, "registrar").await);
    let path = format!("/api/admin/v1/grants/{}", a.grant());
    let shown = a.ask_nothing(&path, &bearer).await.json();
    assert_eq!((shown.str("scope"), shown.str("state")), (Some("read write"), Some("active")));
    let narrow = |body| a.ask_owned("POST", format!("{path}/narrow"), bearer.clone(), body);
    for (body, code) in [
        (r#"{"without":["admin"]}"#, 422),
        (r#"{"without":["read","write"]}"#, 409),
        (r#"{"until":99999999999}"#, 422),
        (r#"{"with":["admin"]}"#, 422),
        (r#"{}"#, 409),
    ] {
        assert_eq!(narrow(body).await.status.as_u16(), code, "{body}");
    }
    assert!(a.stands(&a.root));
    let answer = narrow(r#"{"without":["write"],"why":"too much"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json().str("scope"), Some("read"));
    assert_eq!((a.stands(&a.root), a.stands(&a.child)), (false, false), "tokens of before");
    assert_eq!(a.is_active().await, [false, false]);
    let renewed = a.renew().await;
    assert_eq!((renewed.status.as_u16(), renewed.text("scope").as_str()), (200, "read"), "{}", renewed.body);
    assert!(a.stands(&renewed.text("access_token")));
    let part = a.world.pass("sales-api", &renewed.text("access_token"), &[("resource", CRM)]).await;
    assert_eq!(part.text("scope"), "crm:read", "{}", part.body);
    let tree = a.ask_nothing(&format!("{path}/tree"), &bearer).await;
    let depths = tree.json().get("grants").unwrap().as_array().unwrap().len();
    assert!(depths >= 2, "{}", tree.body);
    let list = a.ask_nothing("/api/admin/v1/grants?subject=usr_alice&roots=true", &bearer).await;
    assert_eq!(list.json().get("grants").unwrap().as_array().unwrap().len(), 1, "{}", list.body);
    let suspended = a.ask_owned("POST", format!("{path}/suspend"), bearer.clone(), "{}").await;
    assert_eq!(suspended.json().str("state"), Some("suspended"), "{}", suspended.body);
    assert!(!a.stands(&renewed.text("access_token")));
    let resumed = a.ask_owned("POST", format!("{path}/resume"), bearer.clone(), "{}").await;
    assert_eq!(resumed.json().str("state"), Some("active"), "{}", resumed.body);
    assert!(a.stands(&renewed.text("access_token")));
    assert_eq!(a.ask_nothing("/api/admin/v1/grants/g_none", &bearer).await.status, 404);
}

impl Allowed {
    async fn ask_nothing(&self, path: &str, authorization: &str) -> Answer {
        self.world.send(Request::builder().uri(path).header(AUTHORIZATION, authorization), "").await
    }

    async fn ask_owned(
        &self,
        method: &str,
        path: String,
        authorization: String,
        body: &'static str,
    ) -> Answer {
        self.ask(method, &path, &authorization, body).await
    }
}
