//! The keys of an installation, and what is done with them: sealing, opening, and codes that prove authorship.
//!
//! Values are sealed with XChaCha20-Poly1305: its 192-bit nonce may be drawn at random without counting. Each key is
//! stretched into one key for sealing and one per kind of code, so that no key serves two purposes. The first key
//! seals; the others only open, which is how keys are rotated.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ring::{hkdf, hmac};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::known::{remember, remember_for_good};
use super::random::Random;

pub use super::key_file::KeyFile;

/// Version of the sealed form; another algorithm gets another.
const VERSION: &str = "v1";
const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;
const LONGEST_KEY_ID: usize = 32;

/// Why keys could not be read or made. Each is a sentence for the person who runs the server.
#[derive(Debug, Error)]
pub enum KeyError {
    /// There is no key in the text.
    #[error("No secret key was found in {origin}. Write one as `id:key`, where the key is 32 random bytes in base64.")]
    Empty {
        /// Where the text came from.
        origin: String,
    },
    /// An entry is not `id:key`.
    #[error(
        "Entry {position} of {origin} is not a secret key. Write `id:key`, where the id is of letters, digits, `-` and \
         `_` (at most 32) and the key is 32 random bytes in base64, for example from `openssl rand -base64 32`."
    )]
    Malformed {
        /// Where the text came from.
        origin: String,
        /// Which entry, from 1.
        position: usize,
    },
    /// Two entries have one id.
    #[error("The secret key id `{id}` occurs twice in {origin}. Give each key an id of its own.")]
    Repeated {
        /// Where the text came from.
        origin: String,
        /// The id.
        id: String,
    },
    /// Others on the machine may read the file.
    #[error("The key file `{path}` can be read by others (mode {mode:04o}). Run `chmod 600 {path}` and start again.")]
    ReadableByOthers {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The file system refused.
    #[error("The key file `{path}` cannot be {action}: {source}. Check the folder and who may write to it.")]
    File {
        /// The file.
        path: String,
        /// What was being done, as in "cannot be read".
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Why a sealed value did not open. Each is a sentence for the person who runs the server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The text has not the form of a sealed value.
    #[error("A stored secret is damaged: it does not have the form of a sealed value. Enter the secret again.")]
    Malformed,
    /// It was sealed with a key that is not here.
    #[error(
        "A stored secret was sealed with the key `{key_id}`, which is not among the secret keys of this server. Add \
         that key to CONCORD_SECRET_KEYS or the key file, or enter the secret again."
    )]
    UnknownKey {
        /// Id of the key.
        key_id: String,
    },
    /// The key is another one of the same id, the text was changed, or it belongs to another row.
    #[error(
        "A stored secret does not open with the key `{key_id}`: the key is not the one that sealed it, or the value was \
         changed or moved from another row. Start with the right key, or enter the secret again."
    )]
    Refused {
        /// Id of the key.
        key_id: String,
    },
}

/// A sealed value as text: `v1.<key id>.<nonce>.<ciphertext>`. Safe to store and to print.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sealed(pub String);

impl Sealed {
    /// Id of the key that sealed it.
    pub fn key_id(&self) -> Option<&str> {
        self.0.split('.').nth(1)
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Key {
    id: String,
    bytes: Zeroizing<[u8; KEY_LENGTH]>,
}

impl Key {
    /// A key for one purpose; knowing it tells nothing about the others.
    fn derived(&self, purpose: &str) -> Zeroizing<[u8; KEY_LENGTH]> {
        let mut derived = Zeroizing::new([0; KEY_LENGTH]);
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, self.bytes.as_slice())
            .expand(&[b"concord/", purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|material| material.fill(derived.as_mut_slice()))
            .expect("HKDF gives as many bytes as its hash has");
        derived
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.derived("seal")).into())
    }

    fn hmac_key(&self, label: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.derived(&format!("hmac/{label}")).as_slice())
    }
}

