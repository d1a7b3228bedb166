//! The secrets that this process has in its hands, so that they are hidden wherever they turn up: a provider may repeat
//! a secret inside a sentence, where no name gives it away.
//!
//! What is sealed or opened is remembered by itself. It is one list for the process and not one for each connection, because
//! the places that have to hide a secret (a log, a panic) do not know whose it is.
//!
//! Those places also decide how it is built. Looking changes nothing and logs nothing, and a thread that panics while it
//! holds the list is told nothing of it: it could wait for itself.

use std::borrow::Cow;
use std::cell::Cell;
use std::mem;
use std::ops::Range;
use std::sync::{LazyLock, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;

use super::index::{Found, Index, Marks, SHORTEST};
use super::redact::REDACTED;

/// Of a longer secret the beginning is looked for, in bytes, and everything behind it hidden: more fits in no header.
const LONGEST: usize = 16 * 1024;

/// More characters of base64 than these make nothing surer, and a text that was cut off has fewer.
const LONGEST_CORE: usize = 64;

/// How much is remembered.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// Bytes of all forms of the secrets of a generation; a secret of 40 letters takes about 200.
    bytes: usize,
    /// So many secrets have room in it also when they take more bytes.
    secrets: usize,
}

/// One generation holds 40,000 secrets of usual length, so that nobody who keeps on entering new ones makes us forget
/// those that are in use. Two take some 50 MB when they are full of such, and 150 MB of the longest and oddest.
const ROOM: Room = Room { bytes: 8 << 20, secrets: 250 };

/// The secrets in two generations: when the young one is full, the old one is forgotten and the young one takes its
/// place. A secret that comes up again is remembered anew, so one is forgotten only after a whole generation of others.
struct Memory {
    room: Room,
    /// Those of the operator, which nobody else can add to, and which come up once, when the process starts.
    operators: Index,
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    index: Index,
    secrets: usize,
}

static KNOWN: LazyLock<RwLock<Memory>> = LazyLock::new(|| RwLock::new(Memory::new(ROOM)));

thread_local! {
    /// Whether this thread is at the list.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// A thread at the list.
struct Inside;

impl Inside {
    /// `None` for a thread that is there already: it panicked there, and its message is on the way to the log.
    fn enter() -> Option<Self> {
        (!IS_INSIDE.replace(true)).then(|| Self)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        IS_INSIDE.set(false);
    }
}

/// Remembers a secret; of a JSON object, each of its texts.
pub fn remember(secret: &SecretString) {
    let text = secret.expose_secret();
    if text.starts_with('{')
        && let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(text)
    {
        for value in fields.values().filter_map(serde_json::Value::as_str) {
            remember_text(value);
        }
        return;
    }
    remember_text(text);
}

/// Remembers a secret of the operator for as long as the process lives.
pub fn remember_for_good(secret: &SecretString) {
    let text = secret.expose_secret();
    if text.len() < SHORTEST {
        return;
    }
    let Some(_inside) = Inside::enter() else { return };
    let forms = forms(text);
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if !known.operators.has(beginning_of(text)) {
        forms.into_iter().for_each(|(form, marks)| known.operators.insert(form, marks));
    }
}

fn remember_text(text: &str) {
    // Shorter ones are words, and hiding them everywhere would make logs unreadable.
    if text.len() < SHORTEST {
        return;
    }
    let Some(_inside) = Inside::enter() else { return };
    if KNOWN.read().unwrap_or_else(PoisonError::into_inner).is_young(text) {
        return;
    }
    // Both take their time, and nobody has to wait for them.
    let forms = forms(text);
    let forgotten = KNOWN.write().unwrap_or_else(PoisonError::into_inner).remember(text, forms);
    drop(forgotten);
}

impl Memory {
    fn new(room: Room) -> Self {
        Self { room, operators: Index::default(), young: Generation::default(), old: Generation::default() }
    }

    /// Whether a secret was remembered so lately that there is nothing to do.
    fn is_young(&self, text: &str) -> bool {
        self.young.index.has(beginning_of(text))
    }

    /// Takes a secret, and gives back what is forgotten for it.
    #[must_use]
    fn remember(&mut self, text: &str, forms: Vec<(Zeroizing<String>, Marks)>) -> Option<Generation> {
        if self.is_young(text) {
            return None;
        }
        let is_full = self.young.index.bytes() >= self.room.bytes && self.young.secrets >= self.room.secrets;
        let forgotten = is_full.then(|| mem::replace(&mut self.old, mem::take(&mut self.young)));
        self.young.secrets += 1;
        for (form, marks) in forms {
            self.young.index.insert(form, marks);
        }
        forgotten
    }

    /// Where a text has secrets, in its order: what overlaps is one, and a word of base64 is taken whole.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let bytes = text.as_bytes();
        let (mut places, mut word_end) = (Vec::new(), 0);
        for at in 0..(bytes.len() + 1).saturating_sub(SHORTEST) {
            for index in [&self.operators, &self.young.index, &self.old.index] {
                let Found { whole, is_beginning, is_base64 } = index.find(&bytes[at..]);
                if is_beginning {
                    add(&mut places, at..bytes.len());
                    return places;
                }
                if whole > 0 {
                    add(&mut places, at..at + whole);
                }
                if is_base64 && at >= word_end {
                    let word = word_at(bytes, at);
                    word_end = word.end;
                    add(&mut places, word);
                }
            }
        }
        places
    }
}

