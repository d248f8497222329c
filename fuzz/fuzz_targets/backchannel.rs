//! Whatever a client sends that asks a user who is elsewhere, as a form or as a request object: what is taken of it reads back
//! the same, what people compare has no second reading, and nothing counts that is not in what was signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_core::{ClientId, Timestamp};
use prokura_oauth::ciba::{
    APPROVAL_TYPE, BindingMessage, NotificationToken, UserHint, approval, hint, requested_expiry,
};
use prokura_oauth::form::Form;
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{Limits, Value, obj, parse};
use prokura_oauth::request_object::{TYPES, claimed_kid, verify_request};
use prokura_oauth::webhook::WebhookSecret;
use std::sync::OnceLock;

const NOW: i64 = 1_700_000_000;

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate(Algorithm::EdDsa).expect("made"))
}

fn asked(form: &Form) {
    if let Ok(Some(UserHint::Login(text) | UserHint::IdToken(text))) = hint(form) {
        assert!(!text.is_empty() && !form.has("login_hint_token"));
        assert_eq!(
            [form.value("login_hint"), form.value("id_token_hint")]
                .into_iter()
                .flatten()
                .filter(|v| !v.is_empty())
                .count(),
            1
        );
    }
    if let Ok(Some(expiry)) = requested_expiry(form) {
        assert!(expiry.as_secs() > 0);
        assert!(Timestamp::from_seconds(NOW).after(expiry) > Timestamp::from_seconds(NOW));
    }
    if let Some(Ok(message)) = form.value("binding_message").map(BindingMessage::parse) {
        assert!(!message.as_str().chars().any(|c| c.is_control() || "<>&/\"'\\".contains(c)));
        assert_eq!(BindingMessage::parse(message.as_str()).as_ref(), Ok(&message));
    }
    if let Some(Ok(token)) = form.value("client_notification_token").map(NotificationToken::parse) {
        assert!(token.as_str().bytes().all(|b| b.is_ascii_graphic()));
    }
    if let Some(details) = form.value("authorization_details")
        && let Ok(Some(task)) = approval(details)
    {
        let one = obj([("type", APPROVAL_TYPE.into()), ("identifier", task.as_str().into())]);
        assert_eq!(approval(&Value::Array(vec![one.into()]).to_string()), Ok(Some(task)));
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(form) = Form::parse(bytes) {
        asked(&form);
    }
    let (keys, client) =
        (KeySet::of(vec![key().public()]).expect("one key"), ClientId::parse("cli_1").expect("an id"));
    let verified = |jwt: &str| verify_request(jwt, &keys, &client, "i", None, Timestamp::from_seconds(NOW));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (claimed_kid(text), WebhookSecret::parse(text));
        assert!(verified(text).is_err(), "nobody signed this");
    }
    let Some(mut claims) = parse(bytes, &Limits::TOKEN).ok().and_then(Value::into_object) else { return };
    let said = claims.clone();
    // What makes it a request of this client, now; all else is the stranger's.
    for (name, value) in [("iss", "cli_1"), ("aud", "i"), ("client_id", "cli_1")] {
        claims.insert(name, value.into());
    }
    claims.insert("exp", (NOW + 60).into());
    let Ok(jwt) = key().sign(TYPES[0], &claims) else { return };
    let Ok(request) = verified(&jwt) else { return };
    assert_eq!(said.str("jti"), Some(request.jti.as_str()));
    assert!(!request.parameters.has("request") && !request.parameters.has("request_uri"));
    assert!(
        request
            .parameters
            .iter()
            .all(|(name, text)| claims.contains_key(name) && !text.chars().any(char::is_control))
    );
    asked(&request.parameters);
});
