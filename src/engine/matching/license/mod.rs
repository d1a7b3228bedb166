//! The name of a license taken apart: vendor, family, plan, segment, qualifiers, numbers and term.
//!
//! Siblings differ in one word, so a license is parsed before it is compared: what is known on both sides and differs
//! is a contradiction, not a little less similarity.

pub mod term;

mod rename;
mod segment;
mod vendor;
mod vocabulary;

use std::collections::BTreeSet;

use super::normalize::words;

pub use rename::Rename;
pub use segment::Segment;
pub use term::Term;
pub(super) use vendor::{canonical as canonical_vendor, vendor_words};

/// A license's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct License {
    /// Words of the family and edition, in their full form.
    pub family: BTreeSet<String>,
    /// Plan codes: `e3`, `f1`, `a5`, `p2` (also for `Plan 2`).
    pub plans: BTreeSet<String>,
    /// Who may buy it; empty for everyone.
    pub segments: BTreeSet<Segment>,
    /// Trial, add-on, without Teams and the like.
    pub qualifiers: BTreeSet<&'static str>,
    /// Numbers: years, cores, sizes.
    pub numbers: BTreeSet<String>,
    /// Term of commitment and billing.
    pub term: Term,
    /// The former name that was understood, where the vendor renamed the product.
    pub renamed: Option<Rename>,
}

impl License {
    /// Takes a name apart. `vendor` is the vendor as stored beside it; its words are no part of the family.
    pub fn parse(name: &str, vendor: Option<&str>) -> Self {
        let mut tokens = vocabulary::tokens(name);
        let mut license = Self::default();
        vocabulary::take_qualifiers(&mut tokens, &mut license.qualifiers);
        segment::take_segments(&mut tokens, &mut license.segments);
        vocabulary::take_plans(&mut tokens, &mut license.plans);
        license.term = term::take_term(&mut tokens);
        let vendor_words = vendor.map(words).unwrap_or_default();
        let is_microsoft = vocabulary::is_microsoft(&tokens, &vendor_words);
        let mut tokens = vocabulary::canonical(&tokens, is_microsoft);
        // The codes of abbreviations (`PPU`, `BP`) are only visible now.
        vocabulary::take_plans(&mut tokens, &mut license.plans);
        for word in vendor_words.iter().map(|word| vocabulary::singular(word)) {
            tokens.retain(|token| *token != word);
        }
        tokens.retain(|token| !vendor::is_general_vendor_word(token));
        for token in tokens {
            if token.bytes().all(|byte| byte.is_ascii_digit()) {
                license.numbers.insert(token);
            } else {
                license.family.insert(token);
            }
        }
        rename::apply(&mut license, is_microsoft);
        license
    }

    /// Everything but the term, as one text: items with equal keys are variants of one product.
    pub fn key(&self) -> String {
        let join = |parts: &mut dyn Iterator<Item = String>| parts.collect::<Vec<_>>().join(" ");
        format!(
            "{}|{}|{}|{}|{}",
            join(&mut self.family.iter().cloned()),
            join(&mut self.plans.iter().cloned()),
            join(&mut self.segments.iter().map(|segment| segment.as_str().to_owned())),
            join(&mut self.qualifiers.iter().map(|qualifier| (*qualifier).to_owned())),
            join(&mut self.numbers.iter().cloned()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_same(left: &str, right: &str) {
        let (a, b) = (License::parse(left, Some("Microsoft")), License::parse(right, Some("Microsoft")));
        assert_eq!(a.key(), b.key(), "`{left}` and `{right}`");
    }

    #[track_caller]
    fn check_different(left: &str, right: &str) {
        let (a, b) = (License::parse(left, Some("Microsoft")), License::parse(right, Some("Microsoft")));
        assert_ne!(a.key(), b.key(), "`{left}` and `{right}`");
    }

    #[test]
    fn spellings_of_one_product_have_one_key() {
        check_same("Microsoft 365 Business Premium [New Commerce Experience]", "M365 Bus Prem (Monthly)");
        check_same("Microsoft 365 Business Basic (no Teams)", "365 Business Basic (no Teams) Annual");
        check_same("Exchange Online (Plan 1)", "EXO P1");
        check_same("Microsoft 365 E5", "MS NCE M365 E5 1YR COMMIT ANNUAL");
        check_same("Microsoft 365 E5", "MS NCE M365 E5 1YR COMMI");
        check_same("Microsoft Defender for Business", "Cloud Licence - Defender for Business / mo");
        check_same("Power BI Premium Per User", "PBI PPU - Annual (Monthly)");
        check_same("Microsoft 365 A3 for students (Education Pricing)", "365 A3 Student / yr");
        check_same("Exchange Online (Plan 2) GCC", "Exchange Online P2 GCC (Gov) 1yr commit/monthly bill");
        check_same("Microsoft Entra ID P1", "Azure AD Premium P1");
        check_same("Microsoft 365 Business Standard", "Office 365 Business Premium");
    }

    #[test]
    fn siblings_have_different_keys() {
        check_different("Microsoft 365 E3", "Microsoft 365 E5");
        check_different("Microsoft 365 E3", "Office 365 E3");
        check_different("Exchange Online (Plan 1)", "Exchange Online (Plan 2)");
        check_different("Microsoft 365 E3", "Microsoft 365 E3 (no Teams)");
        check_different("Microsoft 365 A3 for faculty", "Microsoft 365 A3 for students");
        check_different("Visio Plan 1", "Visio Plan 1 GCC");
        check_different("Windows Server 2025 - 16 Core", "Windows Server 2025 - 2 Core");
        check_different("Microsoft 365 E3", "Microsoft 365 E3 Trial");
        check_different("Windows 10 ESU Year 1", "Windows 10 ESU Year 2");
        check_different("Microsoft 365 Business Premium", "Office 365 Business Premium");
    }
}
