use crate::world::{
    Authority, NOW, authority, authority_params, bundle, domain, intermediate, issue, params,
};
use prokura_core::Timestamp;
use prokura_spiffe::{Bundle, Side, X509Svid, X509SvidError, spiffe_id_of};
use rcgen::{ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use std::time::Duration;

const PLANNER: &str = "spiffe://example.org/agents/planner";

fn verify(leaf: &[u8], above: &[&[u8]], bundle: &Bundle, now: Timestamp) -> Result<X509Svid, X509SvidError> {
    let above = above.iter().copied();
    X509Svid::verify(leaf, above, &domain("example.org"), bundle, Side::Client, now)
}

fn refused(leaf: &[u8], ca: &Authority) -> X509SvidError {
    verify(leaf, &[], &bundle(&[ca], &[]), NOW).unwrap_err()
}

#[test]
fn an_x509_svid_says_whose_it_is_and_how_long() {
    let ca = authority("example.org");
    let leaf = issue(&params(&[PLANNER], 300), &ca);
    let svid = verify(&leaf, &[], &bundle(&[&authority("example.org"), &ca], &[]), NOW).unwrap();
    assert_eq!((svid.id.as_str(), svid.not_after), (PLANNER, Timestamp::from_seconds(NOW.seconds() + 300)));
    assert_eq!(spiffe_id_of(&leaf).unwrap().as_str(), PLANNER);
    let between = intermediate("example.org", &ca);
    let leaf = issue(&params(&[PLANNER], 300), &between);
    assert!(verify(&leaf, &[between.der()], &bundle(&[&ca], &[]), NOW).is_ok());
    assert!(verify(&leaf, &[], &bundle(&[&ca], &[]), NOW).is_err(), "the chain is not whole");
    let mut bare = params(&[PLANNER], 300);
    bare.extended_key_usages.clear();
    assert!(verify(&issue(&bare, &ca), &[], &bundle(&[&ca], &[]), NOW).is_ok());
}

#[test]
fn d07_a_certificate_names_one_workload_of_exactly_this_trust_domain() {
    let ca = authority("example.org");
    for uris in [&[][..], &[PLANNER, "spiffe://example.org/other"], &[PLANNER, "https://example.org"]] {
        let leaf = issue(&params(uris, 300), &ca);
        assert_eq!(refused(&leaf, &ca), X509SvidError::Uris(uris.len()), "{uris:?}");
        assert_eq!(spiffe_id_of(&leaf), None);
    }
    for uri in [
        "spiffe://example.org",
        "https://example.org/x",
        "spiffe://example.org/a//b",
        "SPIFFE://example.org/x",
    ] {
        let said = refused(&issue(&params(&[uri], 300), &ca), &ca);
        assert_eq!(said, X509SvidError::Id(uri.to_owned()));
    }
    for uri in ["spiffe://example.org.evil.example/x", "spiffe://example.orgs/x", "spiffe://example.or/x"] {
        // Even one that its own authority signed: an authority speaks for its own trust domain alone.
        let said = refused(&issue(&params(&[uri], 300), &ca), &ca);
        assert!(matches!(said, X509SvidError::Domain { .. }), "{uri}: {said}");
    }
}

#[test]
fn d07_only_the_authorities_of_the_bundle_vouch_and_only_in_their_time() {
    let (ca, other) = (authority("example.org"), authority("example.org"));
    let leaf = issue(&params(&[PLANNER], 3600 * 48), &ca);
    assert!(matches!(refused(&leaf, &other), X509SvidError::Path { .. }), "an authority of the same name");
    let at = |seconds: u64| verify(&leaf, &[], &bundle(&[&ca], &[]), NOW.after(Duration::from_secs(seconds)));
    assert!(at(3600 * 23).is_ok());
    assert!(matches!(at(3600 * 25), Err(X509SvidError::Path { .. })), "the authority itself is over");
    let empty = Bundle::parse(br#"{"keys":[]}"#).unwrap();
    assert!(
        matches!(verify(&leaf, &[ca.der()], &empty, NOW), Err(X509SvidError::Path { .. })),
        "it brought its own"
    );
    let short = issue(&params(&[PLANNER], 300), &ca);
    let late = verify(&short, &[], &bundle(&[&ca], &[]), NOW.after(Duration::from_secs(301)));
    assert!(matches!(late, Err(X509SvidError::Time { .. })));
    let early = verify(&short, &[], &bundle(&[&ca], &[]), NOW.before(Duration::from_secs(61)));
    assert!(matches!(early, Err(X509SvidError::Time { .. })));
}

#[test]
fn what_may_sign_certificates_is_no_workload() {
    let ca = authority("example.org");
    let mut signer = authority_params("example.org");
    signer.subject_alt_names = params(&[PLANNER], 300).subject_alt_names;
    assert_eq!(refused(&issue(&signer, &ca), &ca), X509SvidError::Authority);
    for usage in [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign] {
        let mut signs = params(&[PLANNER], 300);
        signs.key_usages.push(usage);
        assert_eq!(refused(&issue(&signs, &ca), &ca), X509SvidError::Authority);
    }
    // A leaf that signs another leaf.
    let mut leaf = params(&[PLANNER], 300);
    leaf.is_ca = IsCa::ExplicitNoCa;
    let leaf = rcgen::CertifiedIssuer::signed_by(leaf, KeyPair::generate().unwrap(), &ca).unwrap();
    let below = issue(&params(&["spiffe://example.org/admin"], 300), &leaf);
    let said = verify(&below, &[leaf.der()], &bundle(&[&ca], &[]), NOW).unwrap_err();
    assert!(matches!(said, X509SvidError::Path { .. }), "{said}");
}

#[test]
fn its_key_is_for_signatures_and_for_clients() {
    let ca = authority("example.org");
    for usages in [vec![], vec![KeyUsagePurpose::KeyEncipherment]] {
        let mut other = params(&[PLANNER], 300);
        other.key_usages = usages;
        assert_eq!(refused(&issue(&other, &ca), &ca), X509SvidError::KeyUsage);
    }
    let mut server = params(&[PLANNER], 300);
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert!(matches!(refused(&issue(&server, &ca), &ca), X509SvidError::Path { .. }));
}

#[test]
fn d06_a_byte_more_or_less_is_no_certificate() {
    let ca = authority("example.org");
    let leaf = issue(&params(&[PLANNER], 300), &ca);
    let longer = [leaf.as_slice(), &[0]].concat();
    assert_eq!(refused(&longer, &ca), X509SvidError::Malformed);
    assert_eq!(refused(&leaf[..leaf.len() - 1], &ca), X509SvidError::Malformed);
    let mut changed = leaf.clone();
    let at = leaf.windows(7).position(|w| w == b"planner").unwrap();
    changed[at] = b'q';
    assert!(
        matches!(refused(&changed, &ca), X509SvidError::Path { .. }),
        "another name under the same signature"
    );
}

#[test]
fn d08_a_long_chain_ends() {
    let ca = authority("example.org");
    let mut chain = vec![intermediate("example.org", &ca)];
    for _ in 0..7 {
        let next = intermediate("example.org", chain.last().unwrap());
        chain.push(next);
    }
    let leaf = issue(&params(&[PLANNER], 300), chain.last().unwrap());
    let above: Vec<&[u8]> = chain.iter().map(|c| c.der().as_ref()).collect();
    let said = verify(&leaf, &above, &bundle(&[&ca], &[]), NOW).unwrap_err();
    assert!(matches!(said, X509SvidError::Path { .. }), "{said}");
    // The same authority under one name a thousand times: the budget of path validation, not the clock, ends it.
    let same: Vec<Authority> = (0..8).map(|_| authority("example.org")).collect();
    let above: Vec<&[u8]> = same.iter().map(|c| c.der().as_ref()).collect();
    assert!(verify(&leaf, &above, &bundle(&[&ca], &[]), NOW).is_err());
}
