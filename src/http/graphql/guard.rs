//! Refuses documents that cost more than they look, before the library validates them.
//!
//! A document of less than a kilobyte can stand for millions of selections, because fragments may spread fragments.
//! None of the library's own limits grows on `__typename`, so selections are counted here as if every fragment were
//! written out. Each fragment is measured once, so the count itself is cheap. Brackets are counted even before
//! parsing, because the parser descends recursively and a deep enough document would exhaust the stack.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql::parser::{Pos, Positioned};

use crate::http::limits::DocumentLimits;

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refused {
    /// A sentence for the caller.
    pub message: String,
    /// Where in the document, if there is one place.
    pub position: Option<Pos>,
}

impl Refused {
    fn above(what: &str, limit: impl std::fmt::Display) -> Self {
        let message = format!("The document has more than {limit} {what}: split it into several requests.");
        Self { message, position: None }
    }
}

/// Checks the text, before it is parsed.
pub(super) fn check_text(text: &str, limits: &DocumentLimits) -> Result<(), Refused> {
    if text.len() > limits.bytes {
        return Err(Refused::above("bytes", limits.bytes));
    }
    let mut rest = text.as_bytes();
    let (mut tokens, mut nesting) = (0_usize, 0_usize);
    while let Some(&first) = rest.first() {
        let length = match first {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                rest = &rest[1..];
                continue;
            }
            b'#' => {
                rest = &rest[rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len())..];
                continue;
            }
            b'"' => string_length(rest),
            b'{' | b'[' | b'(' => {
                nesting += 1;
                1
            }
            b'}' | b']' | b')' => {
                nesting = nesting.saturating_sub(1);
                1
            }
            _ => rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len()).max(1),
        };
        tokens += 1;
        if tokens > limits.tokens {
            return Err(Refused::above("tokens", limits.tokens));
        }
        if nesting > limits.nesting {
            return Err(Refused::above("brackets inside each other", limits.nesting));
        }
        rest = &rest[length.min(rest.len())..];
    }
    Ok(())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The length of the string literal at the start; one that does not end takes the rest, and the parser says so.
fn string_length(text: &[u8]) -> usize {
    if text.starts_with(b"\"\"\"") {
        let mut at = 3;
        while at < text.len() {
            if text[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if text[at..].starts_with(b"\"\"\"") {
                return at + 3;
            } else {
                at += 1;
            }
        }
        return text.len();
    }
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            // A line break ends a string wrongly; what follows must still be counted.
            b'"' | b'\n' | b'\r' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Checks the parsed document, before it is validated.
pub(super) fn check_document(document: &ExecutableDocument, limits: &DocumentLimits) -> Result<(), Refused> {
    if document.operations.iter().count() > limits.operations {
        return Err(Refused::above("operations", limits.operations));
    }
    if document.fragments.len() > limits.fragments {
        return Err(Refused::above("fragments", limits.fragments));
    }
    let mut meter = Meter { document, limits, known: HashMap::new() };
    // Fragments nobody spreads are measured too, because validation walks through them.
    for (name, fragment) in &document.fragments {
        meter.fragment(name, fragment.pos, 1)?;
    }
    let mut total = Measure::default();
    for (_, operation) in document.operations.iter() {
        let own = meter.selection_set(&operation.node.selection_set.node, 1)?;
        total = total.add(own).with_directives(&operation.node.directives);
        for variable in &operation.node.variable_definitions {
            total = total.with_directives(&variable.node.directives);
        }
        meter.check(total)?;
    }
    Ok(())
}

/// What a part of the document amounts to with every fragment written out.
#[derive(Debug, Clone, Copy, Default)]
struct Measure {
    selections: u64,
    aliases: u64,
    directives: u64,
    /// Selection sets inside each other.
    height: usize,
}

impl Measure {
    fn add(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            height: self.height.max(other.height),
        }
    }

    fn with_directives(self, directives: &[Positioned<Directive>]) -> Self {
        Self { directives: self.directives.saturating_add(directives.len() as u64), ..self }
    }
}

struct Meter<'a> {
    document: &'a ExecutableDocument,
    limits: &'a DocumentLimits,
    /// Measured fragments; none while a fragment is being measured, which shows a cycle.
    known: HashMap<&'a str, Option<Measure>>,
}

impl<'a> Meter<'a> {
    fn fragment(&mut self, name: &'a str, position: Pos, depth: usize) -> Result<Measure, Refused> {
        match self.known.get(name) {
            Some(Some(measure)) => {
                self.check_depth(depth + measure.height.saturating_sub(1))?;
                return Ok(*measure);
            }
            Some(None) => {
                let message = format!("The fragment `{name}` spreads itself: break the circle.");
                return Err(Refused { message, position: Some(position) });
            }
            None => {}
        }
        // An unknown fragment is the validator's business; it says which names are close.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Measure::default()) };
        self.known.insert(name, None);
        let measure =
            self.selection_set(&fragment.node.selection_set.node, depth)?.with_directives(&fragment.node.directives);
        self.known.insert(name, Some(measure));
        self.check(measure)?;
        Ok(measure)
    }

