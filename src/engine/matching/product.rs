//! Matching of Pax8 products, term by term, with the items of the PSA.
//!
//! Items that differ in nothing but the term are one group. The product is compared with the group, and the item is
//! then chosen by term, price and cost; what confirms one item of a group (a part number, an exact cost) speaks for all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::assign::{Scored, decide};
use super::explain::{Signal, SignalKind, Veto};
use super::index::Postings;
use super::lesson::{self, AliasCounts, Lessons, MAX_OBSERVATIONS, Observation};
use super::license::{License, vendor_words};
use super::product_family::{FamilyEvidence, Side, Vocabulary, compare, rename_between};
use super::product_record::{ItemRecord, ProductRecord, ProductTerm, SoldVariant, TermKey, part_numbers};
use super::score::Weight;
use super::variant::{Cadence, ItemTerm, amounts, compare_terms, push_amounts};
use super::{Candidate, Decisions, MatchingPolicy, Outcome, Touched};
use crate::domain::id::ExternalId;
use crate::domain::record::{BillCycle, BillingTerm};

/// Everything that the verdicts on products depend on.
#[derive(Debug, Clone, Copy)]
pub struct ProductInput<'a> {
    /// Products at Pax8 with the terms at which they are sold.
    pub products: &'a [ProductRecord],
    /// Items at the PSA, also inactive ones, so that they can be named.
    pub items: &'a [ItemRecord],
    /// What people decided.
    pub decisions: &'a Decisions<ProductTerm>,
    /// What the integration wants.
    pub policy: &'a MatchingPolicy,
}

/// The verdict on one product at one term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductMatch {
    /// Product and term.
    pub term: ProductTerm,
    /// What became of it.
    pub outcome: Outcome,
    /// Possible items, best first.
    pub candidates: Vec<Candidate>,
}

/// The verdicts on all products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductMatches {
    /// One for each product and term, ordered by product, then term.
    pub matches: Vec<ProductMatch>,
    /// What the decisions taught.
    pub lessons: Lessons,
}

/// Matches all products.
pub fn match_products(input: &ProductInput<'_>) -> ProductMatches {
    matches(ProductMatcher::new(input), input.products.iter().collect())
}

/// Matches the products whose verdict may have changed, as [`match_products`] would, but for what follows from how often
/// words occur among all the others.
pub fn match_touched_products(input: &ProductInput<'_>, touched: &Touched) -> ProductMatches {
    let matcher = ProductMatcher::new(input);
    let has_touched =
        |group: &Vec<usize>| group.iter().any(|row| touched.psa.contains(&matcher.items[*row].record.key));
    let groups: BTreeSet<usize> = (0..matcher.groups.len()).filter(|row| has_touched(&matcher.groups[*row])).collect();
    let changed = input.products.iter().filter(|product| touched.pax8.contains(&product.key));
    let numbers: BTreeSet<String> = changed.flat_map(|product| Product::new(product).part_numbers).collect();
    // An item with the part number of a changed product may belong to another one now.
    let has_number = |group: &usize| {
        let mut owned = matcher.groups[*group].iter().flat_map(|row| &matcher.items[*row].part_numbers);
        owned.any(|number| numbers.contains(number))
    };
    let groups: BTreeSet<usize> = groups.into_iter().chain((0..matcher.groups.len()).filter(has_number)).collect();
    let is_affected = |record: &&ProductRecord| {
        touched.pax8.contains(&record.key)
            || touched.named.contains(&record.key)
            || (!groups.is_empty() && !matcher.groups_near(&Product::new(record)).is_disjoint(&groups))
    };
    let affected = input.products.iter().filter(is_affected).collect();
    matches(matcher, affected)
}

fn matches(matcher: ProductMatcher<'_>, mut products: Vec<&ProductRecord>) -> ProductMatches {
    products.sort_by(|a, b| a.key.cmp(&b.key));
    products.dedup_by(|a, b| a.key == b.key);
    let mut matches: Vec<ProductMatch> = products.into_iter().flat_map(|product| matcher.verdicts(product)).collect();
    matches.sort_by(|a, b| a.term.cmp(&b.term));
    ProductMatches { matches, lessons: matcher.lessons }
}

