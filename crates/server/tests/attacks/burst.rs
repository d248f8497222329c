//! Ten thousand pods that start at once.

use crate::issuer::FakeIssuer;
use crate::world::workload::*;
use crate::world::*;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const PODS: usize = 10_000;
/// What one process has under way at once; the rest waits in the listener's queue.
const AT_ONCE: usize = 512;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d08_the_first_tokens_of_ten_thousand_pods_lead_to_one_fetch_of_keys() {
    let issuer = FakeIssuer::start("").await;
    let config = format!(
        r#"{USUAL}
        [[workload.provider]]
        name = "prod"
        platform = "kubernetes"
        issuer = "{}"
        [[workload.rule]]
        name = "planner"
        provider = "prod"
        agent = "planner"
        when = {{ namespace = "agents", service_account = "planner" }}
        [[workload.rule.grant]]
        resource = "sales"
        scopes = ["read"]"#,
        issuer.issuer
    );
    let world = Arc::new(World::with(&config).await);
    let pod = |n: usize| {
        let claims = pod_claims(&world, "planner", &format!("pod-{n}"));
        issuer.sign("JWT", &changed(claims, &[("iss", issuer.issuer.as_str().into())]))
    };
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut burst = JoinSet::new();
    for n in 0..PODS {
        let (world, token, places) = (Arc::clone(&world), pod(n), Arc::clone(&places));
        burst.spawn(async move {
            let _place = places.acquire().await.unwrap();
            world.federate(&token, &[]).await.status
        });
    }
    let statuses = burst.join_all().await;
    assert_eq!((statuses.len(), statuses.iter().find(|s| **s != 200)), (PODS, None));
    assert_eq!(issuer.with(|s| (s.metadata_asked, s.keys_asked)), (1, 1));
}
