//! Legal forms at the end of a company's name: stripped for comparison, kept as evidence.

/// A kind of legal form; spellings of one kind agree, different kinds speak against a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum LegalForm {
    /// LLC, L.L.C., limited liability company.
    LimitedLiabilityCompany,
    /// PLLC, professional LLC.
    ProfessionalCompany,
    /// Inc, Corp.
    Corporation,
    /// Ltd, Pty Ltd, Pvt Ltd.
    Limited,
    /// PLC.
    PublicLimited,
    /// LLP.
    LimitedLiabilityPartnership,
    /// LP.
    LimitedPartnership,
    /// PC, PA.
    ProfessionalCorporation,
    /// GmbH, Sarl, Srl, BV, ApS, Oy: a small company of continental law.
    SmallCompany,
    /// AG, SA, NV, SpA, AB, ASA: a stock company of continental law.
    StockCompany,
    /// KG, GmbH & Co KG, OHG.
    Partnership,
    /// Company or Co.
    Company,
}

use LegalForm::{
    Company, Corporation, Limited, LimitedLiabilityCompany, LimitedLiabilityPartnership, LimitedPartnership,
    Partnership, ProfessionalCompany, ProfessionalCorporation, PublicLimited, SmallCompany, StockCompany,
};

/// Folded endings; a longer one is tried before a shorter one.
const FORMS: &[(&[&str], LegalForm)] = &[
    (&["limited", "liability", "company"], LimitedLiabilityCompany),
    (&["limited", "liability", "co"], LimitedLiabilityCompany),
    (&["limited", "liability", "partnership"], LimitedLiabilityPartnership),
    (&["public", "limited", "company"], PublicLimited),
    (&["gmbh", "and", "co", "kg"], Partnership),
    (&["ag", "and", "co", "kg"], Partnership),
    (&["sab", "de", "cv"], StockCompany),
    (&["sapi", "de", "cv"], StockCompany),
    (&["s", "a", "de", "c", "v"], StockCompany),
    (&["sa", "de", "cv"], StockCompany),
    (&["s", "de", "rl", "de", "cv"], SmallCompany),
    (&["sp", "z", "oo"], SmallCompany),
    (&["sp", "z", "o", "o"], SmallCompany),
    (&["pty", "ltd"], Limited),
    (&["pty", "limited"], Limited),
    (&["proprietary", "limited"], Limited),
    (&["pvt", "ltd"], Limited),
    (&["private", "limited"], Limited),
    (&["pte", "ltd"], Limited),
    (&["co", "ltd"], Limited),
    (&["company", "limited"], Limited),
    (&["co", "inc"], Corporation),
    (&["l", "l", "c"], LimitedLiabilityCompany),
    (&["l", "l", "p"], LimitedLiabilityPartnership),
    (&["professional", "corporation"], ProfessionalCorporation),
    (&["llc"], LimitedLiabilityCompany),
    (&["lc"], LimitedLiabilityCompany),
    (&["pllc"], ProfessionalCompany),
    (&["inc"], Corporation),
    (&["incorporated"], Corporation),
    (&["incorp"], Corporation),
    (&["corp"], Corporation),
    (&["corporation"], Corporation),
    (&["ltd"], Limited),
    (&["limited"], Limited),
    (&["ltda"], Limited),
    (&["ltee"], Limited),
    (&["plc"], PublicLimited),
    (&["publ"], StockCompany),
    (&["llp"], LimitedLiabilityPartnership),
    (&["lp"], LimitedPartnership),
    (&["lllp"], LimitedPartnership),
    (&["pc"], ProfessionalCorporation),
    (&["pa"], ProfessionalCorporation),
    (&["gmbh"], SmallCompany),
    (&["ggmbh"], SmallCompany),
    (&["mbh"], SmallCompany),
    (&["ug"], SmallCompany),
    (&["sarl"], SmallCompany),
    (&["srl"], SmallCompany),
    (&["bv"], SmallCompany),
    (&["bvba"], SmallCompany),
    (&["aps"], SmallCompany),
    (&["oy"], SmallCompany),
    (&["kft"], SmallCompany),
    (&["sro"], SmallCompany),
    (&["doo"], SmallCompany),
    (&["ag"], StockCompany),
    (&["sa"], StockCompany),
    (&["sas"], StockCompany),
    (&["se"], StockCompany),
    (&["nv"], StockCompany),
    (&["spa"], StockCompany),
    (&["ab"], StockCompany),
    (&["asa"], StockCompany),
    (&["oyj"], StockCompany),
    (&["kgaa"], StockCompany),
    (&["kk"], StockCompany),
    (&["kg"], Partnership),
    (&["ohg"], Partnership),
    (&["gbr"], Partnership),
    (&["company"], Company),
    (&["co"], Company),
];

/// Takes the legal form off the end of a name's words, and `the` off its start; never leaves a name empty.
///
/// The outermost form counts (`Holding Co LLC` is an LLC), but all of them go.
pub(super) fn strip(words: &mut Vec<String>) -> Option<LegalForm> {
    let mut outermost = None;
    while let Some((length, form)) = ending(words) {
        if words.len() <= length {
            break;
        }
        words.truncate(words.len() - length);
        outermost = outermost.or(Some(form));
    }
    while words.len() > 1 && words.last().is_some_and(|word| word == "and" || word == "the") {
        words.pop();
    }
    if words.len() > 1 && words[0] == "the" {
        words.remove(0);
    }
    outermost
}

fn ending(words: &[String]) -> Option<(usize, LegalForm)> {
    FORMS
        .iter()
        .filter(|(form, _)| words.len() >= form.len() && words[words.len() - form.len()..].iter().eq(form.iter()))
        .max_by_key(|(form, _)| form.len())
        .map(|(form, kind)| (form.len(), *kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::matching::normalize::words;

    #[test]
    fn forms_are_taken_off_the_end_and_never_leave_nothing() {
        let cases = [
            ("Acme L.L.C.", "acme", Some(LimitedLiabilityCompany)),
            ("The Acme Company, Inc.", "acme", Some(Corporation)),
            ("Müller GmbH & Co. KG", "muller", Some(Partnership)),
            ("Grupo Sol S.A.B. de C.V.", "grupo sol", Some(StockCompany)),
            ("Outback Pty Ltd", "outback", Some(Limited)),
            ("Limited", "limited", None),
            ("Co-op Bank", "co op bank", None),
        ];
        for (name, rest, form) in cases {
            let mut left = words(name);
            assert_eq!((strip(&mut left), left.join(" ").as_str()), (form, rest), "of `{name}`");
        }
    }
}
