//! Metadata of the authorization server (RFC 8414), which is also served as OpenID provider metadata. It says
//! only what works.

use crate::ciba::{self, DeliveryMode};
use crate::client_attestation;
use crate::client_metadata::{AuthMethod, GrantType};
use crate::dpop;
use crate::feed;
use crate::id_jag;
use crate::jose::Algorithm;
use crate::json::{Object, Value};
use crate::pkce;
use crate::rich;
use crate::status_list;
use prokura_core::{Acr, ResourceUri, ScopeSet};

/// The method of clients that authenticate by a JWT-SVID (SPIFFE client authentication §4).
pub const SPIFFE_JWT: &str = "spiffe_jwt";

/// The method of clients that authenticate by an X.509-SVID (SPIFFE client authentication §4).
pub const SPIFFE_X509: &str = "spiffe_x509";

/// What certificates of clients are good for (RFC 8705).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificates {
    /// None arrive here.
    Off,
    /// They bind tokens, and clients authenticate by those that they registered.
    Registered,
    /// And by those of known authorities.
    Issued,
}

impl Certificates {
    /// Whether clients may authenticate so.
    pub fn allow(self, method: AuthMethod) -> bool {
        match method {
            AuthMethod::TlsClientAuth => self == Self::Issued,
            AuthMethod::SelfSignedTlsClientAuth => self != Self::Off,
            _ => true,
        }
    }
}

/// What varies between installations; everything else follows from the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerMetadata {
    /// The issuer identifier, to the byte.
    pub issuer: String,
    /// Every scope of every resource.
    pub scopes: ScopeSet,
    /// The resources (RFC 9728 §4).
    pub resources: Vec<ResourceUri>,
    /// Whether clients may register themselves.
    pub registration: bool,
    /// Whether clients may be identified by a metadata document.
    pub client_documents: bool,
    /// Whether devices may ask (RFC 8628).
    pub device: bool,
    /// Whether clients may ask users who are elsewhere (OpenID Connect CIBA Core).
    pub backchannel: bool,
    /// Whether assertions of identity providers are taken (ID-JAG).
    pub takes_id_jag: bool,
    /// Whether evidence of workloads is taken as a grant (RFC 7523 §2.1).
    pub takes_workloads: bool,
    /// Whether evidence that is no token is taken, and attestations are made of it
    /// (draft-ietf-oauth-attestation-based-client-auth).
    pub attests: bool,
    /// Whether clients authenticate by JWT-SVIDs.
    pub svid_clients: bool,
    /// Whether clients authenticate by X.509-SVIDs.
    pub x509_svid_clients: bool,
    /// Whether tokens are exchanged for others (RFC 8693), for access tokens or for such assertions.
    pub exchanges: bool,
    /// Whether somebody may follow the feed of revocations.
    pub feed: bool,
    /// Whether there are Token Status Lists.
    pub status_lists: bool,
    /// What tokens are signed with.
    pub algorithm: Algorithm,
    /// What certificates of clients are good for.
    pub certificates: Certificates,
}

