//! Many texts, found at once in another one: a tree of what they begin with, entered by their first eight bytes.
//!
//! Looking takes about as long for many texts as for few, and a text that is put in is found from then on: nothing is
//! built anew. An automaton (`aho-corasick`) looks faster, but takes 1.4 seconds and 200 MB to be built for the forms of
//! 20,000 secrets, and again whenever they change. Nothing is taken out; whoever holds an index drops the whole.
//!
//! Knows nothing of secrets, but wipes its texts when it is dropped.

use std::collections::HashMap;

use secrecy::zeroize::Zeroizing;

/// No text is shorter than this, in bytes.
pub(super) const SHORTEST: usize = 8;

/// Bits of the sieve; it takes 32 KiB and still keeps out most places with the forms of 20,000 secrets.
const SIEVE_BITS: u32 = 18;

/// What a text is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Somebody may ask whether it is there.
    pub is_own: bool,
    /// It counts as far as it goes.
    pub is_whole: bool,
    /// It is the beginning of something longer.
    pub is_beginning: bool,
    /// It stands in a word of base64, which counts as a whole.
    pub is_base64: bool,
}

/// Which texts begin at a place of another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Length of the longest that is whole; 0 when there is none.
    pub whole: usize,
    /// Whether there is one that is a beginning.
    pub is_beginning: bool,
    /// Whether there is one of base64.
    pub is_base64: bool,
}

/// The texts.
pub(super) struct Index {
    /// A bit for each beginning that has a tree: most places of a text have none, and this is the fastest way to tell.
    sieve: Vec<u64>,
    texts: Vec<Zeroizing<String>>,
    /// The tree of the texts that begin with these eight bytes.
    trees: HashMap<u64, usize>,
    nodes: Vec<Node>,
    bytes: usize,
}

/// A place that texts lead through or end at. It belongs to the bytes between its parent's end and its own, which are
/// those of any text that leads here.
struct Node {
    text: u32,
    begin: u32,
    end: u32,
    marks: Marks,
    /// The next nodes by the first byte that leads there, in its order.
    children: Vec<(u8, usize)>,
}

impl Default for Index {
    fn default() -> Self {
        let (texts, trees, nodes) = (Vec::new(), HashMap::new(), Vec::new());
        Self { sieve: vec![0; 1 << (SIEVE_BITS - 6)], texts, trees, nodes, bytes: 0 }
    }
}

impl Index {
    /// Bytes of all texts.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts a text in, which has to be long enough.
    pub fn insert(&mut self, text: Zeroizing<String>, marks: Marks) {
        let (bytes, number) = (text.as_bytes(), u32_of(self.texts.len()));
        let nodes_before = self.nodes.len();
        let Some(key) = key(bytes) else { return };
        let mut at = match self.trees.get(&key) {
            Some(root) => *root,
            None => {
                let root = self.add(number, SHORTEST, SHORTEST);
                self.trees.insert(key, root);
                let (word, bit) = place_in_sieve(key);
                self.sieve[word] |= bit;
                root
            }
        };
        let mut depth = SHORTEST;
        while let Some(next) = bytes.get(depth) {
            match self.nodes[at].children.binary_search_by_key(next, |(first, _)| *first) {
                Err(place) => {
                    let leaf = self.add(number, depth, bytes.len());
                    self.nodes[at].children.insert(place, (*next, leaf));
                    (at, depth) = (leaf, bytes.len());
                }
                Ok(place) => {
                    let child = self.nodes[at].children[place].1;
                    let label = self.label(child);
                    let shared = label.iter().zip(&bytes[depth..]).take_while(|(left, right)| left == right).count();
                    if shared < label.len() {
                        let middle = self.split(child, shared);
                        self.nodes[at].children[place].1 = middle;
                        at = middle;
                    } else {
                        at = child;
                    }
                    depth += shared;
                }
            }
        }
        let Marks { is_own, is_whole, is_beginning, is_base64 } = &mut self.nodes[at].marks;
        *is_own |= marks.is_own;
        *is_whole |= marks.is_whole;
        *is_beginning |= marks.is_beginning;
        *is_base64 |= marks.is_base64;
        if self.nodes.len() > nodes_before {
            self.bytes += bytes.len();
            self.texts.push(text);
        }
    }

