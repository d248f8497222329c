//! Signing in at another provider.

use crate::idp::{CLIENT, Idp, SECRET};
use crate::softkey::SoftKey;
use crate::world::{Browser, Page, World};
use base64::Engine as _;
use http::StatusCode;
use prokura_core::Acr;
use prokura_server::interaction::Prompt;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SESSION: &str = "__Host-prokura";

pub(crate) async fn world(more: &str) -> (World, Arc<Idp>) {
    let idp = Idp::start().await;
    (World::with_provider(&idp.config(more), idp.egress(), SECRET).await, idp)
}

/// The address in a link whose path begins so.
pub(crate) fn href(page: &Page, path: &str) -> String {
    let start = format!("href=\"{path}");
    let at = page.html.find(&start).unwrap_or_else(|| panic!("no link {path} in\n{}", page.html)) + 6;
    page.html[at..].split('"').next().unwrap().replace("&#38;", "&")
}

/// From the sign-in page to the provider: the address that the browser is sent to.
async fn leave(browser: &mut Browser<'_>) -> String {
    let page = browser.open("/account").await;
    let page = browser.get(&href(&page, "/signin/with/corp")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.html);
    page.location().to_owned()
}

pub(crate) fn back(parameters: &[(String, String)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/signin/from/corp?{query}")
}

pub(crate) async fn sign_in(browser: &mut Browser<'_>, idp: &Idp) -> Page {
    let there = leave(browser).await;
    browser.get(&back(&idp.authorize(&there))).await
}

pub(crate) fn ada(idp: &Idp) {
    idp.says(|s| {
        s.claims = json!({ "email": "Ada@corp.example", "email_verified": true, "name": "Ada King", "preferred_username": "ada" });
    });
}

#[tokio::test]
async fn a_new_person_becomes_a_user_once_and_is_known_again() {
    let (world, idp) = world("link = \"create\"").await;
    ada(&idp);
    let mut browser = world.browser();
    let page = sign_in(&mut browser, &idp).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/account"), "{}", page.html);
    assert!(browser.open("/account").await.html.contains("Ada King"));
    let user = world.store.read(|tx| tx.user_by_name("ada")).await.unwrap().unwrap();
    assert_eq!((user.email.as_deref(), user.password_hash), (Some("ada@corp.example"), None));
    assert_eq!(world.actions().await, ["user:add", "identity:link", "sign_in:provider"]);

    // The next time only the subject counts, whatever the provider says besides.
    idp.says(|s| s.claims = json!({ "email": "new@corp.example", "email_verified": true }));
    let mut other = world.browser();
    assert_eq!(sign_in(&mut other, &idp).await.location(), "/account");
    assert!(other.open("/account").await.html.contains("Ada King"));
    assert_eq!(world.store.read(|tx| tx.users(None, 9)).await.unwrap().len(), 1);
    // Somebody else with the same handle is somebody else.
    idp.says(|s| s.claims = json!({ "sub": "u2", "preferred_username": "ada" }));
    idp.says(|s| s.userinfo = json!({ "sub": "u2" }));
    sign_in(&mut world.browser(), &idp).await;
    assert!(world.store.read(|tx| tx.user_by_name("ada-2")).await.unwrap().is_some());
}

#[tokio::test]
async fn the_secret_goes_into_the_header_encoded_and_a_private_key_signs_for_the_issuer() {
    let (world, idp) = world("link = \"create\"").await;
    sign_in(&mut world.browser(), &idp).await;
    let (header, form) = idp.asked.lock().unwrap().pop().unwrap();
    let decoded =
        base64::engine::general_purpose::STANDARD.decode(header.trim_start_matches("Basic ")).unwrap();
    assert_eq!(decoded, b"prokura%3Acorp:s3cret%2F%2B+of+corp");
    assert!(!form.contains_key("client_secret") && form["code_verifier"].len() == 43);

    let key = prokura_oauth::jose::SigningKey::generate(prokura_oauth::jose::Algorithm::Es256).unwrap();
    let pem = base64::engine::general_purpose::STANDARD.encode(key.to_pkcs8().unwrap().as_slice());
    let pem =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----\n", &pem[..64], &pem[64..]);
    let config = idp.config("link = \"create\"").replace("client_secret", "private_key");
    let world = World::with_provider(&config, idp.egress(), &pem).await;
    assert_eq!(sign_in(&mut world.browser(), &idp).await.location(), "/account");
    let (header, form) = idp.asked.lock().unwrap().pop().unwrap();
    let keys = prokura_oauth::jose::KeySet::of(vec![key.public()]).unwrap();
    let client = prokura_core::ClientId::parse(CLIENT).unwrap();
    let now = prokura_core::Clock::now(&*world.clock);
    prokura_oauth::assertion::verify_client(&form["client_assertion"], &keys, &client, &idp.issuer, now)
        .unwrap();
    assert!(header.is_empty() && form["client_assertion_type"].ends_with("jwt-bearer"));
}

#[tokio::test]
async fn a17_who_leaves_must_come_back() {
    let (world, idp) = world("link = \"create\"").await;
    let (mut eve, mut alice) = (world.browser(), world.browser());
    let theirs = back(&idp.authorize(&leave(&mut eve).await));
    // Before a victim has ever been here, and after.
    for mut victim in [world.browser(), {
        alice.open("/account").await;
        alice
    }] {
        let page = victim.get(&theirs).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(!victim.cookies.contains_key(SESSION));
    }
    assert_eq!(eve.get(&theirs).await.location(), "/account", "nobody has spent it");
}

#[tokio::test]
async fn a18_an_answer_of_a_provider_counts_once_and_not_after_ten_minutes() {
    let (world, idp) = world("link = \"create\"").await;
    let mut browser = world.browser();
    let answer = back(&idp.authorize(&leave(&mut browser).await));
    assert_eq!(browser.get(&answer).await.location(), "/account");
    browser.cookies.remove(SESSION);
    assert_eq!(browser.get(&answer).await.status, StatusCode::GONE);
    assert!(!browser.cookies.contains_key(SESSION));
    let late = back(&idp.authorize(&leave(&mut browser).await));
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(browser.get(&late).await.status, StatusCode::FORBIDDEN);
    assert_eq!(idp.asked.lock().unwrap().len(), 1, "only one code was ever shown");
    for odd in [
        "/signin/from/corp?code=x",
        "/signin/from/corp?code=x&state=a.1.b",
        "/signin/from/corp?state=x&state=y",
    ] {
        assert!(browser.get(odd).await.status.is_client_error(), "{odd}");
    }
}

#[tokio::test]
async fn a22_no_other_page_begins_a_sign_in_elsewhere() {
    let (world, _idp) = world("link = \"create\"").await;
    let (mut eve, mut alice) = (world.browser(), world.browser());
    let page = eve.open("/account").await;
    let theirs = href(&page, "/signin/with/corp");
    alice.open("/account").await;
    for odd in [theirs.as_str(), "/signin/with/corp?m=", "/signin/with/corp?m=x"] {
        assert_eq!(alice.get(odd).await.location(), "/signin", "{odd}");
    }
    assert_eq!(alice.get("/signin/with/nobody?m=x").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a15_an_answer_that_names_another_issuer_is_refused() {
    let (world, idp) = world("link = \"create\"").await;
    let mut browser = world.browser();
    for iss in [None, Some("https://evil.example"), Some(&*format!("{}/", idp.issuer))] {
        let mut answer = idp.authorize(&leave(&mut browser).await);
        answer.retain(|(name, _)| name != "iss");
        answer.extend(iss.map(|iss| ("iss".to_owned(), iss.to_owned())));
        let page = browser.get(&back(&answer)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{iss:?}");
        assert!(page.html.contains("did not come from Corp"));
    }
    // An error is an answer too.
    let mut answer = idp.authorize(&leave(&mut browser).await);
    answer.retain(|(name, _)| name == "state");
    answer.push(("error".into(), "access_denied".into()));
    assert_eq!(browser.get(&back(&answer)).await.status, StatusCode::FORBIDDEN);
    assert!(idp.asked.lock().unwrap().is_empty(), "no code was shown to anybody");
    let last = world.record().await.pop().unwrap().event;
    assert_eq!(
        (last.action.as_str(), last.reasons),
        ("sign_in:provider", vec!["provider_mixed_up".to_owned()])
    );
}

#[tokio::test]
async fn a16_a_code_that_came_for_one_provider_is_not_shown_to_another() {
    let (honest, evil) = (Idp::start().await, Idp::start().await);
    let second = evil.config("link = \"create\"").replace("\"corp\"", "\"evil\"");
    let config = format!("{}{second}", honest.config("link = \"create\""));
    let both = [honest.authority(), evil.authority()];
    let allow = prokura_egress::AllowList::parse(&both).unwrap();
    let egress = prokura_egress::Egress::system(prokura_egress::EgressConfig { allow, ..Default::default() });
    let world = World::with_provider(&config, egress, SECRET).await;
    let mut browser = world.browser();
    // A sign-in that was begun at one and comes back at the address of the other.
    honest.says(|s| s.names_itself = false);
    evil.says(|s| s.names_itself = false);
    let answer = back(&honest.authorize(&leave(&mut browser).await)).replace("/from/corp", "/from/evil");
    assert_eq!(browser.get(&answer).await.status, StatusCode::FORBIDDEN);
    assert!(evil.asked.lock().unwrap().is_empty() && honest.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn b14_a_provider_whose_metadata_is_anothers_is_not_used() {
    let (world, idp) = world("link = \"create\"").await;
    idp.says(|s| s.metadata = json!({ "issuer": "https://evil.example" }));
    let mut browser = world.browser();
    let page = browser.open("/account").await;
    let page = browser.get(&href(&page, "/signin/with/corp")).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(page.html.contains("Corp cannot be reached") && !page.html.contains("evil.example"));
    // An error is not kept.
    idp.says(|s| s.metadata = json!({}));
    assert_eq!(sign_in(&mut browser, &idp).await.location(), "/account");
}

#[tokio::test]
async fn b15_a_person_of_one_issuer_is_nobody_at_another() {
    let (world, idp) = world("link = \"create\"").await;
    ada(&idp);
    sign_in(&mut world.browser(), &idp).await;
    let found = |issuer: String| world.store.read(move |tx| tx.identity(&issuer, "u1"));
    assert!(found(idp.issuer.clone()).await.unwrap().is_some());
    assert!(found("https://other.example".to_owned()).await.unwrap().is_none());
}

#[tokio::test]
async fn c04_an_id_token_that_is_not_for_this_sign_in_signs_nobody_in() {
    let (world, idp) = world("link = \"create\"").await;
    let mut browser = world.browser();
    for odd in [
        json!({ "aud": "other" }),
        json!({ "aud": [CLIENT, "other"], "azp": "other" }),
        json!({ "iss": "https://evil.example" }),
        json!({ "nonce": "other" }),
        json!({ "nonce": null }),
        json!({ "exp": 1_795_255_000 }),
        json!({ "sub": null }),
        json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" }),
        json!({ "sub": "u9" }),
    ] {
        idp.says(|s| s.odd = odd.clone());
        let page = sign_in(&mut browser, &idp).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{odd}");
        assert!(!browser.cookies.contains_key(SESSION), "{odd}");
    }
    assert!(world.store.read(|tx| tx.users(None, 9)).await.unwrap().is_empty());
}

#[tokio::test]
async fn c04_only_the_agreed_algorithm_is_accepted() {
    let idp = Idp::start().await;
    let config = idp.config("link = \"create\"").replace("id_token_algorithm = \"ES256\"\n", "");
    let world = World::with_provider(&config, idp.egress(), SECRET).await;
    assert_eq!(sign_in(&mut world.browser(), &idp).await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn an_address_that_is_not_verified_opens_nothing() {
    let (world, idp) = world("link = \"verified_email\"").await;
    let alice = world.add("alice").await;
    world.store.transact(move |tx| tx.set_email(&alice, Some("alice@corp.example"))).await.unwrap();
    for claims in [
        json!({ "email": "alice@corp.example" }),
        json!({ "email": "alice@corp.example", "email_verified": false }),
        json!({ "email": "alice@corp.example", "email_verified": "true" }),
        json!({ "email": "other@corp.example", "email_verified": true }),
    ] {
        idp.says(|s| s.claims = claims.clone());
        let mut browser = world.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{claims}");
        assert!(page.html.contains("Nobody here is known by that account at Corp"));
    }
    idp.says(|s| s.userinfo = json!({ "email": "Alice@Corp.example", "email_verified": true }));
    idp.says(|s| s.claims = json!({}));
    let mut browser = world.browser();
    assert_eq!(sign_in(&mut browser, &idp).await.location(), "/account");
    assert!(browser.open("/account/security").await.html.contains("by Corp"));
}

#[tokio::test]
async fn by_invitation_only_who_is_signed_in_here_connects_an_account() {
    let (world, idp) = world("").await;
    world.add("alice").await;
    ada(&idp);
    let mut alice = world.browser();
    assert_eq!(sign_in(&mut alice, &idp).await.status, StatusCode::FORBIDDEN);
    alice.sign_in("alice").await;
    let page = alice.get("/account/security").await;
    let there = alice.get(&href(&page, "/account/identities/corp/connect")).await;
    let page = alice.get(&back(&idp.authorize(there.location()))).await;
    let page = alice.follow(page).await;
    assert!(
        page.html.contains("The account was connected.") && page.html.contains("Ada@corp.example"),
        "{}",
        page.html
    );
    let mut elsewhere = world.browser();
    assert_eq!(sign_in(&mut elsewhere, &idp).await.location(), "/account");

    // One account there belongs to one user here.
    world.add("bob").await;
    let mut bob = world.browser();
    bob.sign_in("bob").await;
    let page = bob.get("/account/security").await;
    let there = bob.get(&href(&page, "/account/identities/corp/connect")).await;
    let page = bob.get(&back(&idp.authorize(there.location()))).await;
    assert!(bob.follow(page).await.html.contains("There is an account here already"));
    assert!(world.actions().await.iter().filter(|a| *a == "identity:link").count() == 2);

    let page = alice.get("/account/security").await;
    let page = alice.post(page.form("/account/identities/")).await;
    assert!(alice.follow(page).await.html.contains("The account was disconnected."));
    assert_eq!(sign_in(&mut world.browser(), &idp).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a17_an_account_is_connected_in_the_session_that_began_it_and_only_while_fresh() {
    let (world, idp) = world("").await;
    world.add("alice").await;
    world.add("bob").await;
    let mut browser = world.browser();
    browser.sign_in("alice").await;
    let page = browser.get("/account/security").await;
    let link = href(&page, "/account/identities/corp/connect");
    let there = browser.get(&link).await;
    let answer = back(&idp.authorize(there.location()));
    // Somebody else signs in in the same browser before the answer comes.
    let page = browser.get("/signin").await;
    browser.password(&page, "bob", crate::world::PASSWORD).await;
    assert_eq!(browser.get(&answer).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get(&link).await.status, StatusCode::FORBIDDEN, "another session's link");
    let mut alice = world.browser();
    alice.sign_in("alice").await;
    world.clock.advance(Duration::from_secs(601));
    let page = alice.get("/account/security").await;
    let page = alice.get(&href(&page, "/account/identities/corp/connect")).await;
    assert_eq!(page.location(), "/signin?again");
    let page = alice.follow(page).await;
    assert!(page.html.contains("Sign in again"));
    assert_eq!(alice.password(&page, "alice", crate::world::PASSWORD).await.location(), "/account/security");
}

#[tokio::test]
async fn c10_who_is_disabled_comes_in_by_no_provider() {
    let (world, idp) = world("link = \"create\"").await;
    ada(&idp);
    let mut browser = world.browser();
    sign_in(&mut browser, &idp).await;
    let user = world.store.read(|tx| tx.user_by_name("ada")).await.unwrap().unwrap().id;
    let now = prokura_core::Clock::now(&*world.clock);
    world.store.transact(move |tx| tx.disable_user(&user, true, "operator", "left", now)).await.unwrap();
    assert_eq!(browser.get("/account").await.location(), "/signin", "the session ended");
    let page = sign_in(&mut world.browser(), &idp).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.html.contains("Your account here is stopped"));
}

#[tokio::test]
async fn domains_and_groups_say_who_may_come_in() {
    let more = "link = \"create\"\nallowed_domains = [\"corp.example\"]\nallowed_groups = [\"staff\"]\ngroups = { staff = \"s\" }\nacr = { gold = \"phr\" }";
    let (world, idp) = world(more).await;
    let mut browser = world.browser();
    idp.says(|s| {
        s.claims = json!({ "email": "eve@evil.example", "email_verified": true, "groups": ["staff"] })
    });
    assert!(sign_in(&mut browser, &idp).await.html.contains("Only people of certain organisations"));
    idp.says(|s| {
        s.claims = json!({ "email": "eve@corp.example", "email_verified": true, "groups": ["guests"] })
    });
    assert!(sign_in(&mut browser, &idp).await.html.contains("Only people in certain groups"));
    idp.says(|s| s.claims = json!({
        "email": "ada@corp.example", "email_verified": true, "groups": ["staff", "x"], "acr": "gold", "amr": ["pwd", "hwk"],
        "auth_time": 1_795_255_100,
    }));
    assert_eq!(sign_in(&mut browser, &idp).await.location(), "/account");
    let secret = browser.cookies[SESSION].clone();
    let now = prokura_core::Clock::now(&*world.clock);
    let session = world.store.read(move |tx| tx.session(&secret, now)).await.unwrap().unwrap();
    assert_eq!(
        (session.acr, session.amr.as_str(), session.groups),
        (Acr::Phr, "hwk pwd", vec!["s".to_owned()])
    );
    assert_eq!((session.provider.as_deref(), session.auth_at.seconds()), (Some("corp"), 1_795_255_100));
}

#[tokio::test]
async fn a_sign_in_that_has_to_be_new_is_asked_for_and_proved() {
    let (world, idp) = world("link = \"create\"").await;
    world.ask(|a| a.prompt = Prompt::Login);
    let mut browser = world.browser();
    let page = browser.open("/authorize").await;
    let link = href(&page, "/signin/with/corp");
    let there = browser.get(&link).await.location().to_owned();
    assert!(there.contains("max_age=0") && there.contains("prompt=login"), "{there}");
    // Nothing said, or long ago.
    for auth_time in [json!(null), json!(1_795_255_000)] {
        idp.says(|s| s.odd = json!({ "auth_time": auth_time }));
        let there = browser.get(&link).await.location().to_owned();
        let page = browser.get(&back(&idp.authorize(&there))).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        assert!(page.html.contains("did not ask you again") && page.html.contains("Planner"));
    }
    idp.says(|s| s.odd = json!({ "auth_time": 1_795_255_190 }));
    let there = browser.get(&link).await.location().to_owned();
    let page = browser.get(&back(&idp.authorize(&there))).await;
    let page = browser.follow(page).await;
    assert!(page.html.contains("May Planner use Sales for you?"), "{}", page.html);
}

#[tokio::test]
async fn the_only_way_in_is_not_disconnected() {
    let (world, idp) = world("link = \"create\"").await;
    ada(&idp);
    let mut browser = world.browser();
    sign_in(&mut browser, &idp).await;
    let page = browser.open("/account/security").await;
    let page = browser.post(page.form("/account/identities/")).await;
    assert!(browser.follow(page).await.html.contains("This is the only way into your account."));
    let mut key = SoftKey::new("https://as.example");
    let form = browser.get("/account/security").await.form("/account/passkeys");
    let credential = key.create(&form.options).await;
    browser.post(form.with("credential", &credential).with("label", "Laptop")).await;
    let page = browser.open("/account/security").await;
    let page = browser.post(page.form("/account/identities/")).await;
    assert!(browser.follow(page).await.html.contains("The account was disconnected."));
}

#[tokio::test]
async fn c11_a_group_is_what_a_configured_provider_said_last() {
    let more = r#"link = "create"
        groups = { staff = "staff" }
        [[group]]
        name = "boss"
        [[enterprise_consent]]
        name = "planner"
        groups = ["staff"]
        clients = ["https://planner.example/client.json"]
        resource = "sales"
        scopes = ["read:report", "tools:generate_summary"]"#;
    let (world, idp) = world(more).await;
    let says = |groups: serde_json::Value| {
        idp.says(|s| s.claims = json!({ "preferred_username": "ada", "groups": groups }));
    };
    let asked = "May Planner use Sales for you?";
    // A group that the configuration does not take from this provider is none.
    says(json!(["Staff", "boss", "staff2"]));
    let mut browser = world.browser();
    sign_in(&mut browser, &idp).await;
    assert!(browser.open("/authorize").await.html.contains(asked));
    says(json!(["staff"]));
    let mut browser = world.browser();
    sign_in(&mut browser, &idp).await;
    assert!(browser.open("/authorize").await.location().contains("code="));
    // Who left the group has no more what it was given, from the next sign-in on.
    says(json!([]));
    let mut browser = world.browser();
    sign_in(&mut browser, &idp).await;
    let user = world.store.read(|tx| tx.user_by_name("ada")).await.unwrap().unwrap().id;
    let grants = world.store.read(move |tx| tx.grants_of_user(&user)).await.unwrap();
    assert!(matches!(grants[0].state, prokura_core::GrantState::Revoked(_)), "{grants:?}");
    assert!(browser.open("/authorize").await.html.contains(asked));
    // And what was said long ago counts no more.
    says(json!(["staff"]));
    let mut browser = world.browser();
    sign_in(&mut browser, &idp).await;
    assert!(browser.open("/authorize").await.location().contains("code="));
    let user = world.store.read(|tx| tx.user_by_name("ada")).await.unwrap().unwrap().id;
    let row = world.store.read(move |tx| tx.identities_of(&user)).await.unwrap().remove(0);
    let long_ago = prokura_core::Clock::now(&*world.clock).before(Duration::from_secs(31 * 86_400));
    world.store.transact(move |tx| tx.use_identity(&row, long_ago)).await.unwrap();
    world.ask(|a| a.scope = prokura_core::ScopeSet::parse("read:report").unwrap());
    assert!(browser.open("/authorize").await.html.contains(asked));
}
