//! Attributes made for lists of names alone, so that the weights of places, domains and telephones can be fitted too.
//!
//! The rates are stated here and nowhere else: how often a value is missing, how often two records of one company differ
//! in it, and how often another company of the same first word has it as well. The same lists give the same attributes.

use std::collections::HashMap;

use super::super::company_name::CompanyName;
use super::super::name::initials;
use super::super::normalize::words;
use super::fit::LabelledLists;

/// Shares in hundredths.
const PLACE_MISSING: u64 = 10;
const CITY_DIFFERS: u64 = 15;
const STATE_DIFFERS: u64 = 6;
const COUNTRY_DIFFERS: u64 = 1;
const DOMAIN_MISSING: u64 = 30;
const DOMAIN_DIFFERS: u64 = 10;
const PHONE_MISSING: u64 = 20;
const PHONE_DIFFERS: u64 = 15;
const STREET_MISSING: u64 = 30;
const STREET_DIFFERS: u64 = 20;
const NAMED_BY_INITIALS: u64 = 2;
const LAST_WORD_LEFT_OUT: u64 = 4;
const SISTER_SHARES: u64 = 30;

const CITIES: u64 = 400;
const STATES: u64 = 50;

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// City, state and country.
    Places,
    /// These, and web site, telephone, street and postal code.
    Attributes,
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn happens(&mut self, hundredths: u64) -> bool {
        self.below(100) < hundredths
    }

    /// A city: large ones more often than small ones.
    fn city(&mut self) -> u64 {
        let (a, b) = (self.below(CITIES), self.below(CITIES));
        a * b / CITIES
    }
}

/// The attributes of a company as it is.
#[derive(Clone, Copy)]
struct Truth {
    city: u64,
    state: u64,
    domain: u64,
    phone: u64,
    house: u64,
}

fn truth(numbers: &mut Numbers, next: &mut u64) -> Truth {
    let city = numbers.city();
    *next += 1;
    Truth { city, state: city % STATES, domain: *next, phone: *next, house: *next }
}

/// The same lists with attributes.
pub(super) fn with_attributes(set: &LabelledLists, made_are: Made, seed: u64) -> LabelledLists {
    let mut made = set.clone();
    made.name = format!("{} + {}", set.name, if made_are == Made::Places { "places" } else { "attributes" });
    let (mut numbers, mut next) = (Numbers(seed), 0);
    let partner: HashMap<&str, &str> = set.gold.iter().map(|(left, right)| (right.as_str(), left.as_str())).collect();
    let first = |name: &str| words(name).first().cloned().unwrap_or_default();
    let mut truths: HashMap<String, Truth> = HashMap::new();
    let mut of_first_word: HashMap<String, Truth> = HashMap::new();
    for record in &set.left {
        let own = truth(&mut numbers, &mut next);
        let known = of_first_word.get(&first(&record.name)).copied();
        let own = known.filter(|_| numbers.happens(SISTER_SHARES)).unwrap_or(own);
        of_first_word.insert(first(&record.name), own);
        truths.insert(record.key.clone(), own);
    }
    for record in &mut made.left {
        write(record, truths[&record.key], made_are, &mut numbers);
    }
    for record in &mut made.right {
        let own = match partner.get(record.key.as_str()).and_then(|left| truths.get(*left)) {
            Some(own) => *own,
            None => {
                let own = truth(&mut numbers, &mut next);
                let sister = of_first_word.get(&first(&record.name)).copied();
                sister.filter(|_| numbers.happens(SISTER_SHARES)).unwrap_or(own)
            }
        };
        if partner.contains_key(record.key.as_str()) {
            rename(record, &mut numbers);
        }
        write(record, own, made_are, &mut numbers);
    }
    made
}

/// Some companies go by their initials, or by less than their whole name.
fn rename(record: &mut super::ListRecord, numbers: &mut Numbers) {
    let name = CompanyName::parse(&record.name);
    let own = &name.aliases[0].words;
    if numbers.happens(NAMED_BY_INITIALS) {
        if let Some(initials) = initials(own) {
            record.name = initials.to_uppercase();
        }
    } else if numbers.happens(LAST_WORD_LEFT_OUT) && own.len() >= 2 {
        record.name = own[..own.len() - 1].join(" ");
    }
}

fn write(record: &mut super::ListRecord, own: Truth, made_are: Made, numbers: &mut Numbers) {
    // Each side may have another value, so half of the differences are made on each.
    let mut differs = |hundredths: u64| numbers.below(200) < hundredths;
    let mut seen = own;
    if differs(STATE_DIFFERS) {
        seen.city = own.city + 7;
        seen.state = (own.state + 11) % STATES;
    } else if differs(CITY_DIFFERS) {
        seen.city = own.city + STATES * 2;
    }
    if differs(DOMAIN_DIFFERS) {
        seen.domain = own.domain + 1_000_000;
    }
    if differs(PHONE_DIFFERS) {
        seen.phone = own.phone + 1_000_000;
    }
    if differs(STREET_DIFFERS) {
        seen.house = own.house + 1_000_000;
    }
    if !numbers.happens(PLACE_MISSING) {
        record.address.city = Some(format!("City {}", letters(seen.city)));
        record.address.region = Some(format!("State {}", letters(seen.state)));
        record.address.country = Some(country(seen.state, numbers));
    }
    if made_are == Made::Places {
        return;
    }
    if !numbers.happens(DOMAIN_MISSING) {
        record.website = Some(format!("www.d{}.example", letters(seen.domain)));
    }
    if !numbers.happens(PHONE_MISSING) {
        record.phone = Some(format!("2{:09}", seen.phone * 7919 % 1_000_000_000));
    }
    if !numbers.happens(STREET_MISSING) {
        record.address.street = Some(format!("{} {} Street", seen.house % 9000 + 1, letters(seen.house * 31)));
        record.address.postal_code = Some(format!("{:05}", (seen.city * 97 + seen.house % 3) % 100_000));
    }
}

/// Most states are American, some are those of one of ten other countries; few are written down wrongly.
fn country(state: u64, numbers: &mut Numbers) -> String {
    let state = if numbers.happens(COUNTRY_DIFFERS) { state + 5 } else { state };
    match state % 10 {
        8 | 9 => format!("Country {}", letters(state)),
        _ => "US".to_owned(),
    }
}

/// A number in letters, so that it is no number in a name.
fn letters(mut number: u64) -> String {
    let mut text = String::from("q");
    while number > 0 {
        text.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    text
}
