use super::*;
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::json::obj;

/// 2023-03-08T20:00:00Z, within the life of the genuine document.
const NOW: Timestamp = Timestamp::from_seconds(1_678_305_600);
const GENUINE: &str = include_str!("../../tests/data/azure-usgov.pkcs7.b64");
const ISSUER: &str = include_str!("../../tests/data/azure-issuing-ca-05.pem");
const SUBSCRIPTION: &str = "0afbfffa-5df9-4a3b-987e-fe7577624272";

fn provider(name: &str, intermediates: &str) -> AzureVm {
    let settings = AzureVmSettings {
        subscriptions: vec![SUBSCRIPTION.to_owned()],
        name: name.to_owned(),
        intermediates: intermediates.to_owned(),
        ..AzureVmSettings::default()
    };
    AzureVm::new("vms".into(), settings).unwrap()
}

fn genuine() -> Vec<u8> {
    pem::base64(GENUINE).unwrap()
}

#[test]
fn a_genuine_document_leads_to_a_pinned_root_and_says_what_it_is_about() {
    let content = provider("metadata.azure.us", ISSUER).open(&genuine(), NOW).unwrap();
    let document = Document::read(&content).unwrap();
    assert_eq!(document.machine, "990878d4-068a-4ac4-9ee9-1231d2218ef2");
    assert_eq!(document.subscription, SUBSCRIPTION);
    assert_eq!((document.from.seconds(), document.until.seconds()), (1_678_295_373, 1_678_316_973));
}

#[test]
fn a_genuine_document_without_our_nonce_is_refused() {
    let shown = obj([("document", GENUINE.trim().into())]);
    let bound = Bound { challenge: "c", key: Thumbprint::of(b"k") };
    let refused = provider("metadata.azure.us", ISSUER).verify(&shown, &bound, NOW).unwrap_err();
    let received = "20230308-230933".to_owned();
    assert_eq!(refused, AzureVmError::Nonce { expected: bound.digits(), received });
}

#[test]
fn d06_one_changed_byte_of_a_genuine_document_is_refused() {
    let provider = provider("metadata.azure.us", ISSUER);
    let at = genuine().windows(8).position(|w| w == b"990878d4").unwrap();
    let mut odd = genuine();
    odd[at] = b'8';
    assert_eq!(provider.open(&odd, NOW).unwrap_err(), AzureVmError::Message(CmsError::Signature));
}

#[test]
fn the_name_ends_at_a_dot() {
    let refused = provider("azure.us.evil.example", ISSUER).open(&genuine(), NOW).unwrap_err();
    assert!(matches!(refused, AzureVmError::Name { .. }), "{refused}");
    assert!(matches!(
        provider("metadata.azure.com", ISSUER).open(&genuine(), NOW),
        Err(AzureVmError::Name { .. })
    ));
    for (name, fits) in [
        ("metadata.azure.com", true),
        ("eastus.metadata.azure.com", true),
        ("evilmetadata.azure.com", false),
        (".metadata.azure.com", false),
        ("metadata.azure.com.evil.example", false),
    ] {
        assert_eq!(is_or_is_below(name, PUBLIC_CLOUD), fits, "{name}");
    }
}

#[test]
fn a_chain_that_is_not_pinned_or_over_is_refused() {
    let refused = provider("metadata.azure.us", "").open(&genuine(), NOW).unwrap_err();
    assert!(matches!(refused, AzureVmError::Chain(_)), "{refused}");
    let later = NOW.after(Duration::from_secs(400 * 86_400));
    let refused = provider("metadata.azure.us", ISSUER).open(&genuine(), later).unwrap_err();
    assert!(matches!(refused, AzureVmError::Chain(_)), "{refused}");
    let roots = AzureVmSettings { roots: ISSUER.replace('A', "B"), ..AzureVmSettings::default() };
    assert!(AzureVm::new("vms".into(), roots).is_err());
}

#[test]
fn times_are_read_as_azure_writes_them() {
    assert_eq!(time("03/08/23 17:09:33 -0000").unwrap().seconds(), 1_678_295_373);
    for odd in [
        "3/08/23 17:09:33 -0000",
        "13/08/23 17:09:33 -0000",
        "03/08/23 17:09:33 +0100",
        "",
        "03/08/2023 17:09:33 0",
    ] {
        assert_eq!(time(odd), None, "{odd}");
    }
}
