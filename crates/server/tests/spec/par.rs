//! RFC 9126.

use crate::world::*;

async fn push(world: &World, changes: &[(&str, &str)]) -> Answer {
    world.form("/par", None, &request(changes)).await
}

async fn bring(world: &World, client: &str, uri: &str) -> Answer {
    world.get(&format!("/authorize?{}", encode(&[("client_id", client), ("request_uri", uri)]))).await
}

#[tokio::test]
async fn a_pushed_request_is_brought_once_by_its_client() {
    let world = World::new().await;
    let answer = push(&world, &[]).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json().get("expires_in").unwrap().as_u64(), Some(90));
    let uri = answer.text("request_uri");
    assert_eq!(bring(&world, "native", &uri).await.status, 400, "another client's is not spent");
    let (to, p) = bring(&world, "web", &uri).await.redirect();
    assert_eq!((to.as_str(), p["state"].as_str()), (CB, "st"));
    assert_eq!(world.redeem(&p["code"], &[]).await.status, 200);
    assert_eq!(bring(&world, "web", &uri).await.status, 400);
    world.refused_for("request_uri").await;
}

#[tokio::test]
async fn what_stands_beside_a_request_uri_counts_for_nothing() {
    let world = World::new().await;
    let uri = push(&world, &[]).await.text("request_uri");
    let beside = [
        ("client_id", "web"),
        ("request_uri", uri.as_str()),
        ("redirect_uri", "https://evil.example"),
        ("scope", "write"),
    ];
    let (to, p) = world.get(&format!("/authorize?{}", encode(&beside))).await.redirect();
    assert_eq!(to, CB);
    assert_eq!(world.redeem(&p["code"], &[]).await.text("scope"), "read");
}

#[tokio::test]
async fn a_pushed_request_is_checked_when_it_is_pushed_and_does_not_wait_for_ever() {
    let world = World::new().await;
    for (change, error) in [
        (("redirect_uri", "https://evil.example/cb"), "400 invalid_request"),
        (("code_challenge", ""), "400 invalid_request"),
        (("scope", "x"), "400 invalid_scope"),
        (("resource", "http://localhost:9400/mcp/x"), "400 invalid_target"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "400 invalid_request"),
        (("client_id", "basic"), "401 invalid_client"),
    ] {
        assert_eq!(push(&world, &[change]).await.error(), error, "{change:?}");
    }
    let uri = push(&world, &[]).await.text("request_uri");
    world.wait(90);
    assert_eq!(bring(&world, "web", &uri).await.status, 400);
    for odd in ["https://evil.example/request", "urn:ietf:params:oauth:request_uri:par_none", "urn:x"] {
        assert_eq!(bring(&world, "web", odd).await.status, 400, "{odd}");
    }
}

#[tokio::test]
async fn no_credential_is_kept_with_a_pushed_request() {
    let world = World::new().await;
    let pushed = request(&[("client_id", "post"), ("client_secret", SECRET)]);
    let uri = world.form("/par", None, &pushed).await.text("request_uri");
    let reference = uri.rsplit(':').next().unwrap().to_owned();
    let kept =
        world.write(move |tx| tx.artifact(prokura_store::ArtifactKind::Par, &reference)).await.unwrap();
    assert!(!String::from_utf8(kept.payload).unwrap().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_bring_it_once() {
    let world = World::new().await;
    let uri = push(&world, &[]).await.text("request_uri");
    let answers = futures_util::future::join_all((0..200).map(|_| bring(&world, "web", &uri))).await;
    assert_eq!(answers.iter().filter(|a| a.status == 303).count(), 1);
}