impl ServerMetadata {
    /// The document of RFC 8414 §2.
    pub fn to_object(&self) -> Object {
        let mut o = Object::default();
        let url = |path: &str| Value::from(format!("{}{path}", self.issuer));
        o.insert("issuer", self.issuer.as_str().into());
        o.insert("authorization_endpoint", url("/authorize"));
        o.insert("token_endpoint", url("/token"));
        o.insert("jwks_uri", url("/jwks"));
        if self.registration {
            o.insert("registration_endpoint", url("/register"));
        }
        o.insert("scopes_supported", self.scopes.iter().map(|s| Value::from(s.as_str())).collect());
        o.insert("response_types_supported", list(["code"]));
        o.insert("response_modes_supported", list(["query"]));
        let served = GrantType::ALL.into_iter().filter(|g| self.serves(*g));
        o.insert("grant_types_supported", served.map(GrantType::as_str).collect());
        for endpoint in ["token", "revocation", "introspection"] {
            let methods = AuthMethod::ALL.into_iter().filter(|m| self.certificates.allow(*m));
            let methods = methods.filter(|m| endpoint != "introspection" || *m != AuthMethod::None);
            o.insert(
                format!("{endpoint}_endpoint_auth_methods_supported"),
                methods.map(AuthMethod::as_str).chain(self.of_spiffe()).collect(),
            );
            o.insert(
                format!("{endpoint}_endpoint_auth_signing_alg_values_supported"),
                list(Algorithm::PUBLIC.map(Algorithm::as_str)),
            );
        }
        if self.attests {
            self.put_attestation(&mut o);
        }
        o.insert("revocation_endpoint", url("/revoke"));
        o.insert("introspection_endpoint", url("/introspect"));
        if self.feed {
            o.insert("revocation_feed_endpoint", url(feed::PATH));
        }
        if self.status_lists {
            o.insert("status_list_aggregation_endpoint", url(status_list::PATH));
        }
        if self.device {
            o.insert("device_authorization_endpoint", url("/device_authorization"));
        }
        if self.backchannel {
            o.insert("backchannel_authentication_endpoint", url("/bc-authorize"));
            let modes = DeliveryMode::ALL.map(DeliveryMode::as_str);
            o.insert("backchannel_token_delivery_modes_supported", list(modes));
            let algorithms = list(Algorithm::PUBLIC.map(Algorithm::as_str));
            o.insert("backchannel_authentication_request_signing_alg_values_supported", algorithms);
            o.insert("backchannel_user_code_parameter_supported", false.into());
        }
        o.insert("grant_management_endpoint", url("/grants"));
        o.insert(
            "grant_management_actions_supported",
            list(["query", "revoke", "merge", "replace", "create"]),
        );
        o.insert("grant_management_action_required", false.into());
        if self.takes_id_jag {
            o.insert("authorization_grant_profiles_supported", list([id_jag::PROFILE]));
        }
        o.insert("code_challenge_methods_supported", list([pkce::METHOD]));
        if self.certificates != Certificates::Off {
            o.insert("tls_client_certificate_bound_access_tokens", true.into());
        }
        o.insert("dpop_signing_alg_values_supported", dpop::algorithm_names().collect());
        o.insert("authorization_response_iss_parameter_supported", true.into());
        o.insert("pushed_authorization_request_endpoint", url("/par"));
        o.insert("require_pushed_authorization_requests", false.into());
        o.insert("request_parameter_supported", true.into());
        o.insert("require_signed_request_object", false.into());
        o.insert(
            "request_object_signing_alg_values_supported",
            list(Algorithm::PUBLIC.map(Algorithm::as_str)),
        );
        o.insert("introspection_signing_alg_values_supported", list([self.algorithm.as_str()]));
        o.insert("client_id_metadata_document_supported", self.client_documents.into());
        o.insert("acr_values_supported", list(Acr::ALL.map(Acr::as_str)));
        let approvals = self.backchannel.then_some(ciba::APPROVAL_TYPE);
        let types = [rich::TYPE].into_iter().chain(approvals).map(Value::from);
        o.insert("authorization_details_types_supported", types.collect());
        o.insert("prompt_values_supported", list(["none", "login", "consent"]));
        o.insert("protected_resources", self.resources.iter().map(|r| Value::from(r.as_str())).collect());
        o
    }

    /// What §9 of the draft has, and where evidence is shown, which it leaves open.
    fn put_attestation(&self, o: &mut Object) {
        o.insert("challenge_endpoint", format!("{}/challenge", self.issuer).into());
        o.insert("attestation_endpoint", format!("{}/attest", self.issuer).into());
        let methods = [client_attestation::METHOD, client_attestation::METHOD_DPOP].map(Value::from);
        if let Some(all) = o.get_mut("token_endpoint_auth_methods_supported").and_then(Value::as_array_mut) {
            all.extend(methods);
        }
        o.insert("client_attestation_signing_alg_values_supported", list([self.algorithm.as_str()]));
        let proofs = list(Algorithm::PUBLIC.map(Algorithm::as_str));
        o.insert("client_attestation_pop_signing_alg_values_supported", proofs);
    }

