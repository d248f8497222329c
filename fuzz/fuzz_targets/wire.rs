//! Whatever is sent as parameters, credentials, redirect addresses or client metadata: nothing panics, and what is
//! accepted reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_oauth::assertion::claimed_client;
use prokura_oauth::authorize::{check_response, max_age, prompt, pushed_reference, state};
use prokura_oauth::client_metadata::ClientMetadata;
use prokura_oauth::form::Form;
use prokura_oauth::json::{Limits, parse};
use prokura_oauth::redirect::{RedirectUri, with_query};
use prokura_oauth::token_request::{Credentials, TokenRequest};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(form) = Form::parse(bytes) {
        let again: Form = form.iter().collect();
        let _ = (TokenRequest::read(&again), Credentials::read(&[], &form));
        let _ = (check_response(&form), state(&form), prompt(&form), max_age(&form));
    }
    if let Some(object) = parse(bytes, &Limits::DOCUMENT).ok().and_then(|v| v.into_object())
        && let Ok(metadata) = ClientMetadata::from_registration(&object)
    {
        let again =
            ClientMetadata::from_registration(&metadata.to_object()).expect("what was accepted is read");
        assert_eq!(again, metadata);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = (claimed_client(text), pushed_reference(text), Credentials::read(&[text], &Form::default()));
    if let Ok(uri) = RedirectUri::parse(text) {
        assert!(uri.matches(text));
        assert!(with_query(text, &[("code", text)]).bytes().all(|b| b.is_ascii_graphic()));
    }
});
