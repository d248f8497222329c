//! Opaque tokens, and what is kept of an issuer's word.

use crate::issuer::{FakeIssuer, object};
use crate::world::{AUDIENCE, World};
use prokura_oauth::foreign::ForeignError;
use prokura_verify::Refusal;

fn active(issuer: &FakeIssuer, token: &str, more: &str) {
    let text = format!(
        r#"{{"active":true,"aud":"{AUDIENCE}","sub":"alice","client_id":"desk","scope":"read"{more}}}"#
    );
    issuer.with(|s| s.answers.insert(token.to_owned(), object(&text)));
}

fn asked(issuer: &FakeIssuer) -> usize {
    issuer.with(|s| s.introspections.len())
}

#[tokio::test]
async fn c26_an_answer_is_believed_for_seconds_and_never_past_its_end() {
    let issuer = FakeIssuer::start("").await;
    let world = World::introspecting(&[&issuer]);
    active(&issuer, "opaque-1", "");
    for _ in 0..5 {
        assert!(world.takes("opaque-1").await);
    }
    assert_eq!(asked(&issuer), 1);
    issuer.with(|s| s.answers.clear());
    world.later(29);
    assert!(world.takes("opaque-1").await, "within what was configured");
    world.later(2);
    assert!(!world.takes("opaque-1").await, "it was revoked");
    // One that ends sooner is not believed longer.
    let ends = 1_800_000_031 + 5;
    active(&issuer, "opaque-2", &format!(r#","exp":{ends}"#));
    assert!(world.takes("opaque-2").await);
    world.later(16);
    let refused = world.verifier.verify("opaque-2").await;
    assert!(matches!(refused, Err(Refusal::Invalid(_))), "{:?}", refused.err());
}

#[tokio::test]
async fn c26_a_token_that_is_not_active_is_asked_about_seldom() {
    let issuer = FakeIssuer::start("").await;
    let world = World::introspecting(&[&issuer]);
    for _ in 0..20 {
        let refused = world.verifier.verify("made-up").await;
        assert!(matches!(refused, Err(Refusal::Invalid(ForeignError::Inactive))));
    }
    assert_eq!(asked(&issuer), 1);
    world.later(11);
    active(&issuer, "made-up", "");
    assert!(world.takes("made-up").await, "and not refused for ever");
}

#[tokio::test]
async fn c26_the_resource_shows_who_it_is_and_answers_for_others_are_refused() {
    let issuer = FakeIssuer::start("").await;
    let world = World::introspecting(&[&issuer]);
    issuer.with(|s| {
        let text =
            r#"{"active":true,"aud":"https://rs.example/other","sub":"a","client_id":"c","scope":"read"}"#;
        s.answers.insert("other".into(), object(text));
        s.answers
            .insert("silent".into(), object(r#"{"active":true,"sub":"a","client_id":"c","scope":"read"}"#));
    });
    assert!(!world.takes("other").await && !world.takes("silent").await);
    let (form, authorization) = issuer.with(|s| s.introspections[0].clone());
    assert_eq!(form, "token=other&token_type_hint=access_token");
    // `gateway%3A1:s%25cret`, each half form-encoded (RFC 6749 §2.3.1).
    assert_eq!(authorization.unwrap(), "Basic Z2F0ZXdheSUzQTE6cyUyNWNyZXQ=");
}

#[tokio::test]
async fn c21_a_token_is_shown_to_no_issuer_but_the_one_that_is_asked() {
    let (asked_one, other) = (FakeIssuer::start("/a").await, FakeIssuer::start("/b").await);
    let world = World::introspecting(&[&asked_one, &other]);
    assert!(!world.takes("opaque").await);
    assert!(world.takes(&world.token(&other)).await);
    let forged = asked_one.sign("at+jwt", &other.claims(AUDIENCE, &*world.clock));
    assert!(!world.takes(&forged).await, "a signed token is judged by its signature");
    assert_eq!((asked(&asked_one), asked(&other)), (1, 0));
    let without = World::believing(&[&other]);
    assert!(matches!(without.verifier.verify("opaque").await, Err(Refusal::UnknownIssuer)));
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_makes_no_token_invalid() {
    let issuer = FakeIssuer::start("").await;
    let world = World::introspecting(&[&issuer]);
    active(&issuer, "opaque", "");
    issuer.with(|s| s.up = false);
    assert!(matches!(world.verifier.verify("opaque").await, Err(Refusal::Unavailable(_))));
    issuer.with(|s| s.up = true);
    assert!(world.takes("opaque").await);
}
