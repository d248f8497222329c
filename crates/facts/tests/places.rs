//! MaxMind's test databases, with `mmdblookup` of Debian (mmdb-bin) as an oracle that shares no code with us. The files are
//! found by `PROKURA_VECTORS`; without it, or without the program, this says so and fails where `CI` is set.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use prokura_core::{FactName, ScopeSet, Timestamp};
use prokura_facts::{Behaviour, Databases, Gathering};
use prokura_policy::access::{Situation, Sources as _, Stage};
use prokura_store::{DatabaseUrl, Store};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Addresses that the databases know in different ways, and some that they do not.
const ADDRESSES: [&str; 22] = [
    "81.2.69.142",
    "81.2.69.160",
    "81.2.69.192",
    "89.160.20.112",
    "89.160.20.128",
    "67.43.156.1",
    "216.160.83.56",
    "175.16.199.1",
    "149.101.100.1",
    "2.125.160.216",
    "202.196.224.1",
    "1.2.0.1",
    "1.124.213.1",
    "65.0.0.1",
    "71.160.223.1",
    "186.30.236.1",
    "12.81.92.1",
    "2001:218::1",
    "2a02:d300::1",
    "2001:480::1",
    "8.8.8.8",
    "127.0.0.1",
];

fn vectors() -> Option<PathBuf> {
    let found = std::env::var_os("PROKURA_VECTORS")
        .map(|root| PathBuf::from(root).join("mmdb"))
        .filter(|p| p.is_dir());
    let oracle = Command::new("mmdblookup").arg("--version").output().is_ok();
    if found.is_none() || !oracle {
        let ci = std::env::var("CI").is_ok_and(|v| v == "true");
        assert!(!ci, "the test databases (PROKURA_VECTORS) or mmdblookup (mmdb-bin) are missing");
        println!("SKIPPED: the test databases (PROKURA_VECTORS) or mmdblookup (mmdb-bin) are missing");
        return None;
    }
    found
}

/// What the oracle says at a path, without the type; `None` if it finds nothing there.
fn oracle(file: &PathBuf, address: &str, path: &[&str]) -> Option<String> {
    let run =
        Command::new("mmdblookup").arg("-f").arg(file).args(["-i", address]).args(path).output().unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    let line = text.lines().map(str::trim).find(|l| l.ends_with('>'))?;
    let value = line.rsplit_once(" <")?.0;
    Some(value.trim_matches('"').to_owned())
}

async fn gathering(files: &[&PathBuf]) -> Gathering {
    let clock = Arc::new(prokura_core::ManualClock::new(now()));
    let point = prokura_core::PointId::parse("pep_1").unwrap();
    let store = Store::open(&DatabaseUrl::memory(), point, clock).await.unwrap();
    let paths: Vec<_> = files.iter().map(|f| f.display().to_string()).collect();
    let places = Databases::open(&paths, Duration::from_secs(60 * 86_400)).unwrap();
    Gathering::new(store.facts(), Arc::new(places), Arc::new(Behaviour::off()))
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_790_000_000)
}

fn said(all: &Gathering, address: &str, name: &str) -> Option<String> {
    let scopes = ScopeSet::default();
    let address: IpAddr = address.parse().unwrap();
    let situation = Situation {
        stage: Stage::Call,
        subject: None,
        agent: None,
        client: None,
        workload: None,
        resource: "sales",
        action: None,
        scopes: &scopes,
        address: Some(address),
        sign_in: None,
        now: now(),
    };
    let fact = all.facts(&situation).fact(&FactName::parse(name).unwrap())?;
    assert!(fact.max_age.is_some() && fact.observed_at < now() && fact.source.contains("Geo"), "{fact:?}");
    Some(fact.value.to_string())
}

#[tokio::test]
async fn what_we_say_of_places_is_what_mmdblookup_says() {
    let Some(dir) = vectors() else { return };
    let [city, country, asn, hidden] =
        ["GeoIP2-City-Test", "GeoIP2-Country-Test", "GeoLite2-ASN-Test", "GeoIP2-Anonymous-IP-Test"]
            .map(|n| dir.join(format!("{n}.mmdb")));
    let by_city = gathering(&[&city, &asn, &hidden]).await;
    let by_country = gathering(&[&country]).await;
    let (mut known, mut mapped) = (0, 0);
    for address in ADDRESSES {
        let code = oracle(&city, address, &["country", "iso_code"]);
        assert_eq!(said(&by_city, address, "network.country"), code, "{address}");
        let part = oracle(&city, address, &["subdivisions", "0", "iso_code"]);
        let part = code.as_ref().and_then(|code| Some(format!("{code}-{}", part?)));
        assert_eq!(said(&by_city, address, "network.subdivision"), part, "{address}");
        let of_country = oracle(&country, address, &["country", "iso_code"]);
        assert_eq!(said(&by_country, address, "network.country"), of_country, "{address}");
        assert_eq!(said(&by_country, address, "network.subdivision"), None, "{address}");
        let number = oracle(&asn, address, &["autonomous_system_number"]);
        assert_eq!(said(&by_city, address, "network.asn"), number, "{address}");
        let flag = said(&by_city, address, "network.anonymous");
        let words = [
            "is_anonymous",
            "is_anonymous_vpn",
            "is_hosting_provider",
            "is_public_proxy",
            "is_residential_proxy",
            "is_tor_exit_node",
        ];
        let hides = words.iter().any(|w| oracle(&hidden, address, &[*w]).as_deref() == Some("true"));
        let expected = if address == "127.0.0.1" { None } else { Some(hides.to_string()) };
        assert_eq!(flag, expected, "{address}");
        known += u32::from(code.is_some()) + u32::from(number.is_some()) + u32::from(hides);
        if let Ok(IpAddr::V4(v4)) = address.parse() {
            let v6 = v4.to_ipv6_mapped().to_string();
            assert_eq!(said(&by_city, &v6, "network.country"), code, "{v6}");
            mapped += 1;
        }
    }
    assert!(known > 15 && mapped > 10, "the addresses must say something: {known}");
}

#[test]
fn broken_databases_are_refused_at_the_start_and_the_old_one_stays_later() {
    let Some(dir) = vectors() else { return };
    let open = |path: &PathBuf| Databases::open(&[path.display().to_string()], Duration::from_secs(1));
    for broken in ["GeoIP2-City-Test-Broken-Double-Format.mmdb", "GeoIP2-City-Test-Invalid-Node-Count.mmdb"] {
        let refused = open(&dir.join(broken)).map(drop).unwrap_err().to_string();
        assert!(refused.contains(broken) && refused.contains("MaxMind"), "{refused}");
    }
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("here.mmdb");
    let put = |name: &str| std::fs::write(&file, std::fs::read(dir.join(name)).unwrap()).unwrap();
    put("GeoIP2-City-Test.mmdb");
    let databases = open(&file).unwrap();
    assert_eq!(databases.refresh(), 0, "nothing changed");
    put("GeoIP2-City-Test-Broken-Double-Format.mmdb");
    assert_eq!(databases.refresh(), 0, "the old one stays");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(databases.refresh(), 0, "the old one stays");
    put("GeoLite2-ASN-Test.mmdb");
    assert_eq!(databases.refresh(), 1);
}
