//! Which network addresses may be called: agents choose where we call, and must not reach through us
//! what only we can reach. Judged when the connection is made, so a name that changes its address
//! between two look-ups gains nothing. Source: docs/protocols/ota.md, "Callbacks".

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// What may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// Private networks too, this machine included.
    pub(super) private: bool,
    /// This machine: nobody else reaches a server that listens on loopback alone.
    pub(super) loopback: bool,
}

/// No address of a host may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host has no address that may be called")]
pub(super) struct OutOfReach;

/// Looks hosts up and leaves out what may not be called.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    reach: Reach,
    resolver: DefaultResolver,
}

impl GuardedResolver {
    pub(super) fn new(reach: Reach) -> Self {
        Self { reach, resolver: DefaultResolver::default() }
    }
}

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| self.reach.allows(address)) {
            allowed.push(*address);
        }
        if allowed.is_empty() {
            return Err(ureq::Error::Other(Box::new(OutOfReach)));
        }
        Ok(allowed)
    }
}

impl Reach {
    fn allows(self, address: &SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        if ip.is_unspecified() || ip.is_multicast() || address.port() == 0 {
            return false;
        }
        if self.private || (self.loopback && ip.is_loopback()) {
            return true;
        }
        match ip {
            IpAddr::V4(ip) => is_public_v4(ip),
            IpAddr::V6(ip) => is_public_v6(ip),
        }
    }
}

/// Whether an address is one of the Internet. Source: the IANA registries of special-purpose addresses.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_broadcast()
        || a == 0
        || a >= 224
        || (a == 100 && (b & 0xc0) == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b & 0xfe) == 18))
}

/// As [`is_public_v4`]. Of the addresses that carry another one inside none is public: they could lead
/// anywhere.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let is_global = a & 0xe000 == 0x2000;
    // 2001::/23 is for protocols, Teredo among them; 2001:db8::/32 and 3fff::/20 for documentation;
    // 2002::/16 is 6to4.
    let is_special =
        (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERNET: Reach = Reach { private: false, loopback: false };

    fn allows(reach: Reach, ip: &str) -> bool {
        reach.allows(&SocketAddr::new(ip.parse().unwrap(), 443))
    }

    #[test]
    fn only_addresses_of_the_internet_are_called() {
        for public in ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2400:3200::1", "::ffff:8.8.8.8"]
        {
            assert!(allows(INTERNET, public), "{public}");
        }
        for inside in [
            "127.0.0.1",
            "127.8.9.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
        ] {
            assert!(!allows(INTERNET, inside), "{inside}");
        }
        assert!(!INTERNET.allows(&"8.8.8.8:0".parse().unwrap()));
    }

    #[test]
    fn more_is_called_where_that_is_configured() {
        let loopback = Reach { loopback: true, ..INTERNET };
        let check =
            |reach, ip: &str, expected: bool| assert_eq!(allows(reach, ip), expected, "{ip}");
        check(loopback, "127.0.0.1", true);
        check(loopback, "::1", true);
        check(loopback, "::ffff:127.0.0.1", true);
        check(loopback, "10.0.0.1", false);
        check(loopback, "169.254.169.254", false);
        let private = Reach { private: true, loopback: false };
        check(private, "10.0.0.1", true);
        check(private, "127.0.0.1", true);
        check(private, "0.0.0.0", false);
        check(private, "224.0.0.1", false);
    }
}