    fn selection_set(&mut self, set: &'a SelectionSet, depth: usize) -> Result<Measure, Refused> {
        self.check_depth(depth)?;
        let mut total = Measure::default();
        for selection in &set.items {
            let inner = match &selection.node {
                Selection::Field(field) if field.node.selection_set.node.items.is_empty() => Measure::default(),
                Selection::Field(field) => self.selection_set(&field.node.selection_set.node, depth + 1)?,
                Selection::InlineFragment(fragment) => {
                    self.selection_set(&fragment.node.selection_set.node, depth + 1)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, spread.pos, depth + 1)?
                }
            };
            let is_alias = matches!(&selection.node, Selection::Field(field) if field.node.alias.is_some());
            let itself = Measure { selections: 1, aliases: u64::from(is_alias), ..Measure::default() };
            total = total.add(inner).add(itself.with_directives(selection.node.directives()));
        }
        Ok(Measure { height: total.height + 1, ..total })
    }

    fn check_depth(&self, depth: usize) -> Result<(), Refused> {
        if depth > self.limits.depth {
            return Err(Refused::above("levels of fields and fragments inside each other", self.limits.depth));
        }
        Ok(())
    }

    fn check(&self, measure: Measure) -> Result<(), Refused> {
        if measure.selections > self.limits.selections {
            return Err(Refused::above("selections with every fragment written out", self.limits.selections));
        }
        if measure.aliases > self.limits.aliases {
            return Err(Refused::above("aliases with every fragment written out", self.limits.aliases));
        }
        if measure.directives > self.limits.directives {
            return Err(Refused::above("directives with every fragment written out", self.limits.directives));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn check(document: &str) -> Result<(), String> {
        let limits = DocumentLimits::default();
        check_text(document, &limits).map_err(|refused| refused.message)?;
        let parsed = parse_query(document).map_err(|error| error.to_string())?;
        check_document(&parsed, &limits).map_err(|refused| refused.message)
    }

    fn refusal(document: &str) -> String {
        check(document).expect_err("the document must be refused")
    }

    #[test]
    fn ordinary_documents_pass() {
        check("{ __typename }").unwrap();
        check("query A { a { ...F } } query B { b(x: [[1]]) @skip(if: true) } fragment F on T { x: y }").unwrap();
        check("{ a(text: \"}{ \\\" [[[\", block: \"\"\"{{{ \\\"\"\" {{{\"\"\") } # {{{{").unwrap();
    }

    #[test]
    fn fragments_are_counted_as_if_written_out() {
        let mut bomb = "query { ...F0 }".to_owned();
        for n in 0..14 {
            bomb += &format!(" fragment F{n} on Query {{ ...F{} ...F{} }}", n + 1, n + 1);
        }
        bomb += " fragment F14 on Query { __typename }";
        assert!(refusal(&bomb).contains("more than 10000 selections"), "{}", refusal(&bomb));
        let unused = bomb.replace("query { ...F0 }", "query { __typename }");
        assert!(refusal(&unused).contains("more than 10000 selections"));
    }

    #[test]
    fn circles_are_refused() {
        assert!(refusal("{ ...A } fragment A on Q { a { ...B } } fragment B on Q { ...A }").contains("spreads itself"));
        assert!(refusal("{ a } fragment A on Q { ...A }").contains("spreads itself"));
    }

    #[test]
    fn depth_runs_through_fragments() {
        let field = |levels: usize, core: &str| "{ a ".repeat(levels) + core + &" }".repeat(levels);
        check(&field(30, "")).unwrap();
        assert!(refusal(&field(31, "")).contains("more than 30 levels"));
        let through = |levels| field(levels, "{ ...F }") + " fragment F on Q { b { c } }";
        check(&through(27)).unwrap();
        assert!(refusal(&through(28)).contains("more than 30 levels"));
    }

    #[test]
    fn brackets_are_counted_before_parsing() {
        assert!(refusal(&"{a".repeat(40_000)).contains("brackets"));
        assert!(refusal(&format!("{{ a(x: {}", "[".repeat(90_000))).contains("brackets"));
        assert!(refusal(&format!("\"\n{}", "{a".repeat(40_000))).contains("brackets"));
    }

    #[test]
    fn the_parser_bears_what_the_brackets_allow() {
        // On a thread with the stack of a worker; deeper than this the parser would be killed, not refused.
        check(&format!("{{ a(x: {}{}) }}", "[".repeat(58), "]".repeat(58))).unwrap();
        check(&format!("{{ a(x: {}1{}) }}", "{b: ".repeat(58), "}".repeat(58))).unwrap();
        check(&format!("query($x: {}Int{}) {{ a }}", "[".repeat(59), "]".repeat(59))).unwrap();
        assert!(refusal(&format!("{}{}", "{ a ".repeat(60), "}".repeat(60))).contains("more than 30 levels"));
    }

    #[test]
    fn each_count_has_its_limit() {
        assert!(refusal(&format!("{{ a }} #{}", "x".repeat(100_000))).contains("100000 bytes"));
        assert!(refusal(&format!("{{ {} }}", "a ".repeat(20_001))).contains("20000 tokens"));
        let aliases: String = (0..501).map(|n| format!("a{n}: __typename ")).collect();
        assert!(refusal(&format!("{{ {aliases} }}")).contains("500 aliases"));
        assert!(refusal(&format!("{{ a {} }}", "@skip(if: true) ".repeat(501))).contains("500 directives"));
        let operations: String = (0..51).map(|n| format!("query Q{n} {{ a }} ")).collect();
        assert!(refusal(&operations).contains("50 operations"));
        let fragments: String = (0..201).map(|n| format!("fragment F{n} on Q {{ a }} ")).collect();
        assert!(refusal(&format!("{{ a }} {fragments}")).contains("200 fragments"));
        assert!(refusal(&format!("{{ {} }}", "a ".repeat(10_001))).contains("10000 selections"));
    }
}
