//! What the token of each platform has to be, and what it says. The layouts are those of the platforms' own
//! documentation; the values are made up.

use crate::issuer::{FakeIssuer, object};
use crate::world::{SERVER, World, but, registered};
use prokura_attest::{ClaimValue, Evidence, Refused};
use prokura_config::{WorkloadProvider, known_claims};
use prokura_oauth::json::{Object, Value};

/// A token of a platform: its subject, and its claims beside the registered ones.
struct Sample {
    issuer: FakeIssuer,
    world: World,
    claims: Object,
}

impl Sample {
    async fn of(platform: &str, more: &str, subject: &str, private: &str) -> Self {
        let issuer = FakeIssuer::start("").await;
        let world = World::of(platform, &issuer, more);
        let mut claims = registered(&issuer.issuer, subject);
        for (name, value) in object(private) {
            claims.insert(name, value);
        }
        Self { issuer, world, claims }
    }

    async fn evidence(&self) -> Evidence {
        self.world.verify(&self.issuer.sign("JWT", &self.claims)).await.unwrap()
    }

    /// Why a token with this claim, at the end of the path, is refused.
    async fn refusal(&self, path: &[&str], value: impl Into<Value>) -> Refused {
        self.world.refusal(&self.issuer.sign("JWT", &changed(&self.claims, path, value.into()))).await
    }

    /// The evidence of a token with this claim instead.
    async fn with(&self, path: &[&str], value: impl Into<Value>) -> Evidence {
        let jwt = self.issuer.sign("JWT", &changed(&self.claims, path, value.into()));
        self.world.verify(&jwt).await.unwrap()
    }

    async fn refuses(&self, cases: &[(&[&str], Value)]) {
        for (path, value) in cases {
            let refused = self.refusal(path, value.clone()).await;
            assert!(matches!(refused, Refused::Claim { .. }), "{path:?} {value}: {refused}");
        }
    }
}

fn changed(claims: &Object, path: &[&str], value: Value) -> Object {
    match path {
        [name] => but(claims, name, value),
        [name, rest @ ..] => {
            let inner = claims.get(name).and_then(Value::as_object).unwrap();
            but(claims, name, changed(inner, rest, value))
        }
        [] => claims.clone(),
    }
}

fn text(evidence: &Evidence, name: &str) -> String {
    match evidence.claims.get(name) {
        Some(ClaimValue::Text(text)) => text.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

/// Every claim of the evidence is one that rules may name, of the type that they are told.
fn all_known(evidence: &Evidence) {
    for (name, value) in &evidence.claims {
        let known = known_claims(evidence.platform).iter().find(|k| k.is(name));
        let kind = known.unwrap_or_else(|| panic!("{name}")).kind.as_str();
        let is = match value {
            ClaimValue::Text(_) => "text",
            ClaimValue::Number(_) => "number",
            ClaimValue::Flag(_) => "flag",
            ClaimValue::List(_) => "list",
        };
        assert_eq!(is, kind, "{name}");
    }
}

const CLUSTER: &str = r#"{"kubernetes.io":{"namespace":"agents","node":{"name":"n1","uid":"node-1"},
    "pod":{"name":"planner-7","uid":"pod-1"},"serviceaccount":{"name":"planner","uid":"sa-1"},"warnafter":1800000600}}"#;
const ACCOUNT: &str = "system:serviceaccount:agents:planner";

#[tokio::test]
async fn kubernetes_says_pod_node_and_account() {
    let sample = Sample::of("kubernetes", "", ACCOUNT, CLUSTER).await;
    let evidence = sample.evidence().await;
    all_known(&evidence);
    assert_eq!((evidence.instance.as_str(), text(&evidence, "node")), ("pod-1", "n1".to_owned()));
    let told = evidence.attested().unwrap().claims;
    assert_eq!(
        told.keys().map(String::as_str).collect::<Vec<_>>(),
        ["namespace", "node", "pod", "service_account"]
    );
    let place = "kubernetes.io";
    sample
        .refuses(&[
            (&["sub"], "system:serviceaccount:agents:other".into()),
            (&["sub"], "system:serviceaccount:agents2:planner".into()),
            (&[place], Value::Null),
            (&[place, "namespace"], Value::Null),
            (&[place, "namespace"], 7_i64.into()),
            (&[place, "pod"], Value::Null),
            (&[place, "pod", "uid"], Value::Null),
            (&[place, "serviceaccount"], Value::Null),
        ])
        .await;
}

