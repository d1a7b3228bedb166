//! Which lines and subscriptions are on which account, in the order of the accounts; what has no account is set aside.

use std::ops::Range;

use super::finding::Finding;
use super::footing::Footing;
use super::input::Input;
use super::intern::{SubscriptionRef, VendorLineRef};
use super::key::{AccountKey, Place, Placement, Resolver};
use super::report::{KeyItem, Reason, Side};
use super::threads::Threads;
use crate::domain::discrepancy::DiscrepancyType as Type;
use crate::domain::money::{Currency, OutOfRange};
use crate::domain::record::BillingTerm;

/// Everything in its place.
#[derive(Default)]
pub(super) struct Places {
    pub(super) vendor: Vec<Place>,
    pub(super) psa: Vec<Place>,
    pub(super) subscriptions: Vec<Place>,
    /// The lines as they were read, and those that were set aside.
    pub(super) footing: Footing,
    /// Use that is charged to nobody.
    pub(super) unassigned: Vec<Finding>,
}

/// What is on a stretch of neighbouring accounts, each list sorted.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a> {
    pub(super) vendor: &'a [Place],
    pub(super) psa: &'a [Place],
    pub(super) subscriptions: &'a [Place],
}

#[derive(Clone, Copy)]
enum Kind {
    Vendor,
    Psa,
    Subscription,
}

/// What came of a part of one kind; its places are sorted.
#[derive(Default)]
struct Part {
    places: Vec<Place>,
    footing: Footing,
    unassigned: Vec<Finding>,
}

impl Places {
    /// Places everything that a comparison looks at.
    pub(super) fn of(resolver: &Resolver<'_>, threads: Threads) -> Result<Self, OutOfRange> {
        let input = resolver.input;
        let counts = [
            (Kind::Vendor, input.vendor_lines.len()),
            (Kind::Psa, input.psa_lines.len()),
            (Kind::Subscription, input.subscriptions.ids.len()),
        ];
        let parts = |(kind, count)| threads.parts(count).into_iter().map(move |part| (kind, part));
        let jobs: Vec<(Kind, Range<usize>)> = counts.into_iter().flat_map(parts).collect();
        let kinds: Vec<Kind> = jobs.iter().map(|(kind, _)| *kind).collect();
        let placed = threads.each(jobs, |(kind, part)| place(resolver, kind, part));

        let mut all = Self::default();
        let mut runs: [Vec<Vec<Place>>; 3] = Default::default();
        for (kind, part) in kinds.into_iter().zip(placed) {
            let Part { places, footing, unassigned } = part?;
            runs[kind as usize].push(places);
            all.footing.merge(footing)?;
            all.unassigned.extend(unassigned);
        }
        let merged = <[Vec<Place>; 3]>::try_from(threads.each(runs.into(), merged));
        [all.vendor, all.psa, all.subscriptions] = merged.expect("each of three lists stays one list");
        Ok(all)
    }

    /// The accounts in stretches of about as many lines as a part has.
    pub(super) fn stretches(&self, threads: Threads) -> Vec<Stretch<'_>> {
        let sides = [&self.vendor, &self.psa, &self.subscriptions];
        let longest = sides.into_iter().max_by_key(|side| side.len()).expect("there are three");
        let starts = threads.parts(longest.len()).into_iter().skip(1);
        let mut firsts: Vec<AccountKey> = starts.map(|part| longest[part.start].account()).collect();
        firsts.dedup();
        let mut rest = Stretch { vendor: &self.vendor, psa: &self.psa, subscriptions: &self.subscriptions };
        let mut stretches: Vec<Stretch<'_>> = firsts.into_iter().map(|first| rest.split_before(first)).collect();
        stretches.push(rest);
        stretches
    }
}

