//! Names of companies in any number, made in memory from a seed: most of them on both lists, spelled a little otherwise.

use crate::engine::matching::list::ListRecord;

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

const SYLLABLES: &[&str] = &[
    "al", "bar", "can", "dor", "el", "fen", "gra", "hol", "im", "jor", "ka", "lin", "mor", "nel", "ost", "pra", "qui",
    "ron", "sta", "tor", "un", "ver", "wil", "yar", "zen",
];

const TRADES: &[&str] = &[
    "Plumbing",
    "Dental",
    "Roofing",
    "Logistics",
    "Consulting",
    "Foods",
    "Law",
    "Architects",
    "Insurance",
    "Printing",
    "Electric",
    "Health",
    "Software",
    "Capital",
    "Design",
    "Motors",
    "Farms",
    "Hotels",
    "Labs",
    "Energy",
];

const FORMS: &[&str] = &["Inc", "LLC", "Ltd", "Corp", "Group", "Partners", "GmbH", "Services"];

/// Two lists. Four names in five of the shorter one are in the other as well.
pub fn lists(left: u64, right: u64, seed: u64) -> (Vec<ListRecord>, Vec<ListRecord>) {
    let mut numbers = Numbers(seed);
    let shared = left.min(right) * 4 / 5;
    let names: Vec<[String; 3]> = (0..left + right - shared).map(|_| name(&mut numbers)).collect();
    let record = |key: String, name: String| ListRecord { key, name, ..ListRecord::default() };
    let left_list = (0..left).map(|row| record(format!("L{row:07}"), names[row as usize].join(" "))).collect();
    let right_list = (0..right)
        .map(|row| {
            let name = if row < shared { &names[row as usize] } else { &names[(left + row - shared) as usize] };
            record(format!("R{row:07}"), respelled(name, &mut numbers))
        })
        .collect();
    (left_list, right_list)
}

fn name(numbers: &mut Numbers) -> [String; 3] {
    let mut word = || -> String {
        let syllables = 2 + numbers.below(2);
        (0..syllables).map(|_| SYLLABLES[numbers.below(SYLLABLES.len() as u64) as usize]).collect()
    };
    let (first, second) = (word(), word());
    let trade = TRADES[numbers.below(TRADES.len() as u64) as usize];
    let form = FORMS[numbers.below(FORMS.len() as u64) as usize];
    [format!("{first} {second}"), trade.to_owned(), form.to_owned()]
}

/// The same name as another list has it: without its form, in capitals, or with a letter doubled.
fn respelled([own, trade, form]: &[String; 3], numbers: &mut Numbers) -> String {
    match numbers.below(10) {
        0..=3 => format!("{own} {trade} {form}"),
        4..=6 => format!("{own} {trade}"),
        7 => format!("{own} {trade} {form}").to_uppercase(),
        8 => format!("{own} {trade}, {form}."),
        _ => {
            let at = own.len() / 2;
            format!("{}{} {trade}", &own[..at], &own[at - 1..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_names() {
        let (left, right) = lists(50, 30, 7);
        assert_eq!((left.len(), right.len()), (50, 30));
        assert_eq!(lists(50, 30, 7), (left.clone(), right));
        assert_ne!(lists(50, 30, 8).0, left);
    }
}
