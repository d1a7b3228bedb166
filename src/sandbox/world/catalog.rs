//! The vendor's catalog: products with the terms on which they are sold, their costs and suggested prices.
//!
//! Product names are those that vendors use in public. Prices are in the right region and no price list.

use rust_decimal::Decimal;

use super::random::Random;
use crate::domain::money::{Fraction, RoundingMode, extended, parse_decimal};

/// Currency of a customer of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tender {
    /// United States dollar.
    Usd,
    /// Pound sterling.
    Gbp,
}

impl Tender {
    /// Both, in the order in which everything is listed.
    pub const ALL: [Self; 2] = [Self::Usd, Self::Gbp];

    /// ISO 4217 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Gbp => "GBP",
        }
    }

    /// An amount in dollars at the catalog's fixed ratio.
    pub fn converted(self, dollars: Decimal, places: u32) -> Decimal {
        match self {
            Self::Usd => dollars,
            Self::Gbp => product(dollars, decimal("0.79"), places),
        }
    }
}

/// A number written in this module's tables.
pub fn decimal(text: &str) -> Decimal {
    parse_decimal(text).expect("the tables are written with good numbers")
}

/// A product rounded half away from zero.
pub fn product(left: Decimal, right: Decimal, places: u32) -> Decimal {
    extended(left, right, Fraction::ONE, places, RoundingMode::HalfAwayFromZero)
        .expect("amounts of the sandbox are small")
}

/// How a product is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charging {
    /// For each unit.
    PerUnit,
    /// For each unit, cheaper from the 101st on.
    Volume,
    /// Once, whatever the quantity.
    Flat,
    /// By use, in arrears.
    Usage,
}

/// A term on which a product is sold.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Word of the vendor: `Monthly`, `Annual`, `One-Time`.
    pub billing_term: &'static str,
    /// Word of the vendor: `Monthly` (none), `1-Year`, `One-Time`.
    pub commitment: &'static str,
    /// What the MSP pays for a unit in dollars.
    pub cost: Decimal,
    /// What its customer is suggested to pay in dollars.
    pub price: Decimal,
}

/// A product of the vendor's catalog.
#[derive(Debug, Clone)]
pub struct Product {
    /// Id at the vendor.
    pub id: String,
    /// Name as the vendor prints it.
    pub name: String,
    /// Name without what only the vendor's catalog adds.
    pub plain_name: &'static str,
    /// Vendor.
    pub vendor: &'static str,
    /// Stock keeping unit.
    pub sku: String,
    /// The vendor's own part number; empty for most.
    pub vendor_sku: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// How it is charged.
    pub charging: Charging,
    /// Whether an order binds for a term.
    pub requires_commitment: bool,
    /// Terms on which it is sold.
    pub offers: Vec<Offer>,
}

#[derive(Clone, Copy)]
enum Sale {
    Monthly,
    MonthlyAndAnnual,
    Volume,
    Flat,
    OneTime,
}

use Sale::{Flat, Monthly, MonthlyAndAnnual, OneTime, Volume};

