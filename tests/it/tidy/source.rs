//! The source files of the checkout, as text in which rules can be looked for.

use std::fs;
use std::path::Path;

/// A file, with its path from the top of the checkout.
pub struct Source {
    pub path: String,
    /// As it is.
    pub text: String,
    /// With comments and the contents of strings blanked, line by line the same.
    pub code: String,
    /// `code` with everything blanked that is compiled for tests alone.
    pub program: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = without_comments_and_strings(text);
        let program = if is_test_file(path) { blank(&code) } else { without_tests(&code) };
        Self { path: path.into(), text: text.into(), code, program }
    }

    pub fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path == *folder || self.path.starts_with(&format!("{folder}/")))
    }
}

/// Every Rust file of the checkout, in the order of paths.
pub fn sources() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["src", "entity", "migration", "tests"] {
        collect(top, folder, &mut paths);
    }
    paths.sort();
    assert!(paths.len() > 10, "the sources of the checkout have to be beside the test");
    let read = |path: &String| fs::read_to_string(top.join(path)).expect("a source file is text");
    paths.iter().map(|path| Source::new(path, &read(path))).collect()
}

fn collect(top: &Path, folder: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(top.join(folder)).expect("a folder of sources can be listed") {
        let entry = entry.expect("a folder of sources can be listed");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() {
            if !matches!(name.as_str(), "target" | "node_modules") {
                collect(top, &path, paths);
            }
        } else if name.ends_with(".rs") {
            paths.push(path);
        }
    }
}

fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("tests/") || path.contains("/tests/") || name == "tests.rs" || name.ends_with("_tests.rs")
}

/// Byte offsets at which `word` stands by itself. Where it begins or ends in punctuation, that side may touch anything.
pub fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].chars().next_back().is_some_and(is_name) && word.starts_with(is_name);
        let after = text[at + word.len()..].chars().next().is_some_and(is_name) && word.ends_with(is_name);
        !before && !after
    })
}

/// Number of the line at a byte offset, from 1.
pub fn line_at(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn blank(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

fn without_comments_and_strings(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_after_name = output.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment_length(rest)
        } else if first == '"' {
            string_length(rest)
        } else if let Some(length) = raw_string_length(rest).filter(|_| !is_after_name) {
            length
        } else if let Some(length) = character_length(rest) {
            length
        } else {
            output.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        output.push_str(&blank(&rest[..length]));
        rest = &rest[length..];
    }
    output
}

/// Comments of this form lie inside each other.
fn comment_length(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if text[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string_length(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let body = rest[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// A character in quotation marks; `None` for a lifetime.
fn character_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    if body.starts_with('\\') {
        return body.char_indices().skip(2).find(|(_, c)| *c == '\'').map(|(at, _)| at + 2);
    }
    let c = body.chars().next()?;
    body[c.len_utf8()..].starts_with('\'').then(|| c.len_utf8() + 2)
}

/// Blanks each item behind `#[cfg(test)]`. Takes text without comments and strings, so that brackets pair.
fn without_tests(code: &str) -> String {
    let mut output = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        output.push_str(&rest[..at]);
        let length = item_length(&rest[at..]);
        output.push_str(&blank(&rest[at..at + length]));
        rest = &rest[at + length..];
    }
    output + rest
}

fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(c, '}' | ';') {
            return at + 1;
        }
    }
    code.len()
}

#[test]
fn comments_and_strings_are_blanked_in_place() {
    for (text, expected) in [
        ("let a = \"f64 \\\" {\"; // f64\nf64", "let a = ; f64"),
        ("/* a /* f64 */ b */ f64 '}' '\\'' 'a: 'static b\"{\" x", "f64 'a: 'static b x"),
        ("r#\"a \" f64\"# for\"x\" r\"\\\" f64", "for f64"),
        ("//! f64\n/// é f64\nfn x() {}", "fn x() {}"),
        ("\"two\nlines\" f64", "f64"),
    ] {
        let code = without_comments_and_strings(text);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>().join(" "), expected, "of `{text}`");
        assert_eq!(code.chars().count(), text.chars().count(), "of `{text}`");
        assert_eq!(code.lines().count(), text.lines().count(), "of `{text}`");
    }
}

#[test]
fn tests_are_blanked_and_the_rest_stays() {
    let text =
        "fn a() { b }\n#[cfg(test)]\nmod tests {\n  fn x() { '}' ; y.unwrap() }\n}\nfn c() {}\n#[cfg(test)]\nuse x;\nz";
    let source = Source::new("src/a.rs", text);
    assert_eq!(source.program.split_whitespace().collect::<Vec<_>>().join(" "), "fn a() { b } fn c() {} z");
    assert!(source.code.contains("unwrap"));
    assert_eq!(Source::new("src/a_tests.rs", text).program.trim(), "");
    assert_eq!(Source::new("tests/it/a.rs", text).program.trim(), "");
}

#[test]
fn a_word_stands_by_itself() {
    let found = |text: &str, word: &str| words(text, word).count();
    assert_eq!(found("f64 af64 f64a (f64) &f64,", "f64"), 3);
    assert_eq!(found("x.unwrap() y.unwrap_or() z .unwrap()", ".unwrap()"), 2);
    assert_eq!(found("crate::entity::x entity_x::y", "entity::"), 1);
    assert_eq!(line_at("a\nb\nc", 4), 3);
}