#[tokio::test]
async fn d07_a_default_mounted_token_of_a_year_and_one_without_a_pod_are_refused() {
    let sample = Sample::of("kubernetes", "", ACCOUNT, CLUSTER).await;
    let year = but(&sample.claims, "exp", crate::world::NOW + 31_536_000);
    assert!(matches!(sample.world.refusal(&sample.issuer.sign("JWT", &year)).await, Refused::TooLong { .. }));
    let default = but(&sample.claims, "aud", Value::Array(vec![sample.issuer.issuer.as_str().into()]));
    assert!(matches!(
        sample.world.refusal(&sample.issuer.sign("JWT", &default)).await,
        Refused::Audience { .. }
    ));
    let loose = Sample::of("kubernetes", "require_instance = false", ACCOUNT, CLUSTER).await;
    assert_eq!(loose.with(&["kubernetes.io", "pod"], Value::Null).await.instance, ACCOUNT);
}

const STS: &str = r#"{"https://sts.amazonaws.com/":{"aws_account":"123456789012","org_id":"o-abc1234567","source_region":"us-east-1",
    "ou_path":["o-abc1234567/r-ab12/"],"principal_tags":{"environment":"production"},"request_tags":{"environment":"forged","role":"admin"},
    "lambda_source_function_arn":"arn:aws:lambda:us-east-1:123456789012:function:reports","ec2_role_delivery":"2.0"}}"#;
const ROLE: &str = "arn:aws:iam::123456789012:role/team/Reports";

#[tokio::test]
async fn d07_aws_says_account_role_and_function_and_nothing_the_caller_chose() {
    let sample = Sample::of("aws", "", ROLE, STS).await;
    let evidence = sample.evidence().await;
    all_known(&evidence);
    let lambda = "arn:aws:lambda:us-east-1:123456789012:function:reports";
    assert_eq!((text(&evidence, "role").as_str(), evidence.instance.as_str()), ("team/Reports", lambda));
    assert_eq!(text(&evidence, "principal_tags.environment"), "production");
    assert!(
        !evidence.claims.keys().any(|name| name.contains("request")),
        "tags of the request are the caller's"
    );
    assert!(!evidence.claims.values().any(|v| v.to_string().contains("forged")));
    let told = evidence.attested().unwrap().claims;
    assert_eq!(
        (told["ec2_role_delivery"].as_str(), told["principal_tags.environment"].as_str()),
        ("2.0", "production")
    );
    let sts = "https://sts.amazonaws.com/";
    sample
        .refuses(&[
            (&["sub"], "arn:aws:iam::123456789012:role/*".into()),
            (&["sub"], "arn:aws:iam::999999999999:role/team/Reports".into()),
            (&["sub"], "Reports".into()),
            (&[sts], Value::Null),
            (&[sts, "aws_account"], Value::Null),
            (&[sts, "aws_account"], 123_456_789_012_i64.into()),
            (&[sts, "lambda_source_function_arn"], "arn:aws:lambda:us-east-1:999999999999:function:x".into()),
            (&[sts, "ec2_source_instance_arn"], "arn:aws:s3:us-east-1:123456789012:instance/i-1".into()),
            (&[sts, "principal_tags"], "environment=production".into()),
            (&[sts, "principal_tags", "environment"], 1_i64.into()),
        ])
        .await;
}

const MACHINE: &str = r#"{"azp":"113","email":"planner@p.iam.gserviceaccount.com","email_verified":true,"google":{"compute_engine":
    {"project_id":"prod-agents","project_number":739419398126,"zone":"us-west1-b","instance_id":"152986662232938449",
     "instance_name":"planner-1","instance_creation_timestamp":1799990000}}}"#;

