use super::*;
use crate::json::{Limits, parse};
use proptest::prelude::*;

fn read(text: &str) -> Result<(Event, Circumstances), EventError> {
    Event::parse(&parse(text.as_bytes(), &Limits::TOKEN).unwrap())
}

fn caep(word: &str, members: &str) -> String {
    format!(r#"{{"https://schemas.openid.net/secevent/caep/event-type/{word}":{{{members}}}}}"#)
}

#[test]
fn every_event_of_the_profile_comes_back() {
    for (word, members) in [
        ("session-revoked", r#""event_timestamp":1615304991"#),
        (
            "session-revoked",
            r#""event_timestamp":1615304991,"initiating_entity":"policy","reason_admin":{"en":"Policy: C076E82F"},"reason_user":{"en":"Land speed","es-410":"Velocidad"}"#,
        ),
        ("token-claims-change", r#""claims":{"trusted_network":false}"#),
        (
            "credential-change",
            r#""credential_type":"fido2-roaming","change_type":"create","friendly_name":"Jane's","fido2_aaguid":"accced6a","initiating_entity":"user""#,
        ),
        (
            "credential-change",
            r#""credential_type":"x509","change_type":"revoke","x509_issuer":"CN=a","x509_serial":"7""#,
        ),
        (
            "assurance-level-change",
            r#""namespace":"NIST-AAL","current_level":"nist-aal2","previous_level":"nist-aal1","change_direction":"increase""#,
        ),
        ("device-compliance-change", r#""previous_status":"compliant","current_status":"not-compliant""#),
        ("session-established", r#""fp_ua":"abb0","acr":"AAL2","amr":["otp"],"ext_id":"1""#),
        ("session-presented", r#""fp_ua":"abb0","ext_id":"12345""#),
        (
            "risk-level-change",
            r#""principal":"USER","current_level":"LOW","previous_level":"HIGH","risk_reason":"BREACH""#,
        ),
    ] {
        let text = caep(word, members);
        let (event, circumstances) = read(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(event.kind().unwrap().word(), word);
        let written = Value::Object(event.to_claim(&circumstances));
        assert_eq!(written, parse(text.as_bytes(), &Limits::TOKEN).unwrap());
    }
    let verification = r#"{"https://schemas.openid.net/secevent/ssf/event-type/verification":{"state":"x"}}"#;
    assert_eq!(read(verification).unwrap().0, Event::Verification(Some("x".into())));
    let other = r#"{"https://schemas.openid.net/secevent/risc/event-type/account-enabled":{}}"#;
    assert!(matches!(read(other).unwrap().0, Event::Other(uri) if uri.ends_with("account-enabled")));
}

#[test]
fn an_event_that_does_not_conform_is_refused() {
    let two = caep("session-revoked", "").replace("}}", r#"},"https://x.example/e":{}}"#);
    for bad in [
        "{}",
        "[]",
        &two,
        &caep("session-revoked", r#""event_timestamp":"1""#),
        &caep("session-revoked", r#""event_timestamp":-1"#),
        &caep("session-revoked", r#""initiating_entity":"root""#),
        &caep("session-revoked", r#""reason_admin":{}"#),
        &caep("session-revoked", r#""reason_admin":"because""#),
        &caep("token-claims-change", ""),
        &caep("token-claims-change", r#""claims":{}"#),
        &caep("credential-change", r#""credential_type":"password""#),
        &caep("credential-change", r#""credential_type":"password","change_type":"Delete""#),
        &caep("assurance-level-change", r#""namespace":"a""#),
        &caep("device-compliance-change", r#""current_status":"not-compliant""#),
        &caep("device-compliance-change", r#""current_status":"bad","previous_status":"compliant""#),
        &caep("session-established", r#""amr":"otp""#),
        &caep("risk-level-change", r#""current_level":"HIGH""#),
        &caep("risk-level-change", r#""principal":"USER","current_level":"high""#),
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn each_sort_has_its_own_address() {
    for kind in EventType::ALL {
        assert_eq!(EventType::parse(&kind.uri()), Some(kind));
    }
    assert_eq!(EventType::parse("https://schemas.openid.net/secevent/caep/event-type/verification"), None);
    assert!(RiskLevel::High > RiskLevel::Medium && RiskLevel::Medium > RiskLevel::Low);
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80), member in "[a-z_]{1,12}", text in "[ -~]{0,10}") {
        if let Ok(value) = parse(&bytes, &Limits::TOKEN) {
            let _ = Event::parse(&value);
        }
        for kind in EventType::ALL {
            let mut o = Object::new();
            o.insert(member.as_str(), text.as_str().into());
            let mut events = Object::new();
            events.insert(kind.uri(), Value::Object(o));
            if let Ok((event, said)) = Event::parse(&Value::Object(events)) {
                let again = Value::Object(event.to_claim(&said));
                prop_assert_eq!(Event::parse(&again).unwrap(), (event, said));
            }
        }
    }
}