/// Microsoft's licenses with a commitment: name, product and SKU id, price of a month on a yearly commitment.
const LICENSES: &[(&str, &str, &str)] = &[
    ("Microsoft 365 Business Basic", "CFQ7TTC0LH18:0001", "6"),
    ("Microsoft 365 Business Basic (no Teams)", "CFQ7TTC0LH18:000P", "4.75"),
    ("Microsoft 365 Business Standard", "CFQ7TTC0LDPB:0001", "12.5"),
    ("Microsoft 365 Business Standard (no Teams)", "CFQ7TTC0LDPB:0011", "10.25"),
    ("Microsoft 365 Business Premium", "CFQ7TTC0LCHC:0002", "22"),
    ("Microsoft 365 Business Premium (no Teams)", "CFQ7TTC0LCHC:000N", "19.75"),
    ("Microsoft 365 Apps for business", "CFQ7TTC0LH1G:0001", "8.25"),
    ("Microsoft 365 Apps for enterprise", "CFQ7TTC0LGZT:0001", "12"),
    ("Microsoft 365 E3", "CFQ7TTC0LFLX:0001", "36"),
    ("Microsoft 365 E3 (no Teams)", "CFQ7TTC0LFLX:0021", "33.75"),
    ("Microsoft 365 E5", "CFQ7TTC0LFLZ:0002", "57"),
    ("Microsoft 365 F1", "CFQ7TTC0MBMD:0002", "2.25"),
    ("Microsoft 365 F3", "CFQ7TTC0LH05:0001", "8"),
    ("Microsoft 365 Copilot", "CFQ7TTC0MM8R:0002", "30"),
    ("Microsoft 365 Copilot Business", "CFQ7TTC0MM8R:001P", "21"),
    ("Office 365 E1", "CFQ7TTC0LF8Q:0001", "10"),
    ("Office 365 E3", "CFQ7TTC0LF8R:0001", "23"),
    ("Office 365 E5", "CFQ7TTC0LF8S:0002", "38"),
    ("Office 365 F3", "CFQ7TTC0LGZW:0001", "4"),
    ("Exchange Online (Plan 1)", "CFQ7TTC0LH16:0001", "4"),
    ("Exchange Online (Plan 2)", "CFQ7TTC0LH1P:0001", "8"),
    ("Exchange Online Kiosk", "CFQ7TTC0LH0L:0001", "2"),
    ("Exchange Online Archiving for Exchange Online", "CFQ7TTC0LH0J:0001", "3"),
    ("Microsoft Teams Phone Standard", "CFQ7TTC0LH0T:0001", "10"),
    ("Microsoft Teams Premium", "CFQ7TTC0RM8K:0002", "10"),
    ("Microsoft Teams Rooms Pro", "CFQ7TTC0QW7C:0001", "40"),
    ("Microsoft Teams Essentials", "CFQ7TTC0JN4R:0002", "4"),
    ("Power BI Pro", "CFQ7TTC0LHSF:0001", "14"),
    ("Power BI Premium Per User", "CFQ7TTC0HL8W:0001", "24"),
    ("Power Automate Premium", "CFQ7TTC0LSGZ:0001", "15"),
    ("Power Apps Premium", "CFQ7TTC0LH2H:0001", "20"),
    ("Microsoft Intune Plan 1", "CFQ7TTC0LCH4:0009", "8"),
    ("Microsoft Entra ID P1", "CFQ7TTC0LFLS:0002", "6"),
    ("Microsoft Entra ID P2", "CFQ7TTC0LFK5:0001", "9"),
    ("Enterprise Mobility + Security E3", "CFQ7TTC0LHT4:0001", "10.6"),
    ("Enterprise Mobility + Security E5", "CFQ7TTC0LFJ1:0001", "16.4"),
    ("Microsoft Defender for Business", "CFQ7TTC0HX56:0002", "3"),
    ("Microsoft Defender for Endpoint P1", "CFQ7TTC0J1GB:0003", "3"),
    ("Microsoft Defender for Endpoint P2", "CFQ7TTC0LGV0:0001", "5.2"),
    ("Microsoft Defender for Office 365 (Plan 1)", "CFQ7TTC0LH04:0001", "2"),
    ("Microsoft Defender for Office 365 (Plan 2)", "CFQ7TTC0LHXH:0001", "5"),
    ("Microsoft Purview Suite", "CFQ7TTC0LHQ9:0001", "12"),
    ("Microsoft Defender Suite", "CFQ7TTC0LHQB:0001", "12"),
    ("Visio Plan 1", "CFQ7TTC0HD33:0003", "5"),
    ("Visio Plan 2", "CFQ7TTC0HD32:0002", "15"),
    ("Planner Plan 1", "CFQ7TTC0HDB1:0002", "10"),
    ("Planner and Project Plan 3", "CFQ7TTC0HDB0:0002", "30"),
    ("Planner and Project Plan 5", "CFQ7TTC0HD9Z:0002", "55"),
    ("Windows 10/11 Enterprise E3", "CFQ7TTC0LGTX:0004", "7"),
    ("Windows 10/11 Enterprise E5", "CFQ7TTC0LFNW:0002", "11"),
    ("OneDrive for Business (Plan 1)", "CFQ7TTC0LHSV:0001", "5"),
    ("OneDrive for Business (Plan 2)", "CFQ7TTC0LH1M:0001", "10"),
    ("SharePoint (Plan 1)", "CFQ7TTC0LH0N:0001", "5"),
    ("SharePoint (Plan 2)", "CFQ7TTC0LH14:0001", "10"),
    ("Office 365 A3 for faculty", "CFQ7TTC0LHPN:000S", "3.25"),
    ("Office 365 A3 for students", "CFQ7TTC0LHPN:000T", "2.5"),
    ("Microsoft 365 A3 for faculty", "CFQ7TTC0LHPL:000W", "5.8"),
    ("Microsoft 365 A3 for students", "CFQ7TTC0LHPL:000X", "4.3"),
    ("Microsoft 365 A5 for faculty", "CFQ7TTC0LHPJ:0015", "10.8"),
    ("Microsoft 365 A5 for students", "CFQ7TTC0LHPJ:0013", "8"),
    ("Power BI Pro for faculty", "CFQ7TTC0LHSF:0012", "3"),
    ("Microsoft Entra ID P1 for faculty", "CFQ7TTC0LFLS:0014", "0.6"),
];

