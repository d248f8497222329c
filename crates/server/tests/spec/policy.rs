//! Policies by the administration API: versions, what is not valid, what would be decided, entities; who may, and the record.

use crate::admin_api::token;
use crate::world::*;
use http::header::AUTHORIZATION;
use http::{Method, Request};
use prokura_config::Config;
use prokura_core::SeededRng;
use prokura_decider::{Keeper, KeeperOptions, languages};
use prokura_oauth::json::{Value, obj};
use std::sync::Arc;

const PATH: &str = "/api/admin/v1/policy";
const CLIENTS: &str = r#"
    [[client]]
    id = "looker"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["policy:read"]
    [[client]]
    id = "pipeline"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "admin"
    scopes = ["policy:read", "policy:write"]
"#;
const FIRST: &str = "@id(\"view\")\npermit (principal, action == Action::\"view\", resource);\n";

struct Api {
    world: World,
    keeper: Arc<Keeper>,
    looker: String,
    pipeline: String,
    _folder: tempfile::TempDir,
}

impl Api {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("staff.cedar");
        std::fs::write(&file, FIRST).unwrap();
        let more = format!(
            "{CLIENTS}\n[[policy.set]]\nname = \"staff\"\nlanguage = \"cedar\"\nfiles = [{:?}]",
            file.display().to_string()
        );
        let world = World::and(&more).await;
        let options = KeeperOptions {
            config: Arc::new(Config::parse(&format!("{USUAL}{more}")).unwrap()),
            store: world.store.clone(),
            clock: world.clock.clone(),
            rng: Arc::new(SeededRng::new(3)),
            build: languages::build(),
            remotes: Default::default(),
            layers: Vec::new(),
            adopts: true,
        };
        let keeper = Keeper::open(options, Arc::clone(&world.decider)).await.unwrap();
        let (looker, pipeline) = (token(&world, "looker").await, token(&world, "pipeline").await);
        Self { world, keeper, looker, pipeline, _folder: folder }
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::builder().uri(format!("{PATH}{path}"));
        self.world.send(request.header(AUTHORIZATION, format!("Bearer {}", self.looker)), "").await
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> Answer {
        self.world.json(method, &format!("{PATH}{path}"), Some(&self.pipeline), body).await
    }

    async fn permits(&self, action: &str) -> bool {
        let question = format!(
            r#"{{"subject":{{"type":"User","id":"mia"}},"action":"{action}","resource":{{"type":"Employee","id":"e1"}}}}"#
        );
        let answer = self.send(Method::POST, "/explain", &question).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json().get("permitted").and_then(Value::as_bool).unwrap()
    }

    fn version(&self) -> String {
        self.keeper.status().sets[0].version.clone().unwrap()
    }
}

