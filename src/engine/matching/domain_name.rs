//! The registrable domain of a web site or an e-mail address, unless it belongs to a public mail provider.

/// Domains under which anybody can have an address, a page or a profile: they identify nobody.
const PUBLIC: &[&str] = &[
    "aol.com",
    "att.net",
    "bellsouth.net",
    "btinternet.com",
    "comcast.net",
    "cox.net",
    "facebook.com",
    "fastmail.com",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "google.com",
    "googlemail.com",
    "hotmail.co.uk",
    "hotmail.com",
    "icloud.com",
    "instagram.com",
    "linkedin.com",
    "linktr.ee",
    "live.com",
    "mac.com",
    "mail.com",
    "me.com",
    "msn.com",
    "onmicrosoft.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rocketmail.com",
    "sbcglobal.net",
    "sharepoint.com",
    "sky.com",
    "squarespace.com",
    "t-online.de",
    "verizon.net",
    "virginmedia.com",
    "web.de",
    "weebly.com",
    "wixsite.com",
    "wordpress.com",
    "x.com",
    "yahoo.co.uk",
    "yahoo.com",
    "yelp.com",
    "ymail.com",
    "zoho.com",
];

/// Second-level labels under which a country registers names (`co.uk`, `com.au`).
const SECOND_LEVEL: &[&str] =
    &["ac", "co", "com", "edu", "gob", "gov", "govt", "ltd", "mil", "net", "nhs", "or", "org", "plc", "sch"];

/// The registrable domain of a URL, a host or an e-mail address, in lower case.
pub(super) fn registrable(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let host = text.split(['/', '?', '#']).next().unwrap_or(text);
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = host.split(':').next().unwrap_or(host).trim_matches('.');
    let labels: Vec<&str> = host.split('.').collect();
    let well_formed = labels.len() >= 2
        && labels
            .iter()
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_'))
        && labels.last().is_some_and(|top| top.chars().count() >= 2 && !top.chars().all(|c| c.is_ascii_digit()));
    if !well_formed {
        return None;
    }
    let takes_three =
        labels.len() >= 3 && labels[labels.len() - 1].len() == 2 && SECOND_LEVEL.contains(&labels[labels.len() - 2]);
    let domain = labels[labels.len() - if takes_three { 3 } else { 2 }..].join(".");
    (!PUBLIC.contains(&domain.as_str())).then_some(domain)
}

/// The first label of a domain, letters and digits only: what the owner chose.
pub(super) fn label(domain: &str) -> String {
    domain.split('.').next().unwrap_or_default().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrable_domain_is_found_and_public_ones_are_not() {
        let cases = [
            ("https://www.acme.example/", Some("acme.example")),
            ("billing@mail.Acme.co.uk", Some("acme.co.uk")),
            ("http://acme.com:8080/path?x=1", Some("acme.com")),
            ("someone@gmail.com", None),
            ("tenant.onmicrosoft.com", None),
            ("192.168.1.10", None),
            ("n/a", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(registrable(text).as_deref(), expected, "of `{text}`");
        }
    }
}
