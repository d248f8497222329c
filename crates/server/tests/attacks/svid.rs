//! X.509-SVIDs at the token endpoint (SPIFFE client authentication §3.2), and who else shows a certificate there.

use crate::svid_world::{Authority, NOW, authority, bundle_text, issue, params};
use crate::world::*;
use prokura_core::{Clock as _, Evidence};
use prokura_oauth::certificate::Certificate;
use prokura_spiffe::SpiffeId;
use rcgen::KeyUsagePurpose;
use std::sync::Arc;

const PLANNER: &str = "spiffe://prod.example/agents/planner";
const LEADER: &str = "spiffe://prod.example/agents/leader";

/// A server that believes `prod.example` by a file, and an agent whose workloads have IDs below `/agents/`.
struct Mesh {
    world: World,
    ca: Authority,
    folder: tempfile::TempDir,
}

impl Mesh {
    async fn new(more: &str) -> Self {
        let (ca, folder) = (authority("prod.example"), tempfile::tempdir().unwrap());
        let file = folder.path().join("bundle.json");
        std::fs::write(&file, bundle_text(&[&ca], &[])).unwrap();
        let config = format!(
            r#"{USUAL}
            [network]
            trusted_proxies = ["127.0.0.1"]
            [tls]
            client_certificates = "proxy"
            [[workload.provider]]
            name = "mesh"
            platform = "spiffe"
            trust_domain = "prod.example"
            bundle = {{ file = "{}" }}
            [[workload.rule]]
            name = "planner"
            provider = "mesh"
            agent = "planner"
            when = {{ spiffe_id = "{PLANNER}" }}
            needs_key = true
            [[workload.rule.grant]]
            resource = "sales"
            scopes = ["read"]
            {more}"#,
            file.display()
        );
        let world = World::with(&config).await;
        world.clock.set(NOW);
        Self { world, ca, folder }
    }

    fn svid(&self, uri: &str) -> Arc<Certificate> {
        certificate(issue(&params(&[uri], 900), &self.ca))
    }

    async fn ask(&self, client: Option<&str>, shown: Option<&Arc<Certificate>>) -> Answer {
        let mut parameters = vec![("grant_type", "client_credentials")];
        parameters.extend(client.map(|id| ("client_id", id)));
        self.world.certified("/token", &parameters, shown).await
    }
}

fn certificate(der: Vec<u8>) -> Arc<Certificate> {
    Arc::new(Certificate::new(der, Vec::new()).unwrap())
}

