//! Who buys: companies at the vendor, customers at the PSA, and the noise between the two.

use chrono::{Days, NaiveDate};

use super::catalog::Tender;
use super::names::{self, CompanyName, Town};
use super::random::Random;

/// How a company of the vendor stands to the customers of the PSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// One company, one customer.
    OneToOne,
    /// Two companies of one customer.
    TwoCompanies,
    /// Bought by another one; the old record of the PSA is inactive and names its heir.
    Merged,
    /// The PSA holds a second, wrong record.
    Duplicate,
    /// The MSP itself.
    Internal,
    /// The vendor bills the company itself.
    BilledByVendor,
    /// Not in the PSA.
    Orphan,
}

impl Relation {
    /// Word of the mapping file.
    pub fn word(self) -> &'static str {
        match self {
            Self::OneToOne => "one_to_one",
            Self::TwoCompanies => "two_pax8",
            Self::Merged => "merged",
            Self::Duplicate => "psa_duplicate",
            Self::Internal => "internal",
            Self::BilledByVendor => "bill_on_behalf",
            Self::Orphan => "orphan",
        }
    }

    /// Whether the customer is to pay the MSP.
    pub fn is_billable(self) -> bool {
        !matches!(self, Self::Internal | Self::BilledByVendor)
    }
}

/// A postal address with what stands beside it.
#[derive(Debug, Clone)]
pub struct Place {
    /// Street and number.
    pub street: String,
    /// Suite or unit; may be empty.
    pub street2: String,
    /// Town.
    pub town: Town,
    /// Postal code.
    pub postal_code: String,
    /// Digits of the telephone number; empty when unknown.
    pub phone: String,
    /// Domain of the web site; empty when unknown.
    pub domain: String,
}

/// A company at the vendor.
#[derive(Debug, Clone)]
pub struct Company {
    /// Id at the vendor.
    pub id: String,
    /// Name.
    pub name: String,
    /// Address and so on.
    pub place: Place,
    /// The MSP's reference; may be empty or wrong.
    pub external_id: String,
    /// How it stands to the PSA.
    pub relation: Relation,
    /// Customer that pays, by position.
    pub customer: Option<usize>,
    /// Currency.
    pub tender: Tender,
    /// What differs between the two names, in the words of the mapping file.
    pub noise: String,
    /// When the vendor last changed the record.
    pub updated: NaiveDate,
}

/// A customer at the PSA.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Id at the PSA.
    pub id: u32,
    /// Name.
    pub name: String,
    /// Short code.
    pub identifier: String,
    /// `Active`, `Inactive` or `Prospect`.
    pub status: &'static str,
    /// `Client`, `Prospect`, `Vendor` ...
    pub kind: &'static str,
    /// Address and so on.
    pub place: Place,
    /// Account number; may be empty.
    pub account_number: String,
    /// Currency.
    pub tender: Tender,
    /// Id of the record that counts.
    pub parent: Option<u32>,
    /// Whether the record is deleted.
    pub is_deleted: bool,
}

/// Companies and customers.
#[derive(Debug, Clone)]
pub struct People {
    /// At the vendor.
    pub companies: Vec<Company>,
    /// At the PSA.
    pub customers: Vec<Customer>,
}

/// The MSP whose accounts these are.
pub const MSP: &str = "Lanternfield IT Partners";

/// Invents everybody.
pub fn people(seed: u64, today: NaiveDate) -> People {
    let mut inventor = Inventor {
        random: Random::for_part(seed, "people"),
        today,
        names: Vec::new(),
        people: People { companies: Vec::new(), customers: Vec::new() },
    };
    for suffix in ["(Internal Use)", "- Lab / NFR"] {
        inventor.internal(suffix);
    }
    for _ in 0..3 {
        inventor.single(Relation::Orphan, Tender::Usd);
    }
    inventor.single(Relation::BilledByVendor, Tender::Usd);
    for _ in 0..4 {
        inventor.two_companies();
    }
    for _ in 0..3 {
        inventor.merged();
    }
    for _ in 0..5 {
        inventor.duplicate();
    }
    for index in 0..100 {
        let tender = if index % 8 == 5 { Tender::Gbp } else { Tender::Usd };
        inventor.single(Relation::OneToOne, tender);
    }
    for index in 0..22 {
        inventor.bystander(index);
    }
    inventor.people
}

struct Inventor {
    random: Random,
    today: NaiveDate,
    names: Vec<CompanyName>,
    people: People,
}

impl Inventor {
    fn name(&mut self, tender: Tender) -> CompanyName {
        let name = names::company_name(&mut self.random, &self.names, tender == Tender::Gbp);
        self.names.push(name.clone());
        name
    }

