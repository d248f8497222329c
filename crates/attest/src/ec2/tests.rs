use super::*;
use crate::ClaimValue;
use prokura_oauth::json::obj;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DOCUMENT: &[u8] = include_bytes!("../../tests/data/ec2-instance-identity.json");
const SIGNATURE: &[u8] = include_bytes!("../../tests/data/ec2-instance-identity.rsa-sha256.sig");
const OLD: &str = include_str!("../../tests/data/aws-rsa1024-2022.pem");
const MESSAGE: &str = include_str!("../../tests/data/ec2-us-west-2.pkcs7.b64");

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn provider(account: &str, old: &str) -> Ec2 {
    let accounts = vec![AccountId::parse(account).unwrap()];
    let settings = Ec2Settings { accounts, old_certificates: old.to_owned(), ..Ec2Settings::default() };
    Ec2::new("fleet".into(), settings).unwrap()
}

fn message(message: &str) -> Object {
    obj([("pkcs7", message.into())])
}

fn beside(document: &[u8], signature: &[u8]) -> Object {
    obj([("document", base64(document).into()), ("signature", base64(signature).into())])
}

#[test]
fn a_genuine_signed_document_says_which_instance_of_whose_account_it_is() {
    let evidence = provider("278576220453", "").verify(&message(MESSAGE), NOW).unwrap();
    assert_eq!(evidence.subject, "278576220453/us-west-2/i-078517ca8a70a1dde");
    assert_eq!(evidence.instance, "i-078517ca8a70a1dde");
    assert_eq!(evidence.claims["image_id"], ClaimValue::Text("ami-0fa9e1f64142cde17".to_owned()));
    assert_eq!((evidence.key, evidence.issued_at), (None, NOW));
}

#[test]
fn d06_one_changed_byte_of_the_document_is_refused() {
    let (_, genuine) = (0, pem::base64(MESSAGE).unwrap());
    let at = genuine.windows(10).position(|w| w == b"2785762204").unwrap();
    let provider = provider("378576220453", "");
    let mut odd = genuine;
    odd[at] = b'3';
    let refused = provider.verify(&message(&base64(&odd)), NOW).unwrap_err();
    assert_eq!(refused, Ec2Error::Message(CmsError::Digest));
}

#[test]
fn an_account_or_region_that_is_not_named_is_refused() {
    let refused = provider("111111111111", "").verify(&message(MESSAGE), NOW).unwrap_err();
    assert_eq!(refused, Ec2Error::Account("278576220453".to_owned()));
    let elsewhere = Ec2 { regions: vec!["us-east-1".to_owned()], ..provider("278576220453", "") };
    let refused = elsewhere.verify(&message(MESSAGE), NOW).unwrap_err();
    assert_eq!(refused, Ec2Error::Region("us-west-2".to_owned()));
}

#[test]
fn the_old_form_counts_only_where_its_certificate_is_configured() {
    let genuine = beside(DOCUMENT, SIGNATURE);
    assert_eq!(provider("628783029487", "").verify(&genuine, NOW).unwrap_err(), Ec2Error::Old);
    let evidence = provider("628783029487", OLD).verify(&genuine, NOW).unwrap();
    assert_eq!(evidence.subject, "628783029487/us-east-1/i-076e9b91f7c420782");
}

#[test]
fn d06_one_changed_byte_beside_an_old_signature_is_refused() {
    let provider = provider("628783029487", OLD);
    for at in [0, 20, DOCUMENT.len() / 2, DOCUMENT.len() - 1] {
        let mut odd = DOCUMENT.to_vec();
        odd[at] ^= 1;
        assert_eq!(provider.verify(&beside(&odd, SIGNATURE), NOW).unwrap_err(), Ec2Error::Old, "{at}");
    }
    let mut odd = DOCUMENT.to_vec();
    odd.push(b'\n');
    assert!(provider.verify(&beside(&odd, SIGNATURE), NOW).is_err());
}

#[test]
fn a_region_is_signed_for_by_its_own_certificate() {
    let regions: Vec<_> = published().unwrap();
    assert_eq!(regions.len(), 39);
    let mut swapped = provider("278576220453", "");
    for pinned in &mut swapped.certificates {
        pinned.region = Some("eu-west-1".to_owned());
    }
    let refused = swapped.verify(&message(MESSAGE), NOW).unwrap_err();
    assert_eq!(refused, Ec2Error::SignedElsewhere("us-west-2".to_owned()));
}

#[test]
fn other_members_and_documents_are_refused() {
    let provider = provider("628783029487", OLD);
    let both = obj([("pkcs7", MESSAGE.into()), ("document", "e30=".into())]);
    for odd in [obj([]), obj([("pkcs7", 1_i64.into())]), both] {
        assert_eq!(provider.verify(&odd, NOW).unwrap_err(), Ec2Error::Member);
    }
    for odd in [
        r#"{"accountId":"628783029487"}"#,
        r#"{"accountId":"628783029487","accountId":"628783029488","instanceId":"i-0"}"#,
        r#"{"accountId":"1","instanceId":"i-0","region":"r","imageId":"a","instanceType":"t","availabilityZone":"z"}"#,
        r#"{"accountId":"628783029487","instanceId":"x","region":"r","imageId":"a","instanceType":"t","availabilityZone":"z"}"#,
    ] {
        assert!(matches!(Document::read(odd.as_bytes()), Err(Ec2Error::Document(_))), "{odd}");
    }
}