#[tokio::test]
async fn a_workload_gets_a_token_of_its_agent_that_is_bound_to_its_certificate() {
    let mesh = Mesh::new("").await;
    let shown = mesh.svid(PLANNER);
    let answer = mesh.ask(Some(PLANNER), Some(&shown)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = mesh.world.verified(&answer.text("access_token"));
    assert_eq!(token.cnf.certificate, Some(shown.thumbprint()));
    assert_eq!((token.subject.as_str(), token.client.as_str()), ("agt_planner", "agt_planner"));
    let workload = token.workload.unwrap();
    assert_eq!((&*workload.provider, workload.claims["spiffe_id"].as_str()), ("mesh", PLANNER));
    assert_eq!(workload.claims["path"], SpiffeId::parse(PLANNER).unwrap().path());
    let grant = token.grant.id.clone();
    let kept = mesh.world.write(move |tx| tx.grant(&grant)).await.unwrap();
    assert_eq!(kept.evidence, Evidence::Policy);
    // The same certificate serves as long as it lasts, and not longer; nor does any token of it.
    assert_eq!(mesh.ask(Some(PLANNER), Some(&shown)).await.status, 200);
    mesh.world.wait(840);
    let late = mesh.world.verified(&mesh.ask(Some(PLANNER), Some(&shown)).await.text("access_token"));
    assert_eq!(late.expires_at.seconds(), NOW.seconds() + 900);
    mesh.world.wait(61);
    assert_eq!(mesh.ask(Some(PLANNER), Some(&shown)).await.error(), "401 invalid_client");
    let metadata = mesh.world.get("/.well-known/oauth-authorization-server").await;
    assert!(metadata.body.contains("\"spiffe_x509\""), "{}", metadata.body);
}

#[tokio::test]
async fn c24_a_certificate_is_who_the_request_says_or_nobody() {
    let mesh = Mesh::new("").await;
    let shown = mesh.svid(PLANNER);
    for (client, certificate) in [
        (None, Some(&shown)),
        (Some(PLANNER), None),
        (Some(LEADER), Some(&shown)),
        (Some("spiffe://prod.example"), Some(&shown)),
        (Some("spiffe://prod.example/agents/"), Some(&shown)),
        (Some("SPIFFE://prod.example/agents/planner"), Some(&shown)),
        (Some("batch"), Some(&shown)),
    ] {
        let answer = mesh.ask(client, certificate).await;
        assert!(answer.status == 400 || answer.status == 401, "{client:?}: {}", answer.body);
    }
    // A secret or an assertion beside it is another method.
    let parameters =
        [("grant_type", "client_credentials"), ("client_id", PLANNER), ("client_secret", SECRET)];
    let answer = mesh.world.certified("/token", &parameters, Some(&shown)).await;
    assert_eq!(answer.error(), "401 invalid_client");
}

#[tokio::test]
async fn d07_only_a_leaf_of_exactly_this_trust_domain_is_a_workload_of_it() {
    let mesh = Mesh::new("").await;
    let forged = certificate(issue(&params(&[PLANNER], 900), &authority("prod.example")));
    let mut signs = params(&[PLANNER], 900);
    signs.key_usages.push(KeyUsagePurpose::KeyCertSign);
    let signs = certificate(issue(&signs, &mesh.ca));
    let twice = certificate(issue(&params(&[PLANNER, LEADER], 900), &mesh.ca));
    let over = certificate(issue(&params(&[PLANNER], 0), &mesh.ca));
    for (shown, why) in [(&forged, "no authority"), (&signs, "and no leaf"), (&over, "not its time")] {
        let answer = mesh.ask(Some(PLANNER), Some(shown)).await;
        assert_eq!(answer.error(), "401 invalid_client", "{why}");
        assert!(!answer.body.contains("authority"), "a stranger learns nothing: {}", answer.body);
        mesh.world.wait(1);
        let (reason, details) = mesh.world.refusal().await;
        assert_eq!(reason, "evidence_invalid");
        assert!(details.str("detail").unwrap().contains(why), "{details:?}");
    }
    assert_eq!(mesh.ask(Some(PLANNER), Some(&twice)).await.error(), "401 invalid_client");
    for id in ["spiffe://prod.example.evil.example/agents/planner", "spiffe://prod.exampl/agents/planner"] {
        // An authority of this trust domain that speaks for another.
        let answer = mesh.ask(Some(id), Some(&mesh.svid(id))).await;
        assert_eq!(answer.error(), "401 invalid_client", "{id}");
    }
    let nobody = mesh.ask(Some(LEADER), Some(&mesh.svid(LEADER))).await;
    assert_eq!(nobody.error(), "401 invalid_client");
    mesh.world.refused_for("evidence_no_rule").await;
}

#[tokio::test]
async fn d09_a_certificate_ends_with_the_authority_that_vouched_for_it() {
    let mesh = Mesh::new("").await;
    let shown = mesh.svid(PLANNER);
    assert_eq!(mesh.ask(Some(PLANNER), Some(&shown)).await.status, 200);
    // The listener believes a connection, a resumed one too, to be of this certificate: for whom it counts is asked anew.
    let next = authority("prod.example");
    std::fs::write(mesh.folder.path().join("bundle.json"), bundle_text(&[&next], &[])).unwrap();
    mesh.world.wait(10);
    assert_eq!(mesh.ask(Some(PLANNER), Some(&shown)).await.error(), "401 invalid_client");
    let of_next = certificate(issue(&params(&[PLANNER], 900), &next));
    assert_eq!(mesh.ask(Some(PLANNER), Some(&of_next)).await.status, 200);
}

#[tokio::test]
async fn a_client_that_is_set_up_with_the_workload_authenticates_by_it_on_any_grant() {
    let client = format!(
        r#"[[client]]
        id = "leader"
        auth = "workload"
        workload = {{ provider = "mesh", subject = "{LEADER}" }}
        agent = "leader"
        grant_types = ["client_credentials"]
        [[client.grant]]
        resource = "sales"
        scopes = ["write"]"#
    );
    let mesh = Mesh::new(&client).await;
    let shown = mesh.svid(LEADER);
    for said in [LEADER, "leader"] {
        let answer = mesh.ask(Some(said), Some(&shown)).await;
        assert_eq!(answer.status, 200, "{said}: {}", answer.body);
        let token = mesh.world.verified(&answer.text("access_token"));
        assert_eq!((token.client.as_str(), token.scopes.to_string().as_str()), ("leader", "write"));
        assert_eq!(token.cnf.certificate, Some(shown.thumbprint()));
    }
    let other = mesh.ask(Some("leader"), Some(&mesh.svid(PLANNER))).await;
    assert_eq!(other.error(), "401 invalid_client");
    assert_eq!(mesh.ask(Some("leader"), None).await.error(), "401 invalid_client");
}

#[tokio::test]
async fn c10_a_disabled_trust_domain_gets_nothing() {
    let mesh = Mesh::new("").await;
    let shown = mesh.svid(PLANNER);
    let now = mesh.world.clock.now();
    let provider = prokura_store::Foreigner::Issuer("workload:mesh".to_owned());
    mesh.world.write(move |tx| tx.disable_foreigner(&provider, true, "operator", "test", now)).await;
    assert_eq!(mesh.ask(Some(PLANNER), Some(&shown)).await.error(), "400 invalid_grant");
}
