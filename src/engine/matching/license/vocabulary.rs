//! Words of license names: how they are split, abbreviated and ignored, plan codes and qualifiers.

use std::collections::BTreeSet;

use crate::engine::matching::normalize::words;

/// Short forms and the words they stand for, in any name.
const SHORT_FORMS: &[(&str, &str)] = &[
    ("addl", "additional"),
    ("adv", "advanced"),
    ("archiving", "archive"),
    ("aud", "audio"),
    ("biz", "business"),
    ("bkp", "backup"),
    ("bkup", "backup"),
    ("bu", "backup"),
    ("bus", "business"),
    ("comm", "communication"),
    ("conf", "conferencing"),
    ("def", "defender"),
    ("ent", "enterprise"),
    ("ess", "essential"),
    ("essent", "essential"),
    ("lic", "license"),
    ("mail", "email"),
    ("mgmt", "management"),
    ("mgr", "manager"),
    ("mob", "mobility"),
    ("prem", "premium"),
    ("pro", "pro"),
    ("prof", "pro"),
    ("professional", "pro"),
    ("prot", "protection"),
    ("sec", "security"),
    ("srv", "server"),
    ("std", "standard"),
    ("stnd", "standard"),
    ("wkst", "workstation"),
    ("wks", "workstation"),
];

/// Short forms that only mean this among Microsoft's products.
const MICROSOFT_SHORT_FORMS: &[(&str, &str)] = &[
    ("aad", "azure ad"),
    ("bb", "business basic"),
    ("bp", "business premium"),
    ("bs", "business standard"),
    ("ems", "enterprise mobility security"),
    ("eoa", "exchange online archive"),
    ("eol", "exchange online"),
    ("exo", "exchange online"),
    ("mde", "defender endpoint"),
    ("mdo", "defender o365"),
    ("od4b", "onedrive business"),
    ("odb", "onedrive business"),
    ("pbi", "power bi"),
    ("powerapp", "power app"),
    ("powerbi", "power bi"),
    ("ppu", "premium per user"),
    ("spo", "sharepoint online"),
    ("m365bp", "m365 business premium"),
    ("m365bs", "m365 business standard"),
    ("m365bb", "m365 business basic"),
];

/// Words that never tell one product from another.
const NOISE: &[&str] = &[
    "a",
    "an",
    "and",
    "by",
    "commerce",
    "csp",
    "experience",
    "for",
    "from",
    "in",
    "legacy",
    "licence",
    "license",
    "licensing",
    "new",
    "nce",
    "of",
    "offer",
    "on",
    "or",
    "seat",
    "sku",
    "subscription",
    "the",
    "to",
    "via",
    "with",
];

const QUALIFIERS: &[(&[&str], &str)] = &[
    (&["no", "teams"], "without teams"),
    (&["without", "teams"], "without teams"),
    (&["w", "o", "teams"], "without teams"),
    (&["noteams"], "without teams"),
    (&["add", "on"], "add-on"),
    (&["addon"], "add-on"),
    (&["trial"], "trial"),
    (&["free"], "free"),
    (&["promo"], "promo"),
    (&["promotion"], "promo"),
    (&["preview"], "preview"),
    (&["developer"], "developer"),
    (&["eea"], "eea"),
    (&["step", "up"], "step-up"),
    (&["stepup"], "step-up"),
    (&["per", "device"], "per device"),
    (&["upgrade"], "upgrade"),
];

/// The words of a name in lower case. `M365`, `Office 365` and `MS 365` become one word each.
pub(super) fn tokens(name: &str) -> Vec<String> {
    let words = words(name);
    let mut tokens: Vec<String> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let next = words.get(at + 1).map(String::as_str);
        let (token, length) = match (words[at].as_str(), next) {
            ("microsoft" | "ms", Some("office")) if words.get(at + 2).is_some_and(|word| word == "365") => ("o365", 3),
            ("microsoft" | "ms" | "m", Some("365")) => ("m365", 2),
            ("office" | "o", Some("365")) => ("o365", 2),
            ("ms365" | "microsoft365", _) => ("m365", 1),
            ("office365", _) => ("o365", 1),
            ("365", _) => ("m365", 1),
            ("one", Some("drive")) => ("onedrive", 2),
            ("share", Some("point")) => ("sharepoint", 2),
            ("cloud", Some("licence" | "license")) => ("license", 2),
            (word, _) => (word, 1),
        };
        tokens.push(token.to_owned());
        at += length;
    }
    tokens
}

