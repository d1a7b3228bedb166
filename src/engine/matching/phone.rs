//! Telephone numbers, reduced to the national number, so that `+44 1632 960018` and `01632 960018` are one.

use super::normalize::digits;

/// Calling codes of two or three digits that are recognized behind `+` or `00`; `1` and `7` are handled apart.
const CALLING_CODES: &[&str] = &[
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "54", "55", "56", "57", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90", "91", "92",
    "351", "352", "353", "354", "356", "357", "358", "359", "370", "371", "372", "380", "385", "386", "420", "421",
    "852", "886", "962", "966", "971", "972", "974",
];

/// The national number: digits without calling code, trunk zero and extension. Fewer than seven digits are no number.
pub(super) fn national(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let main = ["ext", "x", "#", ";"]
        .iter()
        .filter_map(|mark| lower.find(mark))
        .min()
        .map_or(lower.as_str(), |at| &lower[..at]);
    let all = digits(main);
    let international = if main.trim_start().starts_with('+') { Some(all.as_str()) } else { all.strip_prefix("00") };
    let national = match international {
        None if all.len() == 11 && all.starts_with('1') => &all[1..],
        None => all.as_str(),
        Some(number) => {
            let code = ["1", "7"].iter().chain(CALLING_CODES).find(|code| number.starts_with(**code));
            code.map_or(number, |code| &number[code.len()..])
        }
    };
    let national = national.trim_start_matches('0');
    let all_equal = national.bytes().all(|digit| Some(digit) == national.bytes().next());
    (national.len() >= 7 && !all_equal).then(|| national.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notations_of_one_number_agree() {
        for text in ["01632 960018", "+44 1632 960018", "0044 (0)1632 960018", "+44 (0) 1632-960018 ext. 12"] {
            assert_eq!(national(text).as_deref(), Some("1632960018"), "of `{text}`");
        }
        for text in ["(236) 555-0100", "+1 236-555-0100", "1.236.555.0100"] {
            assert_eq!(national(text).as_deref(), Some("2365550100"), "of `{text}`");
        }
        for text in ["", "n/a", "000-000-0000", "12345"] {
            assert_eq!(national(text), None, "of `{text}`");
        }
    }
}
