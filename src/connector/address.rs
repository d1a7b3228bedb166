//! Which addresses lie on this machine or in a private network, where a provider of the public internet has no place.

use std::net::IpAddr;

use url::{Host, Url};

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
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            match name.rsplit('.').next().unwrap_or_default() {
                "localhost" => Place::Loopback,
                "local" | "internal" => Place::Private,
                _ => Place::Public,
            }
        }
    })
}