/// The term of a product whose list knows no terms: its name has to say it.
const UNSTATED: SoldVariant = SoldVariant { billing_term: None, commitment_term: None, prices: Vec::new() };

fn term_of(record: &ProductRecord, variant: &SoldVariant) -> ProductTerm {
    ProductTerm {
        product: record.key.clone(),
        billing_term: variant.billing_term,
        commitment_term: variant.commitment_term.clone(),
    }
}

/// Groups that one product is compared with.
const GROUPS_PER_PRODUCT: usize = 30;

/// A part number decides unless something else contradicts it.
const PART_NUMBER: Weight = Weight::from_millibits(14_000);

#[derive(Debug)]
struct Item {
    record: ItemRecord,
    license: License,
    vendor: Option<String>,
    term: ItemTerm,
    part_numbers: Vec<String>,
    is_old: bool,
}

#[derive(Debug)]
struct Product {
    license: License,
    vendor: Option<String>,
    vendor_words: Vec<String>,
    part_numbers: Vec<String>,
}

/// The PSA's items, indexed once; judges products one by one, also a single changed one.
#[derive(Debug)]
pub struct ProductMatcher<'a> {
    policy: &'a MatchingPolicy,
    confirmed: BTreeMap<TermKey, &'a ExternalId>,
    rejected: BTreeSet<(TermKey, &'a ExternalId)>,
    /// Ordered by id.
    items: Vec<Item>,
    /// Rows of items that are variants of one product, ordered by key.
    groups: Vec<Vec<usize>>,
    words: Postings,
    numbers: Postings,
    /// Products that own a part number.
    owners: BTreeMap<String, BTreeSet<ExternalId>>,
    vocabulary: Vocabulary,
    lessons: Lessons,
}

impl<'a> ProductMatcher<'a> {
    /// Indexes the items and counts words on both sides.
    pub fn new(input: &ProductInput<'a>) -> Self {
        let known_vendors: BTreeSet<String> =
            input.products.iter().filter_map(|product| canonical_vendor(product.vendor.as_deref())).collect();
        let mut items: Vec<Item> = input.items.iter().map(|record| Item::new(record.clone(), &known_vendors)).collect();
        items.sort_by(|a, b| a.record.key.cmp(&b.record.key));
        items.dedup_by(|a, b| a.record.key == b.record.key);
        let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (row, item) in items.iter().enumerate() {
            let key = format!("{}|{}", item.license.key(), item.license.renamed.map_or("", |renamed| renamed.former));
            by_key.entry(key).or_default().push(row);
        }
        let mut matcher = Self {
            policy: input.policy,
            confirmed: input.decisions.confirmed.iter().map(|(term, item)| (term.folded(), item)).collect(),
            rejected: input.decisions.rejected.iter().map(|(term, item)| (term.folded(), item)).collect(),
            items,
            groups: by_key.into_values().collect(),
            words: Postings::default(),
            numbers: Postings::default(),
            owners: BTreeMap::new(),
            vocabulary: Vocabulary::default(),
            lessons: Lessons::default(),
        };
        matcher.index(input.products);
        matcher.learn(input);
        matcher
    }

