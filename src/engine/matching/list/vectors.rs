//! TF-IDF vectors of both lists, and the rows whose vectors are nearest.
//!
//! A posting list is read from the rarest term on, until enough rows were seen: common terms cost most and say least.
//! The cosine of a pair that was found is then computed exactly, so that it does not depend on the side that asks.

use std::collections::HashMap;

/// Postings that one question may read.
const POSTINGS_READ: usize = 3_000;

/// Rarest terms that are read whatever they cost, unless a single one goes far beyond everything.
const ALWAYS_READ: usize = 3;

/// Rows with a smaller share of the best score are passed over.
const WORTH_COMPARING: f32 = 0.35;

/// One list: for each row its terms with their weights, ascending by term, and for each term its rows.
#[derive(Debug, Default)]
pub(super) struct Side {
    starts: Vec<u32>,
    terms: Vec<(u32, f32)>,
    posting_starts: Vec<u32>,
    postings: Vec<(u32, f32)>,
}

/// Both lists over one vocabulary.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    pub left: Side,
    pub right: Side,
}

/// Room for one question, used again and again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    scores: Vec<f32>,
    touched: Vec<u32>,
}

impl Vectors {
    /// Vectors from the hashed terms of each row.
    pub fn new(left: Vec<Vec<u64>>, right: Vec<Vec<u64>>) -> Self {
        let distinct = |mut terms: Vec<u64>| {
            terms.sort_unstable();
            terms.dedup();
            terms
        };
        let left: Vec<Vec<u64>> = left.into_iter().map(distinct).collect();
        let right: Vec<Vec<u64>> = right.into_iter().map(distinct).collect();
        let mut all: Vec<u64> = left.iter().chain(&right).flatten().copied().collect();
        all.sort_unstable();
        let mut counts: Vec<u32> = Vec::new();
        let mut ids: HashMap<u64, u32> = HashMap::new();
        let mut last = None;
        for term in all {
            if last == Some(term) {
                *counts.last_mut().expect("a term was counted") += 1;
            } else {
                ids.insert(term, u32::try_from(counts.len()).expect("fewer than four thousand million terms"));
                counts.push(1);
                last = Some(term);
            }
        }
        let records = (left.len() + right.len()) as f32;
        let weights: Vec<f32> = counts.iter().map(|count| ((records + 1.0) / (*count as f32 + 0.5)).ln()).collect();
        Self { left: Side::new(&left, &ids, &weights), right: Side::new(&right, &ids, &weights) }
    }
}

impl Side {
    fn new(rows: &[Vec<u64>], ids: &HashMap<u64, u32>, weights: &[f32]) -> Self {
        let mut side = Self { starts: vec![0], ..Self::default() };
        let mut lengths = vec![0_u32; weights.len() + 1];
        for row in rows {
            let mut terms: Vec<(u32, f32)> =
                row.iter().filter_map(|term| ids.get(term)).map(|id| (*id, weights[*id as usize].max(0.0))).collect();
            terms.sort_unstable_by_key(|(id, _)| *id);
            let norm = terms.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            for (id, weight) in &mut terms {
                *weight /= norm;
                lengths[*id as usize + 1] += 1;
            }
            side.terms.extend(terms);
            side.starts.push(side.terms.len() as u32);
        }
        for at in 1..lengths.len() {
            lengths[at] += lengths[at - 1];
        }
        side.posting_starts = lengths.clone();
        let mut postings = vec![(0, 0.0); side.terms.len()];
        for row in 0..rows.len() {
            for &(id, weight) in side.row(row) {
                let place = &mut lengths[id as usize];
                postings[*place as usize] = (row as u32, weight);
                *place += 1;
            }
        }
        side.postings = postings;
        side
    }

    /// Terms of a row.
    pub fn row(&self, row: usize) -> &[(u32, f32)] {
        &self.terms[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    fn postings_of(&self, term: u32) -> &[(u32, f32)] {
        let (start, end) = (self.posting_starts[term as usize], self.posting_starts[term as usize + 1]);
        &self.postings[start as usize..end as usize]
    }

    /// The rows nearest to a vector, in no order; ties by row.
    pub fn nearest(&self, vector: &[(u32, f32)], limit: usize, scratch: &mut Scratch, found: &mut Vec<u32>) {
        scratch.scores.resize(self.starts.len(), 0.0);
        let mut terms: Vec<(usize, u32, f32)> =
            vector.iter().map(|(term, weight)| (self.postings_of(*term).len(), *term, *weight)).collect();
        terms.sort_unstable_by_key(|(length, term, _)| (*length, *term));
        let mut read = 0;
        for (position, (length, term, weight)) in terms.into_iter().enumerate() {
            if position >= ALWAYS_READ && read + length > POSTINGS_READ || length > POSTINGS_READ * 4 {
                break;
            }
            read += length;
            for &(row, other) in self.postings_of(term) {
                let score = &mut scratch.scores[row as usize];
                if *score == 0.0 {
                    scratch.touched.push(row);
                }
                *score += weight * other;
            }
        }
        let best = scratch.touched.iter().map(|row| scratch.scores[*row as usize]).fold(0.0, f32::max);
        let worth = best * WORTH_COMPARING;
        let start = found.len();
        found.extend(scratch.touched.iter().filter(|row| scratch.scores[**row as usize] >= worth));
        let near = &mut found[start..];
        if near.len() > limit {
            let scores = &scratch.scores;
            near.select_nth_unstable_by(limit, |a, b| {
                scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b))
            });
            found.truncate(start + limit);
        }
        for row in scratch.touched.drain(..) {
            scratch.scores[row as usize] = 0.0;
        }
    }
}

/// The cosine of two rows of one vocabulary.
pub(super) fn cosine(left: &[(u32, f32)], right: &[(u32, f32)]) -> f32 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < left.len() && j < right.len() {
        match left[i].0.cmp(&right[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += left[i].1 * right[j].1;
                i += 1;
                j += 1;
            }
        }
    }
    sum.min(1.0)
}

/// A term as a number that is the same on every machine (FNV-1a).
pub(super) fn hashed(term: &str) -> u64 {
    term.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The hashed trigrams of some words, each word with a mark on both sides.
pub(super) fn hashed_trigrams(words: &[String]) -> Vec<u64> {
    let letters: Vec<char> = format!(" {} ", words.join(" ")).chars().collect();
    letters
        .windows(3)
        .map(|window| window.iter().fold(0_u64, |key, letter| (key << 21) | u64::from(u32::from(*letter))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(left: &[&str], right: &[&str]) -> Vectors {
        let terms = |rows: &[&str]| rows.iter().map(|row| row.split(' ').map(hashed).collect()).collect();
        Vectors::new(terms(left), terms(right))
    }

    #[test]
    fn the_nearest_rows_share_rare_terms() {
        let vectors = vectors(&["acme group"], &["zephyr group", "acme holding", "kestrel group", "acme group"]);
        let (mut scratch, mut found) = (Scratch::default(), Vec::new());
        vectors.right.nearest(vectors.left.row(0), 2, &mut scratch, &mut found);
        assert!(found.contains(&3) && found.len() <= 2, "{found:?}");
        assert!(scratch.scores.iter().all(|score| *score == 0.0));
    }

    #[test]
    fn the_cosine_is_the_same_from_both_sides_and_at_most_one() {
        let vectors = vectors(&["acme group", ""], &["group acme", "acme"]);
        let (a, b) = (vectors.left.row(0), vectors.right.row(1));
        assert_eq!(cosine(a, b).to_bits(), cosine(b, a).to_bits());
        assert!(cosine(a, vectors.right.row(0)) > 0.999);
    }
}
