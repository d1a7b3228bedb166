//! Which addresses lie on this machine or in a private network, where a provider of the public internet has no place.
//!
//! The text of an address is judged when it is set, and what its name stands for each time that it is connected to: a
//! name may come to mean another machine at any moment.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use url::{Host, Url};

/// Where connections of a client may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// The public internet, and this machine by its own name.
    #[default]
    Public,
    /// Private networks too; the operator allowed it.
    Private,
}

/// Where an address lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    Loopback,
    /// In a private network, or nowhere a provider can be.
    Private,
    /// Anywhere else.
    Public,
}

/// Where an IP address lies.
pub fn place_of(ip: IpAddr) -> Place {
    match ip {
        _ if ip.is_loopback() => Place::Loopback,
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            let is_private = ip.is_private() || ip.is_link_local() || ip.is_broadcast() || is_shared || a == 0;
            if is_private { Place::Private } else { Place::Public }
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => place_of(IpAddr::V4(ip)),
            None if ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local() => Place::Private,
            None => Place::Public,
        },
    }
}

/// Where an address lies by its text alone; a name is looked up only when it is connected to.
pub fn place_of_url(url: &Url) -> Option<Place> {
    Some(match url.host()? {
        Host::Ipv4(ip) => place_of(IpAddr::V4(ip)),
        Host::Ipv6(ip) => place_of(IpAddr::V6(ip)),
        Host::Domain(name) => place_of_name(name),
    })
}

/// Where a name claims to lie.
fn place_of_name(name: &str) -> Place {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    match name.rsplit('.').next().unwrap_or_default() {
        "localhost" => Place::Loopback,
        "local" | "internal" => Place::Private,
        _ => Place::Public,
    }
}

/// A name stands for machines that a provider has no business on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{name}` stands for an address on this machine or in a private network; the operator can allow that with \
     --allow-private-networks on"
)]
pub struct NotPublic {
    name: String,
}

/// The addresses of a name that may be connected to.
fn permitted(name: &str, found: Vec<SocketAddr>, network: Network) -> Result<Vec<SocketAddr>, NotPublic> {
    let is_own = place_of_name(name) == Place::Loopback;
    let is_permitted = |address: &SocketAddr| match place_of(address.ip()) {
        Place::Public => true,
        Place::Private => network == Network::Private,
        // A name of the internet that means this machine is a trick, or a mistake; in the operator's network it may be neither.
        Place::Loopback => is_own || network == Network::Private,
    };
    let kept: Vec<SocketAddr> = found.iter().copied().filter(is_permitted).collect();
    if kept.is_empty() && !found.is_empty() {
        return Err(NotPublic { name: name.to_owned() });
    }
    Ok(kept)
}

/// Looks names up and keeps the addresses that a client may connect to.
#[derive(Debug, Clone, Copy)]
pub struct GuardedResolver {
    /// Where connections may go.
    pub network: Network,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let network = self.network;
        Box::pin(async move {
            // The port is the client's; any will do here.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses: Addrs = Box::new(permitted(name.as_str(), found, network)?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, found: &[&str], network: Network, expected: Option<&[&str]>) {
        let parse = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| SocketAddr::new(text.parse().expect("an address"), 0)).collect()
        };
        assert_eq!(permitted(name, parse(found), network).ok(), expected.map(parse));
    }

    #[test]
    fn a_name_of_the_internet_leads_to_no_machine_of_ours() {
        let (public, private) = (Network::Public, Network::Private);
        check("api.pax8.com", &["104.18.1.1", "2606:4700::1"], public, Some(&["104.18.1.1", "2606:4700::1"]));
        for inside in ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.1.1", "0.0.0.0"] {
            check("evil.example", &[inside], public, None);
            check("psa.corp.example", &[inside], private, Some(&[inside]));
        }
        // Of mixed answers the public ones are used.
        check("evil.example", &["10.0.0.7", "104.18.1.1"], public, Some(&["104.18.1.1"]));
        check("localhost", &["127.0.0.1", "::1"], public, Some(&["127.0.0.1", "::1"]));
        check("psa.localhost", &["127.0.0.1"], public, Some(&["127.0.0.1"]));
        check("localhost", &["10.0.0.7"], public, None);
        check("nobody.example", &[], public, Some(&[]));
    }

    #[tokio::test]
    async fn the_resolver_answers_with_what_is_permitted() {
        let resolver = GuardedResolver { network: Network::Public };
        let name = "localhost".parse().expect("a name");
        let found: Vec<SocketAddr> = resolver.resolve(name).await.expect("this machine has a name").collect();
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()));
    }
}
