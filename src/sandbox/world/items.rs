//! The PSA's catalog: what the MSP made of the vendor's products, in the manner in which MSPs name things.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::catalog::{Product, Tender, decimal, product};
use super::random::Random;

/// How often the PSA bills an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycle {
    /// Every month.
    Monthly,
    /// Every year.
    Annual,
    /// Once.
    OneTime,
    /// By use.
    Usage,
}

impl Cycle {
    /// Word of the PSA.
    pub fn word(self) -> &'static str {
        match self {
            Self::Monthly => "Monthly",
            Self::Annual => "Annual",
            Self::OneTime => "OneTime",
            Self::Usage => "Usage",
        }
    }
}

/// An item of the PSA's catalog.
#[derive(Debug, Clone)]
pub struct Item {
    /// Id at the PSA.
    pub id: u32,
    /// Short code.
    pub identifier: String,
    /// Name.
    pub name: String,
    /// Vendor; often left empty.
    pub vendor_name: String,
    /// The vendor's part number; mostly left empty.
    pub part_number: String,
    /// Category.
    pub category: String,
    /// Price of a unit in dollars.
    pub unit_price: Decimal,
    /// Cost of a unit in dollars.
    pub unit_cost: Decimal,
    /// Unit.
    pub unit: &'static str,
    /// How often it is billed.
    pub cycle: Cycle,
    /// Percentage put on the cost of use.
    pub markup: Option<Decimal>,
    /// Whether it may no longer be sold.
    pub is_inactive: bool,
}

/// A dated price.
#[derive(Debug, Clone)]
pub struct PriceRow {
    /// Item, by position.
    pub item: usize,
    /// Customer's id; `None` for everyone.
    pub customer: Option<u32>,
    /// Currency.
    pub tender: Tender,
    /// Price of a unit.
    pub price: Decimal,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: Option<NaiveDate>,
}

/// What an offer of the vendor is at the PSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counterpart {
    /// An item of its own, by position.
    Own(usize),
    /// An item that stands for several products.
    Group(usize),
    /// A monthly item for a yearly charge.
    Spread(usize),
    /// Nothing.
    Missing,
}

impl Counterpart {
    /// The item, where there is one.
    pub fn item(self) -> Option<usize> {
        match self {
            Self::Own(item) | Self::Group(item) | Self::Spread(item) => Some(item),
            Self::Missing => None,
        }
    }

    /// Word of the mapping file.
    pub fn relation(self) -> &'static str {
        match self {
            Self::Own(_) => "one_item",
            Self::Group(_) => "group",
            Self::Spread(_) => "spread_monthly",
            Self::Missing => "missing_in_psa",
        }
    }
}

/// The whole catalog of the PSA.
#[derive(Debug, Clone)]
pub struct ItemCatalog {
    /// Items; the position is what everything else refers to.
    pub items: Vec<Item>,
    /// For each product and offer of the vendor, what it is here.
    pub counterparts: Vec<Vec<Counterpart>>,
    /// Dated prices.
    pub price_book: Vec<PriceRow>,
    /// The MSP's own services.
    pub own_services: Vec<usize>,
}

impl ItemCatalog {
    /// What a customer is to pay for a unit on a day: its own price, else everyone's, else the item's.
    pub fn reference_price(&self, item: usize, customer: Option<u32>, tender: Tender, day: NaiveDate) -> Decimal {
        let valid = |row: &&PriceRow| {
            row.item == item && row.tender == tender && row.from <= day && row.to.is_none_or(|to| day <= to)
        };
        let own = customer.and_then(|id| self.price_book.iter().filter(valid).find(|row| row.customer == Some(id)));
        own.or_else(|| self.price_book.iter().filter(valid).find(|row| row.customer.is_none()))
            .map_or(self.items[item].unit_price, |row| row.price)
    }

    /// Whether a price of the item changes inside the window.
    pub fn has_price_change(&self, item: usize) -> bool {
        self.price_book.iter().any(|row| row.item == item && row.customer.is_none() && row.tender == Tender::Usd)
    }
}