#[tokio::test]
async fn d07_gcp_says_on_which_machine_or_is_refused() {
    let issuer = FakeIssuer::start("").await;
    let keys = issuer
        .with(|s| prokura_oauth::jose::KeySet::of(vec![s.keys[0].public()]).unwrap().to_jwks().to_vec());
    let provider = |more: &str| {
        let keys = String::from_utf8(keys.clone()).unwrap();
        World::with(&format!(
            "[[workload.provider]]\nname = \"prod\"\nplatform = \"gcp\"\nalgorithms = [\"ES256\"]\njwks = '{keys}'\n{more}"
        ))
    };
    let world = provider("");
    let mut claims = registered(WorkloadProvider::GOOGLE, "110248495921238986420");
    for (name, value) in object(MACHINE) {
        claims.insert(name, value);
    }
    let sample = Sample { issuer, world, claims };
    let evidence = sample.evidence().await;
    all_known(&evidence);
    assert_eq!(evidence.instance, "152986662232938449");
    assert_eq!(evidence.claims["project_number"], ClaimValue::Number(739_419_398_126));
    let place = ["google", "compute_engine"];
    sample
        .refuses(&[
            (&["google"], Value::Null),
            (&place, Value::Null),
            (&["google", "compute_engine", "instance_id"], "planner-1".into()),
            (&["google", "compute_engine", "project_id"], Value::Null),
            (&["google", "compute_engine", "project_number"], "739419398126".into()),
            (&["sub"], "planner@p.iam.gserviceaccount.com".into()),
        ])
        .await;
    let unverified = sample.with(&["email_verified"], false).await;
    assert!(!unverified.claims.contains_key("email"));
    let anywhere = Sample { world: provider("require_instance = false"), ..sample };
    assert!(!anywhere.with(&["google"], Value::Null).await.claims.contains_key("project_id"));
}

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const VM: &str = "/subscriptions/1b2c3d4e-0000-1111-2222-333344445555/resourcegroups/Agents/providers/Microsoft.Compute/virtualMachines/planner-1";

async fn azure() -> Sample {
    let more = format!("tenant = \"{TENANT}\"\naudience = [\"api://prokura\"]");
    let issuer = FakeIssuer::start(&format!("/{TENANT}")).await;
    let world = World::of("azure", &issuer, &more);
    let private = format!(
        r#"{{"aud":"api://prokura","tid":"{TENANT}","oid":"0c0d5f1e-1111-2222-3333-444455556666","appid":"5e0b-app","idtyp":"app","ver":"1.0","xms_mirid":"{VM}"}}"#
    );
    let mut claims = registered(&issuer.issuer, "0c0d5f1e-1111-2222-3333-444455556666");
    for (name, value) in object(&private) {
        claims.insert(name, value);
    }
    Sample { issuer, world, claims }
}

#[tokio::test]
async fn d07_azure_says_which_resource_has_the_identity() {
    let sample = azure().await;
    let evidence = sample.evidence().await;
    all_known(&evidence);
    assert_eq!(text(&evidence, "resource"), VM.to_lowercase());
    assert_eq!(
        (text(&evidence, "resource_group").as_str(), text(&evidence, "client_id").as_str()),
        ("agents", "5e0b-app")
    );
    let assigned =
        VM.replace("Microsoft.Compute/virtualMachines", "Microsoft.ManagedIdentity/userAssignedIdentities");
    let user = changed(&sample.claims, &["xms_mirid"], assigned.as_str().into());
    let user = changed(&user, &["xms_az_rid"], VM.into());
    let evidence = sample.world.verify(&sample.issuer.sign("JWT", &user)).await.unwrap();
    all_known(&evidence);
    assert_eq!(
        (text(&evidence, "identity"), text(&evidence, "resource")),
        (assigned.to_lowercase(), VM.to_lowercase())
    );
    // Version 2 says `azp`, and need not say that no person is behind it.
    let second = changed(&changed(&sample.claims, &["azp"], "5e0b-v2".into()), &["idtyp"], Value::Null);
    let second = sample.world.verify(&sample.issuer.sign("JWT", &second)).await.unwrap();
    assert_eq!(text(&second, "client_id"), "5e0b-v2");
    sample
        .refuses(&[
            (&["tid"], "00000000-86f1-41af-91ab-2d7cd011db47".into()),
            (&["tid"], Value::Null),
            (&["idtyp"], "user".into()),
            (&["xms_mirid"], Value::Null),
            (&["xms_mirid"], format!("{VM}/extra").into()),
            (&["xms_mirid"], "virtualMachines/planner-1".into()),
            (&["xms_az_rid"], "x".into()),
            (&["appid"], Value::Null),
        ])
        .await;
    let person =
        changed(&changed(&sample.claims, &["idtyp"], Value::Null), &["scp"], "user_impersonation".into());
    assert!(sample.world.verify(&sample.issuer.sign("JWT", &person)).await.is_err());
    for aud in ["https://management.azure.com/", SERVER] {
        let other = sample
            .world
            .verify(&sample.issuer.sign("JWT", &changed(&sample.claims, &["aud"], aud.into())))
            .await;
        assert_eq!(other.is_ok(), aud == SERVER, "{aud}");
    }
}

