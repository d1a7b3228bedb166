//! Inverted indexes from words, trigrams and exact keys to rows, so that a record meets only those it may resemble.

use std::collections::{BTreeSet, HashMap};

/// How many rows a posting list may have before it is passed over while rarer keys exist.
const LONG_LIST: usize = 200;

/// How often each word occurs, with a floor, so that a small list does not make common words look rare.
#[derive(Debug, Default)]
pub(super) struct WordFrequencies {
    counts: HashMap<String, u32>,
    records: u32,
}

impl WordFrequencies {
    /// Counts the different words of one record.
    pub fn add(&mut self, words: &BTreeSet<&str>) {
        self.records += 1;
        for word in words {
            *self.counts.entry((*word).to_owned()).or_default() += 1;
        }
    }

    /// Bits that agreement on a word is worth. Both lists are counted, so a shared word has two records.
    pub fn bits(&self, word: &str, is_common: bool) -> f64 {
        let records = f64::from(self.records.max(2000)) / 2.0;
        let count = f64::from(self.counts.get(word).copied().unwrap_or(0)) / 2.0;
        let bits = ((records + 1.0) / (count + 0.5)).log2().max(0.5);
        if is_common { bits.min(4.0) } else { bits.min(12.0) }
    }

    /// Number of records counted, at least a thousand for each side.
    pub fn prior_bits(&self) -> f64 {
        (f64::from(self.records.max(2000)) / 2.0).log2()
    }
}

/// Rows by key.
#[derive(Debug, Default)]
pub(super) struct Postings {
    rows: HashMap<String, Vec<u32>>,
}

impl Postings {
    /// Enters a row; rows come in ascending order.
    pub fn add(&mut self, key: &str, row: u32) {
        let rows = self.rows.entry(key.to_owned()).or_default();
        if rows.last() != Some(&row) {
            rows.push(row);
        }
    }

    /// Rows under a key, ascending.
    pub fn rows(&self, key: &str) -> &[u32] {
        self.rows.get(key).map_or(&[], Vec::as_slice)
    }

    /// The rows that share the most weight with the keys, best first; ties by row.
    ///
    /// Keys are taken from the rarest on. Frequent keys are only read while no rarer one has found a row.
    pub fn nearest(&self, keys: &[String], limit: usize) -> Vec<u32> {
        let mut lists: Vec<(&str, &[u32])> =
            keys.iter().map(|key| (key.as_str(), self.rows(key))).filter(|(_, rows)| !rows.is_empty()).collect();
        lists.sort_by(|a, b| (a.1.len(), a.0).cmp(&(b.1.len(), b.0)));
        lists.dedup();
        let mut found: HashMap<u32, f64> = HashMap::new();
        for (_, rows) in lists {
            if rows.len() > LONG_LIST && !found.is_empty() {
                break;
            }
            let weight = 1.0 / (rows.len() as f64).sqrt();
            for row in &rows[..rows.len().min(LONG_LIST * 10)] {
                *found.entry(*row).or_default() += weight;
            }
        }
        let mut ranked: Vec<(u32, f64)> = found.into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(limit);
        ranked.into_iter().map(|(row, _)| row).collect()
    }
}

/// The trigrams of a text, with a mark at both ends.
pub(super) fn trigrams(text: &str) -> Vec<String> {
    let letters: Vec<char> = std::iter::once('^').chain(text.chars()).chain(std::iter::once('$')).collect();
    letters.windows(3).map(|window| window.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_keys_find_rows_first_and_ties_go_by_row() {
        let mut postings = Postings::default();
        for row in 0..500 {
            postings.add("common", row);
        }
        postings.add("rare", 7);
        postings.add("rare", 9);
        let keys = ["common".to_owned(), "rare".to_owned()];
        assert_eq!(postings.nearest(&keys, 10), [7, 9]);
        assert_eq!(postings.nearest(&keys[..1], 3), [0, 1, 2]);
        assert!(postings.nearest(&["unknown".to_owned()], 3).is_empty());
    }

    #[test]
    fn rare_words_are_worth_more() {
        let mut frequencies = WordFrequencies::default();
        for _ in 0..100 {
            frequencies.add(&BTreeSet::from(["plumbing"]));
        }
        assert!(frequencies.bits("zephyr", false) > frequencies.bits("plumbing", false));
        assert!(frequencies.bits("services", true) <= 4.0);
    }
}
