//! An authority, and certificates of clients.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use prokura_oauth::certificate::Certificate;
use prokura_oauth::json::{Object, Value, obj};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use std::sync::{Arc, OnceLock};

/// The authority that the servers of the tests believe.
pub fn authority() -> &'static CertifiedIssuer<'static, KeyPair> {
    static MADE: OnceLock<CertifiedIssuer<'static, KeyPair>> = OnceLock::new();
    MADE.get_or_init(|| new_authority("Authority"))
}

pub fn new_authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `CN=…,O=Example`, with alternative names, for clients.
pub fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![
        SanType::DnsName(format!("{name}.example").try_into().unwrap()),
        SanType::URI(format!("spiffe://example/{name}").try_into().unwrap()),
    ];
    params
}

/// Issued by the authority of the tests.
pub fn issued(params: &CertificateParams) -> Arc<Certificate> {
    issued_by(params, authority())
}

pub fn issued_by(params: &CertificateParams, by: &CertifiedIssuer<'static, KeyPair>) -> Arc<Certificate> {
    let certificate = params.signed_by(&KeyPair::generate().unwrap(), by).unwrap();
    shown(certificate.der())
}

pub fn shown(der: &[u8]) -> Arc<Certificate> {
    Arc::new(Certificate::new(der.to_vec(), vec![]).unwrap())
}

/// A certificate that a client signed itself, and the key set that it registers.
pub struct OwnCertificate {
    pub certificate: Arc<Certificate>,
    pub jwks: Object,
}

/// The one that the client `own-cert` of the tests registered.
pub fn own() -> &'static OwnCertificate {
    static MADE: OnceLock<OwnCertificate> = OnceLock::new();
    MADE.get_or_init(new_own)
}

pub fn new_own() -> OwnCertificate {
    let key = KeyPair::generate().unwrap();
    let made = params("self").self_signed(&key).unwrap();
    let point = key.public_key_raw();
    let jwk = obj([
        ("kty", "EC".into()),
        ("crv", "P-256".into()),
        ("x", URL_SAFE_NO_PAD.encode(&point[1..33]).into()),
        ("y", URL_SAFE_NO_PAD.encode(&point[33..]).into()),
        ("x5c", Value::Array(vec![STANDARD.encode(made.der()).into()])),
    ]);
    OwnCertificate {
        certificate: shown(made.der()),
        jwks: obj([("keys", Value::Array(vec![Value::Object(jwk)]))]),
    }
}

/// Clients of every sort that shows certificates, and what lets certificates arrive.
pub const WITH_CERTIFICATES: &str = r#"
    [network]
    trusted_proxies = ["127.0.0.1"]
    [tls]
    client_certificates = "proxy"
    client_authorities = ["ca.pem"]
    [[client]]
    id = "by-subject"
    auth = "tls_client_auth"
    tls_client_auth_subject_dn = "CN=batch,O=Example"
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "sales"
    scopes = ["read"]
    [[client]]
    id = "by-dns"
    auth = "tls_client_auth"
    tls_client_auth_san_dns = "batch.example"
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "sales"
    scopes = ["read"]
    [[client]]
    id = "by-uri"
    auth = "tls_client_auth"
    tls_client_auth_san_uri = "spiffe://example/batch"
    tls_client_certificate_bound_access_tokens = true
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "sales"
    scopes = ["read"]
    [[client]]
    id = "own-cert"
    auth = "self_signed_tls_client_auth"
    jwks_file = "own.json"
    tls_client_certificate_bound_access_tokens = true
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "sales"
    scopes = ["read"]
    [[client]]
    id = "public-cert"
    redirect_uris = ["https://app.example/cb"]
    tls_client_certificate_bound_access_tokens = true
"#;