/// The secret keys of an installation. The first one seals, all of them open.
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<[Key]>,
    random: Arc<dyn Random>,
}

impl KeyRing {
    /// Reads `id:key,id2:key2`, or the same in lines; `#` begins a comment line. `origin` is what errors call the text.
    pub fn parse(text: &SecretString, origin: &str, random: Arc<dyn Random>) -> Result<Self, KeyError> {
        let mut keys: Vec<Key> = Vec::new();
        let entries = text
            .expose_secret()
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        for (index, entry) in entries.enumerate() {
            let key =
                parse_key(entry).ok_or_else(|| KeyError::Malformed { origin: origin.into(), position: index + 1 })?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(KeyError::Repeated { origin: origin.into(), id: key.id });
            }
            if let Some((_, secret)) = entry.split_once(':') {
                remember_for_good(&SecretString::from(secret.trim()));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(KeyError::Empty { origin: origin.into() });
        }
        Ok(Self { keys: keys.into(), random })
    }

    /// Where its unpredictable bytes come from.
    pub fn random(&self) -> Arc<dyn Random> {
        Arc::clone(&self.random)
    }

    /// Id of the key that seals.
    pub fn sealing_key_id(&self) -> &str {
        &self.sealing_key().id
    }

    /// Ids of all keys; the first one seals.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    /// Seals a value for one row. `associated` names the row (for example `provider_account/<id>/secret`): the same
    /// bytes are needed to open it, so that a value copied to another row does not open there.
    pub fn seal(&self, plaintext: &SecretString, associated: &[u8]) -> Sealed {
        remember(plaintext);
        let key = self.sealing_key();
        let mut nonce = [0; NONCE_LENGTH];
        self.random.fill(&mut nonce);
        let payload = Payload { msg: plaintext.expose_secret().as_bytes(), aad: &associated_data(&key.id, associated) };
        let ciphertext = key
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a secret is shorter than the 256 GiB that the cipher takes");
        let (nonce, ciphertext) = (URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(ciphertext));
        Sealed(format!("{VERSION}.{}.{nonce}.{ciphertext}", key.id))
    }

    /// Opens a value that was sealed for the same row.
    pub fn open(&self, sealed: &Sealed, associated: &[u8]) -> Result<SecretString, OpenError> {
        let parts: Vec<&str> = sealed.0.split('.').collect();
        let [VERSION, key_id, nonce, ciphertext] = parts[..] else { return Err(OpenError::Malformed) };
        let nonce: [u8; NONCE_LENGTH] = decode(nonce)?.try_into().map_err(|_| OpenError::Malformed)?;
        let ciphertext = decode(ciphertext)?;
        if !is_key_id(key_id) {
            return Err(OpenError::Malformed);
        }
        let key = self.key(key_id).ok_or_else(|| OpenError::UnknownKey { key_id: key_id.into() })?;
        let refused = || OpenError::Refused { key_id: key_id.into() };
        let payload = Payload { msg: &ciphertext, aad: &associated_data(key_id, associated) };
        let plaintext = key.cipher().decrypt(&XNonce::from(nonce), payload).map_err(|_| refused())?;
        let secret = String::from_utf8(plaintext).map(SecretString::from).map_err(|_| refused())?;
        remember(&secret);
        Ok(secret)
    }

    /// A code that only a holder of the keys can make, as `v1.<key id>.<code>`. `label` names the use, such as
    /// `audit`: codes of different labels are unrelated.
    pub fn hmac(&self, label: &str, bytes: &[u8]) -> String {
        let key = self.sealing_key();
        let tag = hmac::sign(&key.hmac_key(label), bytes);
        format!("{VERSION}.{}.{}", key.id, URL_SAFE_NO_PAD.encode(tag))
    }

