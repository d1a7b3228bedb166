//! Words from which companies, people and places are invented.

use super::random::Random;

/// A town with what belongs to its addresses.
#[derive(Debug, Clone, Copy)]
pub struct Town {
    /// Name.
    pub name: &'static str,
    /// State; empty in the United Kingdom.
    pub state: &'static str,
    /// Beginning of its postal codes.
    pub postal: &'static str,
    /// Country code.
    pub country: &'static str,
}

const fn american(name: &'static str, state: &'static str, postal: &'static str) -> Town {
    Town { name, state, postal, country: "US" }
}

const fn british(name: &'static str, postal: &'static str) -> Town {
    Town { name, state: "", postal, country: "GB" }
}

const AMERICAN_TOWNS: &[Town] = &[
    american("Boise", "ID", "837"),
    american("Nampa", "ID", "836"),
    american("Spokane", "WA", "992"),
    american("Yakima", "WA", "989"),
    american("Eugene", "OR", "974"),
    american("Bend", "OR", "977"),
    american("Billings", "MT", "591"),
    american("Missoula", "MT", "598"),
    american("Provo", "UT", "846"),
    american("Reno", "NV", "895"),
];

const BRITISH_TOWNS: &[Town] = &[
    british("Norwich", "NR"),
    british("Exeter", "EX"),
    british("Lancaster", "LA"),
    british("Hereford", "HR"),
    british("Stirling", "FK"),
];

const AMERICAN_STREETS: &[&str] = &[
    "W Aspen St",
    "N Quarry Rd",
    "E Orchard Ave",
    "S Ridgeline Dr",
    "Cottonwood Ln",
    "NE Granite Blvd",
    "Old Mill Rd",
    "Larkspur Ct",
];

const BRITISH_STREETS: &[&str] =
    &["Tanner Row", "Station Approach", "Weir Lane", "Foundry Street", "Chapel Hill", "Meadow Way"];

const FIRST: &[&str] = &[
    "Alder",
    "Amber",
    "Anvil",
    "Arrowhead",
    "Basalt",
    "Beacon",
    "Birch",
    "Bitterroot",
    "Bluestem",
    "Bramble",
    "Bridgeport",
    "Canyon",
    "Cascade",
    "Cedar",
    "Cinder",
    "Clearwater",
    "Copper",
    "Crescent",
    "Dunmore",
    "Eastgate",
    "Elkhorn",
    "Ember",
    "Fairmont",
    "Falcon",
    "Fernhill",
    "Flint",
    "Foxglove",
    "Garnet",
    "Glacier",
    "Granite",
    "Harbor",
    "Hawthorn",
    "Heron",
    "Highline",
    "Hollow",
    "Ironwood",
    "Jasper",
    "Juniper",
    "Kestrel",
    "Lakeshore",
    "Lantern",
    "Larch",
    "Lodgepole",
    "Magpie",
    "Maple",
    "Meadowlark",
    "Millstone",
    "Mountain",
    "Northfork",
    "Oakhurst",
    "Osprey",
    "Palisade",
    "Pinecrest",
    "Pioneer",
    "Prairie",
    "Quartz",
    "Redstone",
    "Ridgeway",
    "Riverbend",
    "Rosewood",
    "Saddle",
    "Sagebrush",
    "Sandstone",
    "Sawtooth",
    "Silverton",
    "Snowberry",
    "Stonebridge",
    "Summit",
    "Tamarack",
    "Thistle",
    "Timberline",
    "Trailhead",
    "Union",
    "Valley",
    "Walnut",
    "Westfall",
    "Whitewater",
    "Wildrose",
    "Willow",
    "Windmill",
    "Yarrow",
];

const SECOND: &[&str] = &[
    "Peak", "Creek", "Bay", "Field", "Gate", "Grove", "Point", "Park", "Bend", "Forge", "Spring", "Crossing", "Hill",
    "Shore", "Trail", "Brook", "Fork", "View", "Mesa", "Harbour",
];

