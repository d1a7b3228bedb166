//! Words of company names: usual abbreviations, words that are common everywhere, and words that name a sister company.

/// Abbreviations that are not a beginning of their word, with the word.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("amer", "american"),
    ("assn", "association"),
    ("assoc", "associates"),
    ("bldg", "building"),
    ("bldrs", "builders"),
    ("bros", "brothers"),
    ("ctr", "center"),
    ("centre", "center"),
    ("cntr", "center"),
    ("dept", "department"),
    ("dist", "distributing"),
    ("engr", "engineering"),
    ("equip", "equipment"),
    ("ft", "fort"),
    ("grp", "group"),
    ("hldgs", "holdings"),
    ("hosp", "hospital"),
    ("hq", "headquarters"),
    ("intl", "international"),
    ("int", "international"),
    ("labs", "laboratories"),
    ("lab", "laboratory"),
    ("maint", "maintenance"),
    ("mfg", "manufacturing"),
    ("mgmt", "management"),
    ("mgt", "management"),
    ("mkt", "market"),
    ("mktg", "marketing"),
    ("mt", "mount"),
    ("mtn", "mountain"),
    ("natl", "national"),
    ("nat", "national"),
    ("org", "organization"),
    ("prop", "property"),
    ("props", "properties"),
    ("rlty", "realty"),
    ("sch", "school"),
    ("st", "saint"),
    ("svc", "service"),
    ("svcs", "services"),
    ("serv", "services"),
    ("sys", "systems"),
    ("tech", "technology"),
    ("techs", "technologies"),
    ("univ", "university"),
    ("und", "and"),
    ("et", "and"),
    ("y", "and"),
    ("utd", "united"),
];

/// Words that many companies share in any country; however rare in a small list, they say little.
const COMMON: &[&str] = &[
    "academy",
    "accounting",
    "advisors",
    "agency",
    "air",
    "american",
    "and",
    "architects",
    "associates",
    "auto",
    "automotive",
    "bakery",
    "bank",
    "builders",
    "building",
    "business",
    "care",
    "center",
    "church",
    "city",
    "clinic",
    "college",
    "community",
    "company",
    "construction",
    "consultants",
    "consulting",
    "contractors",
    "council",
    "credit",
    "de",
    "dental",
    "design",
    "development",
    "distributing",
    "electric",
    "electrical",
    "energy",
    "engineering",
    "enterprises",
    "equipment",
    "family",
    "farms",
    "financial",
    "first",
    "flooring",
    "foundation",
    "general",
    "global",
    "group",
    "health",
    "healthcare",
    "heating",
    "holdings",
    "home",
    "hospital",
    "hotel",
    "industries",
    "insurance",
    "international",
    "investments",
    "la",
    "landscaping",
    "law",
    "logistics",
    "management",
    "manufacturing",
    "marketing",
    "media",
    "medical",
    "ministries",
    "mortgage",
    "national",
    "new",
    "of",
    "office",
    "offices",
    "painting",
    "partners",
    "pharmacy",
    "physical",
    "plumbing",
    "printing",
    "products",
    "properties",
    "property",
    "realty",
    "rental",
    "restaurant",
    "roofing",
    "school",
    "security",
    "service",
    "services",
    "shop",
    "society",
    "software",
    "solutions",
    "staffing",
    "steel",
    "storage",
    "store",
    "supply",
    "surveyors",
    "systems",
    "tax",
    "technologies",
    "technology",
    "the",
    "therapy",
    "trading",
    "transport",
    "travel",
    "trust",
    "united",
    "university",
    "wholesale",
];

/// Words that turn a name into that of a sister, mother or daughter company.
const SIBLING: &[&str] = &[
    "affiliates",
    "africa",
    "america",
    "americas",
    "asia",
    "bank",
    "brands",
    "canada",
    "capital",
    "central",
    "charity",
    "china",
    "development",
    "division",
    "east",
    "eastern",
    "enterprises",
    "estates",
    "europe",
    "foundation",
    "france",
    "franchising",
    "fund",
    "germany",
    "global",
    "group",
    "holding",
    "holdings",
    "india",
    "industries",
    "international",
    "investments",
    "ireland",
    "japan",
    "leasing",
    "mexico",
    "north",
    "northern",
    "operations",
    "partners",
    "pension",
    "properties",
    "realty",
    "retail",
    "school",
    "sons",
    "south",
    "southern",
    "subsidiary",
    "trading",
    "trust",
    "uk",
    "university",
    "usa",
    "ventures",
    "west",
    "western",
];

/// The full word of an abbreviation that the table knows.
pub(super) fn expanded(word: &str) -> Option<&'static str> {
    ABBREVIATIONS.iter().find(|(short, _)| *short == word).map(|(_, long)| *long)
}

/// Whether a word is common among companies everywhere.
pub(super) fn is_common(word: &str) -> bool {
    COMMON.binary_search(&word).is_ok()
}

/// Whether a word, on one side only, usually names a sister company.
pub(super) fn names_sibling(word: &str) -> bool {
    SIBLING.binary_search(&word).is_ok()
}

/// How well a short word stands for a long one, from 0 to 1: a known abbreviation, a beginning, or its skeleton.
pub(super) fn quality(short: &str, long: &str) -> f64 {
    // All short forms begin like their word, but for those of `and`.
    if short.len() >= long.len() || (short.as_bytes().first() != long.as_bytes().first() && long != "and") {
        return 0.0;
    }
    if expanded(short) == Some(long) {
        return 0.95;
    }
    if short.chars().count() >= 3 && long.starts_with(short) {
        return 0.85;
    }
    // A plural or another ending is no abbreviation, hence the distance in length.
    if short.chars().count() >= 3 && short.len() + 2 <= long.len() && is_skeleton(short, long) { 0.7 } else { 0.0 }
}

/// Whether `short` has the letters of `long` in order, the same first letter, and only consonants behind it.
fn is_skeleton(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    short.chars().next() == long.chars().next()
        && short.chars().skip(1).all(|c| !"aeiou".contains(c) && c.is_alphabetic())
        && short.chars().all(|wanted| rest.any(|c| c == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_for_the_search() {
        assert!(COMMON.is_sorted() && SIBLING.is_sorted());
    }

    #[test]
    fn short_forms_stand_for_their_words() {
        for (short, long) in [
            ("svcs", "services"),
            ("intl", "international"),
            ("mach", "machine"),
            ("mgmt", "management"),
            ("blvd", "boulevard"),
        ] {
            assert!(quality(short, long) >= 0.7, "{short} for {long}");
        }
        for (short, long) in [("cat", "dog"), ("ab", "abacus"), ("services", "svcs"), ("rdl", "realty")] {
            assert!(quality(short, long) < 0.5, "{short} for {long}");
        }
    }
}