/// Microsoft's licenses for good: name, product and SKU id, price.
const PERPETUAL: &[(&str, &str, &str)] = &[
    ("Windows Server 2025 Standard - 16 Core", "DG7GMGF0PWHC:0003", "1176"),
    ("Windows Server 2025 Standard - 2 Core", "DG7GMGF0PWHC:0006", "147"),
    ("Windows Server 2025 - 1 User CAL", "DG7GMGF0PWHT:0002", "50.4"),
    ("Windows Server 2025 - 1 Device CAL", "DG7GMGF0PWHT:0001", "39.2"),
    ("Windows Server 2025 RDS - 1 User CAL", "DG7GMGF0PWHB:0004", "157.15"),
    ("Windows 11 Pro Upgrade", "DG7GMGF0D8H4:0004", "139.3"),
    ("Office LTSC Standard 2024", "DG7GMGF0PN5D:0002", "491.8"),
    ("Office LTSC Professional Plus 2024", "DG7GMGF0PN5F:0002", "689.5"),
    ("Visio LTSC Professional 2024", "DG7GMGF0PN43:0002", "641.9"),
    ("Project Professional 2024", "DG7GMGF0PN45:0001", "1154.6"),
    ("SQL Server 2022 - 1 User CAL", "DG7GMGF0FKZV:0003", "229.6"),
    ("SQL Server 2022 Standard Edition", "DG7GMGF0FKX9:0002", "989.1"),
];