/// Items that stand for several products: name, code, price, products.
const GROUPS: &[(&str, &str, &str, &[&str])] = &[
    (
        "Managed Endpoint Detection & Response",
        "EDR-MANAGED",
        "7.95",
        &["Huntress Managed EDR", "SentinelOne Control", "Webroot Business Endpoint Protection", "ThreatDown Elite"],
    ),
    (
        "SaaS Backup",
        "BU-SAAS",
        "3.75",
        &[
            "Dropsuite Business Backup",
            "AvePoint Cloud Backup for Microsoft 365",
            "Axcient x360Cloud Microsoft 365 Backup",
        ],
    ),
    (
        "Email Security Plus",
        "EMAIL-SEC",
        "4.95",
        &["Proofpoint Essentials - Business", "INKY Inbound Mail Protection", "Avanan Advanced Protect"],
    ),
];

/// The MSP's own services: name, code, price.
const OWN_SERVICES: &[(&str, &str, &str)] = &[
    ("Managed Workstation", "MS-WKS", "12.5"),
    ("Managed Server", "MS-SRV", "95"),
    ("Managed Firewall", "MS-FW", "45"),
    ("Managed Network Switch", "MS-SW", "9"),
    ("Managed Wireless Access Point", "MS-AP", "6.5"),
    ("Managed Printer", "MS-PRN", "5"),
    ("Helpdesk - Unlimited Remote Support (per user)", "HD-USER", "62"),
    ("Domain Registration", "DOMAIN", "2.25"),
    ("DNS Hosting", "DNS", "2"),
    ("Backup Appliance Rental", "RENT-BDR", "140"),
    ("Quarterly Business Review", "QBR", "220"),
];

/// Number of products without an item.
const MISSING: usize = 4;

/// Builds the catalog.
pub fn catalog(seed: u64, products: &[Product], first_day: NaiveDate, last_month: NaiveDate) -> ItemCatalog {
    let mut random = Random::for_part(seed, "items");
    let mut builder = Builder { items: Vec::new(), identifiers: BTreeSet::new() };
    let groups: Vec<usize> = GROUPS
        .iter()
        .map(|&(name, code, price, _)| builder.own(name, code, decimal(price), "Security & Backup"))
        .collect();
    let group_of = |name: &str| GROUPS.iter().position(|(_, _, _, members)| members.contains(&name));
    let recurring = |product: &Product| product.offers.iter().all(|offer| offer.billing_term != "One-Time");
    let can_be_missing: Vec<usize> = (0..products.len())
        .filter(|&index| {
            let product = &products[index];
            recurring(product) && product.unit != "Usage" && group_of(product.plain_name).is_none()
        })
        .collect();
    let missing: BTreeSet<usize> = random.shuffled(can_be_missing).into_iter().take(MISSING).collect();
    let mut counterparts = Vec::new();
    for (index, product) in products.iter().enumerate() {
        let style = random.below(STYLES);
        let mut of_product = Vec::new();
        for (offer, terms) in product.offers.iter().enumerate() {
            of_product.push(if missing.contains(&index) {
                Counterpart::Missing
            } else if let (Some(group), "Monthly") = (group_of(product.plain_name), terms.billing_term) {
                Counterpart::Group(groups[group])
            } else if terms.billing_term == "Annual" && random.chance(30) {
                Counterpart::Spread(builder.item(&mut random, product, offer, style, true))
            } else {
                Counterpart::Own(builder.item(&mut random, product, offer, style, false))
            });
        }
        counterparts.push(of_product);
    }
    builder.look_alikes(&mut random);
    let own_services = OWN_SERVICES
        .iter()
        .map(|&(name, code, price)| builder.own(name, code, decimal(price), "Managed Services"))
        .collect();
    let items = builder.items;
    let price_book = general_prices(&mut random, &items, &counterparts, first_day, last_month);
    ItemCatalog { items, counterparts, price_book, own_services }
}

/// Everyone's prices in pounds, and a rise on the first day of the last month for a few monthly items.
fn general_prices(
    random: &mut Random,
    items: &[Item],
    counterparts: &[Vec<Counterpart>],
    first_day: NaiveDate,
    last_month: NaiveDate,
) -> Vec<PriceRow> {
    let monthly: Vec<usize> = counterparts
        .iter()
        .flatten()
        .filter_map(|counterpart| match counterpart {
            Counterpart::Own(item) if items[*item].cycle == Cycle::Monthly => Some(*item),
            _ => None,
        })
        .collect();
    let rising: BTreeSet<usize> = random.shuffled(monthly).into_iter().take(5).collect();
    let mut rows = Vec::new();
    for (index, item) in items.iter().enumerate().filter(|(_, item)| item.cycle != Cycle::Usage) {
        let pounds = Tender::Gbp.converted(item.unit_price, 2);
        let row = |tender, price, from, to| PriceRow { item: index, customer: None, tender, price, from, to };
        if rising.contains(&index) {
            let raised = |price| product(price, decimal("1.06"), 2);
            rows.push(row(Tender::Gbp, pounds, first_day, last_month.pred_opt()));
            rows.push(row(Tender::Gbp, raised(pounds), last_month, None));
            rows.push(row(Tender::Usd, raised(item.unit_price), last_month, None));
        } else {
            rows.push(row(Tender::Gbp, pounds, first_day, None));
        }
    }
    rows
}

