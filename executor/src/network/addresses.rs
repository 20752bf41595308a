//! Which addresses of a peer are worth keeping.

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

/// Addresses kept of one peer: some transports on some interfaces, not a list to make us dial.
pub(super) const ADDRESSES_PER_PEER_MAX: usize = 8;

/// The peer named at the end of an address.
pub(super) fn peer_in(address: &Multiaddr) -> Option<PeerId> {
    address.iter().find_map(|part| match part {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    })
}

/// Those of the addresses a peer claims that this node may dial, given the address it was seen at.
///
/// A peer elsewhere must not make this node knock at its own loopback ports, and nobody can be
/// dialed at an unspecified address.
pub(super) fn worth_dialing(
    claimed: impl IntoIterator<Item = Multiaddr>,
    peer: PeerId,
    seen_at: &Multiaddr,
) -> Vec<Multiaddr> {
    let is_local = is_loopback(seen_at);
    claimed
        .into_iter()
        .filter(|address| !is_unspecified(address) && (is_local || !is_loopback(address)))
        .filter(|address| peer_in(address).is_none_or(|named| named == peer))
        .take(ADDRESSES_PER_PEER_MAX)
        .collect()
}

fn is_loopback(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

fn is_unspecified(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_unspecified(),
        Some(Protocol::Ip6(ip)) => ip.is_unspecified(),
        first => first.is_none(),
    }
}

#[cfg(test)]
mod tests;