    fn place(&mut self, tender: Tender, domain: String) -> Place {
        let is_british = tender == Tender::Gbp;
        let town = names::town(&mut self.random, is_british);
        Place {
            street: names::street(&mut self.random, is_british),
            street2: if self.random.chance(30) {
                format!("Suite {}", self.random.between(2, 410))
            } else {
                String::new()
            },
            town,
            postal_code: names::postal_code(&mut self.random, town),
            phone: names::phone_digits(&mut self.random),
            domain,
        }
    }

    fn company(&mut self, name: String, place: Place, relation: Relation, customer: Option<usize>) -> usize {
        let tender = if place.town.country == "GB" { Tender::Gbp } else { Tender::Usd };
        let days = u64::try_from(self.random.between(3, 700)).expect("days are positive");
        let id = self.random.uuid();
        let updated = self.today - Days::new(days);
        let external_id = String::new();
        let noise = String::new();
        self.people.companies.push(Company {
            id,
            name,
            place,
            external_id,
            relation,
            customer,
            tender,
            noise,
            updated,
        });
        self.people.companies.len() - 1
    }

    fn customer(&mut self, name: String, place: Place) -> usize {
        let letters: String = name.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        let account_number =
            if self.random.chance(60) { format!("C{:05}", self.random.between(1000, 99999)) } else { String::new() };
        self.people.customers.push(Customer {
            id: 101 + u32::try_from(self.people.customers.len()).expect("there are few customers"),
            name,
            identifier: letters.to_ascii_uppercase(),
            status: "Active",
            kind: "Client",
            tender: if place.town.country == "GB" { Tender::Gbp } else { Tender::Usd },
            place,
            account_number,
            parent: None,
            is_deleted: false,
        });
        self.people.customers.len() - 1
    }

    fn internal(&mut self, suffix: &str) {
        let name = format!("{MSP} {suffix}");
        let place = self.place(Tender::Usd, "lanternfield.example".to_owned());
        let customer = self.customer(name.clone(), place.clone());
        self.people.customers[customer].kind = "Owner";
        self.company(name, place, Relation::Internal, Some(customer));
    }

    /// A company with its customer, the two records differing in some manner.
    fn single(&mut self, relation: Relation, tender: Tender) -> usize {
        let name = self.name(tender);
        let place = self.place(tender, name.domain());
        if relation == Relation::Orphan {
            let written = if self.random.chance(50) { name.domain() } else { name.full() };
            return self.company(written, place, relation, None);
        }
        let (mut noises, left, right) = self.differing(&name, &place);
        let (for_vendor, for_psa) = if self.random.chance(50) { (left, right) } else { (right, left) };
        let (vendor_place, psa_place) = self.differing_places(place, &mut noises);
        let customer = self.customer(for_psa, psa_place);
        let company = self.company(for_vendor, vendor_place, relation, Some(customer));
        let id = self.people.customers[customer].id;
        self.people.companies[company].external_id = match self.random.below(100) {
            0..28 => id.to_string(),
            28..31 => {
                noises.push("wrong_external_id");
                (id + 1).to_string()
            }
            _ => String::new(),
        };
        self.people.companies[company].noise = noises.join(";");
        company
    }

    fn two_companies(&mut self) {
        let main = self.single(Relation::TwoCompanies, Tender::Usd);
        let first = self.people.companies[main].clone();
        let second = match self.random.below(3) {
            0 => format!("{} #2", first.name),
            1 => format!("{} - Servers", first.name),
            _ => format!("{} - {}", first.name, first.place.town.name),
        };
        let company = self.company(second, first.place, Relation::TwoCompanies, first.customer);
        "second_company".clone_into(&mut self.people.companies[company].noise);
    }

    fn merged(&mut self) {
        let main = self.single(Relation::Merged, Tender::Usd);
        let heir = self.people.companies[main].customer;
        let name = self.name(Tender::Usd);
        let place = self.place(Tender::Usd, name.domain());
        let heir_record = heir.map(|heir| self.people.customers[heir].clone());
        let old = match &heir_record {
            Some(record) if self.random.chance(50) => format!("{} (merged into {})", name.full(), record.name),
            _ => format!("{} ** DO NOT USE **", name.full()),
        };
        let old = self.customer(old, place.clone());
        let record = &mut self.people.customers[old];
        (record.status, record.kind) = ("Inactive", "Former Client");
        record.parent = heir_record.map(|record| record.id);
        let company = self.company(name.full(), place, Relation::Merged, heir);
        "acquired_company".clone_into(&mut self.people.companies[company].noise);
    }

    fn duplicate(&mut self) {
        let company = self.single(Relation::Duplicate, Tender::Usd);
        let company = self.people.companies[company].clone();
        let mut place = company.place.clone();
        place.domain = String::new();
        place.street = names::street(&mut self.random, false);
        let name = match self.random.below(3) {
            0 => company.name.to_uppercase(),
            1 => misspelled(&mut self.random, &company.name),
            _ => format!("{} (old)", company.name),
        };
        let copy = self.customer(name, place);
        let record = &mut self.people.customers[copy];
        (record.status, record.kind) = self.random.pick(&[("Active", "Prospect"), ("Inactive", "Client")]);
    }

