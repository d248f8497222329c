//! What somebody allowed, to be kept.

use crate::world::person::without_dev;
use crate::world::*;
use prokura_oauth::json::{self, Limits, Value};

#[tokio::test]
async fn a_person_keeps_a_signed_receipt_of_what_they_allowed_and_nobody_elses() {
    let world = World::with(&without_dev(USUAL)).await;
    world.add_user("alice").await;
    let mut alice = world.person();
    let asked = alice.get(&format!("/authorize?{}", encode(&request(&[])))).await;
    let question = alice.signed_in(asked).await;
    let answer = alice.answer(&question, "allow", &["read"]).await;
    assert!(answer.redirect().1.contains_key("code"), "{}", answer.body);
    let page = alice.get("/account").await;
    let id = page.body.split("href=\"/account/grants/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = alice.get(&format!("/account/grants/{id}")).await;
    let address = format!("/account/grants/{id}/receipt");
    assert!(page.body.contains(&address), "{}", page.body);
    let kept = alice.get(&address).await;
    assert_eq!((kept.status.as_u16(), kept.header("cache-control")), (200, "no-store"), "{}", kept.body);
    assert!(kept.header("content-disposition").starts_with("attachment"));
    let receipt = kept.json();
    let said = receipt.get("receipt").and_then(Value::as_object).unwrap();
    assert_eq!(said.str("record_id"), Some(id.as_str()));
    assert!(kept.body.contains("\"permissions\":[\"read\"]"), "{}", kept.body);
    // The signed one says the same, and is of a type that nobody takes for a token.
    let parts: Vec<&str> = receipt.str("signed").unwrap().split('.').collect();
    let part = |text: &str| {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
        json::parse(&bytes, &Limits::TOKEN).unwrap().into_object().unwrap()
    };
    assert_eq!(part(parts[0]).str("typ"), Some("consent-receipt+jwt"));
    assert_eq!(part(parts[1]), *said);
    assert!(!world.is_active(receipt.str("signed").unwrap()).await);
    for other in ["/account/grants/g_none/receipt", "/account/grants/%00/receipt"] {
        assert_eq!(alice.get(other).await.status, 404, "{other}");
    }
    assert_eq!(world.person().get(&address).await.status, 303, "whoever is not signed in signs in first");
}
