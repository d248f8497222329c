//! Which addresses a stranger's URL may lead to: public unicast, nothing else.
//!
//! The IPv6 rule is an allow list (`2000::/3` less the special blocks in it), so a block that is assigned
//! tomorrow is refused until someone looks at it. Every form that carries an IPv4 address inside an IPv6 one is
//! refused whole: whether the inner address is public is decided by a translator that we do not run.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not public (IANA special-purpose address registries, RFC 6890).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// `0.0.0.0/8`, `::`: this host on this network.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16` (RFC 1918).
    Private,
    /// `100.64.0.0/10` (RFC 6598), behind a carrier's address translation.
    Shared,
    /// `169.254.0.0/16`, `fe80::/10`: also where clouds serve instance credentials.
    LinkLocal,
    /// `168.63.129.16`: a public number that one cloud answers from inside the host.
    CloudPlatform,
    /// `192.0.0.0/24`, `2001::/23` and others: protocol assignments.
    Protocol,
    /// `192.0.2.0/24`, `198.51.100.0/24`, `203.0.113.0/24`, `2001:db8::/32`, `3fff::/20`.
    Documentation,
    /// `198.18.0.0/15`, `2001:2::/48`.
    Benchmarking,
    /// `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// `240.0.0.0/4` and all IPv6 outside `2000::/3`.
    Reserved,
    /// `fc00::/7` (RFC 4193).
    UniqueLocal,
    /// `fec0::/10` (RFC 3879).
    SiteLocal,
    /// `100::/64` and `100:0:0:1::/64` (RFC 6666, RFC 9780).
    Discard,
    /// `2001:10::/28`, `2001:20::/28` (RFC 4843, RFC 7343): hashes, not places.
    Orchid,
    /// `::ffff:0:0/96` and `::ffff:0:0:0/96`.
    V4Mapped,
    /// `::/96`.
    V4Compatible,
    /// `64:ff9b::/96` (RFC 6052) and `64:ff9b:1::/48` (RFC 8215).
    Nat64,
    /// `2002::/16` and the relays at `192.88.99.0/24` (RFC 7526).
    SixToFour,
    /// `2001::/32` (RFC 4380).
    Teredo,
    /// An interface identifier `::5efe:a.b.c.d` in any prefix (RFC 5214 §6.1).
    Isatap,
}