    /// A record of the PSA without a company at the vendor.
    fn bystander(&mut self, index: usize) {
        let tender = if index % 9 == 4 { Tender::Gbp } else { Tender::Usd };
        let name = self.name(tender);
        let place = self.place(tender, name.domain());
        let customer = self.customer(name.full(), place);
        let record = &mut self.people.customers[customer];
        (record.status, record.kind) = self.random.pick(&[
            ("Active", "Client"),
            ("Active", "Vendor"),
            ("Prospect", "Prospect"),
            ("Prospect", "Prospect"),
            ("Inactive", "Client"),
        ]);
        record.is_deleted = record.status == "Inactive" && index.is_multiple_of(2);
    }

    /// Two spellings of a name, and how they differ.
    fn differing(&mut self, name: &CompanyName, place: &Place) -> (Vec<&'static str>, String, String) {
        let full = name.full();
        let other_form = match name.form {
            "LLC" => "L.L.C.",
            "Inc." => "Inc",
            "Inc" => "Incorporated",
            "Corp" => "Corporation",
            "PLLC" => "P.L.L.C.",
            "Ltd" => "Limited",
            "Limited" => "Ltd",
            _ => "",
        };
        let (noise, other) = match self.random.below(100) {
            0..26 => return (Vec::new(), full.clone(), full),
            26..36 => ("suffix_dropped", name.short()),
            36..44 => ("suffix_changed", format!("{} {other_form}", name.short()).trim_end().to_owned()),
            44..52 => ("typo", misspelled(&mut self.random, &full)),
            52..58 => ("dba", format!("{} Holdings LLC dba {}", name.stem, name.short())),
            58..65 => ("abbreviated", shortened(&full)),
            65..70 => ("location", format!("{} - {}", name.short(), place.town.name)),
            70..74 => ("case", full.to_uppercase()),
            74..78 => ("the_prefix", format!("The {full}")),
            78..82 => ("punctuation", name.full().replacen(' ', "-", 1)),
            82..85 => ("code_prefix", format!("{} - {}", self.random.between(1000, 9999), name.short())),
            85..88 => ("inverted", format!("{}, {}", name.trade, name.stem)),
            88..91 => ("spaces", format!("  {} ", full.replacen(' ', "  ", 1))),
            91..94 => ("short", name.stem.clone()),
            94..97 => ("acronym", full.split(' ').filter_map(|word| word.chars().next()).collect()),
            _ => {
                let new = names::company_name(&mut self.random, &self.names, place.town.country == "GB");
                self.names.push(new.clone());
                ("renamed", new.full())
            }
        };
        // Not every name has something to drop or to change.
        let noises = if other == full { Vec::new() } else { vec![noise] };
        (noises, full, other)
    }

    /// The same place as two systems know it: something is missing or written otherwise on one side.
    fn differing_places(&mut self, place: Place, noises: &mut Vec<&'static str>) -> (Place, Place) {
        let (mut vendor, mut psa) = (place.clone(), place);
        // A renamed company can only be recognized by what stayed.
        let is_renamed = noises.contains(&"renamed");
        if self.random.chance(12) && !is_renamed {
            noises.push("no_website");
            if self.random.chance(50) { vendor.domain.clear() } else { psa.domain.clear() }
        }
        if self.random.chance(12) && !is_renamed {
            noises.push("no_phone");
            if self.random.chance(50) { vendor.phone.clear() } else { psa.phone.clear() }
        }
        if self.random.chance(12) {
            noises.push("po_box");
            psa.street = format!("PO Box {}", self.random.between(12, 9800));
            psa.street2.clear();
        }
        if self.random.chance(14) {
            noises.push("address_spelling");
            psa.street = psa.street.replace(" St", " Street").replace(" Rd", " Road").replace(" Ave", " Avenue");
        }
        (vendor, psa)
    }
}

/// Two neighboring letters inside a word change places, or one is lost.
fn misspelled(random: &mut Random, name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let inner: Vec<usize> = (1..letters.len().saturating_sub(2))
        .filter(|&at| letters[at - 1..=at + 1].iter().all(char::is_ascii_alphabetic) && letters[at] != letters[at + 1])
        .collect();
    if inner.is_empty() {
        return format!("{name}s");
    }
    let at = random.pick(&inner);
    if random.chance(50) {
        letters.swap(at, at + 1);
    } else {
        letters.remove(at);
    }
    letters.into_iter().collect()
}

/// Long words are cut to four letters and a point.
fn shortened(name: &str) -> String {
    let words = name
        .split(' ')
        .map(|word| if word.len() > 6 && word.is_ascii() { format!("{}.", &word[..4]) } else { word.to_owned() });
    words.collect::<Vec<_>>().join(" ")
}
