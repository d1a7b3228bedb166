//! States and countries in one spelling.

/// Abbreviations of states and provinces, folded, with their names.
const STATES: &[(&str, &str)] = &[
    ("ab", "alberta"),
    ("ak", "alaska"),
    ("al", "alabama"),
    ("ar", "arkansas"),
    ("az", "arizona"),
    ("bc", "british columbia"),
    ("ca", "california"),
    ("co", "colorado"),
    ("ct", "connecticut"),
    ("dc", "district of columbia"),
    ("de", "delaware"),
    ("fl", "florida"),
    ("ga", "georgia"),
    ("hi", "hawaii"),
    ("ia", "iowa"),
    ("id", "idaho"),
    ("il", "illinois"),
    ("in", "indiana"),
    ("ks", "kansas"),
    ("ky", "kentucky"),
    ("la", "louisiana"),
    ("ma", "massachusetts"),
    ("mb", "manitoba"),
    ("md", "maryland"),
    ("me", "maine"),
    ("mi", "michigan"),
    ("mn", "minnesota"),
    ("mo", "missouri"),
    ("ms", "mississippi"),
    ("mt", "montana"),
    ("nb", "new brunswick"),
    ("nc", "north carolina"),
    ("nd", "north dakota"),
    ("ne", "nebraska"),
    ("nh", "new hampshire"),
    ("nj", "new jersey"),
    ("nl", "newfoundland and labrador"),
    ("nm", "new mexico"),
    ("ns", "nova scotia"),
    ("nsw", "new south wales"),
    ("nv", "nevada"),
    ("ny", "new york"),
    ("oh", "ohio"),
    ("ok", "oklahoma"),
    ("on", "ontario"),
    ("or", "oregon"),
    ("pa", "pennsylvania"),
    ("pr", "puerto rico"),
    ("qc", "quebec"),
    ("qld", "queensland"),
    ("ri", "rhode island"),
    ("sc", "south carolina"),
    ("sd", "south dakota"),
    ("sk", "saskatchewan"),
    ("tn", "tennessee"),
    ("tx", "texas"),
    ("ut", "utah"),
    ("va", "virginia"),
    ("vic", "victoria"),
    ("vt", "vermont"),
    ("wa", "washington"),
    ("washington dc", "district of columbia"),
    ("wi", "wisconsin"),
    ("wv", "west virginia"),
    ("wy", "wyoming"),
];

/// Names of countries beside the one that counts.
const COUNTRIES: &[(&str, &str)] = &[
    ("america", "united states"),
    ("au", "australia"),
    ("ca", "canada"),
    ("ch", "switzerland"),
    ("cn", "china"),
    ("de", "germany"),
    ("deutschland", "germany"),
    ("england", "united kingdom"),
    ("es", "spain"),
    ("fr", "france"),
    ("gb", "united kingdom"),
    ("gbr", "united kingdom"),
    ("great britain", "united kingdom"),
    ("ie", "ireland"),
    ("il", "israel"),
    ("in", "india"),
    ("it", "italy"),
    ("jp", "japan"),
    ("nl", "netherlands"),
    ("nz", "new zealand"),
    ("scotland", "united kingdom"),
    ("the netherlands", "netherlands"),
    ("uk", "united kingdom"),
    ("united states of america", "united states"),
    ("us", "united states"),
    ("usa", "united states"),
    ("wales", "united kingdom"),
];

fn full(table: &[(&str, &str)], folded: String) -> Option<String> {
    let full = table.iter().find(|(short, _)| *short == folded).map(|(_, name)| (*name).to_owned());
    Some(full.unwrap_or(folded)).filter(|name| !name.is_empty())
}

/// A state or province by its full name.
pub(super) fn state(text: &str) -> Option<String> {
    full(STATES, super::super::normalize::fold(text))
}

/// Whether a text is the code of a state or province.
pub(super) fn is_state_code(text: &str) -> bool {
    let folded = super::super::normalize::fold(text);
    folded.len() == 2 && STATES.iter().any(|(short, _)| *short == folded)
}

/// A country by the name that counts.
pub(super) fn country(text: &str) -> Option<String> {
    full(COUNTRIES, super::super::normalize::fold(text))
}

#[cfg(test)]
mod tests {
    #[test]
    fn short_and_long_names_are_one() {
        assert_eq!(super::state("NC"), super::state("north carolina"));
        assert_eq!(super::state("D.C."), super::state("District of Columbia"));
        assert_eq!(super::country("U.S."), super::country("United States"));
        assert_eq!(super::country(" "), None);
    }
}