    fn learn(&mut self, input: &ProductInput<'_>) {
        let decisions = input.decisions;
        if decisions.confirmed.is_empty() && decisions.rejected.is_empty() {
            return;
        }
        let products: HashMap<&ExternalId, &ProductRecord> =
            input.products.iter().map(|product| (&product.key, product)).collect();
        let mut decided: Vec<(&ProductRecord, &ProductTerm, usize, bool)> = Vec::new();
        for (pairs, is_right) in [(&decisions.confirmed, true), (&decisions.rejected, false)] {
            for (term, item) in pairs {
                let row = self.items.binary_search_by(|known| known.record.key.cmp(item)).ok();
                if let (Some(product), Some(row)) = (products.get(&term.product), row) {
                    decided.push((product, term, row, is_right));
                }
            }
        }
        // Neither the order of the decisions nor that of the rows matters. Rejections tell most, and are few.
        decided.sort_by(|a, b| (a.3, a.1, a.2).cmp(&(b.3, b.1, b.2)));
        let mut aliases = AliasCounts::default();
        for (record, _, row, is_right) in &decided {
            let item = &self.items[*row];
            let evidence = self.compare(record, &Product::new(record), item, None);
            if !evidence.differs_in_words {
                continue;
            }
            let FamilyEvidence { left_over, right_over, .. } = &evidence;
            if *is_right {
                aliases.confirmed(left_over, right_over, record.key.as_str(), item.record.key.as_str());
            } else {
                aliases.rejected(left_over, right_over, record.key.as_str(), item.record.key.as_str());
            }
        }
        self.lessons.aliases = aliases.learned();
        let observations = decided.iter().take(MAX_OBSERVATIONS).filter_map(|(record, term, row, is_right)| {
            let scored = self.scored_with(record, term, *row)?;
            let target = &self.items[*row].record.key;
            let subject = scored.iter().position(|candidate| candidate.target == *target)?;
            Some(Observation::new(&scored, subject, *is_right))
        });
        self.lessons.factors = lesson::factors(&observations.collect::<Vec<_>>());
    }

    /// All candidates of a product at one term and one item in any case. A decision about the whole product is one about
    /// its first term.
    fn scored_with(&self, record: &ProductRecord, term: &ProductTerm, row: usize) -> Option<Vec<Scored>> {
        let wanted = term.folded();
        let is_whole = wanted == ProductTerm::whole(term.product.clone()).folded();
        let found = record.variants.iter().find(|variant| is_whole || term_of(record, variant).folded() == wanted);
        let product = Product::new(record);
        let mut groups = self.groups_near(&product);
        groups.extend(self.groups.iter().position(|group| group.contains(&row)));
        let variant = match found {
            Some(variant) => (variant, Cadence::of_variant(variant)),
            None if record.variants.is_empty() => (&UNSTATED, Cadence::Named(product.license.term)),
            None => return None,
        };
        Some(self.score(record, &product, variant, &groups, |_| true))
    }

    fn index(&mut self, products: &[ProductRecord]) {
        for (row, group) in self.groups.iter().enumerate() {
            let row = u32::try_from(row).expect("fewer than four thousand million items");
            let license = &self.items[group[0]].license;
            self.vocabulary.words.add(&license.family.iter().map(String::as_str).collect());
            for word in license.family.iter().chain(&license.plans) {
                self.words.add(word, row);
            }
            // Equal families are found however common their words are.
            self.words.add(&license.key(), row);
            for number in group.iter().flat_map(|item| &self.items[*item].part_numbers) {
                self.numbers.add(number, row);
            }
        }
        for record in products {
            let product = Product::new(record);
            self.vocabulary.words.add(&product.license.family.iter().map(String::as_str).collect());
            self.vocabulary.add_product(product.vendor.as_deref().unwrap_or_default(), &product.license);
            for number in product.part_numbers {
                self.owners.entry(number).or_default().insert(record.key.clone());
            }
        }
    }

    /// Judges a product at each of its terms.
    pub fn verdicts(&self, record: &ProductRecord) -> Vec<ProductMatch> {
        let product = Product::new(record);
        let groups = self.groups_near(&product);
        let verdict = |(variant, cadence): (&SoldVariant, Cadence)| {
            let term = term_of(record, variant);
            let scored =
                self.score(record, &product, (variant, cadence), &groups, |target| !self.is_rejected(&term, target));
            let (mut outcome, candidates) = decide(scored, self.policy);
            if let Some(target) = self.confirmed(&term) {
                outcome = Outcome::Confirmed { target };
            }
            ProductMatch { term, outcome, candidates }
        };
        if record.variants.is_empty() {
            return vec![verdict((&UNSTATED, Cadence::Named(product.license.term)))];
        }
        record.variants.iter().map(|variant| verdict((variant, Cadence::of_variant(variant)))).collect()
    }

