//! A trust domain with authorities and keys of its own.

use prokura_core::Timestamp;
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{Object, Value, obj};
use prokura_spiffe::{Bundle, TrustDomain};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use std::time::Duration;

/// The beginning of 21 November 2026.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_219_200);

pub(crate) fn domain(name: &str) -> TrustDomain {
    TrustDomain::parse(name).unwrap()
}

/// An authority that signs X.509-SVIDs.
pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn authority(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap()
}

pub(crate) fn intermediate(name: &str, above: &Authority) -> Authority {
    CertifiedIssuer::signed_by(authority_params(name), KeyPair::generate().unwrap(), above).unwrap()
}

pub(crate) fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(&[&format!("spiffe://{name}")], 3600 * 24);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages.clear();
    params
}

/// A leaf with these URIs that ends after `life` seconds.
pub(crate) fn params(uris: &[&str], life: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.is_ca = IsCa::ExplicitNoCa;
    let of_day = rcgen::date_time_ymd(2026, 11, 21);
    params.not_before = of_day - Duration::from_secs(60);
    params.not_after = of_day + Duration::from_secs(life);
    params
}

pub(crate) fn issue(params: &CertificateParams, by: &Authority) -> Vec<u8> {
    params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().to_vec()
}

/// A bundle of these authorities and keys.
pub(crate) fn bundle(authorities: &[&Authority], keys: &[&SigningKey]) -> Bundle {
    Bundle::parse(&bundle_text(authorities, keys)).unwrap()
}

pub(crate) fn bundle_text(authorities: &[&Authority], keys: &[&SigningKey]) -> Vec<u8> {
    let of_x509 = authorities.iter().map(|a| x509_key(a.der()));
    let of_jwt = keys.iter().map(|k| Value::from(jwt_key(k)));
    let all = of_x509.chain(of_jwt).collect();
    Value::from(obj([
        ("keys", all),
        ("spiffe_sequence", 7_u64.into()),
        ("spiffe_refresh_hint", 300_u64.into()),
    ]))
    .to_vec()
}

pub(crate) fn x509_key(der: &[u8]) -> Value {
    use base64::Engine as _;
    let der = base64::engine::general_purpose::STANDARD.encode(der);
    obj([("use", "x509-svid".into()), ("kty", "EC".into()), ("x5c", Value::Array(vec![der.into()]))]).into()
}

/// As SPIRE writes it: without `alg`.
pub(crate) fn jwt_key(key: &SigningKey) -> Object {
    let jwk = key.public().to_jwk();
    let mut jwk: Object =
        jwk.iter().filter(|(name, _)| *name != "alg").map(|(n, v)| (n.to_owned(), v.clone())).collect();
    jwk.insert("use", "jwt-svid".into());
    jwk
}

/// A key that signs JWT-SVIDs.
pub(crate) fn key(kid: &str) -> SigningKey {
    let pkcs8 = SigningKey::generate(Algorithm::Es256).unwrap().to_pkcs8().unwrap();
    SigningKey::from_pkcs8(Algorithm::Es256, kid, &pkcs8).unwrap()
}