    /// Whether `code` was made by `hmac` for the same label and bytes, also with a key that no longer seals. Takes the
    /// same time wherever the codes differ.
    pub fn verify_hmac(&self, label: &str, bytes: &[u8], code: &str) -> Result<bool, OpenError> {
        let parts: Vec<&str> = code.split('.').collect();
        let [VERSION, key_id, tag] = parts[..] else { return Err(OpenError::Malformed) };
        if !is_key_id(key_id) {
            return Err(OpenError::Malformed);
        }
        let key = self.key(key_id).ok_or_else(|| OpenError::UnknownKey { key_id: key_id.into() })?;
        Ok(hmac::verify(&key.hmac_key(label), bytes, &decode(tag)?).is_ok())
    }

    fn sealing_key(&self) -> &Key {
        self.keys.first().expect("a ring is never made without a key")
    }

    fn key(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
        write!(f, "KeyRing({})", ids.join(", "))
    }
}

fn is_key_id(text: &str) -> bool {
    (1..=LONGEST_KEY_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn parse_key(entry: &str) -> Option<Key> {
    let (id, key) = entry.split_once(':')?;
    let (id, key) = (id.trim(), key.trim());
    // People make keys with whatever tool is at hand, and tools disagree about the alphabet and the padding.
    let decoded = Zeroizing::new(STANDARD.decode(key).or_else(|_| URL_SAFE_NO_PAD.decode(key)).ok()?);
    let bytes: [u8; KEY_LENGTH] = decoded.as_slice().try_into().ok()?;
    is_key_id(id).then(|| Key { id: id.into(), bytes: Zeroizing::new(bytes) })
}

fn decode(text: &str) -> Result<Vec<u8>, OpenError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError::Malformed)
}

