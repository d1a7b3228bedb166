//! Products that their vendor renamed: the former name is read as the present one.

use std::collections::BTreeSet;

use super::License;

/// A former name that was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rename {
    /// Former name, in the form in which it is compared.
    pub former: &'static str,
    /// Whether the former words are also those of another product, so that price or part number has to confirm it.
    pub is_trap: bool,
}

/// Former words, present words, and whether the former words are a trap. Only whole families are renamed; plans of the
/// former name are part of its words, all others stay.
const RENAMES: &[(&str, &str, bool)] = &[
    ("azure active directory premium p1", "entra id p1", false),
    ("azure active directory premium p2", "entra id p2", false),
    ("azure active directory p1", "entra id p1", false),
    ("azure active directory p2", "entra id p2", false),
    ("azure active directory basic", "entra id basic", false),
    ("azure ad premium p1", "entra id p1", false),
    ("azure ad premium p2", "entra id p2", false),
    ("azure ad p1", "entra id p1", false),
    ("azure ad p2", "entra id p2", false),
    ("o365 business premium", "m365 business standard", true),
    ("o365 business essential", "m365 business basic", false),
    ("o365 business basic", "m365 business basic", false),
    ("o365 business standard", "m365 business standard", false),
    ("o365 business", "m365 app business", false),
    ("m365 business", "m365 business premium", true),
    ("o365 proplus", "m365 app enterprise", false),
    ("office proplus", "m365 app enterprise", false),
    ("m365 proplus", "m365 app enterprise", false),
    ("m365 f1 old", "m365 f3", true),
    ("o365 f1", "o365 f3", true),
    ("o365 k1", "o365 f3", false),
    ("skype business phone system", "team phone standard", false),
    ("m365 phone system", "team phone standard", false),
    ("phone system", "team phone standard", false),
    ("m365 business voice", "team phone standard", true),
    ("m365 e5 security", "defender suite", false),
    ("visio pro o365", "visio p2", false),
    ("visio online p1", "visio p1", false),
    ("visio online p2", "visio p2", false),
    ("project online pro", "planner project p3", false),
    ("project online premium", "planner project p5", false),
    ("project online essential", "planner project p1", false),
    ("project p1", "planner project p1", false),
    ("project p3", "planner project p3", false),
    ("project p5", "planner project p5", false),
    ("planner p1", "planner project p1", false),
    ("o365 advanced threat protection p1", "defender o365 p1", false),
    ("o365 advanced threat protection p2", "defender o365 p2", false),
    ("o365 atp p1", "defender o365 p1", false),
    ("o365 atp p2", "defender o365 p2", false),
    ("o365 advanced threat protection", "defender o365 p1", true),
    ("o365 atp", "defender o365 p1", true),
    ("defender o365", "defender o365 p1", true),
    ("windows defender advanced threat protection", "defender endpoint p2", true),
    ("defender advanced threat protection", "defender endpoint p2", true),
    ("cloud security app", "defender cloud app", false),
    ("power virtual agent", "copilot studio", false),
    ("windows virtual desktop", "azure virtual desktop", false),
    ("flow", "power automate", true),
    ("intune", "intune p1", true),
    ("yammer enterprise", "viva engage", true),
    ("dynamic financial", "dynamic business central", true),
    ("azure consumption", "azure plan", false),
    ("azure usage", "azure plan", false),
    ("azure", "azure plan", true),
    ("windows enterprise e3", "windows 10 11 enterprise e3", false),
    ("windows enterprise e5", "windows 10 11 enterprise e5", false),
    ("windows e3", "windows 10 11 enterprise e3", false),
    ("windows e5", "windows 10 11 enterprise e5", false),
    ("windows 10 enterprise e3", "windows 10 11 enterprise e3", false),
    ("windows 10 enterprise e5", "windows 10 11 enterprise e5", false),
    ("windows 11 enterprise e3", "windows 10 11 enterprise e3", false),
    ("windows 11 enterprise e5", "windows 10 11 enterprise e5", false),
];

/// Replaces a former name by the present one.
pub(super) fn apply(license: &mut License, is_microsoft: bool) {
    if !is_microsoft {
        return;
    }
    let present: BTreeSet<String> =
        license.family.iter().chain(&license.plans).chain(&license.numbers).cloned().collect();
    let present: BTreeSet<&str> = present.iter().map(String::as_str).collect();
    let words_of = |former: &'static str| former.split(' ').collect::<BTreeSet<&str>>();
    // A long former name is recognized with other words around it, a short one only alone.
    let is_meant = |former: &BTreeSet<&str>| *former == present || (former.len() >= 3 && former.is_subset(&present));
    let found = RENAMES
        .iter()
        .filter(|(former, _, _)| is_meant(&words_of(former)))
        .max_by_key(|(former, _, _)| words_of(former).len());
    let Some((former, now, is_trap)) = found else { return };
    // `E5 Security add-on` is the old name of a suite that is no add-on any more.
    if *former == "m365 e5 security" && !license.qualifiers.remove("add-on") {
        return;
    }
    for word in words_of(former) {
        license.family.remove(word);
        license.plans.remove(word);
        license.numbers.remove(word);
    }
    for word in now.split(' ') {
        if super::vocabulary::is_plan(word) {
            license.plans.insert(word.to_owned());
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            license.numbers.insert(word.to_owned());
        } else {
            license.family.insert(word.to_owned());
        }
    }
    license.renamed = Some(Rename { former, is_trap: *is_trap });
}
