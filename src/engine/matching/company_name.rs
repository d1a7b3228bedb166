//! A company's name taken apart: legal form, trading names, site number, codes, and remarks that are not part of it.

use super::legal_form::{self, LegalForm};
use super::normalize::{fold, words};

/// How a spelling of a name was made from what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AliasKind {
    /// The whole name.
    Full,
    /// The part behind (or before) `dba`, `t/a`, `formerly`.
    TradingName,
    /// Without what follows a dash or stands in brackets.
    WithoutTail,
}

/// One spelling under which a company may be found.
#[derive(Debug, Clone)]
pub(super) struct Alias {
    /// Words without legal form.
    pub words: Vec<String>,
    /// How it was made.
    pub kind: AliasKind,
    /// Words that were left out of it.
    pub dropped: Vec<String>,
}

/// A name, taken apart.
#[derive(Debug, Clone)]
pub(super) struct CompanyName {
    /// Spellings, the whole name first; never empty, though its words may be.
    pub aliases: Vec<Alias>,
    /// Legal form.
    pub legal_form: Option<LegalForm>,
    /// Number of a site or branch.
    pub site: Option<String>,
    /// Whether the name marks the company as the owner's own: internal use, lab, not for resale.
    pub is_internal: bool,
    /// Whether the name says that the record is closed: merged, do not use, duplicate.
    pub is_closed: bool,
}

/// Separators of two names of one company, as folded text with blanks around.
const TRADING_AS: &[&str] = &[
    " doing business as ",
    " trading as ",
    " formerly known as ",
    " also known as ",
    " formerly ",
    " d b a ",
    " dba ",
    " a k a ",
    " aka ",
    " f k a ",
    " fka ",
    " t a ",
];

const CLOSED: &[&str] = &[
    "do not use",
    "dont use",
    "merged into",
    "merged with",
    "duplicate of",
    "duplicate",
    "inactive",
    "closed",
    "obsolete",
    "old record",
    "deleted",
];

const INTERNAL: &[&str] =
    &["internal use", "internal", "nfr", "not for resale", "lab", "demo tenant", "test tenant", "in house"];

const SITE_WORDS: &[&str] = &["store", "unit", "site", "branch", "location", "no", "number", "shop", "suite"];

impl CompanyName {
    /// Takes a name apart.
    pub fn parse(text: &str) -> Self {
        let mut name = Self { aliases: Vec::new(), legal_form: None, site: None, is_internal: false, is_closed: false };
        let (outside, brackets) = split_brackets(without_register_tail(text));
        let mut tails: Vec<String> = Vec::new();
        let mut trading: Vec<String> = Vec::new();
        for bracket in brackets {
            let folded = fold(&bracket);
            let padded = format!(" {folded} ");
            if CLOSED.iter().any(|mark| padded.starts_with(&format!(" {mark} "))) {
                name.is_closed = true;
            } else if INTERNAL.iter().any(|mark| padded.contains(&format!(" {mark} "))) {
                name.is_internal = true;
                tails.push(folded);
            } else if let Some(mark) = TRADING_AS.iter().find(|mark| padded.starts_with(**mark)) {
                trading.push(padded[mark.len()..].trim().to_owned());
            } else if !folded.is_empty() {
                tails.push(folded);
            }
        }
        let (head, dash_tail) = split_dash(&outside);
        let mut folded_head = format!(" {} ", fold(&slashes_joined(head)));
        for mark in CLOSED {
            // Only remarks of several words are safe to cut out of a name itself.
            if mark.contains(' ')
                && let Some(at) = folded_head.find(&format!(" {mark} "))
            {
                name.is_closed = true;
                folded_head.truncate(at + 1);
            }
        }
        let mut parts: Vec<String> = vec![folded_head];
        for mark in TRADING_AS {
            parts = parts.iter().flat_map(|part| part.split(mark).map(|piece| format!(" {} ", piece.trim()))).collect();
        }
        let mut parts = parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
        let main = parts.next().unwrap_or_default();
        trading.splice(0..0, parts);

        let mut main_words: Vec<String> = words(&main);
        name.site = take_site(text, &mut main_words);
        name.legal_form = legal_form::strip(&mut main_words);
        if let Some(tail) = dash_tail.map(fold).filter(|tail| !tail.is_empty()) {
            let padded = format!(" {tail} ");
            name.is_internal |= INTERNAL.iter().any(|mark| padded.contains(&format!(" {mark} ")));
            tails.push(tail);
        }
        let mut tail_words: Vec<String> = tails.iter().flat_map(|tail| words(tail)).collect();
        let tail_form = legal_form::strip(&mut tail_words);
        name.legal_form = name.legal_form.or(tail_form);

        let mut full = main_words.clone();
        full.extend(tail_words.iter().cloned());
        name.push(full, AliasKind::Full, Vec::new());
        if !tail_words.is_empty() {
            name.push(main_words, AliasKind::WithoutTail, tail_words);
        }
        for part in trading {
            let mut part = words(&part);
            let form = legal_form::strip(&mut part);
            name.legal_form = name.legal_form.or(form);
            name.push(part, AliasKind::TradingName, Vec::new());
        }
        name
    }