struct Builder {
    items: Vec<Item>,
    identifiers: BTreeSet<String>,
}

impl Builder {
    fn push(&mut self, mut item: Item) -> usize {
        let plain = item.identifier.clone();
        let mut copy = 1;
        while !self.identifiers.insert(item.identifier.clone()) {
            copy += 1;
            item.identifier = format!("{plain}-{copy}");
        }
        item.id = 2001 + u32::try_from(self.items.len()).expect("the catalog is small");
        self.items.push(item);
        self.items.len() - 1
    }

    /// An item that the MSP invented.
    fn own(&mut self, name: &str, code: &str, price: Decimal, category: &str) -> usize {
        self.push(Item {
            id: 0,
            identifier: code.to_owned(),
            name: name.to_owned(),
            vendor_name: String::new(),
            part_number: String::new(),
            category: category.to_owned(),
            unit_price: price,
            unit_cost: product(price, decimal("0.35"), 2),
            unit: "Each",
            cycle: Cycle::Monthly,
            markup: None,
            is_inactive: false,
        })
    }

    /// The item for one offer of a product.
    fn item(&mut self, random: &mut Random, of: &Product, offer: usize, style: usize, is_spread: bool) -> usize {
        let terms = &of.offers[offer];
        let (cycle, suffix) = match (terms.billing_term, terms.commitment) {
            _ if of.unit == "Usage" => (Cycle::Usage, ""),
            ("One-Time", _) => (Cycle::OneTime, ""),
            ("Annual", _) if is_spread => (Cycle::Monthly, "-ANN-PM"),
            ("Annual", _) => (Cycle::Annual, "-ANN"),
            (_, "1-Year") => (Cycle::Monthly, "-NCE-1Y"),
            _ => (Cycle::Monthly, "-M"),
        };
        let mut price = terms.price;
        if of.vendor != "Microsoft" && cycle == Cycle::Monthly && random.chance(35) {
            price = product(price, decimal("1.075"), 3);
        }
        let (mut unit_price, mut unit_cost) = (price, product(terms.cost, Decimal::ONE, 2));
        if is_spread {
            (unit_price, unit_cost) = (twelfth(price), twelfth(terms.cost));
        }
        let name = if cycle == Cycle::Usage {
            "Microsoft Azure Consumption".to_owned()
        } else {
            styled(of, terms.billing_term, terms.commitment, style, is_spread)
        };
        let part_number = match (of.vendor_sku, random.below(10)) {
            ("", 0..4) => of.sku.clone(),
            (vendor_sku, 0..4) => vendor_sku.to_owned(),
            (vendor_sku, 4) if !vendor_sku.is_empty() => format!("{vendor_sku}:Commercial"),
            _ => String::new(),
        };
        self.push(Item {
            id: 0,
            identifier: if cycle == Cycle::Usage { "AZURE-USAGE".to_owned() } else { code(of.plain_name) + suffix },
            name,
            vendor_name: if random.chance(80) { of.vendor.to_owned() } else { String::new() },
            part_number,
            category: if of.vendor == "Microsoft" { "Microsoft CSP".to_owned() } else { of.vendor.to_owned() },
            unit_price,
            unit_cost,
            unit: if cycle == Cycle::Usage { "Each" } else { of.unit },
            cycle,
            markup: (cycle == Cycle::Usage).then(|| decimal("15")),
            is_inactive: false,
        })
    }

