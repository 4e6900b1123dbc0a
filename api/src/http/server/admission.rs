//! Who may connect, and how much of unfinished bodies is kept for whom.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ConnectionSettings;

/// Connections beyond the limit that are taken to answer /health/ alone.
const FOR_HEALTH: usize = 32;

/// Counts the connections of a process.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    most: usize,
    most_per_address: usize,
    most_bytes: usize,
    body_time: Duration,
    body_rate: u64,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: usize,
    bytes: usize,
    by_address: HashMap<IpAddr, Share>,
}

/// What one address has.
#[derive(Default)]
struct Share {
    connections: usize,
    bytes: usize,
}

/// A connection's place; dropping it gives the place back.
pub struct Ticket {
    inner: Arc<Inner>,
    address: IpAddr,
    /// Whether it was taken beyond the limit, to answer /health/ alone.
    pub crowded: bool,
}

/// The client of a request: how long its body may take, and whether only /health/ is answered.
#[derive(Clone)]
pub struct Peer(Arc<Ticket>);

/// Memory that is counted for an unfinished body.
pub struct Held {
    ticket: Arc<Ticket>,
    bytes: usize,
}

impl Admission {
    /// Nobody has connected.
    pub fn new(settings: &ConnectionSettings) -> Self {
        Self(Arc::new(Inner {
            most: settings.max_connections,
            most_per_address: settings.max_connections_per_address,
            most_bytes: settings.max_unfinished_bodies_mib * 1024 * 1024,
            body_time: Duration::from_secs(settings.request_body_seconds),
            body_rate: settings.min_body_rate,
            counts: Mutex::default(),
        }))
    }

    /// A place for a connection, if its address may have one more.
    pub fn enter(&self, address: IpAddr) -> Option<Ticket> {
        let address = network(address);
        let inner = &self.0;
        let mut counts = inner.counts();
        let has = counts.by_address.get(&address);
        let has = has.map_or(0, |share| share.connections);
        let too_many = inner.most_per_address > 0 && has >= inner.most_per_address;
        if too_many || counts.connections >= inner.most + FOR_HEALTH {
            return None;
        }
        counts.connections += 1;
        let crowded = counts.connections > inner.most;
        counts.by_address.entry(address).or_default().connections += 1;
        drop(counts);
        Some(Ticket {
            inner: inner.clone(),
            address,
            crowded,
        })
    }
}

impl Inner {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.inner.counts();
        counts.connections -= 1;
        if let Some(share) = counts.by_address.get_mut(&self.address) {
            share.connections -= 1;
            if share.connections == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

impl Peer {
    /// The client of a connection.
    pub fn new(ticket: Arc<Ticket>) -> Self {
        Self(ticket)
    }

    /// Whether there are too many connections for anything but /health/.
    pub fn is_crowded(&self) -> bool {
        self.0.crowded
    }

    /// How long a body may take of which so much has come.
    pub fn time_for(&self, received: usize) -> Duration {
        let inner = &self.0.inner;
        let millis = (received as u64).saturating_mul(1_000) / inner.body_rate;
        inner.body_time + Duration::from_millis(millis)
    }

    /// Counts for a body that begins.
    pub fn hold(&self) -> Held {
        Held {
            ticket: self.0.clone(),
            bytes: 0,
        }
    }
}

impl Held {
    /// Counts more bytes; false when there is no room for them.
    pub fn grow(&mut self, more: usize) -> bool {
        let inner = &self.ticket.inner;
        let mut counts = inner.counts();
        let Some(share) = counts.by_address.get_mut(&self.ticket.address) else {
            return false;
        };
        let of_address = share.bytes + more;
        // Addresses are proxies' where no address has a limit.
        let fits = inner.most_per_address == 0 || of_address <= inner.most_bytes / 4;
        if !fits || counts.bytes + more > inner.most_bytes {
            return false;
        }
        if let Some(share) = counts.by_address.get_mut(&self.ticket.address) {
            share.bytes = of_address;
        }
        counts.bytes += more;
        self.bytes += more;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.ticket.inner.counts();
        counts.bytes -= self.bytes;
        if let Some(share) = counts.by_address.get_mut(&self.ticket.address) {
            share.bytes -= self.bytes;
        }
    }
}

/// An IPv6 customer has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(most: usize, most_per_address: usize) -> Admission {
        Admission::new(&ConnectionSettings {
            max_connections: most,
            max_connections_per_address: most_per_address,
            request_head_seconds: 10,
            request_body_seconds: 30,
            min_body_rate: 1_024,
            max_unfinished_bodies_mib: 4,
            max_http2_streams: 100,
            idle_seconds: 75,
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_limit_and_a_network_is_one_address() {
        let admission = admission(10, 2);
        let first = admission.enter(address("2001:db8::1")).unwrap();
        let second = admission.enter(address("2001:db8::2"));
        assert!(admission.enter(address("2001:db8::3")).is_none());
        assert!(admission.enter(address("2001:db8:0:1::1")).is_some());
        drop(first);
        assert!(admission.enter(address("2001:db8::3")).is_some());
        drop(second);
        assert_eq!(admission.0.counts().connections, 0);
        assert!(admission.0.counts().by_address.is_empty());
    }

    #[test]
    fn beyond_the_limit_there_is_room_for_health_alone() {
        let admission = admission(1, 0);
        let first = admission.enter(address("192.0.2.1")).unwrap();
        assert!(!first.crowded);
        let beyond: Vec<_> = (0..FOR_HEALTH)
            .map(|_| admission.enter(address("192.0.2.2")).unwrap())
            .collect();
        assert!(beyond.iter().all(|ticket| ticket.crowded));
        assert!(admission.enter(address("192.0.2.3")).is_none());
    }

    #[test]
    fn one_address_keeps_a_quarter_of_the_memory_at_most() {
        const MIB: usize = 1024 * 1024;
        let admission = admission(10, 10);
        let peer = |text| Peer::new(Arc::new(admission.enter(address(text)).unwrap()));
        let (greedy, other) = (peer("192.0.2.1"), peer("192.0.2.2"));
        let mut first = greedy.hold();
        assert!(first.grow(MIB));
        let mut second = greedy.hold();
        assert!(!second.grow(1));
        assert!(other.hold().grow(MIB));
        drop(first);
        assert!(second.grow(MIB));
        drop(second);
        assert_eq!(admission.0.counts().bytes, 0);
    }

    #[test]
    fn a_body_has_time_by_its_size() {
        let admission = admission(10, 10);
        let peer = Peer::new(Arc::new(admission.enter(address("192.0.2.1")).unwrap()));
        assert_eq!(peer.time_for(0), Duration::from_secs(30));
        assert_eq!(peer.time_for(10 * 1_024), Duration::from_secs(40));
    }
}
