//! Networks of addresses, and one way to compare an address with them.

use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// A network: `10.1.0.0/16`, `2001:db8::/32`, or one address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

/// What is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// Neither an address nor a network.
    #[error("write a network as `10.1.0.0/16` or `2001:db8::/32`, or one address alone")]
    Unreadable,
    /// There are bits behind the prefix: whoever wrote it may have meant one address, or another network.
    #[error("there are bits behind the prefix: write `{0}` for the network")]
    HostBits(Network),
    /// An IPv4 network in the clothes of IPv6 (`::ffff:10.0.0.0/104`).
    #[error("write the IPv4 network itself, without `::ffff:`")]
    Mapped,
}

impl Network {
    /// Reads a network, or one address alone.
    ///
    /// # Errors
    /// [`InvalidNetwork`] says what is wrong, and for host bits what was probably meant.
    pub fn parse(text: &str) -> Result<Self, InvalidNetwork> {
        let net = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse::<IpNet>().map_err(|_| InvalidNetwork::Unreadable)?,
        };
        if matches!(net, IpNet::V6(v6) if v6.prefix_len() >= 96 && v6.addr().to_ipv4_mapped().is_some()) {
            return Err(InvalidNetwork::Mapped);
        }
        if net.trunc() == net { Ok(Self(net)) } else { Err(InvalidNetwork::HostBits(Self(net.trunc()))) }
    }

    /// Whether the address is in it. An IPv4 address that comes as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn bits_behind_the_prefix_are_refused_with_what_was_meant() {
        let said = |text: &str| Network::parse(text).map(|n| n.to_string());
        assert_eq!(said("10.1.0.0/16").unwrap(), "10.1.0.0/16");
        assert_eq!(said("10.1.2.3").unwrap(), "10.1.2.3/32");
        assert_eq!(said("2001:db8::/32").unwrap(), "2001:db8::/32");
        let meant = Network::parse("10.1.0.0/16").unwrap();
        assert_eq!(said("10.1.2.3/16"), Err(InvalidNetwork::HostBits(meant)));
        for bad in ["", "10.1.0.0/33", "10.1/16", "x", "10.1.0.0/-1", "::/129"] {
            assert_eq!(said(bad), Err(InvalidNetwork::Unreadable), "{bad}");
        }
        for mapped in ["::ffff:10.0.0.1", "::ffff:10.0.0.0/104"] {
            assert_eq!(said(mapped), Err(InvalidNetwork::Mapped), "{mapped}");
        }
    }

    #[test]
    fn an_ipv4_address_is_itself_in_ipv6_too() {
        let ten = Network::parse("10.0.0.0/8").unwrap();
        assert!(ten.contains(ip("10.255.255.255")) && ten.contains(ip("::ffff:10.0.0.1")));
        assert!(!ten.contains(ip("11.0.0.0")) && !ten.contains(ip("::10.0.0.1")));
        let every6 = Network::parse("::/0").unwrap();
        assert!(every6.contains(ip("2001:db8::1")) && !every6.contains(ip("::ffff:10.0.0.1")));
    }
}