    /// Imports without a price and items that were replaced; nobody bills on them.
    fn look_alikes(&mut self, random: &mut Random) {
        let monthly: Vec<usize> =
            (0..self.items.len()).filter(|&item| self.items[item].cycle == Cycle::Monthly).collect();
        for (position, original) in random.shuffled(monthly).into_iter().take(9).enumerate() {
            let mut copy = self.items[original].clone();
            if position < 6 {
                copy.identifier = format!("IMP-{}", copy.identifier);
                (copy.unit_price, copy.unit_cost) = (Decimal::ZERO, Decimal::ZERO);
                (copy.vendor_name, copy.part_number) = (String::new(), String::new());
                "(imported)".clone_into(&mut copy.category);
            } else {
                copy.identifier.push_str("-OLD");
                copy.is_inactive = true;
            }
            self.push(copy);
        }
    }
}

fn twelfth(year: Decimal) -> Decimal {
    use crate::domain::money::{Fraction, RoundingMode, extended};
    let share = Fraction { numerator: 1, denominator: 12 };
    extended(Decimal::ONE, year, share, 2, RoundingMode::HalfAwayFromZero).expect("prices of the sandbox are small")
}

/// `Microsoft 365 Business Basic` becomes `M365-BUS-BASIC`.
fn code(name: &str) -> String {
    let name = abbreviated(name).replace(['(', ')', '-', '/', '+'], " ");
    let words = name.split_whitespace().take(3).map(|word| word.chars().take(5).collect::<String>());
    words.collect::<Vec<_>>().join("-").to_ascii_uppercase()
}

fn abbreviated(name: &str) -> String {
    [
        ("Microsoft 365", "M365"),
        ("Office 365", "O365"),
        ("Exchange Online", "EXO"),
        ("Microsoft ", "MS "),
        ("Business", "Bus"),
        ("Standard", "Std"),
        ("Premium", "Prem"),
        ("Enterprise", "Ent"),
        ("Plan ", "P"),
        ("Protection", "Prot"),
    ]
    .iter()
    .fold(name.to_owned(), |name, (long, short)| name.replace(long, short))
}

const STYLES: usize = 6;

/// The name of an item in one of the manners seen in the field.
fn styled(of: &Product, billing_term: &str, commitment: &str, style: usize, is_spread: bool) -> String {
    let name = of.plain_name;
    let is_annual = billing_term == "Annual";
    let is_committed = !is_annual && commitment == "1-Year";
    let paid = if is_spread { " (paid monthly)" } else { "" };
    if billing_term == "One-Time" {
        return match style {
            0 | 1 => format!("{name} (one-time)"),
            2 => abbreviated(name),
            _ => name.to_owned(),
        };
    }
    match style {
        0 | 1 if of.vendor == "Microsoft" => match (is_annual, is_committed) {
            (true, _) => format!("(NCE) {name} - Annual{paid}"),
            (_, true) => format!("(NCE) {name} - 1 Year"),
            _ => format!("(NCE) {name}"),
        },
        2 => match (is_annual, is_committed) {
            (true, _) => format!("{} (Annual){paid}", abbreviated(name)),
            (_, true) => format!("{} (Annual commit, billed monthly)", abbreviated(name)),
            _ => format!("{} (Monthly)", abbreviated(name)),
        },
        3 if of.vendor == "Microsoft" => {
            let term = match (is_annual, is_committed) {
                (true, _) => " 1YR COMMIT ANNUAL",
                (_, true) => " 1YR COMMIT",
                _ => " 1MTH COMMIT",
            };
            // The old accounting system cut names at fifty characters; the term survived because it mattered.
            let mut short = format!("MS NCE {}", abbreviated(name)).to_ascii_uppercase();
            short.truncate(50 - term.len());
            format!("{}{term}{paid}", short.trim_end())
        }
        4 => match (is_annual, is_committed) {
            (true, _) => format!("Cloud License - {name} / yr{paid}"),
            (_, true) => format!("Cloud License - {name} (1Y) / mo"),
            _ => format!("Cloud License - {name} / mo"),
        },
        5 => {
            let name = name.strip_prefix("Microsoft ").unwrap_or(name);
            match (is_annual, is_committed) {
                (true, _) => format!("{name} Annual{paid}"),
                (_, true) => format!("{name} (12 month commitment)"),
                _ => name.to_owned(),
            }
        }
        _ => match (is_annual, is_committed) {
            (true, _) => format!("{name} - Annual{paid}"),
            (_, true) => format!("{name} 1YR"),
            _ => name.to_owned(),
        },
    }
}