const TRADES: &[&str] = &[
    "Dental",
    "Orthodontics",
    "Veterinary Clinic",
    "Law Offices",
    "Insurance Brokers",
    "Accounting",
    "Tax Services",
    "Engineering",
    "Architects",
    "Construction",
    "Roofing",
    "Plumbing",
    "Heating and Cooling",
    "Electric",
    "Landscaping",
    "Logistics",
    "Freight",
    "Manufacturing",
    "Machine Shop",
    "Printing",
    "Brewing",
    "Bakery",
    "Restaurant Group",
    "Hotels",
    "Travel",
    "Property Management",
    "Title Agency",
    "Credit Union",
    "Wealth Management",
    "Physical Therapy",
    "Hospice Care",
    "Pharmacy",
    "Optical",
    "Counseling",
    "Preschool",
    "Charter School",
    "Community Services",
    "Staffing",
    "Marketing",
    "Design",
    "Equipment Rental",
    "Feed and Seed",
    "Farms",
    "Supply",
    "Storage",
    "Security",
    "Flooring",
    "Pools",
];

const AMERICAN_FORMS: &[&str] = &["LLC", "Inc.", "Inc", "Corp", "PLLC", "LLP", "Co.", ""];
const BRITISH_FORMS: &[&str] = &["Ltd", "Limited", "LLP", "PLC"];

const GIVEN: &[&str] = &[
    "Ada", "Bruno", "Carmen", "Dara", "Edith", "Farid", "Greta", "Hugo", "Imani", "Jonas", "Kira", "Leon", "Mona",
    "Nils", "Odette", "Priya", "Quinn", "Rosa", "Samir", "Tilda", "Uma", "Viktor", "Wanda", "Yusuf",
];
const FAMILY: &[&str] = &[
    "Abara",
    "Brandt",
    "Castell",
    "Dunne",
    "Eklund",
    "Fontaine",
    "Grady",
    "Hollis",
    "Ibarra",
    "Jansen",
    "Kowal",
    "Lindqvist",
    "Marsh",
    "Novak",
    "Okafor",
    "Pell",
    "Rourke",
    "Santos",
    "Thorne",
    "Ullman",
    "Vance",
    "Wexler",
];

/// An invented company name in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyName {
    /// What tells it from others: `Cedar Creek`.
    pub stem: String,
    /// What it does: `Roofing`.
    pub trade: &'static str,
    /// Legal form; may be empty.
    pub form: &'static str,
}

impl CompanyName {
    /// The name without its legal form.
    pub fn short(&self) -> String {
        format!("{} {}", self.stem, self.trade)
    }

    /// The whole name.
    pub fn full(&self) -> String {
        format!("{} {}", self.short(), self.form).trim_end().to_owned()
    }

    /// A web domain made of the name.
    pub fn domain(&self) -> String {
        let letters: String = self.short().chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{}.example", letters.to_ascii_lowercase())
    }
}

/// A new name; about one in four stems is shared with an earlier company, as in a real town.
pub fn company_name(random: &mut Random, earlier: &[CompanyName], is_british: bool) -> CompanyName {
    loop {
        let stem = match earlier.last() {
            Some(neighbor) if random.chance(25) => neighbor.stem.clone(),
            _ => stem(random),
        };
        let forms = if is_british { BRITISH_FORMS } else { AMERICAN_FORMS };
        let name = CompanyName { stem, trade: random.pick(TRADES), form: random.pick(forms) };
        if earlier.iter().all(|other| other.short() != name.short()) {
            return name;
        }
    }
}

/// Two words that do not say the same twice, as `Riverbend Bend` would.
fn stem(random: &mut Random) -> String {
    loop {
        let (first, second) = (random.pick(FIRST), random.pick(SECOND));
        if !first.to_ascii_lowercase().ends_with(&second.to_ascii_lowercase()) {
            return format!("{first} {second}");
        }
    }
}

/// A town.
pub fn town(random: &mut Random, is_british: bool) -> Town {
    random.pick(if is_british { BRITISH_TOWNS } else { AMERICAN_TOWNS })
}

/// A street with a house number.
pub fn street(random: &mut Random, is_british: bool) -> String {
    let street = random.pick(if is_british { BRITISH_STREETS } else { AMERICAN_STREETS });
    format!("{} {street}", random.between(11, 9899))
}

/// A postal code of a town.
pub fn postal_code(random: &mut Random, town: Town) -> String {
    match town.country {
        "GB" => format!("{}{} {}ZZ", town.postal, random.between(1, 9), random.between(1, 9)),
        _ => format!("{}{:02}", town.postal, random.between(1, 99)),
    }
}

/// The ten digits of a telephone number from the range that is reserved for fiction.
pub fn phone_digits(random: &mut Random) -> String {
    format!("{}55501{:02}", random.between(201, 989), random.between(0, 99))
}

/// Given and family name of a person.
pub fn person(random: &mut Random) -> (&'static str, &'static str) {
    (random.pick(GIVEN), random.pick(FAMILY))
}
