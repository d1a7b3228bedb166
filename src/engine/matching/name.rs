//! Comparison of two names word by word: rare words weigh more, short forms and typing errors count a little less.

use std::cmp::Ordering;

use super::abbreviation;

/// How two names relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relation {
    /// Too little in common.
    Different,
    /// Words are left over on both sides.
    Overlapping,
    /// One name has all the words of the other, and more.
    Contained,
    /// Every word has its counterpart.
    Equal,
}

/// The result of comparing two names.
#[derive(Debug, Clone)]
pub(super) struct NameComparison {
    /// How they relate.
    pub relation: Relation,
    /// Bits of the words in common, by their rarity.
    pub shared_bits: f64,
    /// Bits of the words that only one side has.
    pub leftover_bits: f64,
    /// Words only on the left.
    pub left_over: Vec<String>,
    /// Words only on the right.
    pub right_over: Vec<String>,
    /// Least quality of the pairs of words; 1 when all are equal.
    pub quality: f64,
}

/// Pairs the words of two names, the surest pairs first.
pub(super) fn compare(left: &[String], right: &[String], bits_of: &dyn Fn(&str) -> f64) -> NameComparison {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (i, a) in left.iter().enumerate() {
        for (j, b) in right.iter().enumerate() {
            let quality = word_quality(a, b);
            if quality > 0.0 {
                pairs.push((quality, i, j));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut left_free, mut right_free) = (vec![true; left.len()], vec![true; right.len()]);
    let (mut shared_bits, mut least): (f64, f64) = (0.0, 1.0);
    // Before the pairs: `health` alone is also the beginning of `healthcare`.
    join_neighbours(left, &mut left_free, right, &mut right_free, &mut shared_bits, bits_of);
    join_neighbours(right, &mut right_free, left, &mut left_free, &mut shared_bits, bits_of);
    for (quality, i, j) in pairs {
        if left_free[i] && right_free[j] {
            (left_free[i], right_free[j]) = (false, false);
            // A misspelt word is rare only because it is misspelt.
            shared_bits += quality * bits_of(&left[i]).min(bits_of(&right[j]));
            least = least.min(quality);
        }
    }
    let rest = |words: &[String], free: &[bool]| -> Vec<String> {
        words.iter().zip(free).filter(|(word, free)| **free && *word != "and").map(|(word, _)| word.clone()).collect()
    };
    let (left_over, right_over) = (rest(left, &left_free), rest(right, &right_free));
    let leftover_bits = left_over.iter().chain(&right_over).map(|word| bits_of(word)).sum();
    let relation = if shared_bits <= 0.0 {
        Relation::Different
    } else if left_over.is_empty() && right_over.is_empty() {
        Relation::Equal
    } else if left_over.is_empty() || right_over.is_empty() {
        Relation::Contained
    } else if shared_bits >= leftover_bits * 0.5 {
        Relation::Overlapping
    } else {
        Relation::Different
    };
    NameComparison { relation, shared_bits, leftover_bits, left_over, right_over, quality: least }
}

/// `health care` and `healthcare`: two free neighbours that together spell a free word of the other side.
fn join_neighbours(
    pieces: &[String],
    pieces_free: &mut [bool],
    wholes: &[String],
    wholes_free: &mut [bool],
    shared_bits: &mut f64,
    bits_of: &dyn Fn(&str) -> f64,
) {
    for i in 1..pieces.len() {
        if !(pieces_free[i - 1] && pieces_free[i]) {
            continue;
        }
        let spells =
            |whole: &str| whole.strip_prefix(pieces[i - 1].as_str()).is_some_and(|rest| rest == pieces[i].as_str());
        if let Some(j) = (0..wholes.len()).find(|j| wholes_free[*j] && spells(&wholes[*j])) {
            (pieces_free[i - 1], pieces_free[i], wholes_free[j]) = (false, false, false);
            *shared_bits += bits_of(&wholes[j]);
        }
    }
}

/// How sure it is that two words are the same, from 0 to 1.
fn word_quality(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let has_digit = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    if has_digit(a) || has_digit(b) {
        return 0.0;
    }
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let abbreviated = abbreviation::quality(short, long);
    if abbreviated > 0.0 {
        return abbreviated;
    }
    let length = short.chars().count().min(long.chars().count());
    // One slip is a typing error only in a word long enough that few others are so near.
    if length < 4 || long.chars().count().abs_diff(length) > 1 || short.chars().next() != long.chars().next() {
        return 0.0;
    }
    let distance = rapidfuzz::distance::osa::distance(a.chars(), b.chars());
    match distance {
        1 if length >= 5 => 0.9,
        1 => 0.75,
        2 if length >= 9 => 0.7,
        _ => 0.0,
    }
}

/// The initials of a name of at least three words.
pub(super) fn initials(words: &[String]) -> Option<String> {
    let letters: String =
        words.iter().filter(|word| *word != "and" && *word != "of").filter_map(|word| word.chars().next()).collect();
    (letters.chars().count() >= 3).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::matching::normalize::words;

    fn check(left: &str, right: &str) -> Relation {
        compare(&words(left), &words(right), &|_| 5.0).relation
    }

    #[test]
    fn relations_between_names() {
        assert_eq!(check("Charter School, Shell", "Shell Charter School"), Relation::Equal);
        assert_eq!(check("Brot. Power Cons.", "Brothers Power Consulting"), Relation::Equal);
        assert_eq!(check("Unique One Pluumbing", "Unique One Plumbing"), Relation::Equal);
        assert_eq!(check("Kent Health Care", "Kent Healthcare"), Relation::Equal);
        assert_eq!(check("Acme", "Acme Group"), Relation::Contained);
        assert_eq!(check("Sonoran Congress Logistics", "Sonoran Congress Staffing"), Relation::Overlapping);
        assert_eq!(check("Route 66 Diner", "Route 67 Diner"), Relation::Overlapping);
        assert_eq!(check("Alpha", "Omega"), Relation::Different);
    }

    #[test]
    fn initials_need_three_words() {
        assert_eq!(initials(&words("Educational Connections Preschool")).as_deref(), Some("ecp"));
        assert_eq!(initials(&words("Two Words")), None);
    }
}