    fn of_spiffe(&self) -> impl Iterator<Item = &'static str> {
        let by_jwt = self.svid_clients.then_some(SPIFFE_JWT);
        by_jwt.into_iter().chain(self.x509_svid_clients.then_some(SPIFFE_X509))
    }

    fn serves(&self, grant_type: GrantType) -> bool {
        match grant_type {
            GrantType::DeviceCode => self.device,
            GrantType::Ciba => self.backchannel,
            GrantType::JwtBearer => self.takes_id_jag || self.takes_workloads,
            GrantType::TokenExchange => self.exchanges,
            GrantType::AuthorizationCode | GrantType::RefreshToken | GrantType::ClientCredentials => true,
        }
    }

    /// The document of OpenID Connect Discovery §3: the same, with what concerns who signed in. ID tokens are signed
    /// with the one algorithm of the keys, which need not be RS256 (§3 wants it listed; nobody is served by a list
    /// that is not true).
    pub fn to_openid_object(&self) -> Object {
        let mut o = self.to_object();
        o.insert("subject_types_supported", list(["public"]));
        o.insert("id_token_signing_alg_values_supported", list([self.algorithm.as_str()]));
        o.insert("userinfo_endpoint", Value::from(format!("{}/userinfo", self.issuer)));
        o.insert("end_session_endpoint", Value::from(format!("{}/logout", self.issuer)));
        o.insert("claims_supported", list(CLAIMS));
        o.insert("claims_parameter_supported", false.into());
        o.insert("request_uri_parameter_supported", false.into());
        o
    }
}

/// What ID tokens and `/userinfo` can say of a person (OpenID Connect Discovery §3).
const CLAIMS: [&str; 9] =
    ["sub", "auth_time", "acr", "amr", "nonce", "name", "preferred_username", "email", "email_verified"];

fn list<const N: usize>(words: [&str; N]) -> Value {
    words.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> ServerMetadata {
        ServerMetadata {
            issuer: "https://as.example/t".into(),
            scopes: ScopeSet::parse("a b").unwrap(),
            resources: vec![ResourceUri::parse("https://as.example/t/mcp/x").unwrap()],
            registration: false,
            client_documents: true,
            device: false,
            backchannel: false,
            takes_id_jag: false,
            takes_workloads: false,
            attests: false,
            svid_clients: false,
            x509_svid_clients: false,
            exchanges: false,
            feed: false,
            status_lists: false,
            algorithm: Algorithm::Es256,
            certificates: Certificates::Off,
        }
    }

    #[test]
    fn every_address_is_below_the_issuer() {
        let o = ServerMetadata { registration: true, ..metadata() }.to_object();
        assert_eq!(o.str("issuer"), Some("https://as.example/t"));
        let ends = |name: &str| name.ends_with("_endpoint") || name == "jwks_uri";
        let addresses: Vec<_> = o.iter().filter(|(name, _)| ends(name)).collect();
        assert_eq!(addresses.len(), 8);
        assert!(addresses.iter().all(|(_, v)| v.as_str().unwrap().starts_with("https://as.example/t/")));
    }

    #[test]
    fn a03_plain_is_not_offered_and_registration_only_if_it_works() {
        let o = metadata().to_object();
        assert_eq!(o.get("code_challenge_methods_supported").unwrap().to_vec(), br#"["S256"]"#);
        assert!(!o.contains_key("registration_endpoint"));
        let device = ServerMetadata { device: true, ..metadata() }.to_object();
        for (o, named) in [(&o, false), (&device, true)] {
            let types = o.get("grant_types_supported").unwrap().to_vec();
            let types = String::from_utf8(types).unwrap();
            assert_eq!(types.contains("device_code"), named);
            assert_eq!(o.contains_key("device_authorization_endpoint"), named);
        }
        assert!(o.get("authorization_response_iss_parameter_supported").unwrap().as_bool().unwrap());
    }
}
