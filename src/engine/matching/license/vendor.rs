//! Vendors: one name for each, whatever a list calls it.

use crate::engine::matching::normalize::{fold, words};

/// Other names of vendors, folded, with the name that counts.
const ALIASES: &[(&str, &str)] = &[
    ("ms", "microsoft"),
    ("msft", "microsoft"),
    ("microsoft csp", "microsoft"),
    ("microsoft nce", "microsoft"),
    ("microsoft corporation", "microsoft"),
    ("microsoft azure", "microsoft"),
    ("s1", "sentinelone"),
    ("sentinel one", "sentinelone"),
    ("sentinel labs", "sentinelone"),
    ("pp", "proofpoint"),
    ("bit defender", "bitdefender"),
    ("know be 4", "knowbe4"),
    ("kb4", "knowbe4"),
    ("crowd strike", "crowdstrike"),
    ("threat locker", "threatlocker"),
    ("cisco duo", "cisco"),
    ("duo", "cisco"),
    ("duo security", "cisco"),
    ("umbrella", "cisco"),
    ("cisco umbrella", "cisco"),
    ("cisco systems", "cisco"),
    ("opentext", "webroot"),
    ("malwarebytes", "threatdown"),
    ("keeper", "keeper security"),
    ("datto", "kaseya"),
    ("trend", "trend micro"),
    ("blackpoint", "blackpoint cyber"),
    ("google cloud", "google"),
    ("gws", "google"),
    ("ave point", "avepoint"),
];

/// Words that are only ever the vendor in a license's name.
const GENERAL: &[&str] = &["microsoft", "ms", "msft"];

/// Whether a word of a name is the vendor and no part of the family.
pub(super) fn is_general_vendor_word(word: &str) -> bool {
    GENERAL.contains(&word)
}

/// The one name of a vendor.
pub(in crate::engine::matching) fn canonical(vendor: &str) -> String {
    let folded = fold(vendor);
    ALIASES.iter().find(|(alias, _)| *alias == folded).map_or(folded, |(_, name)| (*name).to_owned())
}

/// The words of a vendor's name and of its short names, which a list may put in front of a family.
pub(in crate::engine::matching) fn vendor_words(vendor: &str) -> Vec<String> {
    let name = canonical(vendor);
    let mut all = words(vendor);
    all.extend(words(&name));
    all.extend(ALIASES.iter().filter(|(_, of)| *of == name).flat_map(|(alias, _)| words(alias)));
    all.sort();
    all.dedup();
    all
}
