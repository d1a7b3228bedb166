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

/// The hosts that providers may be at, whatever network they lie in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AllowedHosts {
    /// All of the network that connections may go to.
    #[default]
    Any,
    /// These alone.
    Only(Vec<HostPattern>),
}

impl AllowedHosts {
    /// Whether one of them is meant by an address. An address without a host is none.
    pub fn include(&self, url: &Url) -> bool {
        match self {
            Self::Any => true,
            Self::Only(patterns) => patterns.iter().any(|pattern| pattern.is_met_by(url)),
        }
    }
}

/// A host, or all hosts below a domain, with one port or any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    host: Host<String>,
    /// Whether the hosts below `host` are meant, and not `host` itself.
    is_domain: bool,
    port: Option<u16>,
}

impl HostPattern {
    /// Reads `HOST`, `HOST:PORT` or `*.DOMAIN`; an IPv6 address stands in brackets. The error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refused = || {
            format!("`{text}` is not a host; write HOST, HOST:PORT or *.DOMAIN, such as api.pax8.com or *.psarev.io")
        };
        let (is_domain, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let is_plain = !rest.is_empty() && !rest.contains(['/', '@', '?', '#', '*', '\\']);
        // The scheme is none whose usual port would be left out.
        let url = Url::parse(&format!("concord://{rest}")).ok().filter(|_| is_plain).ok_or_else(refused)?;
        let port = url.port();
        let host = host_of(&Url::parse(&format!("https://{rest}")).map_err(|_| refused())?).ok_or_else(refused)?;
        if is_domain && !matches!(host, Host::Domain(_)) {
            return Err(refused());
        }
        Ok(Self { host, is_domain, port })
    }

    fn is_met_by(&self, url: &Url) -> bool {
        let Some(host) = host_of(url) else { return false };
        let is_host = match (&self.host, &host) {
            (Host::Domain(domain), Host::Domain(name)) if self.is_domain => {
                name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
            }
            (pattern, host) => pattern == host,
        };
        is_host && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
    }
}

/// The host of an address in one form: the dot that may end a name is left out.
fn host_of(url: &Url) -> Option<Host<String>> {
    match url.host()?.to_owned() {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            (!name.is_empty()).then(|| Host::Domain(name.to_owned()))
        }
        ip => Some(ip),
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

    #[track_caller]
    fn check_allowed(pattern: &str, met: &[&str], missed: &[&str]) {
        let allowed = AllowedHosts::Only(vec![HostPattern::parse(pattern).expect("a host")]);
        for (urls, expected) in [(met, true), (missed, false)] {
            for text in urls {
                let url = Url::parse(text).expect("a URL");
                assert_eq!(allowed.include(&url), expected, "{text} by {pattern}");
                assert!(AllowedHosts::Any.include(&url), "{text}");
            }
        }
    }

    #[test]
    fn allowed_hosts_mean_themselves_and_nothing_that_looks_like_them() {
        check_allowed(
            "api.pax8.com",
            &["https://api.pax8.com/v1", "https://API.pax8.com.:8443", "http://api.pax8.com"],
            &[
                "https://pax8.com",
                "https://api.pax8.com.evil.example",
                "https://xapi.pax8.com",
                "https://x.api.pax8.com",
            ],
        );
        check_allowed(
            "*.PsaRev.io",
            &["https://a.psarev.io", "https://a.b.psarev.io./x"],
            &["https://psarev.io", "https://.psarev.io", "https://evilpsarev.io", "https://psarev.io.evil.example"],
        );
        check_allowed(
            "127.0.0.1:9000",
            &["http://127.0.0.1:9000", "http://0x7f.1:9000"],
            &["http://127.0.0.1", "http://127.0.0.1:9001", "http://localhost:9000"],
        );
        check_allowed("psa.example:443", &["https://psa.example"], &["http://psa.example", "https://psa.example:444"]);
        check_allowed("[::1]", &["http://[::1]:9000", "http://[0:0:0:0:0:0:0:1]"], &["http://127.0.0.1:9000"]);
        check_allowed("bücher.example", &["https://xn--bcher-kva.example"], &["https://bucher.example"]);
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for bad in [
            "",
            "*",
            "*.",
            "*.127.0.0.1",
            "*.*.com",
            "a.*.com",
            "https://api.pax8.com",
            "api.pax8.com/v1",
            "u@api.pax8.com",
            "a b",
            "api.pax8.com:x",
            "api.pax8.com:70000",
            ".",
            "a?b",
            "a\\b",
        ] {
            assert!(HostPattern::parse(bad).is_err(), "{bad} was accepted");
        }
    }

    #[tokio::test]
    async fn the_resolver_answers_with_what_is_permitted() {
        let resolver = GuardedResolver { network: Network::Public };
        let name = "localhost".parse().expect("a name");
        let found: Vec<SocketAddr> = resolver.resolve(name).await.expect("this machine has a name").collect();
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()));
    }
}