    /// Possible items of a product at one term, best first.
    pub fn candidates_for(&self, record: &ProductRecord, term: &ProductTerm) -> Vec<Candidate> {
        let wanted = term.folded();
        let found = self.verdicts(record).into_iter().find(|verdict| verdict.term.folded() == wanted);
        found.map(|verdict| verdict.candidates).unwrap_or_default()
    }

    /// The reasons for and against one pair, whether or not it would be proposed.
    pub fn explain_pair(&self, record: &ProductRecord, term: &ProductTerm, item: &ExternalId) -> Option<Candidate> {
        let row = self.items.binary_search_by(|known| known.record.key.cmp(item)).ok()?;
        let scored = self.scored_with(record, term, row)?;
        let everything = MatchingPolicy { candidates_per_record: usize::MAX, ..self.policy.clone() };
        decide(scored, &everything).1.into_iter().find(|candidate| candidate.target == *item)
    }

    /// The confirmed item: of this very term, or else of the whole product.
    fn confirmed(&self, term: &ProductTerm) -> Option<ExternalId> {
        let (exact, whole) = (term.folded(), ProductTerm::whole(term.product.clone()).folded());
        self.confirmed.get(&exact).or_else(|| self.confirmed.get(&whole)).map(|item| (*item).clone())
    }

    fn is_rejected(&self, term: &ProductTerm, item: &ExternalId) -> bool {
        let whole = ProductTerm::whole(term.product.clone()).folded();
        self.rejected.contains(&(term.folded(), item)) || self.rejected.contains(&(whole, item))
    }

    fn groups_near(&self, product: &Product) -> BTreeSet<usize> {
        let mut keys: Vec<String> = product.license.family.iter().chain(&product.license.plans).cloned().collect();
        keys.push(product.license.key());
        keys.sort();
        let mut rows: BTreeSet<usize> =
            self.words.nearest(&keys, GROUPS_PER_PRODUCT).into_iter().map(|row| row as usize).collect();
        for number in &product.part_numbers {
            rows.extend(self.numbers.rows(number).iter().map(|row| *row as usize));
        }
        rows
    }

    fn score(
        &self,
        record: &ProductRecord,
        product: &Product,
        variant: (&SoldVariant, Cadence),
        groups: &BTreeSet<usize>,
        is_allowed: impl Fn(&ExternalId) -> bool,
    ) -> Vec<Scored> {
        let mut all = Vec::new();
        for group in groups.iter().map(|row| &self.groups[*row]) {
            let confirmation = self.confirmation(record, product, group);
            for &row in group {
                let item = &self.items[row];
                if is_allowed(&item.record.key) {
                    let evidence = self.compare(record, product, item, confirmation.vendor.as_deref());
                    all.push(self.judge(record, product, variant, item, evidence, &confirmation));
                }
            }
        }
        all
    }

    fn compare(
        &self,
        record: &ProductRecord,
        product: &Product,
        item: &Item,
        vendor_of_group: Option<&str>,
    ) -> FamilyEvidence {
        let side = |name, license, vendor| Side { name, license, vendor };
        compare(
            &side(record.name.as_str(), &product.license, product.vendor.as_deref()),
            &side(item.record.name.as_str(), &item.license, item.vendor.as_deref().or(vendor_of_group)),
            &product.vendor_words,
            &self.vocabulary,
            &self.lessons,
        )
    }

    /// What confirms a group as a whole.
    fn confirmation(&self, record: &ProductRecord, product: &Product, group: &[usize]) -> Confirmation {
        let items = || group.iter().map(|row| &self.items[*row]);
        let owns = |number: &String| product.part_numbers.contains(number);
        let is_foreign = |number: &String| self.owners.get(number).is_some_and(|owners| !owners.contains(&record.key));
        let has_exact_amount = record.variants.iter().any(|variant| {
            let cadence = Cadence::of_variant(variant);
            items().any(|item| {
                let evidence = amounts(variant, cadence, &item.record, &item.term);
                // A price may be equal by chance; a cost comes from the vendor's list.
                evidence.cost.is_some_and(|_| evidence.is_exact())
            })
        });
        let vendors: BTreeSet<&String> = items().filter_map(|item| item.vendor.as_ref()).collect();
        Confirmation {
            part_number: items().flat_map(|item| &item.part_numbers).find(|number| owns(number)).cloned(),
            is_foreign: items().flat_map(|item| &item.part_numbers).any(is_foreign),
            has_exact_amount,
            has_both_yearly_wordings: record
                .variants
                .iter()
                .any(|variant| variant.billing_term == Some(BillingTerm::Annual))
                && items().any(|item| item.term.says_paid_monthly())
                && items().any(|item| item.term.says_commitment_alone()),
            vendor: vendors.first().filter(|_| vendors.len() == 1).map(|vendor| (*vendor).clone()),
        }
    }