fn add(places: &mut Vec<Range<usize>>, mut place: Range<usize>) {
    while let Some(last) = places.pop_if(|last| last.end > place.start) {
        place = last.start.min(place.start)..last.end.max(place.end);
    }
    places.push(place);
}

/// The word of base64 that stands at a place.
fn word_at(bytes: &[u8], at: usize) -> Range<usize> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
    let before = bytes[..at].iter().rev().take_while(|byte| is_base64(byte)).count();
    let behind = bytes[at..].iter().take_while(|byte| is_base64(byte)).count();
    at - before..at + behind
}

fn beginning_of(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// Every way of writing a secret that is looked for.
fn forms(text: &str) -> Vec<(Zeroizing<String>, Marks)> {
    let is_beginning = text.len() > LONGEST;
    let text = beginning_of(text);
    let mut whole = vec![Zeroizing::new(text.to_owned())];
    // Inside a text in JSON, and inside a document that is such a text.
    let mut escaped = Zeroizing::new(text.to_owned());
    for _ in 0..2 {
        let quoted = Zeroizing::new(serde_json::to_string(escaped.as_str()).expect("a text is always JSON"));
        escaped = Zeroizing::new(quoted[1..quoted.len() - 1].to_owned());
        whole.push(escaped.clone());
    }
    let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    whole.push(Zeroizing::new(encoded.replace('+', "%20")));
    whole.push(Zeroizing::new(lower_case_escapes(&encoded.replace('+', "%20"))));
    whole.push(Zeroizing::new(lower_case_escapes(&encoded)));
    whole.push(Zeroizing::new(encoded));
    let as_whole = Marks { is_whole: true, is_beginning, ..Marks::default() };
    let mut forms: Vec<_> = whole.into_iter().map(|form| (form, as_whole)).collect();
    forms[0].1.is_own = true;
    let in_base64 = Marks { is_base64: true, ..Marks::default() };
    forms.extend(base64_cores(text.as_bytes()).into_iter().map(|core| (core, in_base64)));
    forms
}

fn lower_case_escapes(text: &str) -> String {
    let mut lower = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let end = rest.len().min(at + 3);
        lower.push_str(&rest[..at]);
        lower.push_str(&rest[at..end].to_ascii_lowercase());
        rest = &rest[end..];
    }
    lower + rest
}

/// What base64 makes of some bytes wherever they stand in a longer text: for each of the three places in a group, the
/// characters that depend on these bytes alone.
fn base64_cores(bytes: &[u8]) -> Vec<Zeroizing<String>> {
    let mut cores = Vec::new();
    for before in 0..3 {
        let mut padded = Zeroizing::new(vec![0_u8; before]);
        padded.extend_from_slice(bytes);
        // A character that also holds bits of a neighbor is left out at both ends.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)].map(Zeroizing::new) {
            let core = Zeroizing::new(encoded[first..last.min(first + LONGEST_CORE)].to_owned());
            if core.len() >= SHORTEST && !cores.contains(&core) {
                cores.push(core);
            }
        }
    }
    cores
}