const JOB: &str = r#"{"repository":"octo/demo","repository_id":"424242","repository_owner":"octo","repository_owner_id":"2020",
    "repository_visibility":"private","ref":"refs/heads/main","ref_type":"branch","ref_protected":"true","sha":"c040","environment":"production",
    "event_name":"push","job_workflow_ref":"octo/demo/.github/workflows/ci.yml@refs/heads/main","workflow_ref":"octo/demo/.github/workflows/ci.yml@refs/heads/main",
    "run_id":"22259804324","run_number":"42","run_attempt":"1","check_run_id":"90000001","actor":"ann","actor_id":"1001","runner_environment":"github-hosted"}"#;

#[tokio::test]
async fn d07_github_is_known_by_ids_and_a_subject_of_other_ids_is_refused() {
    for subject in [
        "repo:octo/demo:ref:refs/heads/main",
        "repo:octo@2020/demo@424242:environment:production",
        "repository_id:424242:ref:main",
    ] {
        let sample = Sample::of("github", "", subject, JOB).await;
        let evidence = sample.evidence().await;
        all_known(&evidence);
        assert_eq!(evidence.instance, "22259804324.1.90000001", "{subject}");
        assert_eq!(evidence.claims["ref_protected"], ClaimValue::Flag(true));
        assert_eq!(evidence.attested().unwrap().claims["repository_id"], "424242");
        sample
            .refuses(&[
                (&["sub"], "repo:octo@2021/demo@424242:ref:refs/heads/main".into()),
                (&["sub"], "repo:octo@2020/demo@424243:ref:refs/heads/main".into()),
                (&["sub"], "repo:evil/demo:ref:refs/heads/main".into()),
                (&["repository_id"], Value::Null),
                (&["repository_id"], 424_242_i64.into()),
                (&["repository_id"], "octo".into()),
                (&["run_id"], Value::Null),
                (&["ref_protected"], "yes".into()),
            ])
            .await;
    }
}

const PIPELINE: &str = r#"{"namespace_id":"68413579","namespace_path":"org","project_id":"46573356","project_path":"org/repo","user_id":"184239",
    "ref":"main","ref_type":"branch","ref_path":"refs/heads/main","ref_protected":"true","environment":"production","environment_protected":"false",
    "deployment_tier":"production","pipeline_id":"1519139981","pipeline_source":"push","job_id":"8222997048","runner_id":12270835,
    "runner_environment":"gitlab-hosted","ci_config_ref_uri":"gitlab.example/org/repo//.gitlab-ci.yml@refs/heads/main","sha":"8fe1"}"#;

#[tokio::test]
async fn gitlab_is_known_by_ids() {
    let sample = Sample::of("gitlab", "", "project_path:org/repo:ref_type:branch:ref:main", PIPELINE).await;
    let evidence = sample.evidence().await;
    all_known(&evidence);
    assert_eq!(evidence.instance, "8222997048");
    assert_eq!(evidence.claims["environment_protected"], ClaimValue::Flag(false));
    assert_eq!(evidence.claims["runner_id"], ClaimValue::Number(12_270_835));
    sample
        .refuses(&[
            (&["project_id"], Value::Null),
            (&["project_id"], "org".into()),
            (&["job_id"], Value::Null),
            (&["ref_protected"], 1_i64.into()),
            (&["runner_id"], "12270835".into()),
        ])
        .await;
}

#[tokio::test]
async fn d07_what_is_required_is_there_and_what_tells_instances_apart_too() {
    let more = "instance = \"run\"\nclaims.run = { type = \"number\", required = true }\nclaims.groups = { type = \"list\", path = [\"realm\", \"groups\"] }\nclaims.trusted = { type = \"flag\" }";
    let sample =
        Sample::of("oidc", more, "s", r#"{"run":7,"realm":{"groups":["a","b"]},"trusted":true}"#).await;
    let evidence = sample.evidence().await;
    assert_eq!(evidence.instance, "7");
    assert_eq!(evidence.claims["groups"], ClaimValue::List(vec!["a".to_owned(), "b".to_owned()]));
    sample
        .refuses(&[
            (&["run"], Value::Null),
            (&["trusted"], "true".into()),
            (&["realm", "groups"], Value::Array(vec![1_i64.into()])),
        ])
        .await;
    assert!(
        !sample.with(&["realm"], "x").await.claims.contains_key("groups"),
        "what is not there is not required"
    );
}
