//! Whatever is sent, the readers of requests answer with a value that cannot be wrong, or with an error.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use prokura_oauth::challenge::Challenge;
use prokura_oauth::client_metadata::{ClientMetadata, shown_name};
use prokura_oauth::form::Form;
use prokura_oauth::json::{self, Limits, Value};
use prokura_oauth::pkce::{CodeChallenge, CodeVerifier};
use prokura_oauth::redirect::{RedirectUri, with_query};
use prokura_oauth::token_request::{Credentials, TokenRequest};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use url::Url;

fn host_and_scheme(uri: &str) -> (String, Option<String>) {
    let url = Url::parse(uri).unwrap();
    (url.scheme().to_owned(), url.host_str().map(str::to_owned))
}

/// Addresses near those that are registered, where mistakes are.
fn near() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![
        Just("http://"),
        Just("https://"),
        Just("HTTP://"),
        Just("com.example:"),
        Just("javascript:")
    ];
    let host = prop_oneof![
        Just("127.0.0.1"),
        Just("[::1]"),
        Just("localhost"),
        Just("app.example"),
        Just("127.0.0.1.evil"),
        Just("localhost@evil"),
        Just("evil"),
        Just("")
    ];
    let port =
        prop_oneof![Just(String::new()), "(:[0-9]{0,6})", Just(":80@evil".to_owned()), Just(":".to_owned())];
    let path = prop_oneof![
        Just("/cb"),
        Just("/cb/"),
        Just("/../cb"),
        Just("/cb?x=1"),
        Just("/cb#f"),
        Just(""),
        Just("\\cb")
    ];
    (scheme, host, port, path).prop_map(|(s, h, p, q)| format!("{s}{h}{p}{q}"))
}

proptest! {
    #[test]
    fn a_form_reads_back_what_was_written(pairs in btree_map("[a-z_]{1,12}", "[^\\p{Cc}]{1,40}", 0..10)) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let form = Form::parse(body.as_bytes()).unwrap();
        let read: Vec<_> = form.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        prop_assert_eq!(read, pairs.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_upset_the_readers(bytes in vec(any::<u8>(), 0..400), header in ".{0,80}") {
        if let Ok(form) = Form::parse(&bytes) {
            let _ = TokenRequest::read(&form);
            let _ = Credentials::read(&[&header], &form);
            let _ = Credentials::read(&[&format!("Basic {header}")], &form);
        }
        let _ = prokura_oauth::assertion::claimed_client(&header);
    }

    #[test]
    fn what_matches_goes_to_the_same_host(registered in near(), asked in near()) {
        if let Ok(uri) = RedirectUri::parse(&registered)
            && uri.matches(&asked)
        {
            prop_assert_eq!(host_and_scheme(&registered), host_and_scheme(&asked));
            let to = with_query(&asked, &[("code", "a b&c=d#e")]);
            prop_assert_eq!(host_and_scheme(&to), host_and_scheme(&registered));
            let url = Url::parse(&to).unwrap();
            let code = url.query_pairs().find(|(n, _)| n == "code").map(|(_, v)| v.into_owned());
            prop_assert_eq!(code.as_deref(), Some("a b&c=d#e"));
            prop_assert!(url.username().is_empty() && url.fragment().is_none());
            prop_assert_eq!(uri.is_loopback() || asked == registered, true);
        }
    }

    #[test]
    fn a_registered_address_matches_itself_and_no_longer_or_shorter_one(registered in near(), more in "[!-~]{1,8}") {
        if let Ok(uri) = RedirectUri::parse(&registered) {
            prop_assert!(uri.matches(&registered));
            let longer = format!("{registered}{more}");
            let digits_after_port = uri.is_loopback() && !registered[7..].contains('/');
            prop_assert!(digits_after_port || !uri.matches(&longer), "{}", longer);
        }
    }

    #[test]
    fn every_verifier_proves_its_own_challenge_only(a in "[A-Za-z0-9._~-]{43,128}", b in "[A-Za-z0-9._~-]{43,128}") {
        let (va, vb) = (CodeVerifier::parse(a.clone()).unwrap(), CodeVerifier::parse(b.clone()).unwrap());
        let challenge = CodeChallenge::from_request(Some(va.challenge().as_str()), Some("S256")).unwrap();
        prop_assert!(challenge.prove(&va).is_ok());
        prop_assert_eq!(challenge.prove(&vb).is_ok(), a == b);
    }

    #[test]
    fn no_text_breaks_out_of_a_challenge(text in ".{0,80}") {
        let value = Challenge::bearer().description(&text).into_value();
        prop_assert!(value.bytes().all(|b| (0x20..0x7f).contains(&b)));
        prop_assert_eq!(value.matches('"').count(), 2);
    }

    #[test]
    fn a_shown_name_is_short_visible_and_stays_as_it_is(name in ".{0,200}") {
        let shown = shown_name(&name);
        prop_assert!(shown.chars().count() <= 64 && !shown.chars().any(char::is_control));
        let again = shown_name(&shown);
        prop_assert_eq!(again, shown);
    }

    #[test]
    fn what_is_accepted_as_metadata_is_written_and_read_the_same(
        name in "[^\\p{Cc}\"\\\\]{0,80}", port in 1_u16.., grants in 1_usize..4, method in 0_usize..3
    ) {
        let grants = ["authorization_code", "refresh_token", "client_credentials"][..grants].join("\",\"");
        let method = ["none", "client_secret_basic", "client_secret_post"][method];
        let text = format!(
            r#"{{"client_name":"{name}","redirect_uris":["http://localhost:{port}/cb"],"grant_types":["{grants}"],"token_endpoint_auth_method":"{method}"}}"#
        );
        let Value::Object(object) = json::parse(text.as_bytes(), &Limits::DOCUMENT).unwrap() else { panic!() };
        if let Ok(read) = ClientMetadata::from_registration(&object) {
            prop_assert_eq!(ClientMetadata::from_registration(&read.to_object()).unwrap(), read);
        }
    }
}