fn texts(policy: &str, more: &str) -> String {
    let files = obj([("name", "staff.cedar".into()), ("text", policy.into())]);
    format!(r#"{{"files":[{}]{more}}}"#, String::from_utf8(files.to_vec()).unwrap())
}

#[tokio::test]
async fn a_version_is_kept_put_in_force_and_rolled_back_and_all_of_it_is_on_record() {
    let api = Api::new().await;
    let first = api.version();
    assert!(api.permits("view").await && !api.permits("modify").await);
    let wider = FIRST.replace("view", "modify");
    let kept = api.send(Method::POST, "/sets/staff/versions", &texts(&wider, "")).await;
    assert_eq!(kept.status, 200, "{}", kept.body);
    let second = kept.text("version");
    assert!(!api.permits("modify").await, "it is kept, and not in force");
    let path = format!("/sets/staff/versions/{second}/activate");
    assert_eq!(api.send(Method::POST, &path, r#"{"note":"wider"}"#).await.status, 200);
    assert!(api.permits("modify").await && !api.permits("view").await, "at once");
    assert_eq!(api.version(), second);
    assert_eq!(api.send(Method::POST, "/sets/staff/rollback", "{}").await.text("version"), first);
    assert!(api.permits("view").await);
    let done: Vec<_> =
        api.world.record().await.into_iter().filter(|e| e.action.starts_with("policy:")).collect();
    let actions: Vec<_> = done.iter().map(|e| e.action.as_str()).collect();
    assert_eq!(actions, ["policy:rollback", "policy:activate", "policy:keep", "policy:activate"]);
    assert_eq!(done[1].client.as_ref().map(|c| c.as_str()), Some("pipeline"));
    assert_eq!(
        (done[1].details.str("note"), done[1].details.str("version")),
        (Some("wider"), Some(&*second))
    );
    let listed = api.get("/sets/staff/versions").await.json();
    let listed = listed.get("versions").and_then(Value::as_array).unwrap().to_vec();
    let active: Vec<_> = listed
        .iter()
        .filter_map(Value::as_object)
        .filter(|v| v.get("active") == Some(&true.into()))
        .collect();
    assert_eq!((listed.len(), active.len(), active[0].str("version")), (2, 1, Some(&*first)));
    let whole = api.get(&format!("/sets/staff/versions/{second}")).await;
    assert!(whole.body.contains("Action::\\\"modify\\\""), "{}", whole.body);
}

#[tokio::test]
async fn what_is_not_valid_is_refused_with_its_place_and_changes_nothing() {
    let api = Api::new().await;
    let first = api.version();
    for broken in ["permit (", "@redact(\"ssn\")\npermit (principal, action, resource);"] {
        let refused =
            api.send(Method::POST, "/sets/staff/versions", &texts(broken, ",\"activate\":true")).await;
        assert_eq!((refused.status.as_u16(), refused.text("code").as_str()), (422, "body_wrong"), "{broken}");
        assert!(refused.body.contains("staff.cedar:"), "{}", refused.body);
        let checked = api.send(Method::POST, "/check", &texts(broken, ",\"language\":\"cedar\"")).await;
        assert_eq!(checked.json().get("valid"), Some(&false.into()), "{}", checked.body);
    }
    assert_eq!(api.version(), first);
    assert_eq!(api.world.count("policy:keep").await + api.world.count("policy:activate").await, 1);
    let fine = api.send(Method::POST, "/check", &texts(FIRST, ",\"language\":\"cedar\"")).await;
    assert_eq!(fine.text("version"), first, "the same texts are the same version, wherever they come from");
    for (method, path, body, status) in [
        (Method::POST, "/sets/other/rollback", "{}", 404),
        (Method::POST, "/sets/staff/rollback", "{}", 409),
        (Method::POST, "/sets/staff/versions/ffff/activate", "{}", 404),
        (Method::POST, "/sets/staff/versions", r#"{"files":[]}"#, 422),
        (Method::POST, "/sets/staff/versions", r#"{"files":[{"name":"a"}]}"#, 422),
        (Method::POST, "/check", r#"{"language":"english","files":[]}"#, 422),
        (Method::POST, "/explain", "{}", 422),
        (Method::PUT, "/entities", r#"{"uid":{"type":"User"}}"#, 422),
    ] {
        let answer = api.send(method, path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}: {}", answer.body);
    }
}

#[tokio::test]
async fn who_may_look_changes_nothing() {
    let api = Api::new().await;
    let status = api.get("/sets").await;
    assert_eq!(status.status, 200, "{}", status.body);
    assert!(status.body.contains(&api.version()), "{}", status.body);
    for (method, path) in [(Method::POST, "/sets/staff/rollback"), (Method::PUT, "/entities")] {
        let refused = api.world.json(method, &format!("{PATH}{path}"), Some(&api.looker), "{}").await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.body);
    }
    assert_eq!(api.world.json(Method::POST, &format!("{PATH}/explain"), None, "{}").await.status, 401);
}

#[tokio::test]
async fn an_entity_is_known_as_soon_as_it_is_told_and_until_it_is_forgotten() {
    let api = Api::new().await;
    let policy = "permit (principal, action, resource) when { resource.manager == principal };";
    assert_eq!(
        api.send(Method::POST, "/sets/staff/versions", &texts(policy, ",\"activate\":true")).await.status,
        200
    );
    assert!(!api.permits("view").await);
    let entity = r#"{"uid":{"type":"Employee","id":"e1"},"attrs":{"manager":{"__entity":{"type":"User","id":"mia"}}}}"#;
    assert_eq!(api.send(Method::PUT, "/entities", entity).await.status, 204);
    assert!(api.permits("view").await);
    assert!(api.get("/entities").await.body.contains(r#""type":"Employee","id":"e1""#));
    assert_eq!(api.send(Method::DELETE, "/entities/Employee/e1", "").await.status.as_u16() / 100, 2);
    assert!(!api.permits("view").await);
    assert_eq!(api.get("/decisions/tr_0000000000000000").await.status.as_u16() / 100, 2);
}