    fn judge(
        &self,
        record: &ProductRecord,
        product: &Product,
        (variant, cadence): (&SoldVariant, Cadence),
        item: &Item,
        evidence: FamilyEvidence,
        confirmation: &Confirmation,
    ) -> Scored {
        let has_leftovers = evidence.has_leftovers();
        let FamilyEvidence { mut signals, mut veto, .. } = evidence;
        let mut push = |kind, left: &str, right: &str, weight| {
            signals.push(Signal { kind, left: left.to_owned(), right: right.to_owned(), weight });
        };
        let own = item.part_numbers.iter().find(|number| product.part_numbers.contains(number));
        let foreign = item
            .part_numbers
            .iter()
            .find(|number| self.owners.get(*number).is_some_and(|owners| !owners.contains(&record.key)));
        let is_proven = own.is_some() || (confirmation.part_number.is_some() && !confirmation.is_foreign);
        if let Some(number) = own {
            push(SignalKind::PartNumber, number, number, PART_NUMBER);
        } else if let Some(number) = foreign {
            push(SignalKind::PartNumber, "", number, Weight::of_bits(-12.0));
            veto = veto.or_else(|| Some(Veto::Edition(String::new(), number.clone())));
        } else if let Some(number) = confirmation.part_number.as_ref().filter(|_| is_proven) {
            push(SignalKind::PartNumber, number, &item.record.name, Weight::of_bits(10.0));
        }
        if is_proven {
            // Names are written by people, part numbers are copied; a former name is no contradiction.
            veto = veto.filter(|veto| matches!(veto, Veto::Qualifier(_) | Veto::Segment(..) | Veto::Vendor(..)));
        } else if has_leftovers && !confirmation.has_exact_amount {
            veto = veto.or(Some(Veto::SingleEvidence));
        }
        let renamed = rename_between(&product.license, &item.license).filter(|renamed| renamed.is_trap);
        if let Some(renamed) = renamed.filter(|_| !is_proven && !confirmation.has_exact_amount) {
            veto = veto.or_else(|| Some(Veto::UnprovenRename(renamed.former.to_owned())));
        }
        if confirmation.has_exact_amount {
            push(SignalKind::Cost, "equal for another term", &item.record.name, Weight::of_bits(2.0));
        }
        let amount = amounts(variant, cadence, &item.record, &item.term);
        let costs_nothing = variant.prices.iter().all(|price| {
            price.cost.is_none_or(|cost| cost.0.is_zero()) && price.price.is_none_or(|price| price.0.is_zero())
        });
        let is_zero = item.record.price.is_some_and(|price| price.0.is_zero())
            && item.record.bill_cycle != Some(BillCycle::Usage);
        if is_zero && !costs_nothing {
            push(SignalKind::ZeroPriced, "", &item.record.name, Weight::of_bits(-10.0));
            veto = veto.or(Some(Veto::ZeroPriced));
        }
        if item.is_old || !item.record.is_active {
            push(SignalKind::Standing, "", "inactive or old", Weight::of_bits(-10.0));
            veto = veto.or(Some(Veto::InactiveItem));
        }
        // An item that carries the amounts of another term is judged by its own term, not by the difference.
        if amount.is_exact() || !carries_another_term(record, variant, item) {
            push_amounts(&amount, &mut signals);
        }
        let (mut term_signal, mut term_veto) = compare_terms(cadence, &item.term, &amount, costs_nothing);
        if term_veto.is_none() && !amount.is_exact() && is_twelfth_of_yearly(record, variant, item) {
            // The amounts say which charge the item passes on, and it is not this one.
            term_signal.weight = Weight::of_bits(-12.0);
            term_veto = Some(Veto::Term(term_signal.left.clone(), "a twelfth of the yearly charge".to_owned()));
        }
        if term_veto.is_none() && confirmation.has_both_yearly_wordings && is_other_wording(cadence, &item.term) {
            term_signal.weight += Weight::of_bits(-6.0);
        }
        signals.push(term_signal);
        let mut scored =
            Scored { target: item.record.key.clone(), signals, veto: veto.or(term_veto), learned: Weight::ZERO };
        self.lessons.weigh(&mut scored);
        scored
    }
}

