//! Device codes: somebody else's, guessed, or another client's.

use crate::world::person::without_dev;
use crate::world::*;

async fn asked_by_hand() -> World {
    let world = World::with(&without_dev(&format!("{USUAL}{DEVICES}"))).await;
    world.add_user("alice").await;
    world
}

#[tokio::test]
async fn a09_another_clients_device_code_is_worth_nothing() {
    let world = World::and(DEVICES).await;
    let begun = world.begin_device(&[]).await;
    world.person().enter(&begun.text("user_code")).await;
    let code = begun.text("device_code");
    let stolen = [("grant_type", DEVICE_GRANT), ("device_code", code.as_str())];
    let answer = world.form("/token", Some(&format!("box:{SECRET}")), &stolen).await;
    assert_eq!(answer.error(), "400 invalid_grant");
    world.refused_for("device_of_another").await;
    assert_eq!(world.poll(&code).await.status, 200, "its own client still gets it");
}

#[tokio::test]
async fn a33_a_code_that_somebody_sent_is_never_taken_silently() {
    let world = asked_by_hand().await;
    let begun = world.begin_device(&[]).await;
    let (user, complete) = (begun.text("user_code"), begun.text("verification_uri_complete"));
    let mut victim = world.person();
    let page = victim.get(complete.strip_prefix(ISSUER).unwrap()).await;
    assert_eq!(page.status, 200, "an address does nothing by itself");
    assert!(page.body.contains(&user) && page.body.contains("Does your device show this code?"));
    assert!(page.body.contains("they would get the access, not you"));
    assert_eq!(page.header("x-frame-options"), "DENY");

    let sent = victim.post(&page, "/device", &[("user_code", &user)]).await;
    let question = victim.signed_in(sent).await;
    for said in [user.as_str(), "Another device asks", "from 127.0.0.1", "not the network that you use"] {
        assert!(question.body.contains(said), "{said}: {}", question.body);
    }
    assert_eq!(world.poll(&begun.text("device_code")).await.error(), "400 authorization_pending");
    let end = victim.answer(&question, "", &["read"]).await;
    assert_eq!(end.header("location"), "/device/refused", "only a plain Yes is one");
}

#[tokio::test]
async fn a33_an_agreement_with_one_device_is_none_with_the_next() {
    let world = asked_by_hand().await;
    let mut person = world.person();
    person.from = "127.0.0.1".into();
    for _ in 0..2 {
        let begun = world.begin_device(&[("scope", "read")]).await;
        let question = person.question(&begun.text("user_code")).await;
        assert!(question.body.contains("the network that you use too"), "asked: {}", question.body);
        person.answer(&question, "allow", &["read"]).await;
        assert_eq!(world.poll(&begun.text("device_code")).await.status, 200);
    }
    assert_eq!(world.count("grant:make").await, 2);
}

#[tokio::test]
async fn a33_of_two_who_enter_a_code_one_answers_it() {
    let world = asked_by_hand().await;
    let begun = world.begin_device(&[]).await;
    let (mut first, mut second) = (world.person(), world.person());
    let asked = first.question(&begun.text("user_code")).await;
    let also = second.question(&begun.text("user_code")).await;
    assert_eq!(second.answer(&also, "no", &[]).await.header("location"), "/device/refused");
    let late = first.answer(&asked, "allow", &["read"]).await;
    assert_eq!(late.status, 410, "{}", late.body);
    assert_eq!(world.count("grant:make").await, 0);
    assert_eq!(world.poll(&begun.text("device_code")).await.error(), "400 access_denied");
}

#[tokio::test]
async fn a34_user_codes_are_not_guessed() {
    let world = asked_by_hand().await;
    let user = world.begin_device(&[]).await.text("user_code");
    let mut one = world.person();
    for n in 0..5 {
        assert_eq!(one.enter("BCDF-GHJK").await.status, 422, "{n}");
    }
    let paused = one.enter(&user).await;
    assert_eq!(paused.status, 429, "a right code is not looked at in a pause");
    world.refused_for("paused").await;

    let mut tries = 0;
    while world.person().enter("BCDF-GHJK").await.status != 429 {
        tries += 1;
        assert!(tries < 20, "a new browser at the same address counts too");
    }
    let mut elsewhere = world.person();
    elsewhere.from = "198.51.100.1".into();
    assert_eq!(elsewhere.enter(&user).await.status, 303, "others are not kept out");
}

#[tokio::test]
async fn a34_codes_of_ones_own_buy_no_more_guesses() {
    let world = asked_by_hand().await;
    let mut one = world.person();
    let (mut wrong, mut paused) = (0, false);
    for n in 0..12 {
        if n % 2 == 1 {
            let own = world.begin_device(&[]).await.text("user_code");
            paused |= one.enter(&own).await.status == 429;
        } else {
            paused |= one.enter("BCDF-GHJK").await.status == 429;
            wrong += u32::from(!paused);
        }
    }
    assert!(paused && wrong <= 5, "{wrong} guesses went through");
}

#[tokio::test]
async fn a34_no_address_makes_codes_without_end_and_no_copy_of_the_store_has_one() {
    let world = World::and(&format!("{DEVICES}[device]\nper_minute = 3\n")).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(world.begin_device(&[]).await.text("user_code"));
    }
    assert_eq!(world.begin_device(&[]).await.error(), "429 temporarily_unavailable");
    world.wait(60);
    assert_eq!(world.begin_device(&[]).await.status, 200);
    let letters = codes[0].replace('-', "");
    let found = world.write(move |tx| tx.artifact(prokura_store::ArtifactKind::UserCode, &letters)).await;
    assert_eq!(found, None, "it is kept under a mark whose key is not in the store");
}

#[tokio::test]
async fn a22_a_code_is_entered_on_our_page_only() {
    let world = World::and(DEVICES).await;
    let user = world.begin_device(&[]).await.text("user_code");
    let forged = world.raw_form("/device", None, &encode(&[("user_code", &user)])).await;
    assert_eq!(forged.status, 403);
}