    fn push(&mut self, words: Vec<String>, kind: AliasKind, dropped: Vec<String>) {
        let is_new = self.aliases.iter().all(|alias| alias.words != words);
        if self.aliases.is_empty() || (is_new && !words.is_empty()) {
            self.aliases.push(Alias { words, kind, dropped });
        }
    }
}

/// `d/b/a` and `t/a` become one word each, before folding turns the slashes into blanks.
fn slashes_joined(text: &str) -> String {
    let lower = text.to_lowercase();
    ["d/b/a", "t/a", "a/k/a", "f/k/a"]
        .iter()
        .fold(lower, |text, mark| text.replace(mark, &format!(" {} ", mark.replace('/', " "))))
}

/// Registers put the place of registration behind a name: `CACI International Inc /DE/`.
fn without_register_tail(text: &str) -> &str {
    let trimmed = text.trim_end();
    let Some(inner) = trimmed.strip_suffix('/') else { return text };
    match inner.rfind('/') {
        Some(at) if at > 0 && inner.len() - at <= 5 => &inner[..at],
        _ => text,
    }
}

fn split_brackets(text: &str) -> (String, Vec<String>) {
    let mut outside = String::new();
    let mut brackets = Vec::new();
    let mut inside: Option<String> = None;
    for c in text.chars() {
        match (c, inside.as_mut()) {
            ('(' | '[', None) => inside = Some(String::new()),
            (')' | ']', Some(content)) => {
                brackets.push(std::mem::take(content));
                inside = None;
                outside.push(' ');
            }
            (c, Some(content)) => content.push(c),
            (c, None) => outside.push(c),
        }
    }
    // A bracket that nobody closed is part of the name.
    if let Some(content) = inside {
        outside.push(' ');
        outside.push_str(&content);
    }
    (outside, brackets)
}

/// Splits at a dash between blanks. A code before it (`1417 - Name`) is dropped.
fn split_dash(text: &str) -> (&str, Option<&str>) {
    let dashes = [" - ", " – ", " — "];
    let Some((at, dash)) = dashes.iter().filter_map(|dash| text.find(dash).map(|at| (at, dash))).min() else {
        return (text, None);
    };
    let (head, tail) = (&text[..at], &text[at + dash.len()..]);
    let is_code = !head.trim().is_empty() && head.trim().chars().all(|c| c.is_ascii_digit() || c == '#');
    if is_code { (tail, None) } else { (head, Some(tail)) }
}

/// Takes `#2`, `Store 12`, `Unit 3` off the end of a name.
fn take_site(text: &str, words: &mut Vec<String>) -> Option<String> {
    let is_number = |word: &str| !word.is_empty() && word.len() <= 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    let last = words.last()?.clone();
    if words.len() < 2 || !is_number(&last) {
        return None;
    }
    let has_sign = text.contains(&format!("#{last}")) || text.contains(&format!("# {last}"));
    let has_word = words.len() > 2 && SITE_WORDS.contains(&words[words.len() - 2].as_str());
    if !has_sign && !has_word {
        return None;
    }
    words.pop();
    if has_word {
        words.pop();
    }
    Some(last.trim_start_matches('0').to_owned()).filter(|site| !site.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, aliases: &[&str], site: Option<&str>) {
        let name = CompanyName::parse(text);
        let found: Vec<String> = name.aliases.iter().map(|alias| alias.words.join(" ")).collect();
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), name.site.as_deref()),
            (aliases, site),
            "of `{text}`"
        );
    }

    #[test]
    fn names_are_taken_apart() {
        check("Mister Holdings Inc. dba Mister Marketing", &["mister holdings", "mister marketing"], None);
        check("White LLC d/b/a White Optical", &["white", "white optical"], None);
        check(
            "Meridian Enterprises PLLC (DBA Meridian Mortgage)",
            &["meridian enterprises", "meridian mortgage"],
            None,
        );
        check("1417 - Pro Benson Title Agency", &["pro benson title agency"], None);
        check("Budget Foundation LLC #2", &["budget foundation"], Some("2"));
        check("Acme Pizza Store 012", &["acme pizza"], Some("12"));
        check("Bank Integrated LLC - Vail", &["bank integrated vail", "bank integrated"], None);
        check("Universal-First Supply", &["universal first supply"], None);
        check("CACI International Inc /DE/", &["caci international"], None);
        check("Limited", &["limited"], None);
        check("", &[""], None);
    }

    #[test]
    fn remarks_are_read_and_removed() {
        let closed = CompanyName::parse("Complete Tire LLC (merged into One Flooring LLC)");
        assert!(closed.is_closed && closed.aliases.len() == 1 && closed.aliases[0].words == ["complete", "tire"]);
        assert!(CompanyName::parse("Painting Electric Corp ** DO NOT USE **").is_closed);
        assert!(CompanyName::parse("Northgate IT (Internal Use)").is_internal);
        assert!(CompanyName::parse("Northgate IT - Lab / NFR").is_internal);
        assert!(!CompanyName::parse("Lab Corp of Kent").is_internal);
    }
}