/// Evidence that holds for all items of a group.
struct Confirmation {
    part_number: Option<String>,
    is_foreign: bool,
    has_exact_amount: bool,
    vendor: Option<String>,
    /// Whether the group has a monthly item for the yearly commitment beside one for the yearly charge in twelfths.
    has_both_yearly_wordings: bool,
}

/// Where a list tells `1-year commitment` from `annual, paid monthly`, the second stands for the yearly charge.
fn is_other_wording(cadence: Cadence, item: &ItemTerm) -> bool {
    match cadence {
        Cadence::Periodic { billing: 1, commitment } if commitment > 1 => item.says_paid_monthly(),
        Cadence::Periodic { billing, .. } if billing > 1 => item.says_commitment_alone(),
        _ => false,
    }
}

/// Whether an item costs exactly what the product costs at another commitment with the same billing.
fn carries_another_term(record: &ProductRecord, variant: &SoldVariant, item: &Item) -> bool {
    let others = record.variants.iter().filter(|other| other.billing_term == variant.billing_term);
    others.into_iter().any(|other| amounts(other, Cadence::of_variant(other), &item.record, &item.term).is_exact())
}

/// Whether a monthly item costs exactly a twelfth of what the product costs by the year.
fn is_twelfth_of_yearly(record: &ProductRecord, variant: &SoldVariant, item: &Item) -> bool {
    variant.billing_term == Some(BillingTerm::Monthly)
        && record
            .variants
            .iter()
            .filter(|other| other.billing_term == Some(BillingTerm::Annual))
            .any(|yearly| amounts(yearly, Cadence::of_variant(yearly), &item.record, &item.term).is_exact())
}

impl Item {
    fn new(record: ItemRecord, known_vendors: &BTreeSet<String>) -> Self {
        let category = canonical_vendor(record.category.as_deref()).filter(|vendor| known_vendors.contains(vendor));
        let vendor = canonical_vendor(record.vendor.as_deref()).or(category);
        let license = License::parse(&record.name, vendor.as_deref());
        let is_marked = |text: &str| {
            let words = super::normalize::words(text);
            words.len() > 1
                && words.last().is_some_and(|word| matches!(word.as_str(), "old" | "obsolete" | "inactive" | "retired"))
        };
        // `F1 (old)` is a former name, which is something else than an old item.
        let is_old = record.identifier.as_deref().is_some_and(is_marked)
            || (license.renamed.is_none() && is_marked(&record.name));
        let term = ItemTerm::of(&record, license.term);
        let part_numbers = part_numbers(&record.part_numbers);
        Self { record, license, vendor, term, part_numbers, is_old }
    }
}

impl Product {
    fn new(record: &ProductRecord) -> Self {
        let vendor = canonical_vendor(record.vendor.as_deref());
        let license = License::parse(&record.name, record.vendor.as_deref());
        let vendor_words = record.vendor.as_deref().map(vendor_words).unwrap_or_default();
        Self { license, vendor, vendor_words, part_numbers: part_numbers(&record.part_numbers) }
    }
}

fn canonical_vendor(vendor: Option<&str>) -> Option<String> {
    vendor.map(super::license::canonical_vendor).filter(|vendor| !vendor.is_empty())
}
