//! Where deliveries may go: public addresses over TLS. Whoever names an endpoint shall not reach through us what only we
//! can reach.
//!
//! A name is judged by what it resolves to at each connection and never by its letters: it may resolve to something else
//! than when the endpoint was made. Whoever connects asks [`Destinations::allows`] of each address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::config::Webhooks;

/// The longest address of an endpoint.
const LONGEST: usize = 2_000;
/// The port of HTTPS, and the first that is nobody else's by convention.
const HTTPS: u16 = 443;
const FIRST_FREE: u16 = 1_024;

/// Why nothing is delivered to an address, as a clause about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error(
        "must be an address such as https://example.com/flightdesk, of at most 2000 characters"
    )]
    Malformed,
    /// It is not HTTPS.
    #[error("must begin with https://")]
    NotHttps,
    /// It has a name or password, which everybody would see who sees the address.
    #[error("must have no user name or password")]
    Credentials,
    /// What comes behind `#` is never sent.
    #[error("must have no `#`")]
    Fragment,
    /// The port is another service's.
    #[error("must have the port 443, or one from 1024 on")]
    Port,
    /// It is, or resolves to, an address that is not public.
    #[error("must be at a public address: it is private, local or reserved")]
    NotPublic,
}

/// Which addresses this deployment delivers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destinations {
    allow_loopback: bool,
}

impl Destinations {
    /// Those of a deployment.
    pub const fn of(settings: &Webhooks) -> Self {
        Self::new(settings.webhook_allow_loopback)
    }

    /// Public ones over TLS; `allow_loopback` adds plain HTTP to this machine, for tests.
    pub const fn new(allow_loopback: bool) -> Self {
        Self { allow_loopback }
    }

    /// Reads the address of an endpoint. One with a name may still resolve to something that is not allowed.
    pub fn parse(self, raw: &str) -> Result<Url, Refused> {
        if raw.len() > LONGEST {
            return Err(Refused::Malformed);
        }
        let url = Url::parse(raw).map_err(|_| Refused::Malformed)?;
        let host = url.host().ok_or(Refused::Malformed)?;
        let literal = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        let is_ours = self.allow_loopback && literal.is_some_and(|address| address.is_loopback());
        if url.scheme() != "https" && !(is_ours && url.scheme() == "http") {
            return Err(Refused::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        if url.fragment().is_some() {
            return Err(Refused::Fragment);
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if port != HTTPS && port < FIRST_FREE {
            return Err(Refused::Port);
        }
        match literal {
            Some(address) if !self.allows(address) => Err(Refused::NotPublic),
            _ => Ok(url),
        }
    }

    /// Whether a connection to this address may be opened.
    pub fn allows(self, address: IpAddr) -> bool {
        is_public(address) || (self.allow_loopback && address.is_loopback())
    }
}

/// Whether an address is reached over the public internet and is one machine's or service's own
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !RESERVED_V4.iter().any(|(network, bits)| {
            let shift = 32 - bits;
            address.to_bits() >> shift == network.to_bits() >> shift
        }),
        // Global unicast alone: neither loopback, link-local, unique-local and multicast, nor IPv4 in the clothes of IPv6
        // (::ffff:0:0/96, 64:ff9b::/96).
        IpAddr::V6(address) => {
            let is_in = |(network, bits): &(Ipv6Addr, u32)| {
                let shift = 128 - bits;
                address.to_bits() >> shift == network.to_bits() >> shift
            };
            is_in(&GLOBAL_UNICAST) && !RESERVED_V6.iter().any(is_in)
        }
    }
}

const RESERVED_V4: [(Ipv4Addr, u32); 15] = [
    // this network
    (Ipv4Addr::UNSPECIFIED, 8),
    // private
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // behind the address translation of a carrier
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // link-local: the metadata of clouds
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // documentation
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // relays of 6to4
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    // benchmarks
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // multicast, and what is reserved behind it
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

const RESERVED_V6: [(Ipv6Addr, u32); 4] = [
    // Teredo, benchmarks and other protocols
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // documentation
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4: an IPv4 address inside
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Destinations = Destinations::new(false);

    #[test]
    fn an_endpoint_is_https_at_a_public_address_without_credentials() {
        for (raw, refused) in [
            ("not an address", Refused::Malformed),
            ("https://", Refused::Malformed),
            ("http://example.com/", Refused::NotHttps),
            ("ftp://example.com/", Refused::NotHttps),
            ("https://user@example.com/", Refused::Credentials),
            ("https://:secret@example.com/", Refused::Credentials),
            ("https://example.com/#part", Refused::Fragment),
            ("https://example.com:22/", Refused::Port),
            ("https://example.com:25/", Refused::Port),
            ("https://127.0.0.1/", Refused::NotPublic),
            ("https://2130706433/", Refused::NotPublic),
            ("https://0x7f.1/", Refused::NotPublic),
            ("https://[::1]/", Refused::NotPublic),
            ("https://[::ffff:8.8.8.8]/", Refused::NotPublic),
            (
                "https://169.254.169.254/latest/meta-data",
                Refused::NotPublic,
            ),
        ] {
            assert_eq!(STRICT.parse(raw), Err(refused), "{raw}");
        }
        let long = format!("https://example.com/{}", "a".repeat(LONGEST));
        assert_eq!(STRICT.parse(&long), Err(Refused::Malformed));
        for raw in [
            "https://example.com/hook?a=b",
            "https://example.com:8443/",
            "https://8.8.8.8/",
        ] {
            assert_eq!(STRICT.parse(raw).map(String::from), Ok(raw.to_owned()));
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_alone_and_only_where_it_is_allowed() {
        let tests = Destinations::new(true);
        assert!(tests.parse("http://127.0.0.1:9000/").is_ok());
        assert!(tests.parse("http://[::1]:9000/").is_ok());
        for raw in [
            "http://10.0.0.1:9000/",
            "http://example.com:9000/",
            "http://localhost:9000/",
        ] {
            assert_eq!(tests.parse(raw), Err(Refused::NotHttps), "{raw}");
        }
        assert_eq!(
            STRICT.parse("http://127.0.0.1:9000/"),
            Err(Refused::NotHttps)
        );
    }

    #[test]
    fn private_local_and_reserved_addresses_are_refused_in_every_clothing() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.53",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!STRICT.allows(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
        ] {
            assert!(STRICT.allows(address.parse().unwrap()), "{address}");
        }
    }
}
