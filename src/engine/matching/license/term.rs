//! The term in a license's name, read as a grammar: periods, and the role that a word beside them gives them.
//!
//! ```text
//! term    = element*            element = period | role | prepaid
//! period  = number unit | P number M/Y | monthly | annual | ...
//! role    = noun (commit, term, billing, bill) | participle (billed, paid)
//! ```
//! A noun names the period before it (`1-year commit`), or else the one behind it (`term: 1 year`); a participle the one
//! behind it (`billed monthly`). Of two periods without a role the first is the commitment and the second the billing.

/// How long one is bound, and how often one pays; `None` where the name does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Term {
    /// Months of commitment.
    pub commitment: Option<u16>,
    /// Months between bills.
    pub billing: Option<u16>,
    /// Whether the commitment only follows from a single word such as `Monthly`.
    pub is_implied: bool,
    /// Whether it is bought once.
    pub is_one_time: bool,
}

impl Term {
    /// The term in words.
    pub fn describe(&self) -> String {
        let months = |months: u16| match months {
            1 => "monthly".to_owned(),
            12 => "yearly".to_owned(),
            n if n % 12 == 0 => format!("{} years", n / 12),
            n => format!("{n} months"),
        };
        match (self.is_one_time, self.commitment, self.billing) {
            (true, _, _) => "one-time".to_owned(),
            (_, None, None) => "no term".to_owned(),
            (_, Some(commitment), None) => format!("{} commitment", months(commitment)),
            (_, None, Some(billing)) => format!("billed {}", months(billing)),
            (_, Some(commitment), Some(billing)) => {
                format!("{} commitment, billed {}", months(commitment), months(billing))
            }
        }
    }