/// Everything else: name, vendor, unit, how it is sold, cost and suggested price of a month or of one purchase.
const STACK: &[(&str, &str, &str, Sale, &str, &str)] = &[
    ("Huntress Managed EDR", "Huntress", "Endpoint", Monthly, "2.35", "4.75"),
    ("Huntress Managed ITDR for Microsoft 365", "Huntress", "User", Monthly, "1.45", "3.15"),
    ("Huntress Managed SIEM", "Huntress", "Data Source", Monthly, "3.6", "6.9"),
    ("Huntress Security Awareness Training", "Huntress", "User", Monthly, "0.95", "2.1"),
    ("SentinelOne Control", "SentinelOne", "Endpoint", Monthly, "2.9", "5.45"),
    ("SentinelOne Complete", "SentinelOne", "Endpoint", MonthlyAndAnnual, "4.4", "7.95"),
    ("SentinelOne Vigilance Respond", "SentinelOne", "Endpoint", Monthly, "1.75", "3.2"),
    ("Bitdefender GravityZone Cloud Security for MSP", "Bitdefender", "Endpoint", Volume, "0.88", "1.96"),
    ("Bitdefender GravityZone Advanced Threat Security", "Bitdefender", "Endpoint", MonthlyAndAnnual, "0.52", "1.45"),
    ("Bitdefender GravityZone Security for Exchange", "Bitdefender", "Mailbox", Monthly, "0.33", "0.85"),
    ("Acronis Cyber Protect Cloud - Workstation", "Acronis", "Workstation", Monthly, "2.4", "4.99"),
    ("Acronis Cyber Protect Cloud - Server", "Acronis", "Server", Monthly, "8.1", "16.5"),
    ("Acronis Cyber Protect Cloud - Hosted Storage", "Acronis", "GB", Monthly, "0.062", "0.145"),
    ("Acronis Cyber Protect Cloud - Microsoft 365 Seats", "Acronis", "Seat", Monthly, "1.05", "2.55"),
    ("Dropsuite Business Backup", "Dropsuite", "User", Monthly, "1.9", "3.75"),
    ("Dropsuite Email Backup and Archiving", "Dropsuite", "Mailbox", MonthlyAndAnnual, "2.1", "4.2"),
    ("Dropsuite NonProfit Backup", "Dropsuite", "User", Monthly, "1.1", "2.35"),
    ("Proofpoint Essentials - Beginner", "Proofpoint", "User", Monthly, "1.12", "1.95"),
    ("Proofpoint Essentials - Business", "Proofpoint", "User", Monthly, "1.81", "3.05"),
    ("Proofpoint Essentials - Advanced", "Proofpoint", "User", Monthly, "2.74", "4.6"),
    ("Proofpoint Essentials - Professional", "Proofpoint", "User", Monthly, "4.05", "6.75"),
    ("Proofpoint Essentials Security Awareness", "Proofpoint", "User", Monthly, "0.9", "1.85"),
    ("IRONSCALES Email Protect", "IRONSCALES", "Mailbox", MonthlyAndAnnual, "2", "3.6"),
    ("IRONSCALES Complete Protect", "IRONSCALES", "Mailbox", Monthly, "3.1", "5.4"),
    ("INKY Inbound Mail Protection", "INKY", "User", Monthly, "1.55", "2.95"),
    ("INKY Outbound Mail Protection", "INKY", "User", Monthly, "0.8", "1.65"),
    ("Avanan Advanced Protect", "Check Point", "User", Monthly, "2.25", "4.35"),
    ("Avanan Complete Protect", "Check Point", "User", Monthly, "3.35", "5.9"),
    ("ThreatLocker Protect", "ThreatLocker", "Endpoint", MonthlyAndAnnual, "2.07", "3.85"),
    ("ThreatLocker Elevation Control", "ThreatLocker", "Endpoint", Monthly, "0.74", "1.445"),
    ("Duo Essentials", "Cisco Duo", "User", MonthlyAndAnnual, "2.2", "3"),
    ("Duo Advantage", "Cisco Duo", "User", Monthly, "4.35", "6"),
    ("Duo Premier", "Cisco Duo", "User", Monthly, "6.6", "9"),
    ("Cisco Umbrella DNS Security Essentials", "Cisco Umbrella", "User", Monthly, "1.65", "2.75"),
    ("Cisco Umbrella DNS Security Advantage", "Cisco Umbrella", "User", Monthly, "2.2", "3.55"),
    ("DNSFilter Protection for MSPs", "DNSFilter", "User", Monthly, "0.93", "1.875"),
    ("KeeperMSP Business", "Keeper Security", "User", MonthlyAndAnnual, "1.95", "3.75"),
    ("KeeperMSP Enterprise", "Keeper Security", "User", Monthly, "2.75", "5"),
    ("LastPass Business", "LastPass", "User", Monthly, "4.1", "7"),
    ("1Password Business", "1Password", "User", MonthlyAndAnnual, "5.2", "7.99"),
    ("AvePoint Cloud Backup for Microsoft 365", "AvePoint", "User", Monthly, "1.5", "3.25"),
    ("AvePoint Cloud Backup for Microsoft 365 Express", "AvePoint", "User", Monthly, "1", "2.2"),
    ("Veeam Backup for Microsoft 365", "Veeam", "User", MonthlyAndAnnual, "1.3", "2.5"),
    ("Axcient x360Recover Direct-to-Cloud Workstation", "Axcient", "Endpoint", Monthly, "4.9", "9.75"),
    ("Axcient x360Recover Direct-to-Cloud Server", "Axcient", "Server", Monthly, "29.5", "55"),
    ("Axcient x360Cloud Microsoft 365 Backup", "Axcient", "User", Monthly, "1.4", "2.85"),
    ("Datto SaaS Protection+ Infinite Cloud Retention", "Datto", "User", MonthlyAndAnnual, "2.05", "3.95"),
    ("Datto RMM Managed Device", "Datto", "Device", Volume, "1.6", "3.125"),
    ("Nerdio Manager for MSP - Monthly Active User", "Nerdio", "User", Monthly, "4.05", "7.5"),
    ("Nerdio Manager for MSP - Starter", "Nerdio", "User", Monthly, "2.15", "4.25"),
    ("Adobe Acrobat Standard DC for Teams", "Adobe", "User", MonthlyAndAnnual, "12.35", "14.99"),
    ("Adobe Acrobat Pro for Teams", "Adobe", "User", MonthlyAndAnnual, "19.75", "23.99"),
    ("Adobe Creative Cloud All Apps for Teams", "Adobe", "User", MonthlyAndAnnual, "74.1", "89.99"),
    ("Google Workspace Business Starter", "Google", "User", Monthly, "5.6", "7"),
    ("Google Workspace Business Standard", "Google", "User", MonthlyAndAnnual, "11.2", "14"),
    ("Google Workspace Business Plus", "Google", "User", Monthly, "17.6", "22"),
    ("Exclaimer Cloud Signatures for Office 365", "Exclaimer", "User", Monthly, "0.92", "1.55"),
    ("CodeTwo Email Signatures 365", "CodeTwo", "User", MonthlyAndAnnual, "0.85", "1.34"),
    ("KnowBe4 Security Awareness Training Silver", "KnowBe4", "User", MonthlyAndAnnual, "0.92", "1.65"),
    ("KnowBe4 Security Awareness Training Diamond", "KnowBe4", "User", MonthlyAndAnnual, "1.6", "2.75"),
    ("BullPhish ID Security Awareness", "Bullphish ID", "User", Monthly, "0.8", "1.575"),
    ("Blackpoint MDR", "Blackpoint Cyber", "Endpoint", Monthly, "3.25", "6.25"),
    ("Blackpoint Cloud Response", "Blackpoint Cyber", "User", MonthlyAndAnnual, "1.45", "2.95"),
    ("CrowdStrike Falcon Complete for MSSP", "CrowdStrike", "Endpoint", Monthly, "7.9", "12.6"),
    ("Sophos Intercept X Advanced with XDR", "Sophos", "User", MonthlyAndAnnual, "4.2", "7.05"),
    ("Sophos Central Device Encryption", "Sophos", "User", Monthly, "1.1", "1.9"),
    ("Trend Micro Worry-Free Services Advanced", "Trend Micro", "User", Monthly, "2.6", "4.45"),
    ("Webroot Business Endpoint Protection", "Webroot", "Endpoint", Monthly, "1.05", "2.15"),
    ("ThreatDown Elite", "Malwarebytes", "Endpoint", Monthly, "3.9", "6.6"),
    ("JumpCloud Platform", "JumpCloud", "User", Monthly, "9.4", "15"),
    ("Perimeter 81 Premium", "Check Point", "User", Monthly, "8.7", "12"),
    ("Cytracom ControlOne", "Cytracom", "User", Monthly, "7.1", "11.85"),
    ("Zoom Workplace Pro", "Zoom", "User", Monthly, "11.5", "15.99"),
    ("8x8 X2", "8x8", "User", MonthlyAndAnnual, "18.9", "28"),
    ("Dropbox Business Standard", "Dropbox", "User", Monthly, "12.6", "18"),
    ("DocuSign Business Pro", "DocuSign", "User", MonthlyAndAnnual, "31", "40"),
    ("Wasabi Hot Cloud Storage", "Wasabi", "TB", Monthly, "5.25", "7.99"),
    ("Vade for M365", "Vade", "User", Monthly, "1.25", "2.405"),
    ("usecure MSP uLearn", "usecure", "User", Monthly, "0.55", "1.35"),
    ("Liongard Environment", "Liongard", "Flat", Flat, "16", "32"),
    ("Rewst Managed Automation", "Rewst", "Flat", Flat, "92", "149"),
    ("RoboShadow Cyber Platform", "RoboShadow", "Flat", Flat, "27", "49"),
    ("BitTitan User Migration Bundle", "BitTitan", "User", OneTime, "12.9", "17.5"),
    ("SkyKick Enterprise Migration Suite", "SkyKick", "Mailbox", OneTime, "36", "55"),
];