/// Whether the name is one of Microsoft's products.
pub(super) fn is_microsoft(tokens: &[String], vendor: &[String]) -> bool {
    if !vendor.is_empty() {
        return vendor.iter().any(|word| word == "microsoft" || word == "ms" || word == "msft");
    }
    let brands = [
        "microsoft",
        "ms",
        "m365",
        "o365",
        "exchange",
        "exo",
        "sharepoint",
        "onedrive",
        "visio",
        "azure",
        "entra",
        "intune",
        "windows",
        "defender",
        "dynamics",
        "power",
        "powerbi",
        "pbi",
        "skype",
        "teams",
        "project",
        "planner",
        "copilot",
        "office",
    ];
    tokens.iter().find(|token| !NOISE.contains(&token.as_str())).is_some_and(|first| brands.contains(&first.as_str()))
}

/// Full words, singular, without noise.
pub(super) fn canonical(tokens: &[String], is_microsoft: bool) -> Vec<String> {
    let mut words = Vec::with_capacity(tokens.len());
    for token in tokens {
        let special = MICROSOFT_SHORT_FORMS.iter().find(|(short, _)| is_microsoft && short == token);
        let general = SHORT_FORMS.iter().find(|(short, _)| short == token);
        match special.or(general) {
            Some((_, long)) => words.extend(long.split(' ').map(singular)),
            // Who backs up Office 365 also backs up Microsoft 365; only Microsoft sells both.
            None if !is_microsoft && token == "o365" => words.push("m365".to_owned()),
            None => words.push(singular(token)),
        }
    }
    words.retain(|word| !NOISE.contains(&word.as_str()));
    words
}

/// A word without the `s` of the plural.
pub(super) fn singular(word: &str) -> String {
    let is_plural = word.len() > 3
        && word.ends_with('s')
        && !["ss", "us", "is", "as"].iter().any(|ending| word.ends_with(ending))
        && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_plural && word != "windows" { word[..word.len() - 1].to_owned() } else { word.to_owned() }
}

/// Whether a word is the code of a plan: `e3`, `f1`, `a5`, `g3`, `k1`, `p2`.
pub(super) fn is_plan(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() == 2 && b"aefgkp".contains(&bytes[0]) && bytes[1].is_ascii_digit()
}

/// Takes plan codes and `Plan N` out of the tokens.
pub(super) fn take_plans(tokens: &mut Vec<String>, plans: &mut BTreeSet<String>) {
    let mut rest: Vec<String> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let token = tokens[at].as_str();
        let digit = |text: &str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit());
        if token == "plan" && tokens.get(at + 1).is_some_and(|next| digit(next)) {
            plans.insert(format!("p{}", tokens[at + 1]));
            at += 2;
        } else if token == "plan" && tokens.get(at + 1).is_some_and(|next| is_plan(next)) {
            at += 1;
        } else if token.strip_prefix("plan").is_some_and(digit) {
            plans.insert(format!("p{}", &token[4..]));
            at += 1;
        } else if is_plan(token) {
            plans.insert(token.to_owned());
            at += 1;
        } else {
            rest.push(tokens[at].clone());
            at += 1;
        }
    }
    *tokens = rest;
}

/// Takes qualifiers out of the tokens.
pub(super) fn take_qualifiers(tokens: &mut Vec<String>, qualifiers: &mut BTreeSet<&'static str>) {
    let mut rest: Vec<String> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let found = QUALIFIERS.iter().find(|(phrase, _)| {
            tokens.len() - at >= phrase.len() && tokens[at..at + phrase.len()].iter().eq(phrase.iter())
        });
        match found {
            Some((phrase, qualifier)) => {
                qualifiers.insert(qualifier);
                at += phrase.len();
            }
            None => {
                rest.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    *tokens = rest;
}