/// The text with every secret that this process knows replaced by `[redacted]`.
pub fn hide_known(text: &str) -> Cow<'_, str> {
    // Where nobody can look, everything is hidden.
    let Some(_inside) = Inside::enter() else { return Cow::Borrowed(REDACTED) };
    let places = KNOWN.read().unwrap_or_else(PoisonError::into_inner).places(text);
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut hidden = String::with_capacity(text.len());
    let mut shown = 0;
    for Range { start, end } in places {
        hidden.push_str(&text[shown..start]);
        hidden.push_str(REDACTED);
        shown = end;
    }
    hidden.push_str(&text[shown..]);
    Cow::Owned(hidden)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "Known/only \"here\"+50%=é";

    fn check(text: &str) {
        remember(&SecretString::from(SECRET));
        let hidden = hide_known(text);
        assert!(hidden.contains(REDACTED), "{text}");
        assert!(!hidden.contains("only") && !hidden.contains("here"), "{hidden}");
    }

    #[test]
    fn a_known_secret_is_hidden_however_it_is_written() {
        check(&format!("the value {SECRET} was refused"));
        let json = serde_json::json!({ "what": SECRET }).to_string();
        check(&json);
        check(&serde_json::json!({ "body": json }).to_string());
        let encoded: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        check(&format!("q={encoded}&x=1"));
        check(&encoded.replace('+', "%20"));
        check(&lower_case_escapes(&encoded));
    }

    #[test]
    fn what_is_near_stays() {
        remember(&SecretString::from("near-the-others"));
        assert_eq!(hide_known("a near-the-others, b"), "a [redacted], b");
        assert_eq!(hide_known("near the others"), "near the others");
        remember(&SecretString::from("short"));
        assert_eq!(hide_known("a short text"), "a short text");
    }

    #[test]
    fn many_others_do_not_push_a_secret_out() {
        remember(&SecretString::from("the-secret-of-another-tenant"));
        for number in 0..20_000 {
            remember(&SecretString::from(format!("one-of-very-many-secrets-{number:05}")));
        }
        assert_eq!(hide_known("a the-secret-of-another-tenant b"), "a [redacted] b");
        assert_eq!(
            hide_known("one-of-very-many-secrets-00000 one-of-very-many-secrets-1"),
            "[redacted] one-of-very-many-secrets-1"
        );
    }

    #[test]
    fn what_comes_up_again_stays_and_the_rest_is_forgotten_in_time() {
        let mut memory = Memory::new(Room { bytes: 2_000, secrets: 20 });
        let remember = |memory: &mut Memory, text: &str| drop(memory.remember(text, forms(text)));
        let is_hidden = |memory: &Memory, text: &str| memory.places(text).first() == Some(&(0..text.len()));
        remember(&mut memory, "forgotten");
        for number in 0..300 {
            remember(&mut memory, &format!("a-flood-of-secrets-{number:05}"));
            remember(&mut memory, "used-over-and-over");
            assert!(is_hidden(&memory, "used-over-and-over"), "after {number}");
            assert!(number > 18 || is_hidden(&memory, "forgotten"), "before {number} others");
            let bytes = memory.young.index.bytes() + memory.old.index.bytes();
            assert!(bytes < 2 * 20 * 250, "{bytes}");
        }
        assert!(!is_hidden(&memory, "forgotten"));
        for (form, marks) in forms("of the operator") {
            memory.operators.insert(form, marks);
        }
        for number in 0..300 {
            remember(&mut memory, &format!("another-flood-of-secrets-{number:05}"));
        }
        assert!(is_hidden(&memory, "of the operator"), "however many others come");
        // Large ones push out no more than small ones do.
        remember(&mut memory, "among large ones");
        for number in 0..19 {
            remember(&mut memory, &format!("{number:05}{}", "x".repeat(20_000)));
        }
        assert!(is_hidden(&memory, "among large ones"));
    }

    #[test]
    fn a_very_long_secret_is_hidden_with_all_that_follows() {
        let secret = format!("{}-the-end-of-it", "0123456789".repeat(2_000));
        remember(&SecretString::from(secret.as_str()));
        assert_eq!(hide_known(&format!("it said {secret}, twice")), "it said [redacted]");
        let cut = STANDARD.encode(&secret[..100]);
        assert_eq!(hide_known(&format!("it said {cut}...")), "it said [redacted]...");
    }

    #[test]
    fn a_thread_that_panics_at_the_list_says_nothing_and_does_not_wait_for_itself() {
        remember(&SecretString::from("before the panic"));
        let panicked = std::panic::catch_unwind(|| {
            let _inside = Inside::enter().expect("nobody is there");
            let _list = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
            // As the panic hook does.
            assert_eq!(hide_known("anything at all"), REDACTED);
            remember(&SecretString::from("during the panic"));
            panic!("at the list");
        });
        assert!(panicked.is_err() && KNOWN.is_poisoned());
        assert_eq!(hide_known("before the panic"), REDACTED);
        remember(&SecretString::from("after the panic"));
        assert_eq!(hide_known("it is after the panic"), "it is [redacted]");
    }

    #[test]
    fn nothing_is_left_of_secrets_that_overlap() {
        remember(&SecretString::from("overlap-one-two"));
        remember(&SecretString::from("two-and-three"));
        remember(&SecretString::from("one-two-and"));
        assert_eq!(hide_known("(overlap-one-two-and-three)"), "([redacted])");
        assert_eq!(hide_known("(overlap-one-two)(two-and-three)"), "([redacted])([redacted])");
    }

    #[test]
    fn each_text_of_an_object_is_a_secret() {
        remember(&SecretString::from(r#"{"api_key":"object-one-1","billing_password":"object-two-2","none":null}"#));
        assert_eq!(hide_known("object-one-1 object-two-2"), "[redacted] [redacted]");
    }

    proptest! {
        #[test]
        fn nothing_is_left_of_it_in_base64(before in "\\PC{0,9}", after in "\\PC{0,9}") {
            let secret = "in-base64-somewhere";
            remember(&SecretString::from(secret));
            let text = format!("{before}{secret}{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                let said = format!("(\"Basic {encoded}\")");
                prop_assert_eq!(hide_known(&said), "(\"Basic [redacted]\")");
            }
        }
    }
}
