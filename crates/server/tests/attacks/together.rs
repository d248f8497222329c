//! A user token and an actor token, asked about with one call: the documents' flow, and what would break it.

use crate::world::*;
use prokura_core::{Clock as _, ScopeSet};
use prokura_oauth::access_token::View;
use prokura_oauth::json::{Object, Value};
use prokura_store::Said;

const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

impl World {
    async fn both(&self, client: &str, token: &str, actor: &str) -> Object {
        let basic = format!("{client}:{SECRET}");
        let form = [("token", token), ("actor_token", actor), ("actor_token_type", ACCESS)];
        let answer = self.form("/introspect", Some(&basic), &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    async fn together(&self, token: &str, actor: &str) -> bool {
        self.both("rs", token, actor).await.get("active").unwrap().as_bool().unwrap()
    }

    /// Access token and ID token of a flow of `web`.
    async fn flow(&self, scope: &str) -> (String, String) {
        let code = self.authorize(&[("scope", &format!("openid {scope}"))]).await.redirect().1;
        let answer = self.redeem(&code["code"], &[]).await;
        (answer.text("access_token"), answer.text("id_token"))
    }
}

fn actors(told: &Object) -> Vec<&str> {
    told.get("actors").unwrap().as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn one_call_names_user_agent_and_chain_in_every_view() {
    let world = World::new().await;
    let (front, id) = world.flow("read write").await;
    let own = world.verified(&front).actors[0].to_string();
    for (view, word) in [(View::User, "user"), (View::Agent, "agent"), (View::Impersonation, "impersonation")]
    {
        let planner = world.delegate(&front, "agt_planner", "read", view).await;
        for user in [&front, &id] {
            let told = world.both("rs", user, &planner).await;
            assert_eq!(told.get("active").and_then(Value::as_bool), Some(true), "{view:?}: {told:?}");
            assert_eq!((told.str("agent"), told.str("view")), (Some("agt_planner"), Some(word)));
            assert!(told.str("user").unwrap().starts_with("usr_"));
            assert_eq!(told.str("scope"), Some("read"), "never the union of both");
            assert_eq!(actors(&told), ["agt_planner", own.as_str()]);
            assert_eq!(told.contains_key("act"), view == View::User);
            let grant = told.get("grant").unwrap().as_object().unwrap();
            assert_eq!(grant.get("anc").unwrap().as_array().unwrap().len(), 1);
            let beside = told.get("user_token").unwrap().as_object().unwrap();
            assert_eq!(beside.str("client_id"), Some("web"));
            assert!(beside.contains_key("auth_time"));
        }
    }
}

#[tokio::test]
async fn d02_keycloak_53029_introspection_drops_no_actor() {
    let world = World::new().await;
    let front = world.tokens().await.0;
    let planner = world.delegate(&front, "agt_planner", "read", View::User).await;
    let told = world.introspect("rs", &planner).await;
    let act = told.get("act").and_then(Value::as_object).unwrap();
    assert_eq!(act.str("sub"), Some("agt_planner"));
    let before = act.get("act").and_then(Value::as_object).unwrap().str("sub").unwrap().to_owned();
    assert_eq!(actors(&told), ["agt_planner", before.as_str()]);
    let agents = world.delegate(&front, "agt_planner", "read", View::Agent).await;
    let told = world.introspect("rs", &agents).await;
    assert_eq!((told.str("sub"), told.str("agent")), (Some("agt_planner"), Some("agt_planner")));
    let user = told.get("on_behalf_of").and_then(Value::as_object).unwrap();
    assert_eq!(user.str("sub"), told.str("user"));
    assert_eq!(actors(&told), ["agt_planner", before.as_str()]);
}

#[tokio::test]
async fn d02_chain_splicing_at_introspection_is_refused_and_recorded() {
    let world = World::and(SECOND).await;
    let sales = &[("resource", SALES)][..];
    let mut flows = Vec::new();
    for client in ["web", "native"] {
        let redirect = if client == "web" { CB } else { "http://127.0.0.1:5000/cb" };
        let changes = [sales, &[("client_id", client), ("redirect_uri", redirect), ("scope", "openid read")]];
        let code = world.authorize(&changes.concat()).await.redirect().1.remove("code").unwrap();
        let form = [("client_id", client), ("redirect_uri", redirect), ("resource", SALES)];
        let answer = world.redeem(&code, &form).await;
        flows.push((answer.text("access_token"), answer.text("id_token")));
    }
    let [(one, one_id), (other, other_id)] = &flows[..] else { panic!() };
    let mine = world.delegate(one, "agt_planner", "read", View::User).await;
    let theirs = world.delegate(other, "agt_planner", "read", View::User).await;
    assert!(world.together(one, &mine).await && world.together(one_id, &mine).await);
    // Each of these is valid, of the same user, even for the same agent: only the flow is another.
    for (user, actor) in [(one, &theirs), (one_id, &theirs), (other, &mine), (other_id, &mine)] {
        assert!(!world.together(user, actor).await);
        world.refused_for("tokens_spliced").await;
    }
    // Whoever is not the resource hears nothing, and neither token alone is taken for two.
    assert_eq!(world.both("hr-rs", one, &mine).await.to_vec(), br#"{"active":false}"#);
    assert!(!world.together("nothing", &mine).await && !world.together(one, "nothing").await);
    assert!(!world.together(one, one_id).await, "an ID token is no actor token");
}

#[tokio::test]
async fn d05_neither_token_outlives_what_is_behind_it() {
    let world = World::new().await;
    let (front, id) = world.flow("read write").await;
    let planner = world.delegate(&front, "agt_planner", "read", View::User).await;
    assert!(world.together(&id, &planner).await);
    let root = world.verified(&front).grant.id;
    // What was narrowed is worth nothing, though the tokens say what they said.
    let (now, id_of_root) = (world.clock.now(), root.clone());
    world
        .write(move |tx| {
            let mut grant = tx.grant(&id_of_root)?.unwrap();
            grant.actions = ScopeSet::parse("write").unwrap();
            tx.narrow_grant(&grant, Said { by: "test", why: "test", now }).map(drop)
        })
        .await;
    assert!(!world.is_active(&planner).await);
    assert!(!world.together(&id, &planner).await && !world.together(&front, &planner).await);
    let (front, id) = world.flow("read write").await;
    let planner = world.delegate(&front, "agt_planner", "read", View::User).await;
    assert!(world.together(&front, &planner).await && world.together(&id, &planner).await);
    world.revoke_grant(&world.verified(&front).grant.id).await;
    assert!(!world.together(&front, &planner).await && !world.together(&id, &planner).await);
}

#[tokio::test]
async fn an_actor_token_comes_with_its_type() {
    let world = World::new().await;
    let front = world.tokens().await.0;
    let basic = format!("rs:{SECRET}");
    for more in [
        &[("actor_token", front.as_str())][..],
        &[("actor_token_type", ACCESS)],
        &[("actor_token", front.as_str()), ("actor_token_type", "urn:ietf:params:oauth:token-type:id_token")],
        &[("actor_token", front.as_str()), ("actor_token_type", "bearer")],
    ] {
        let form = [&[("token", front.as_str())], more].concat();
        assert_eq!(world.form("/introspect", Some(&basic), &form).await.error(), "400 invalid_request");
    }
}
