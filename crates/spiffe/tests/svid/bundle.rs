use crate::world::{authority, bundle_text, issue, jwt_key, key, params, x509_key};
use prokura_oauth::json::{Value, obj};
use prokura_spiffe::{Bundle, BundleError};
use std::time::Duration;

fn of(keys: Vec<Value>) -> Vec<u8> {
    Value::from(obj([("keys", Value::Array(keys))])).to_vec()
}

#[test]
fn a_bundle_says_its_keys_its_sequence_and_its_hint() {
    let (ca, kid) = (authority("example.org"), key("k1"));
    let bundle = Bundle::parse(&bundle_text(&[&ca], &[&kid])).unwrap();
    assert_eq!((bundle.counts(), bundle.sequence()), ((1, 1), Some(7)));
    assert_eq!(bundle.refresh_hint(), Some(Duration::from_secs(300)));
    assert!(bundle.has_key("k1") && !bundle.has_key("k2"));
    assert_eq!(Bundle::parse(br#"{"keys":[]}"#).unwrap().counts(), (0, 0), "all keys were withdrawn");
}

#[test]
fn what_is_for_nothing_here_is_passed_over() {
    let (ca, signs) = (authority("example.org"), key("k1"));
    let mut unnamed = jwt_key(&signs);
    unnamed.remove("kid");
    let mut of_wit = jwt_key(&signs);
    of_wit.insert("use", "wit-svid".into());
    let mut of_nothing = jwt_key(&signs);
    of_nothing.remove("use");
    let mut unknown = jwt_key(&signs);
    unknown.insert("kty", "LATTICE".into());
    let leaf = issue(&params(&["spiffe://example.org/x"], 60), &ca);
    let keys = vec![
        unnamed.into(),
        of_wit.into(),
        of_nothing.into(),
        unknown.into(),
        x509_key(&leaf),
        x509_key(b"x"),
    ];
    assert_eq!(Bundle::parse(&of(keys)).unwrap().counts(), (0, 0));
    // An authority's key may not sign JWT-SVIDs, nor the other way round.
    assert_eq!(Bundle::parse(&bundle_text(&[&ca], &[])).unwrap().counts(), (0, 1));
    assert_eq!(Bundle::parse(&bundle_text(&[], &[&signs])).unwrap().counts(), (1, 0));
}

#[test]
fn d06_a_bundle_that_could_be_read_in_two_ways_is_refused() {
    let k = jwt_key(&key("k1"));
    for odd in [
        &b"[]"[..],
        br#"{"keys":{}}"#,
        br#"{"keys":["x"]}"#,
        br#"{"keys":[],"keys":[]}"#,
        br#"{"keys":[],"spiffe_sequence":"1"}"#,
        br#"{"keys":[],"spiffe_refresh_hint":-1}"#,
        b"\xef\xbb\xbf{\"keys\":[]}",
    ] {
        assert!(Bundle::parse(odd).is_err(), "{}", String::from_utf8_lossy(odd));
    }
    let twice = of(vec![k.clone().into(), jwt_key(&key("k1")).into()]);
    assert!(matches!(Bundle::parse(&twice), Err(BundleError::Keys(_))));
    let mut private = k;
    private.insert("d", "AAAA".into());
    assert!(matches!(Bundle::parse(&of(vec![private.into()])), Err(BundleError::Keys(_))));
}

#[test]
fn d08_a_bundle_without_end_is_refused() {
    let ca = x509_key(authority("example.org").der());
    assert!(matches!(Bundle::parse(&of(vec![ca; 65])), Err(BundleError::TooMany)));
    assert!(matches!(Bundle::parse(&vec![b' '; 600 << 10]), Err(BundleError::Json(_))));
}

#[test]
fn the_parts_of_the_workload_api_make_a_bundle() {
    let (a, b, k) = (authority("example.org"), authority("example.org"), key("k1"));
    let ders = [a.der().as_ref(), b.der().as_ref()].concat();
    let jwks = of(vec![jwt_key(&k).into()]);
    assert_eq!(Bundle::of_parts(Some(&ders), Some(&jwks)).unwrap().counts(), (1, 2));
    assert_eq!(Bundle::of_parts(None, None).unwrap().counts(), (0, 0));
    assert!(Bundle::of_parts(None, Some(b"{}")).is_err());
}