/// Binds version and key id beside the row. A key id has no zero byte, so two pairs never give the same bytes.
fn associated_data(key_id: &str, associated: &[u8]) -> Vec<u8> {
    [VERSION.as_bytes(), b"\0", key_id.as_bytes(), b"\0", associated].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{CountingRandom, SystemRandom};

    const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    fn read(text: &str) -> Result<KeyRing, KeyError> {
        KeyRing::parse(&SecretString::from(text), "CONCORD_SECRET_KEYS", Arc::new(CountingRandom::default()))
    }

    fn ring(text: &str) -> KeyRing {
        read(text).expect("the key of the test is well formed")
    }

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_row() {
        let ring = ring(OLD);
        for text in ["", "hunter2", "päss wörd\n{\"a\":1}", &"x".repeat(10_000)] {
            let sealed = ring.seal(&secret(text), b"account/1");
            assert_eq!(ring.open(&sealed, b"account/1").expect("it opens").expose_secret(), text);
            assert_eq!(sealed.key_id(), Some("old"));
        }
    }

    #[test]
    fn a_value_sealed_by_this_version_opens_for_ever() {
        let stored = Sealed("v1.old.AAAAAAAAAAEAAAAAAAAAAgAAAAAAAAAD.RTe1TFcKi34YNNMysTr1PSoQ8iPj8cY".into());
        assert_eq!(ring(OLD).seal(&secret("hunter2"), b"account/1"), stored);
        assert_eq!(ring(OLD).open(&stored, b"account/1").expect("it opens").expose_secret(), "hunter2");
    }

    #[test]
    fn equal_values_are_sealed_differently() {
        let ring =
            KeyRing::parse(&secret(OLD), "the test", Arc::new(SystemRandom)).expect("the key of the test is good");
        assert_ne!(ring.seal(&secret("hunter2"), b""), ring.seal(&secret("hunter2"), b""));
    }

    #[test]
    fn another_row_is_refused() {
        let sealed = ring(OLD).seal(&secret("hunter2"), b"account/1");
        let refused = ring(OLD).open(&sealed, b"account/2").expect_err("the row differs");
        assert_eq!(refused, OpenError::Refused { key_id: "old".into() });
    }

    #[test]
    fn a_wrong_key_gives_a_sentence() {
        let sealed = ring(OLD).seal(&secret("hunter2"), b"account/1");
        let unknown = ring(NEW).open(&sealed, b"account/1").expect_err("the key is not there");
        assert!(unknown.to_string().contains("`old`, which is not among the secret keys"), "{unknown}");
        let same_id = ring(&NEW.replace("new:", "old:"));
        let refused = same_id.open(&sealed, b"account/1").expect_err("the key is another one");
        assert!(refused.to_string().contains("does not open with the key `old`"), "{refused}");
    }

    #[test]
    fn a_changed_character_is_refused() {
        let ring = ring(OLD);
        let sealed = ring.seal(&secret("hunter2"), b"account/1").0;
        for (at, character) in sealed.char_indices() {
            let other = if character == 'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]);
            assert!(ring.open(&Sealed(changed.clone()), b"account/1").is_err(), "`{changed}` must not open");
        }
        for cut in 0..sealed.len() {
            assert!(ring.open(&Sealed(sealed[..cut].into()), b"account/1").is_err(), "{cut} characters must not open");
        }
        assert_eq!(ring.open(&Sealed("hunter2".into()), b"").err(), Some(OpenError::Malformed));
    }

    #[test]
    fn the_first_key_seals_and_every_key_opens() {
        let before = ring(OLD).seal(&secret("hunter2"), b"account/1");
        let code = ring(OLD).hmac("audit", b"row");
        let rotated = ring(&format!("{NEW},{OLD}"));
        assert_eq!(rotated.open(&before, b"account/1").expect("the old key is there").expose_secret(), "hunter2");
        assert_eq!(rotated.seal(&secret("hunter2"), b"account/1").key_id(), Some("new"));
        assert_eq!(rotated.sealing_key_id(), "new");
        assert_eq!(rotated.verify_hmac("audit", b"row", &code), Ok(true));
    }

    #[test]
    fn a_code_holds_for_its_label_and_bytes_alone() {
        let ring = ring(OLD);
        let code = ring.hmac("audit", b"row");
        assert_eq!(ring.verify_hmac("audit", b"row", &code), Ok(true));
        assert_eq!(ring.verify_hmac("audit", b"row2", &code), Ok(false));
        assert_eq!(ring.verify_hmac("download", b"row", &code), Ok(false));
        assert_eq!(ring.verify_hmac("audit", b"row", "v1.old.AAAA"), Ok(false));
        assert_eq!(ring.verify_hmac("audit", b"row", "nonsense"), Err(OpenError::Malformed));
        assert_eq!(
            ring.verify_hmac("audit", b"row", "v1.new.AAAA"),
            Err(OpenError::UnknownKey { key_id: "new".into() })
        );
    }

    #[test]
    fn keys_are_read_in_lines_and_with_other_alphabets() {
        let ring = ring(&format!("# made by hand\n{NEW}\n\n{OLD}\n url : {}\n", "_".repeat(42) + "8"));
        assert_eq!(format!("{ring:?}"), "KeyRing(new, old, url)");
    }

    #[test]
    fn a_bad_key_is_named_and_not_shown() {
        let short = "a:c2hvcnQ=";
        for (text, expected) in [
            ("", "No secret key was found in CONCORD_SECRET_KEYS."),
            ("# nothing", "No secret key was found in CONCORD_SECRET_KEYS."),
            (short, "Entry 1 of CONCORD_SECRET_KEYS is not a secret key."),
            (&format!("{OLD},{short}"), "Entry 2 of CONCORD_SECRET_KEYS is not a secret key."),
            (&OLD.replace("old", "o.l.d"), "Entry 1 of"),
            (&OLD.replace("old:", ""), "Entry 1 of"),
            (&format!("{OLD},{OLD}"), "The secret key id `old` occurs twice in CONCORD_SECRET_KEYS."),
        ] {
            let error = read(text).expect_err("it is not a list of keys");
            assert!(error.to_string().starts_with(expected), "{error}");
            assert!(!format!("{error} {error:?}").contains("c2hvcnQ"), "{error} must not show the key");
        }
    }
}