    /// What this term does not say, taken from another one.
    pub fn or(self, other: Self) -> Self {
        // A period that was only implied gives way to one that is stated.
        let takes_other =
            other.commitment.is_some() && (self.commitment.is_none() || (self.is_implied && !other.is_implied));
        let (commitment, is_implied) =
            if takes_other { (other.commitment, other.is_implied) } else { (self.commitment, self.is_implied) };
        let billing = self.billing.or(other.billing);
        Self { commitment, billing, is_implied, is_one_time: self.is_one_time || other.is_one_time }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Period(u16),
    Commit,
    Bill,
    /// `billed`, `paid`: names what comes behind it.
    Billed,
    Prepaid,
    /// `no contract`: bound for a month at a time.
    Uncommitted,
    OneTime,
}

/// Reads a commitment as Pax8 writes it (`1-Year`, `Monthly`); `None` for what is no period.
pub fn months(text: &str) -> Option<u16> {
    let mut tokens = super::vocabulary::tokens(text);
    let term = take_term(&mut tokens);
    term.commitment.or(term.billing)
}

/// Takes the words of the term out of the tokens of a name.
pub(super) fn take_term(tokens: &mut Vec<String>) -> Term {
    let mut elements = Vec::new();
    let mut rest = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let after_period = matches!(elements.last(), Some(Element::Period(_)));
        let found = element(&tokens[at..], at > 0).or_else(|| short_billing(&tokens[at], after_period));
        match found {
            Some((element, length)) => {
                elements.push(element);
                at += length;
            }
            // `rolling`, `each` and the like are glue: they go with the periods beside them.
            None if is_glue(&tokens[at]) && (after_period || follows_period(&tokens[at + 1..])) => at += 1,
            None => {
                rest.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    // A list that cuts names at fifty letters leaves the beginning of `commit` behind.
    if !elements.is_empty()
        && rest.last().is_some_and(|last| last.len() >= 2 && "commitment".starts_with(last.as_str()))
    {
        rest.pop();
    }
    let has_period = elements.iter().any(|element| matches!(element, Element::Period(_)));
    let is_term = has_period
        || elements.iter().any(|element| matches!(element, Element::OneTime | Element::Prepaid | Element::Uncommitted));
    if !is_term {
        return Term::default();
    }
    *tokens = rest;
    assign_roles(&elements)
}

/// The term in a short code such as `M365-E3-NCE-1Y`, `EXO-P1-ANN-PM`.
pub(in crate::engine::matching) fn of_code(code: &str) -> Term {
    let tokens = super::vocabulary::tokens(code);
    let mut term = Term::default();
    for (position, token) in tokens.iter().enumerate().skip(1) {
        let is_last = position + 1 == tokens.len();
        match token.as_str() {
            "ann" | "annual" | "yr" | "p1y" | "12m" | "1y" | "1yr" => {
                term.commitment = Some(12);
                // `NCE-1Y` names the commitment alone; `ANN` is bare, and its bill cycle decides.
                term.is_implied = false;
            }
            "3y" | "3yr" | "p3y" | "36m" => (term.commitment, term.is_implied) = (Some(36), false),
            "p1m" | "1m" | "1mth" | "m2m" | "mtm" => (term.commitment, term.is_implied) = (Some(1), false),
            "m" | "mo" | "mth" | "mthly"
                if is_last || tokens[position + 1].bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                (term.commitment, term.billing, term.is_implied) = (Some(1), Some(1), true);
            }
            "pm" if term.commitment.is_some() => term.billing = Some(1),
            _ => {}
        }
    }
    term
}

fn assign_roles(elements: &[Element]) -> Term {
    let mut term = Term::default();
    let mut free: Vec<u16> = Vec::new();
    let (mut waiting, mut is_prepaid): (Option<Element>, bool) = (None, false);
    let mut last_free = false;
    for element in elements {
        match element {
            Element::Period(months) => {
                match waiting.take() {
                    Some(Element::Commit) => term.commitment = Some(*months),
                    Some(_) => term.billing = Some(*months),
                    None => free.push(*months),
                }
                // Only a period without a role can take the noun behind it.
                last_free = free.last() == Some(months);
            }
            Element::Commit | Element::Bill => {
                match free.last().copied().filter(|_| last_free) {
                    Some(months) => {
                        free.pop();
                        match element {
                            Element::Commit => term.commitment = Some(months),
                            _ => term.billing = Some(months),
                        }
                    }
                    None => waiting = Some(*element),
                }
                last_free = false;
            }
            Element::Billed => {
                waiting = Some(Element::Billed);
                last_free = false;
            }
            Element::Prepaid => {
                is_prepaid = true;
                waiting = None;
            }
            Element::Uncommitted => term.commitment = Some(1),
            Element::OneTime => term.is_one_time = true,
        }
    }
    let mut free = free.into_iter();
    if term.commitment.is_none()
        && let Some(months) = free.next()
    {
        term.commitment = Some(months);
        term.is_implied = term.billing.is_none() && !is_prepaid && free.len() == 0;
    }
    if term.billing.is_none() {
        term.billing = free.next();
    }
    if is_prepaid {
        term.billing = term.commitment;
        term.is_implied = false;
    }
    // Nobody pays more often than monthly here, so a bare `Monthly` says both.
    if term.is_implied && term.commitment == Some(1) {
        term.billing = Some(1);
    }
    if term.commitment == Some(1) && term.billing.is_none() {
        term.billing = Some(1);
    }
    term
}

/// `M` behind a period, as in `1Y/M`.
fn short_billing(token: &str, after_period: bool) -> Option<(Element, usize)> {
    (after_period && token == "m").then_some((Element::Period(1), 1))
}

fn is_glue(token: &str) -> bool {
    matches!(token, "rolling" | "each" | "every" | "instalment" | "instalments" | "installment" | "installments" | "no")
}

/// Whether a period or the lack of one comes next.
fn follows_period(tokens: &[String]) -> bool {
    matches!(element(tokens, true), Some((Element::Period(_), _)))
}

/// The element at the start of some tokens, with its length. A bare `year` needs something in front of it.
fn element(tokens: &[String], has_predecessor: bool) -> Option<(Element, usize)> {
    let word = |position: usize| tokens.get(position).map(String::as_str);
    let first = word(0)?;
    if let Some(count) = number(first)
        && let Some(unit) = word(1).and_then(unit)
    {
        return Some((Element::Period(count.checked_mul(unit)?), 2));
    }
    if let Some(months) = compact(first) {
        return Some((Element::Period(months), 1));
    }
    let (element, length) = match first {
        "month" | "mth" if word(1) == Some("to") && word(2).is_some_and(|next| unit(next) == Some(1)) => {
            (Element::Period(1), 3)
        }
        "per" if word(1).and_then(unit).is_some() => (Element::Period(word(1).and_then(unit)?), 2),
        "no" | "without" if matches!(word(1), Some("commit" | "commitment" | "contract")) => (Element::Uncommitted, 2),
        "in" if matches!(word(1), Some("advance" | "full")) => (Element::Prepaid, 2),
        "ann" if has_predecessor && word(1).is_some_and(|next| unit(next).is_some() || compact(next).is_some()) => {
            (Element::Period(12), 1)
        }
        "year" | "yr" if has_predecessor && matches!(word(1), Some("commit" | "commitment" | "term" | "contract")) => {
            (Element::Period(12), 1)
        }
        "monthly" | "m2m" | "mtm" | "mthly" | "mensuel" | "monatlich" => (Element::Period(1), 1),
        "mo" | "mth" | "month" if has_predecessor => (Element::Period(1), 1),
        "quarterly" => (Element::Period(3), 1),
        "annual" | "annually" | "yearly" | "annum" | "jahrlich" | "annuel" => (Element::Period(12), 1),
        "yr" if has_predecessor => (Element::Period(12), 1),
        "biennial" => (Element::Period(24), 1),
        "triennial" => (Element::Period(36), 1),
        "commit" | "commitment" | "committed" | "term" | "contract" | "agreement" => (Element::Commit, 1),
        "bill" | "billing" | "billings" | "payment" | "payments" | "invoice" | "invoices" | "invoicing" => {
            (Element::Bill, 1)
        }
        "paid" | "pay" | "billed" | "prepaid" | "upfront" | "up"
            if matches!(first, "prepaid" | "upfront")
                || matches!((first, word(1)), ("up", Some("front")) | ("paid" | "billed" | "pay", Some("upfront"))) =>
        {
            (Element::Prepaid, if matches!(first, "prepaid" | "upfront") { 1 } else { 2 })
        }
        "paid" | "billed" | "invoiced" | "charged" | "payable" => (Element::Billed, 1),
        "pay" | "pays" if word(1).is_some_and(|_| follows_period(&tokens[1..])) => (Element::Billed, 1),
        "perpetual" | "onetime" | "lifetime" => (Element::OneTime, 1),
        "one" | "1" if word(1) == Some("time") => (Element::OneTime, 2),
        _ => return None,
    };
    Some((element, length))
}

fn number(text: &str) -> Option<u16> {
    Some(match text {
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "five" => 5,
        "twelve" => 12,
        _ if text.len() <= 2 => text.parse().ok().filter(|count| (1..=60).contains(count))?,
        _ => return None,
    })
}

fn unit(text: &str) -> Option<u16> {
    Some(match text {
        "month" | "months" | "monat" | "monate" | "mois" | "mth" | "mths" | "mo" | "mos" | "mon" | "m" => 1,
        "quarter" => 3,
        "year" | "years" | "jahr" | "jahre" | "an" | "ans" | "yr" | "yrs" | "y" | "annum" => 12,
        _ => return None,
    })
}

/// `P1Y`, `1yr`, `36mo` written as one word.
fn compact(text: &str) -> Option<u16> {
    let text = text.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(text);
    let letters = text.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
    number(&text[..letters])?.checked_mul(unit(&text[letters..])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, commitment: Option<u16>, billing: Option<u16>) {
        let mut tokens = crate::engine::matching::license::vocabulary::tokens(text);
        let term = take_term(&mut tokens);
        assert_eq!((term.commitment, term.billing), (commitment, billing), "of `{text}`");
    }

    #[test]
    fn notations_of_terms() {
        check("X - 1-Year Commit, Monthly Billing", Some(12), Some(1));
        check("X Annual commit, billed monthly", Some(12), Some(1));
        check("X (billed monthly, annual commitment)", Some(12), Some(1));
        check("X Annual, paid monthly", Some(12), Some(1));
        check("X - Annual (Monthly)", Some(12), Some(1));
        check("X P1Y / monthly billing", Some(12), Some(1));
        check("X term: 1 year, payment: monthly", Some(12), Some(1));
        check("X 12 months contract payable monthly", Some(12), Some(1));
        check("X | Yearly (Annual)", Some(12), Some(12));
        check("X Annual prepaid", Some(12), Some(12));
        check("X 1yr paid upfront", Some(12), Some(12));
        check("X 36 month annual", Some(36), Some(12));
        check("X 3yr commit/annual bill", Some(36), Some(12));
        check("X 1YR COMMIT ANNUAL", Some(12), Some(12));
        check("X 1MTH COMMIT", Some(1), Some(1));
        check("X Month to Month", Some(1), Some(1));
        check("X M2M", Some(1), Some(1));
        check("X / mo", Some(1), Some(1));
        check("X (Annual)", Some(12), None);
        check("X 1Y/M", Some(12), Some(1));
        check("X Ann/Mo", Some(12), Some(1));
        check("X Monthly (no contract)", Some(1), Some(1));
        check("X - no commitment", Some(1), Some(1));
        check("X year commitment with monthly payment", Some(12), Some(1));
        check("X paid in full, 1 year", Some(12), Some(12));
        check("X 1 year in advance", Some(12), Some(12));
        check("X committed for 1 year, charged every month", Some(12), Some(1));
        check("X pay monthly, 1 yr term", Some(12), Some(1));
        check("X rolling monthly", Some(1), Some(1));
        check("X triennial, yearly invoices", Some(36), Some(12));
        check("Windows ESU Year 1", None, None);
        check("Contract Manager", None, None);
    }

    #[test]
    fn codes_carry_terms_too() {
        assert_eq!((of_code("M365-E3-NCE-1Y").commitment, of_code("M365-E3-NCE-1Y").billing), (Some(12), None));
        assert_eq!((of_code("EXO-P1-ANN-PM").commitment, of_code("EXO-P1-ANN-PM").billing), (Some(12), Some(1)));
        assert_eq!((of_code("EXO-P1-M").commitment, of_code("EXO-P1-M").is_implied), (Some(1), true));
        assert_eq!(of_code("MS-WKS"), Term::default());
    }
}
