//! The client against servers that hold it to the specification.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use prokura_core::ScopeSet;
use prokura_egress::{Upstream, UpstreamConfig};
use prokura_sdk::client::{
    Blame, Client, ClientError, DeviceCode, Exchange, FileStore, Heeded, Loopback, MemoryStore, OnlyTo,
    Software, Store, TokenSource, Way,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use url::Url;
use world::{Surer, World};

async fn call(client: &Client) -> Result<u16, ClientError> {
    let request = Request::post(client.server().as_url().as_str()).body(Bytes::new()).unwrap();
    Ok(client.send(request).await?.status().as_u16())
}

#[tokio::test]
async fn from_an_address_to_an_answer() {
    let world = World::start().await;
    let client = world.client().build().unwrap();
    assert!(!client.is_signed_in().await.unwrap());
    assert_eq!(call(&client).await.unwrap(), 200);
    assert_eq!(call(&client).await.unwrap(), 200);
    let facts = world.facts();
    assert_eq!(facts.presented, [None, Some("Bearer at-1".into()), Some("Bearer at-1".into())]);
    let (asked, redeemed) = (&facts.asked[0], &facts.tokens[0]);
    assert_eq!((asked["resource"].as_str(), asked["scope"].as_str()), (world.address().as_str(), "read"));
    assert_eq!(redeemed["resource"], world.address(), "the resource stands in both requests");
    assert_eq!((asked["code_challenge_method"].as_str(), asked["response_type"].as_str()), ("S256", "code"));
    assert_eq!(redeemed["redirect_uri"], asked["redirect_uri"]);
    assert!(facts.registered[0].contains(r#""application_type":"native""#), "{}", facts.registered[0]);
}

#[tokio::test]
async fn a_surer_sign_in_is_asked_of_the_person_and_not_of_the_refresh_token() {
    let world = World::start().await;
    let client = world.client().build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    world.facts().surer = Some(Surer::Possible);
    assert_eq!(call(&client).await.unwrap(), 200);
    let facts = world.facts();
    let [first, second] = facts.asked.as_slice() else { panic!("{} requests", facts.asked.len()) };
    assert!(!first.contains_key("acr_values"));
    assert_eq!((second["acr_values"].as_str(), second["max_age"].as_str()), ("phr", "600"));
    assert!(facts.tokens.iter().all(|t| t["grant_type"] == "authorization_code"));
}

#[tokio::test]
async fn a_surer_sign_in_that_is_never_sure_enough_comes_to_an_end() {
    let world = World::start().await;
    let client = world.client().build().unwrap();
    world.facts().surer = Some(Surer::Impossible);
    assert!(matches!(call(&client).await, Err(ClientError::StillRefused { .. })));
    assert!(world.facts().asked.len() <= 3, "nobody is asked without end");
}

/// Processes that share a folder are clients that share nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c14_parallel_clients_lose_no_refresh() {
    const ROUNDS: usize = 25;
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let store = || Arc::new(FileStore::at(folder.path()).unwrap());
    let clients: Vec<_> = (0..10).map(|_| world.client().store(store()).build().unwrap()).collect();
    assert_eq!(call(&clients[0]).await.unwrap(), 200);
    for _ in 0..ROUNDS {
        world.clock.advance(Duration::from_secs(300));
        let mut all = JoinSet::new();
        for client in &clients {
            let client = client.clone();
            all.spawn(async move { call(&client).await });
        }
        for answer in all.join_all().await {
            assert_eq!(answer.unwrap(), 200);
        }
    }
    assert_eq!(world.facts().reused, 0, "no refresh token was used twice");
    assert_eq!(world.facts().asked.len(), 1, "nobody had to sign in again");
    assert_eq!(world.count("refresh_token"), ROUNDS, "one refreshed and the rest used its result");
}

#[tokio::test]
async fn c13_who_goes_away_in_the_middle_of_a_refresh_loses_nothing() {
    let world = World::start().await;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let client = world.client().store(store.clone()).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    world.clock.advance(Duration::from_secs(300));
    let gate = Arc::new(Notify::new());
    *world.gate.lock().unwrap() = Some(gate.clone());
    let impatient = tokio::spawn(async move { call(&client).await });
    world.arrived.notified().await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    *world.gate.lock().unwrap() = None;
    gate.notify_one();
    let other = world.client().store(store).build().unwrap();
    assert_eq!(call(&other).await.unwrap(), 200);
    let facts = world.facts();
    assert_eq!((facts.reused, facts.asked.len()), (0, 1));
}

#[tokio::test]
async fn a_login_survives_a_server_that_is_ill() {
    let world = World::start().await;
    let client = world.client().build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    world.clock.advance(Duration::from_secs(300));
    for error in ["server_error", "temporarily_unavailable", "slow_down"] {
        world.facts().ill = Some(error.to_owned());
        assert!(matches!(call(&client).await, Err(ClientError::Token(_))), "{error}");
    }
    world.facts().ill = None;
    assert_eq!(call(&client).await.unwrap(), 200);
    assert_eq!(world.facts().asked.len(), 1, "nobody had to sign in again");
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_while_the_old_one_serves() {
    let world = World::start().await;
    let client = world.client().build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    world.clock.advance(Duration::from_secs(245));
    assert_eq!(client.token().await.unwrap().value.reveal(), "at-1", "nobody waits");
    while world.count("refresh_token") == 0 || client.token().await.unwrap().value.reveal() == "at-1" {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.token().await.unwrap().value.reveal(), "at-2");
    assert_eq!(world.count("refresh_token"), 1);
}

#[tokio::test]
async fn without_a_person_only_what_is_kept_is_used() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let store = || Arc::new(FileStore::at(folder.path()).unwrap());
    let alone = world.client().way(Way::Stored).store(store()).build().unwrap();
    let error = call(&alone).await.unwrap_err();
    assert!(matches!(error, ClientError::SignInNeeded(_)), "{error}");
    assert_eq!(error.blame(), Blame::Person);
    assert_eq!(call(&world.client().store(store()).build().unwrap()).await.unwrap(), 200);
    let alone = world.client().way(Way::Stored).store(store()).build().unwrap();
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(call(&alone).await.unwrap(), 200);
    alone.sign_out().await.unwrap();
    let later = world.client().way(Way::Stored).store(store()).build().unwrap();
    assert!(!later.is_signed_in().await.unwrap());
}

#[tokio::test]
async fn a_server_that_forgot_the_client_is_told_of_it_again_once() {
    let world = World::start().await;
    world.facts().forgotten = vec!["client-1".to_owned()];
    assert_eq!(call(&world.client().build().unwrap()).await.unwrap(), 200);
    assert_eq!(world.facts().registered.len(), 2);
    world.facts().forgotten = vec!["client-3".to_owned(), "client-4".to_owned()];
    assert!(call(&world.client().build().unwrap()).await.is_err(), "and it does not go on for ever");
}

#[tokio::test]
async fn b07_a_server_cannot_lead_its_client_into_the_network() {
    let world = World::start().await;
    for inside in
        ["http://169.254.169.254", "https://10.0.0.1", "http://192.168.0.1:8080", "https://[fd00::1]"]
    {
        world.facts().issuer_instead = Some(inside.to_owned());
        let error = call(&world.client().build().unwrap()).await.unwrap_err();
        assert!(matches!(error, ClientError::Discovery(_)), "{inside}: {error}");
    }
    assert!(world.facts().asked.is_empty() && world.facts().tokens.is_empty());
}

#[tokio::test]
async fn b15_a_token_is_shown_to_no_other_origin() {
    let world = World::start().await;
    let client = world.client().build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    for other in ["http://127.0.0.1:1/mcp", "https://evil.example/mcp", "http://localhost:80/mcp"] {
        let error = client.call(Method::POST, Url::parse(other).unwrap()).headers().await.unwrap_err();
        assert!(matches!(error, ClientError::OtherOrigin { .. }), "{error}");
    }
}

#[tokio::test]
async fn another_http_client_does_the_same_by_a_call() {
    let world = World::start().await;
    let client = world.client().build().unwrap();
    let other = Upstream::new(UpstreamConfig::default());
    let mut call = client.call(Method::POST, Url::parse(&world.address()).unwrap());
    let answer = loop {
        let mut request = Request::post(world.address()).body(Full::new(Bytes::new())).unwrap();
        request.headers_mut().extend(call.headers().await.unwrap());
        let answer = other.send(request).await.unwrap();
        if call.heed(answer.status(), answer.headers()).await.unwrap() == Heeded::Done {
            break answer;
        }
    };
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "{}");
}

#[tokio::test]
async fn a_person_on_another_device_is_waited_for() {
    let world = World::start().await;
    world.facts().pending = 1;
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = shown.clone();
    let screen = move |code: &DeviceCode| seen.lock().unwrap().push(code.user_code.clone());
    let client = world.client().way(Way::Device(Arc::new(screen))).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    assert_eq!(*shown.lock().unwrap(), ["ABCD"]);
    assert_eq!(world.count("urn:ietf:params:oauth:grant-type:device_code"), 2);
    let facts = world.facts();
    assert_eq!((facts.asked[0]["scope"].as_str(), &facts.asked[0]["resource"]), ("read", &world.address()));
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_narrower_one() {
    let world = World::start().await;
    let jwt = |claims: String| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let subject =
        move |audience: &str| Ok(jwt(format!(r#"{{"iss":"{audience}","aud":"https://front.example"}}"#)));
    let actor = Arc::new(|_: &str| Ok("actor".to_owned()));
    let actor = OnlyTo { source: actor, issuer: world.origin.clone() };
    let exchange = Exchange {
        actor: Some((Arc::new(actor), "urn:ietf:params:oauth:token-type:jwt".to_owned())),
        requested_actor: Some("agt_next".to_owned()),
        token_view: Some("agent".to_owned()),
        ..Exchange::of(Arc::new(subject))
    };
    let scopes = ScopeSet::parse("summary").unwrap();
    let client = world.client().way(Way::Exchange(exchange)).scopes(scopes).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    let facts = world.facts();
    let said = &facts.tokens[0];
    assert!(said["subject_token"].starts_with("e30."));
    assert_eq!((said["actor_token"].as_str(), said["scope"].as_str()), ("actor", "summary"), "and no more");
    assert_eq!((said["requested_actor"].as_str(), said["token_view"].as_str()), ("agt_next", "agent"));
    assert_eq!(said["resource"], world.address());
}

/// Whoever hands a token over keeps it fresh: it is read anew, and what came of the old one serves until then.
#[tokio::test]
async fn a_handed_token_is_exchanged_again_before_the_end_of_what_came_of_it() {
    let world = World::start().await;
    let (handed, issuer) = (Arc::new(Mutex::new("first")), world.origin.clone());
    let now = handed.clone();
    let source: Arc<dyn TokenSource> = Arc::new(move |_: &str| Ok((*now.lock().unwrap()).to_owned()));
    let exchange = Exchange::of(Arc::new(OnlyTo { source, issuer }));
    let client = world.client().way(Way::Exchange(exchange)).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    *handed.lock().unwrap() = "second";
    world.clock.advance(Duration::from_secs(245));
    assert_eq!(client.token().await.unwrap().value.reveal(), "at-1", "nobody waits");
    while client.token().await.unwrap().value.reveal() == "at-1" {
        tokio::task::yield_now().await;
    }
    let shown: Vec<_> = world.facts().tokens.iter().map(|t| t["subject_token"].clone()).collect();
    assert_eq!(shown, ["first", "second"]);
    assert_eq!(world.count("refresh_token"), 0, "and no secret that lasts is used in its stead");
}

#[tokio::test]
async fn a_client_without_a_secret_is_vouched_for_by_the_evidence_that_says_who_acts() {
    let world = World::start().await;
    let only = |text: &'static str| {
        let source: Arc<dyn TokenSource> = Arc::new(move |_: &str| Ok(text.to_owned()));
        Arc::new(OnlyTo { source, issuer: world.origin.clone() })
    };
    let exchange = Exchange {
        actor: Some((only("evidence"), "urn:ietf:params:oauth:token-type:jwt".to_owned())),
        ..Exchange::of(only("subject"))
    };
    let software = Software::named("Reporter").known("reporter", None);
    let client = world.client().software(software).way(Way::Exchange(exchange)).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    let said = &world.facts().tokens[0];
    assert_eq!((said["client_id"].as_str(), said["client_assertion"].as_str()), ("reporter", "evidence"));
    assert_eq!((said["actor_token"].as_str(), said["subject_token"].as_str()), ("evidence", "subject"));
    assert_eq!(said.get("scope"), None, "as much as was handed over");
}

/// The server names who grants access: a token that was handed to the agent must not go wherever it says.
#[tokio::test]
async fn a15_a_handed_token_of_another_issuer_is_not_shown() {
    let world = World::start().await;
    let strange = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"iss":"https://other.example"}"#));
    let named = OnlyTo { source: Arc::new(|_: &str| Ok("x".into())), issuer: "https://other.example".into() };
    let sources: [Arc<dyn TokenSource>; 3] = [
        Arc::new(move |_: &str| Ok(strange.clone())),
        Arc::new(|_: &str| Ok("opaque".into())),
        Arc::new(named),
    ];
    for source in sources {
        let client = world.client().way(Way::Exchange(Exchange::of(source))).build().unwrap();
        let refused = call(&client).await.unwrap_err();
        assert!(matches!(refused, ClientError::Handed { what: "the subject", .. }), "{refused}");
    }
    assert!(world.facts().tokens.is_empty(), "nothing was shown");
}

/// The opener of the test is a browser too: it follows the redirect to the listener, after it tried wrong answers.
#[tokio::test(flavor = "multi_thread")]
async fn e38_the_browsers_answer_is_heard_on_loopback_and_others_are_not() {
    let world = World::start().await;
    let opener = |url: &Url| {
        let url = url.clone();
        tokio::spawn(async move {
            let web = Upstream::new(UpstreamConfig::default());
            let get = |url: &str| Request::get(url).body(Full::new(Bytes::new())).unwrap();
            let redirect = url.query_pairs().find(|(n, _)| n == "redirect_uri").unwrap().1.into_owned();
            for (wrong, status) in [("?code=x&state=wrong", 400), ("?code=x", 400), ("/../favicon.ico", 404)]
            {
                let answer = web.send(get(&format!("{redirect}{wrong}"))).await.unwrap();
                assert_eq!(answer.status().as_u16(), status, "{wrong}");
            }
            let leads = web.send(get(url.as_str())).await.unwrap();
            let back = leads.headers()["location"].to_str().unwrap().to_owned();
            drop(web.send(get(&back)).await);
        });
        Ok(())
    };
    let client = world.client().way(Way::Browser(Arc::new(Loopback::new(opener)))).build().unwrap();
    assert_eq!(call(&client).await.unwrap(), 200);
    assert!(world.facts().asked[0]["redirect_uri"].starts_with("http://127.0.0.1:"));
}
