//! Addresses as keys that survive spelling: house number with the first long word of the street, postal code, city.

use super::normalize::words;
use crate::domain::record::Address;

/// An address, reduced for comparison.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// House number and first letters of the street's longest word, such as `6717 capell`; `po box 8476` for a box.
    pub street: Option<String>,
    /// Postal code without blanks.
    pub postal_code: Option<String>,
    /// City.
    pub city: Option<String>,
}

/// Words of streets that do not tell one street from another.
const STREET_WORDS: &[&str] = &[
    "avenue",
    "boulevard",
    "calle",
    "camino",
    "circle",
    "court",
    "drive",
    "east",
    "highway",
    "house",
    "lane",
    "north",
    "parkway",
    "place",
    "road",
    "south",
    "square",
    "street",
    "suite",
    "trail",
    "unit",
    "west",
];

impl Place {
    /// The keys of an address.
    pub fn of(address: &Address) -> Self {
        let postal_code = address.postal_code.as_deref().map(postal_code).filter(|code| code.len() >= 3);
        let city = address.city.as_deref().map(|city| words(city).join(" ")).filter(|city| !city.is_empty());
        Self { street: address.street.as_deref().and_then(street), postal_code, city }
    }
}

/// The five digits of an American code with or without the last four, and any other code without blanks.
fn postal_code(text: &str) -> String {
    let squashed = words(text).concat();
    let is_extended = squashed.len() == 9 && squashed.bytes().all(|byte| byte.is_ascii_digit());
    if is_extended { squashed[..5].to_owned() } else { squashed }
}

fn street(text: &str) -> Option<String> {
    let words = words(text);
    let number = words.iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    if words.iter().any(|word| word == "box") {
        return Some(format!("po box {number}"));
    }
    let name = words
        .iter()
        .filter(|word| !STREET_WORDS.contains(&word.as_str()) && word.chars().count() >= 3 && *word != number)
        .max_by_key(|word| word.chars().count())?;
    // Six letters survive abbreviations and most typing errors at the end of the word.
    Some(format!("{number} {}", name.chars().take(6).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_street_give_one_key() {
        let key = |street: &str| super::street(street);
        assert_eq!(key("6717 E Calle Capella"), key("6717 East Cl. Capella"));
        assert_eq!(key("3108 Saline St"), key("3108 Saline Street"));
        assert_eq!(key("P.O. Box 78").as_deref(), Some("po box 78"));
        assert_eq!(key("Riverside"), None);
        assert_eq!(postal_code("85749-1234"), "85749");
        assert_eq!(postal_code("wa12 0jq"), "wa120jq");
    }
}
