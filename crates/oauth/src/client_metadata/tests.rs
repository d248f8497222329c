use super::*;
use crate::json::{self, Limits};

fn object(text: &str) -> Object {
    match json::parse(text.as_bytes(), &Limits::DOCUMENT) {
        Ok(Value::Object(o)) => o,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn defaults_are_those_of_rfc_7591_and_the_members_come_back() {
    let m = ClientMetadata::from_registration(&object(
        r#"{"redirect_uris":["https://a.example/cb"],"client_name":"A","scope":"b a","is_admin":true}"#,
    ))
    .unwrap();
    assert_eq!(m.auth_method, AuthMethod::ClientSecretBasic);
    assert_eq!(m.grant_types, [GrantType::AuthorizationCode]);
    let written = m.to_object();
    assert!(!written.contains_key("is_admin"));
    assert_eq!(ClientMetadata::from_registration(&written).unwrap(), m);
}

#[test]
fn unserved_grant_types_are_dropped_but_one_must_remain() {
    let m = ClientMetadata::from_registration(&object(
        r#"{"redirect_uris":["http://localhost/cb"],"grant_types":["authorization_code","implicit","refresh_token"]}"#,
    ))
    .unwrap();
    assert_eq!(m.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
    assert!(m.only_loopback());
    let none = r#"{"redirect_uris":["https://a.example/cb"],"grant_types":["implicit"]}"#;
    assert_eq!(ClientMetadata::from_registration(&object(none)), Err(MetadataError::Member("grant_types")));
}

#[test]
fn what_could_run_or_disguise_is_refused() {
    for (text, why) in [
        (r#"{"redirect_uris":[]}"#, MetadataError::RedirectCount),
        (r#"{"redirect_uris":["javascript:x"]}"#, MetadataError::Redirect(InvalidRedirect::Scheme)),
        (
            r#"{"redirect_uris":["https://a.example/"],"logo_uri":"data:x"}"#,
            MetadataError::Member("logo_uri"),
        ),
        (
            r#"{"redirect_uris":["https://a.example/"],"request_object_signing_alg":"none"}"#,
            MetadataError::Member("request_object_signing_alg"),
        ),
        (
            r#"{"redirect_uris":["https://a.example/"],"require_signed_request_object":true}"#,
            MetadataError::NoRequestKeys,
        ),
        (
            r#"{"redirect_uris":["https://a.example/"],"tos_uri":"jAvAsCrIpT:x"}"#,
            MetadataError::Member("tos_uri"),
        ),
        (
            r#"{"redirect_uris":["https://a.example/"],"client_uri":"javascript://a.example/%0aalert(1)"}"#,
            MetadataError::Member("client_uri"),
        ),
        (
            r#"{"redirect_uris":["https://a.example/"],"response_types":["token"]}"#,
            MetadataError::Member("response_types"),
        ),
        (r#"{"redirect_uris":["https://a.example/"],"client_name":7}"#, MetadataError::Member("client_name")),
        (
            r#"{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt"}"#,
            MetadataError::NoKeys,
        ),
        (
            r#"{"redirect_uris":["https://a.example/"],"jwks":{"keys":[{"kty":"oct","k":"x"}]}}"#,
            MetadataError::Member("jwks"),
        ),
        (
            r#"{"redirect_uris":["https://a.example/"],"jwks":{"keys":[]},"jwks_uri":"https://a.example/j"}"#,
            MetadataError::TwoKeySources,
        ),
    ] {
        assert_eq!(ClientMetadata::from_registration(&object(text)), Err(why), "{text}");
    }
}

#[test]
fn a_document_is_its_own_clients_and_has_no_secret() {
    let id = "https://a.example/client.json";
    let read = |extra: &str, of: &str| {
        let text = format!(
            r#"{{"client_id":"{id}","client_name":"A","redirect_uris":["https://a.example/cb"]{extra}}}"#
        );
        ClientMetadata::from_document(of, &object(&text))
    };
    assert_eq!(read("", id).unwrap().auth_method, AuthMethod::None);
    assert_eq!(read("", "https://a.example/client.json?"), Err(MetadataError::ClientId));
    for extra in [
        r#","client_secret":"x""#,
        r#","client_secret_expires_at":0"#,
        r#","token_endpoint_auth_method":"client_secret_post""#,
        r#","token_endpoint_auth_method":"client_secret_jwt""#,
        r#","jwks":{"keys":[{"kty":"oct","k":"x"}]}"#,
    ] {
        assert_eq!(read(extra, id), Err(MetadataError::Secret), "{extra}");
    }
}