/// All products. Ids depend on the seed, everything else is the same in every world.
pub fn products(seed: u64) -> Vec<Product> {
    let mut random = Random::for_part(seed, "catalog");
    let mut products = Vec::new();
    for (index, &(name, vendor_sku, month)) in LICENSES.iter().enumerate() {
        let is_education = name.ends_with("faculty") || name.ends_with("students");
        let segment = if is_education { " (Education Pricing)" } else { "" };
        products.push(Product {
            id: random.uuid(),
            name: format!("{name}{segment} [New Commerce Experience]"),
            plain_name: name,
            vendor: "Microsoft",
            sku: format!("MST-NCE-{}-{}100", 301 + index, if is_education { "E" } else { "C" }),
            vendor_sku,
            unit: "User",
            charging: Charging::PerUnit,
            requires_commitment: true,
            offers: license_offers(decimal(month)),
        });
    }
    for (index, &(name, vendor_sku, price)) in PERPETUAL.iter().enumerate() {
        let price = decimal(price);
        products.push(Product {
            id: random.uuid(),
            name: format!("{name} (Perpetual)"),
            plain_name: name,
            vendor: "Microsoft",
            sku: format!("MST-PER-{}", 401 + index),
            vendor_sku,
            unit: "License",
            charging: Charging::PerUnit,
            requires_commitment: false,
            offers: vec![offer("One-Time", "One-Time", product(price, decimal("0.893"), 2), price)],
        });
    }
    products.push(Product {
        id: random.uuid(),
        name: "Azure Plan".to_owned(),
        plain_name: "Azure Plan",
        vendor: "Microsoft",
        sku: "MST-AZR-PLAN".to_owned(),
        vendor_sku: "DZH318Z0BPS6:0001",
        unit: "Usage",
        charging: Charging::Usage,
        requires_commitment: false,
        offers: vec![offer("Monthly", "Monthly", Decimal::ZERO, Decimal::ZERO)],
    });
    for (index, &(name, vendor, unit, sale, cost, price)) in STACK.iter().enumerate() {
        let initials: String = vendor.chars().filter(char::is_ascii_alphanumeric).take(3).collect();
        let (cost, price) = (decimal(cost), decimal(price));
        let mut offers = match sale {
            OneTime => vec![offer("One-Time", "One-Time", cost, price)],
            Monthly | MonthlyAndAnnual | Volume | Flat => vec![offer("Monthly", "Monthly", cost, price)],
        };
        if matches!(sale, MonthlyAndAnnual) {
            // Ten months' money for a year.
            let year = decimal("10");
            offers.push(offer("Annual", "1-Year", product(cost, year, 2), product(price, year, 2)));
        }
        products.push(Product {
            id: random.uuid(),
            name: name.to_owned(),
            plain_name: name,
            vendor,
            sku: format!("{}-MSP-{}", initials.to_ascii_uppercase(), 501 + index),
            vendor_sku: "",
            unit,
            charging: match sale {
                Volume => Charging::Volume,
                Flat => Charging::Flat,
                Monthly | MonthlyAndAnnual | OneTime => Charging::PerUnit,
            },
            requires_commitment: matches!(sale, MonthlyAndAnnual),
            offers,
        });
    }
    products
}

/// Microsoft's three terms: month to month costs a fifth more, a year paid by the month a twentieth more.
fn license_offers(month: Decimal) -> Vec<Offer> {
    let at = |billing_term, commitment, factor: &str| {
        let price = product(month, decimal(factor), 2);
        offer(billing_term, commitment, product(price, decimal("0.88"), 4), price)
    };
    vec![at("Monthly", "Monthly", "1.2"), at("Monthly", "1-Year", "1.05"), at("Annual", "1-Year", "12")]
}

fn offer(billing_term: &'static str, commitment: &'static str, cost: Decimal, price: Decimal) -> Offer {
    Offer { billing_term, commitment, cost, price }
}
