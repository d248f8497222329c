use super::*;
use crate::pem;

fn aws() -> Vec<u8> {
    pem::base64(include_str!("../../tests/data/ec2-us-west-2.pkcs7.b64")).unwrap()
}

fn regions() -> Vec<Vec<u8>> {
    pem::all(include_str!("../../data/ec2-rsa2048.pem")).unwrap()
}

#[test]
fn a_genuine_message_of_aws_with_indefinite_lengths_is_read_and_verifies() {
    let (bytes, regions) = (aws(), regions());
    let message = Message::parse(&bytes).unwrap();
    assert!(message.certificates().is_empty());
    let signer = message.signer_among(regions.iter().map(Vec::as_slice)).unwrap();
    let content = message.verify(signer).unwrap();
    assert!(content.starts_with(b"{\n  \"accountId\" : \"278576220453\""));
}

#[test]
fn d06_any_changed_byte_of_a_signed_message_is_refused_or_changes_nothing_that_counts() {
    let (bytes, regions) = (aws(), regions());
    let message = Message::parse(&bytes).unwrap();
    let signer = message.signer_among(regions.iter().map(Vec::as_slice)).unwrap().to_vec();
    let genuine = message.verify(&signer).unwrap();
    let mut unseen = Vec::new();
    for at in 0..bytes.len() {
        let mut odd = bytes.clone();
        odd[at] ^= 1;
        let read = Message::parse(&odd).and_then(|m| m.verify(&signer));
        if let Ok(content) = read {
            assert_eq!(content, genuine, "byte {at}");
            unseen.push(at);
        }
    }
    // Versions, and the list of digests that nobody needs.
    assert!(unseen.len() < 32, "{unseen:?}");
}

#[test]
fn azures_message_without_attributes_verifies_by_the_certificate_it_brings() {
    let bytes = pem::base64(include_str!("../../tests/data/azure-usgov.pkcs7.b64")).unwrap();
    let message = Message::parse(&bytes).unwrap();
    let own: Vec<_> = message.certificates().to_vec();
    let signer = message.signer_among(own).unwrap();
    let content = message.verify(signer).unwrap();
    assert!(content.starts_with(b"{\"licenseType\""));
}

#[test]
fn another_certificate_than_the_one_that_is_named_verifies_nothing() {
    let (bytes, regions) = (aws(), regions());
    let others = regions.iter().filter(|c| Message::parse(&bytes).unwrap().verify(c).is_err());
    assert_eq!(others.count(), regions.len() - 1);
}

#[test]
fn nonsense_is_refused() {
    for odd in [&b""[..], b"{}", &[0x30, 0x80, 0, 0], &aws()[..900]] {
        assert!(Message::parse(odd).is_err());
    }
    assert_eq!(Message::parse(&vec![0x30; MAX + 1]).err(), Some(CmsError::TooLarge));
}
