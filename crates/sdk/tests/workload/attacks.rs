//! What a hostile MCP server would like to get out of a workload.

use crate::doubles::{Double, surroundings, token};
use crate::tokens::{BEARER, call, job};
use crate::world::World;
use prokura_core::Platform;
use prokura_sdk::client::{ClientError, Way};
use prokura_sdk::workload::{Options, Workload};
use std::path::Path;
use std::sync::Arc;

fn pod(double: &Double, file: &Path, options: &[&str]) -> Workload {
    let variables = [("PROKURA_KUBERNETES_TOKEN_FILE", file.to_str().unwrap())];
    let around = surroundings(double, &variables, "/nonexistent".into());
    Workload::of(Platform::Kubernetes, around, Options::parse(options).unwrap())
}

/// The file holds what an honest server takes; a hostile server that names its own authorization server would replay it
/// there.
#[tokio::test]
async fn a15_evidence_for_one_server_is_not_shown_to_another() {
    let (hostile, double, folder) =
        (World::start().await, Double::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("token");
    for audience in ["https://honest.example", "https://kubernetes.default.svc"] {
        std::fs::write(&file, token(audience)).unwrap();
        let client = hostile.client().way(Way::Workload(Arc::new(pod(&double, &file, &[])))).build().unwrap();
        let refused = call(&client).await.unwrap_err();
        let ClientError::Audience { issuer, audiences } = &refused else { panic!("{refused}") };
        assert_eq!((issuer, audiences.as_slice()), (&hostile.origin, &[audience.to_owned()][..]));
    }
    assert_eq!(hostile.count(BEARER), 0, "nothing was sent");
    std::fs::write(&file, token(&hostile.origin)).unwrap();
    let client = hostile.client().way(Way::Workload(Arc::new(pod(&double, &file, &[])))).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200, "its own may be");
}

/// Evidence that is made for whoever is discovered is for that one alone, and so of no use to it anywhere else.
#[tokio::test]
async fn a15_evidence_that_a_hostile_server_gets_is_for_itself() {
    let (hostile, double) = (World::start().await, Double::start().await);
    let client = hostile.client().way(Way::Workload(Arc::new(job(&double, &[])))).build().unwrap();
    call(&client).await.unwrap();
    assert_eq!(double.asked()[0].query["audience"], hostile.origin);
    assert_eq!(hostile.facts().tokens[0]["assertion"], token(&hostile.origin));
}

/// Where a person named the authorization server, no other one hears anything, and the platform is not even asked.
#[tokio::test]
async fn a15_only_the_server_that_a_person_named_is_shown_evidence() {
    let (hostile, double) = (World::start().await, Double::start().await);
    let options = ["audience=api://prokura", "issuer=https://honest.example"];
    let client = hostile.client().way(Way::Workload(Arc::new(job(&double, &options)))).build().unwrap();
    let refused = call(&client).await.unwrap_err();
    assert!(
        matches!(&refused, ClientError::OtherIssuer { issuer, .. } if *issuer == hostile.origin),
        "{refused}"
    );
    assert!(double.asked().is_empty() && hostile.count(BEARER) == 0);
    let issuer = format!("issuer={}", hostile.origin);
    let options = ["audience=api://prokura", issuer.as_str()];
    let client = hostile.client().way(Way::Workload(Arc::new(job(&double, &options)))).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    assert_eq!(hostile.facts().tokens[0]["assertion"], token("api://prokura"));
}

/// What a server names leads to no metadata service, not even while the workload's own way there is open.
#[tokio::test]
async fn b06_a_server_cannot_lead_to_the_metadata_service() {
    let (hostile, double) = (World::start().await, Double::start().await);
    for issuer in [
        "http://169.254.169.254",
        "https://169.254.169.254",
        "http://[fd00:ec2::254]",
        "http://169.254.170.2",
    ] {
        hostile.facts().issuer_instead = Some(issuer.to_owned());
        let client = hostile.client().way(Way::Workload(Arc::new(job(&double, &[])))).build().unwrap();
        let refused = call(&client).await.unwrap_err();
        assert!(matches!(refused, ClientError::Discovery(_)), "{refused}");
    }
    assert!(double.asked().is_empty());
}
