//! Text for searching: folded here, because the two databases fold differently (SQLite knows ASCII alone).

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folds one text: compatibility forms apart, marks dropped, lower case, blanks single.
pub fn fold(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The searchable text of a record: its parts, one to a line.
pub fn folded<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    parts.into_iter().flatten().map(fold).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Words of a search that are looked for. Who pastes a page into a search field finds what has its first words: SQLite
/// refuses deep conditions and long patterns.
const MAX_WORDS: usize = 32;

/// Characters of a word that are looked for.
const MAX_WORD: usize = 200;

/// Patterns for `LIKE`, one per word: every word has to occur. Wildcards in the words are taken literally (escape `\`).
pub fn patterns(words: &str) -> Vec<String> {
    let folded = fold(words);
    let mut seen = BTreeSet::new();
    folded.split(' ').filter(|word| !word.is_empty() && seen.insert(*word)).take(MAX_WORDS).map(containing).collect()
}

/// Pattern for `LIKE` of texts that contain another one as it is (escape `\`).
pub fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars().take(MAX_WORD) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_case_and_blanks_do_not_matter() {
        assert_eq!(folded([Some("Café  DU Nord"), None, Some("")]), "cafe du nord");
        assert_eq!(patterns("Café 100%"), ["%cafe%", "%100\\%%"]);
        assert!(patterns("  ").is_empty());
    }
}