impl<'a> Stretch<'a> {
    /// Takes away what is on the accounts before one.
    fn split_before(&mut self, first: AccountKey) -> Self {
        let split = |side: &mut &'a [Place]| {
            let (before, rest) = side.split_at(side.partition_point(|place| place.account() < first));
            *side = rest;
            before
        };
        Self {
            vendor: split(&mut self.vendor),
            psa: split(&mut self.psa),
            subscriptions: split(&mut self.subscriptions),
        }
    }

    /// Takes away the first account with what is on it.
    pub(super) fn next_account(&mut self) -> Option<(AccountKey, Self)> {
        let firsts = [self.vendor, self.psa, self.subscriptions].into_iter().filter_map(|side| side.first());
        let account = firsts.min()?.account();
        // Accounts are short: going through one is faster than searching for its end.
        let split = |side: &mut &'a [Place]| {
            let end = side.iter().position(|place| place.account() != account).unwrap_or(side.len());
            let (own, rest) = side.split_at(end);
            *side = rest;
            own
        };
        let own = Self {
            vendor: split(&mut self.vendor),
            psa: split(&mut self.psa),
            subscriptions: split(&mut self.subscriptions),
        };
        Some((account, own))
    }
}

/// One list of sorted ones. The sort of the standard library finds them sorted and merges.
fn merged(runs: Vec<Vec<Place>>) -> Vec<Place> {
    let mut places = runs.concat();
    drop(runs);
    places.sort();
    places
}

fn place(resolver: &Resolver<'_>, kind: Kind, part: Range<usize>) -> Result<Part, OutOfRange> {
    let mut placed = Part { places: Vec::with_capacity(part.len()), ..Part::default() };
    let numbers = (part.start as u32)..(part.end as u32);
    match kind {
        Kind::Vendor => place_vendor_lines(resolver, numbers, &mut placed)?,
        Kind::Psa => place_psa_lines(resolver, numbers, &mut placed)?,
        Kind::Subscription => place_subscriptions(resolver, numbers, &mut placed),
    }
    placed.places.sort_unstable();
    Ok(placed)
}

fn place_vendor_lines(resolver: &Resolver<'_>, numbers: Range<u32>, placed: &mut Part) -> Result<(), OutOfRange> {
    let footing = &mut placed.footing;
    for at in numbers {
        let line = resolver.input.vendor_line(VendorLineRef(at));
        match resolver.place_vendor_line(at) {
            Placement::Keyed(place) => {
                footing.source(Some(place.account().currency()), Side::Vendor, line.cost_total)?;
                placed.places.push(place);
            }
            Placement::Aside(class, reason, currency) => {
                footing.source(currency, Side::Vendor, line.cost_total)?;
                footing.aside(currency, Side::Vendor, (class, reason), line.cost_total)?;
                if reason == Reason::NoCompany && line.term == Some(BillingTerm::Arrears) {
                    placed.unassigned.extend(unassigned_use(resolver, at, currency));
                }
            }
            Placement::Outside => {}
        }
    }
    Ok(())
}

/// Use that Pax8 links to no company: it has a product, but nobody to bill.
fn unassigned_use(resolver: &Resolver<'_>, at: u32, currency: Option<Currency>) -> Option<Finding> {
    let line = resolver.input.vendor_line(VendorLineRef(at));
    let (product, currency) = (line.product?, currency?);
    let invoice = resolver.input.vendor_invoices.get(line.invoice)?;
    let period = resolver.period_of(resolver.policy.vendor_period, invoice.date, line.start)?;
    let mut finding =
        Finding::new(Type::UsageUnassigned, AccountKey::nobody(KeyItem::Missing(product), currency), period);
    finding.subscription = line.subscription;
    finding.product = Some(product);
    finding.vendor_lines.push(VendorLineRef(at));
    Some(finding)
}

fn place_psa_lines(resolver: &Resolver<'_>, numbers: Range<u32>, placed: &mut Part) -> Result<(), OutOfRange> {
    let input: &Input = resolver.input;
    for at in numbers {
        let amount = input.psa_lines[at as usize].amount;
        match resolver.place_psa_line(at) {
            Placement::Keyed(place) => {
                placed.footing.source(Some(place.account().currency()), Side::Psa, amount)?;
                placed.places.push(place);
            }
            Placement::Aside(class, reason, currency) => {
                placed.footing.source(currency, Side::Psa, amount)?;
                placed.footing.aside(currency, Side::Psa, (class, reason), amount)?;
            }
            Placement::Outside => {}
        }
    }
    Ok(())
}

fn place_subscriptions(resolver: &Resolver<'_>, numbers: Range<u32>, placed: &mut Part) {
    for at in numbers {
        let accounts = resolver.subscription_accounts(SubscriptionRef(at));
        placed.places.extend(accounts.into_iter().map(|account| account.at(0, at)));
    }
}