    /// Whether a text of one's own is there.
    pub fn has(&self, text: &str) -> bool {
        let mut is_there = false;
        self.walk(text.as_bytes(), |length, marks| is_there = length == text.len() && marks.is_own);
        is_there
    }

    /// What begins where these bytes do.
    #[inline]
    pub fn find(&self, bytes: &[u8]) -> Found {
        if key(bytes).is_some_and(|key| self.is_in_sieve(key)) { self.find_in_trees(bytes) } else { Found::default() }
    }

    fn is_in_sieve(&self, key: u64) -> bool {
        let (word, bit) = place_in_sieve(key);
        self.sieve[word] & bit != 0
    }

    fn find_in_trees(&self, bytes: &[u8]) -> Found {
        let mut found = Found::default();
        self.walk(bytes, |length, marks| {
            if marks.is_whole {
                found.whole = length;
            }
            found.is_beginning |= marks.is_beginning;
            found.is_base64 |= marks.is_base64;
        });
        found
    }

    /// Visits the places on the way of these bytes.
    fn walk(&self, bytes: &[u8], mut visit: impl FnMut(usize, Marks)) {
        let Some(root) = key(bytes).and_then(|key| self.trees.get(&key)) else { return };
        let (mut node, mut depth) = (&self.nodes[*root], SHORTEST);
        loop {
            visit(depth, node.marks);
            let Some(next) = bytes.get(depth) else { return };
            let Ok(place) = node.children.binary_search_by_key(next, |(first, _)| *first) else { return };
            let child = node.children[place].1;
            let label = self.label(child);
            if !bytes[depth..].starts_with(label) {
                return;
            }
            (node, depth) = (&self.nodes[child], depth + label.len());
        }
    }

    fn label(&self, node: usize) -> &[u8] {
        let Node { text, begin, end, .. } = &self.nodes[node];
        &self.texts[*text as usize].as_bytes()[*begin as usize..*end as usize]
    }

    fn add(&mut self, text: u32, begin: usize, end: usize) -> usize {
        let marks = Marks::default();
        self.nodes.push(Node { text, begin: u32_of(begin), end: u32_of(end), marks, children: Vec::new() });
        self.nodes.len() - 1
    }

    /// Puts a node before this one, for the first bytes that lead there.
    fn split(&mut self, node: usize, length: usize) -> usize {
        let (text, begin, next) = (self.nodes[node].text, self.nodes[node].begin as usize, self.label(node)[length]);
        let middle = self.add(text, begin, begin + length);
        self.nodes[middle].children.push((next, node));
        self.nodes[node].begin = u32_of(begin + length);
        middle
    }
}

fn key(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|first| u64::from_ne_bytes(*first))
}

/// Word and bit of a beginning in the sieve.
fn place_in_sieve(key: u64) -> (usize, u64) {
    // Multiplied with the golden ratio, keys that differ little differ in the upper bits.
    let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SIEVE_BITS);
    (usize::try_from(hash >> 6).expect("eighteen bits are a number"), 1 << (hash & 63))
}

fn u32_of(number: usize) -> u32 {
    u32::try_from(number).expect("an index is dropped long before it holds 4 GB")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_in_is_found_and_nothing_else(
            texts in proptest::collection::vec("a{6}[ab]{2,9}", 1..40),
            searched in "a{0,6}[ab]{0,14}",
        ) {
            let mut index = Index::default();
            for (at, text) in texts.iter().enumerate() {
                let marks = Marks { is_own: at % 2 == 0, is_whole: at % 2 == 0, is_base64: at % 3 == 0, is_beginning: at % 5 == 0 };
                index.insert(Zeroizing::new(text.clone()), marks);
            }
            let beginning = |every: usize| {
                let texts = texts.iter().enumerate().filter(move |(at, _)| at % every == 0).map(|(_, text)| text);
                texts.filter(|text| searched.starts_with(text.as_str()))
            };
            let expected = Found {
                whole: beginning(2).map(String::len).max().unwrap_or(0),
                is_base64: beginning(3).count() > 0,
                is_beginning: beginning(5).count() > 0,
            };
            prop_assert_eq!(index.find(searched.as_bytes()), expected);
            prop_assert_eq!(index.has(&searched), beginning(2).any(|text| *text == searched));
            for (at, text) in texts.iter().enumerate() {
                prop_assert!(at % 2 != 0 || index.has(text), "{}", text);
            }
        }
    }
}
