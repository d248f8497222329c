//! Whatever address a stranger names: what is accepted reads back the same, in whatever notation an address of the
//! inside was written it is seen as one, and a list of what is trusted opens nothing that it does not name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_egress::{AllowList, FetchUrl, special};
use std::net::IpAddr;

fuzz_target!(|text: &str| {
    let Ok(url) = FetchUrl::parse(text) else {
        let _ = AllowList::parse(&[text]);
        return;
    };
    // The path of a bare host is written out; nothing else may change.
    assert_eq!(url.as_str().trim_end_matches('/'), text.trim_end_matches('/'), "what is checked is what is asked for");
    assert_eq!(FetchUrl::parse(url.as_str()).ok().as_ref().map(FetchUrl::as_str), Some(url.as_str()));
    assert!(!AllowList::default().names(&url));
    if let Some(address) = url.address() {
        // An address in v4-mapped form is judged as the address that it stands for.
        let inner = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        if let Some(inner) = inner {
            assert!(special(address).is_some() || special(inner).is_none());
        }
    }
    if let Ok(list) = AllowList::parse(&["trusted.example:8443"]) {
        assert_eq!(list.names(&url), url.host() == "trusted.example" && url.port() == 8443);
    }
});