impl AddressClass {
    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "carrier-shared",
            Self::LinkLocal => "link-local",
            Self::CloudPlatform => "a cloud platform's own",
            Self::Protocol => "reserved for protocols",
            Self::Documentation => "for documentation",
            Self::Benchmarking => "for benchmarks",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Reserved => "reserved",
            Self::UniqueLocal => "unique-local",
            Self::SiteLocal => "site-local",
            Self::Discard => "discard-only",
            Self::Orchid => "an ORCHID hash",
            Self::V4Mapped => "IPv4-mapped",
            Self::V4Compatible => "IPv4-compatible",
            Self::Nat64 => "translated by NAT64",
            Self::SixToFour => "6to4",
            Self::Teredo => "Teredo",
            Self::Isatap => "ISATAP",
        }
    }

    /// Whether naming a *host* on the allow list opens addresses of this class. The rest (link-local, where
    /// instance credentials are served; translated and reserved forms) must be named as an address or network.
    pub(crate) fn opened_by_host(self) -> bool {
        matches!(self, Self::Loopback | Self::Private | Self::Shared | Self::UniqueLocal)
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why `address` is not public; `None` if it is.
pub fn special(address: IpAddr) -> Option<AddressClass> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

const AZURE_PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn special_v4(a: Ipv4Addr) -> Option<AddressClass> {
    use AddressClass as C;
    if a == AZURE_PLATFORM {
        return Some(C::CloudPlatform);
    }
    match a.octets() {
        [0, ..] => Some(C::Unspecified),
        [127, ..] => Some(C::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(C::Private),
        [100, 64..=127, ..] => Some(C::Shared),
        [169, 254, ..] => Some(C::LinkLocal),
        [192, 0, 0, _] => Some(C::Protocol),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some(C::Documentation),
        [192, 88, 99, _] => Some(C::SixToFour),
        [198, 18 | 19, ..] => Some(C::Benchmarking),
        [224..=239, ..] => Some(C::Multicast),
        [255, 255, 255, 255] => Some(C::Broadcast),
        [240..=255, ..] => Some(C::Reserved),
        _ => None,
    }
}

fn special_v6(a: Ipv6Addr) -> Option<AddressClass> {
    use AddressClass as C;
    match a.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(C::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(C::Loopback),
        [0, 0, 0, 0, 0, 0, _, _] => Some(C::V4Compatible),
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => Some(C::V4Mapped),
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0x64, 0xff9b, 1, ..] => Some(C::Nat64),
        [0x100, 0, 0, 0 | 1, ..] => Some(C::Discard),
        [0xff00..=0xffff, ..] => Some(C::Multicast),
        [0xfe80..=0xfebf, ..] => Some(C::LinkLocal),
        [0xfec0..=0xfeff, ..] => Some(C::SiteLocal),
        [0xfc00..=0xfdff, ..] => Some(C::UniqueLocal),
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => Some(C::Isatap),
        [0x2000..=0x3fff, ..] => special_global_v6(a),
        _ => Some(C::Reserved),
    }
}

/// The special blocks inside `2000::/3`.
fn special_global_v6(a: Ipv6Addr) -> Option<AddressClass> {
    use AddressClass as C;
    match a.segments() {
        [0x2001, 0, ..] => Some(C::Teredo),
        [0x2001, 2, 0, ..] => Some(C::Benchmarking),
        [0x2001, 0x10..=0x2f, ..] => Some(C::Orchid),
        [0x2001, 0..=0x1ff, ..] => Some(C::Protocol),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(C::Documentation),
        [0x2002, ..] => Some(C::SixToFour),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn class(s: &str) -> Option<AddressClass> {
        special(s.parse().unwrap())
    }

    #[test]
    fn every_special_block_is_refused_at_both_ends_and_its_neighbours_are_not() {
        use AddressClass as C;
        let rows: &[(C, &str, &str)] = &[
            (C::Unspecified, "0.0.0.0", "0.255.255.255"),
            (C::Private, "10.0.0.0", "10.255.255.255"),
            (C::Shared, "100.64.0.0", "100.127.255.255"),
            (C::Loopback, "127.0.0.0", "127.255.255.255"),
            (C::LinkLocal, "169.254.0.0", "169.254.255.255"),
            (C::Private, "172.16.0.0", "172.31.255.255"),
            (C::Protocol, "192.0.0.0", "192.0.0.255"),
            (C::Documentation, "192.0.2.0", "192.0.2.255"),
            (C::SixToFour, "192.88.99.0", "192.88.99.255"),
            (C::Private, "192.168.0.0", "192.168.255.255"),
            (C::Benchmarking, "198.18.0.0", "198.19.255.255"),
            (C::Documentation, "198.51.100.0", "198.51.100.255"),
            (C::Documentation, "203.0.113.0", "203.0.113.255"),
            (C::Multicast, "224.0.0.0", "239.255.255.255"),
            (C::Reserved, "240.0.0.0", "255.255.255.254"),
            (C::Broadcast, "255.255.255.255", "255.255.255.255"),
            (C::CloudPlatform, "168.63.129.16", "168.63.129.16"),
            (C::Unspecified, "::", "::"),
            (C::Loopback, "::1", "::1"),
            (C::V4Compatible, "::2", "::ffff:ffff"),
            (C::V4Mapped, "::ffff:0.0.0.0", "::ffff:255.255.255.255"),
            (C::V4Mapped, "::ffff:0:0.0.0.0", "::ffff:0:255.255.255.255"),
            (C::Nat64, "64:ff9b::", "64:ff9b::ffff:ffff"),
            (C::Nat64, "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
            (C::Discard, "100::", "100::ffff:ffff:ffff:ffff"),
            (C::Discard, "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"),
            (C::Teredo, "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::Benchmarking, "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
            (C::Orchid, "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::Orchid, "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::Protocol, "2001:30::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::Documentation, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::SixToFour, "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::Documentation, "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::Reserved, "4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::UniqueLocal, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::LinkLocal, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::SiteLocal, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::Multicast, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (C::Isatap, "2606:4700::5efe:8.8.8.8", "2606:4700::200:5efe:8.8.8.8"),
            (C::LinkLocal, "fe80::5efe:10.0.0.1", "fe80::200:5efe:10.0.0.1"),
        ];
        for (expected, first, last) in rows {
            assert_eq!(class(first), Some(*expected), "{first}");
            assert_eq!(class(last), Some(*expected), "{last}");
        }
        for public in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700:4700::1111",
            "3ffe::1",
            "3fff:1000::1",
        ] {
            assert_eq!(class(public), None, "{public}");
        }
    }

    proptest! {
        #[test]
        fn no_ipv4_address_gets_through_inside_an_ipv6_one(v4: u32, prefix: u64, flag: bool) {
            let [hi, lo] = [(v4 >> 16) as u16, v4 as u16];
            let isatap = (u128::from(prefix) << 64)
                | (if flag { 0x0200_5efe_u128 } else { 0x5efe }) << 32
                | u128::from(v4);
            let forms = [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, hi, lo),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, hi, lo),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, hi, lo),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, hi, lo),
                Ipv6Addr::new(0x64, 0xff9b, 1, prefix as u16, 0, 0, hi, lo),
                Ipv6Addr::new(0x2002, hi, lo, prefix as u16, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, prefix as u16, 1, 0, 0, !hi, !lo),
                Ipv6Addr::from(isatap),
            ];
            for form in forms {
                prop_assert!(special(form.into()).is_some(), "{}", form);
            }
        }
    }
}
