//! Folding of text: case, accents, punctuation and spelling variants that never change the meaning.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case without marks; `&` and `+` become `and`, apostrophes and points inside words vanish, all other
/// punctuation becomes one blank.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut blank_due = false;
    let mut push = |c: char, blank_due: &mut bool| {
        if *blank_due && !folded.is_empty() {
            folded.push(' ');
        }
        *blank_due = false;
        folded.push(c);
    };
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            '\'' | '\u{2019}' | '\u{2018}' | '.' | '`' | '\u{ad}' | '\u{200b}' => {}
            '&' | '+' => {
                blank_due = true;
                for letter in "and".chars() {
                    push(letter, &mut blank_due);
                }
                blank_due = true;
            }
            c => match plain_letters(c) {
                Some(letters) => letters.chars().for_each(|letter| push(letter, &mut blank_due)),
                None if c.is_alphanumeric() => push(c, &mut blank_due),
                // Lower-casing can give back a mark (the Turkish dotted I).
                None if is_combining_mark(c) => {}
                None => blank_due = true,
            },
        }
    }
    folded
}

/// The words of a folded text.
pub(super) fn words(text: &str) -> Vec<String> {
    fold(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A folded text without blanks: `JP Morgan` and `Jpmorgan` are equal.
pub(super) fn squashed(words: &[String]) -> String {
    words.concat()
}

/// The ASCII digits of a text.
pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Letters that decomposition leaves alone.
fn plain_letters(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'þ' => "th",
        'ħ' => "h",
        'ı' => "i",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_variants_fold_to_one_text() {
        let cases = [
            ("Müller & Söhne", "muller and sohne"),
            ("ＡＣＭＥ  Ltd.", "acme ltd"),
            ("O'Brien’s Pub", "obriens pub"),
            ("L.L.C.", "llc"),
            ("Straße-Øst", "strasse ost"),
            ("  A+B  ", "a and b"),
            ("İstanbul", "istanbul"),
            ("!!!", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(fold(text), expected, "of `{text}`");
        }
    }
}
