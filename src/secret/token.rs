//! API tokens: what a caller shows as `Authorization: Bearer concord_...`.
//!
//! A token is `concord_`, 43 characters that hold 256 random bits, and 6 characters of checksum. The prefix lets secret
//! scanners find a token that leaked, and the checksum lets them (and us) tell a token from a text that looks like one
//! without asking the database.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::random::Random;
use crate::digest::sha256;

/// Begins every token.
pub const TOKEN_PREFIX: &str = "concord_";
/// Characters that hold the 256 random bits.
const BODY_LENGTH: usize = 43;
/// Characters of checksum behind them.
const CHECKSUM_LENGTH: usize = 6;
/// Characters of the body that are shown to tell tokens apart; 208 unknown bits stay.
const SHOWN_LENGTH: usize = 8;

/// The text is not a token of ours, or was mistyped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token is not one of Concord's: it has to be `concord_` and 49 letters, digits, `-` or `_`, copied whole")]
pub struct NotAToken;

/// A token in the clear. It is shown once, when it is made; only its hash is stored.
pub struct ApiToken(SecretString);

impl ApiToken {
    /// Makes a new token.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bits = Zeroizing::new([0_u8; 32]);
        random.fill(bits.as_mut_slice());
        let body = Zeroizing::new(URL_SAFE_NO_PAD.encode(bits.as_slice()));
        let text = format!("{TOKEN_PREFIX}{}{}", body.as_str(), checksum(&body));
        Self(SecretString::from(text))
    }

    /// Reads a token and checks its checksum; whether it is still good is for the store to say.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let rest = text.strip_prefix(TOKEN_PREFIX).ok_or(NotAToken)?;
        let (body, sum) = rest.split_at_checked(BODY_LENGTH).ok_or(NotAToken)?;
        let is_whole = URL_SAFE_NO_PAD.decode(body).is_ok_and(|bits| bits.len() == 32);
        if is_whole && sum == checksum(body) { Ok(Self(SecretString::from(text))) } else { Err(NotAToken) }
    }

    /// The token itself, to be printed once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// SHA-256 of the token in hexadecimal: what is stored and looked up.
    ///
    /// A slow hash with a salt protects passwords, because people choose few of them. A token holds 256 random bits,
    /// which nobody can try out at any speed; a fast hash keeps each request cheap and lets an index find the row.
    pub fn hash(&self) -> String {
        sha256(self.expose().as_bytes())
    }

    /// The beginning of the token, by which people tell tokens apart.
    pub fn prefix(&self) -> &str {
        &self.expose()[..TOKEN_PREFIX.len() + SHOWN_LENGTH]
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiToken({}…)", self.prefix())
    }
}

fn checksum(body: &str) -> String {
    let digest = digest::digest(&digest::SHA256, format!("{TOKEN_PREFIX}{body}").as_bytes());
    let mut text = URL_SAFE_NO_PAD.encode(digest.as_ref());
    text.truncate(CHECKSUM_LENGTH);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{CountingRandom, SystemRandom};

    #[test]
    fn a_token_has_the_shape_that_scanners_look_for() {
        let token = ApiToken::generate(&CountingRandom::default());
        assert_eq!(token.expose(), "concord_AAAAAAAAAAEAAAAAAAAAAgAAAAAAAAADAAAAAAAAAAQwO9wvs");
        assert_eq!(token.prefix(), "concord_AAAAAAAA");
    }

    #[test]
    fn tokens_differ_and_read_back() {
        let (one, two) = (ApiToken::generate(&SystemRandom), ApiToken::generate(&SystemRandom));
        assert_ne!(one.expose(), two.expose());
        let read = ApiToken::parse(one.expose()).expect("what was made can be read");
        assert_eq!(read.hash(), one.hash());
        assert_ne!(one.hash(), two.hash());
        assert_eq!(one.hash().len(), 64);
    }

    #[test]
    fn a_text_that_is_no_token_is_refused() {
        let good = ApiToken::generate(&CountingRandom::default()).expose().to_owned();
        let mistyped = good.replacen('E', "F", 1);
        for text in
            ["", "concord_", "Concord_x", &good[1..], &good[..56], &mistyped, &format!("{good}="), "concord_ééééééé"]
        {
            assert_eq!(ApiToken::parse(text).err(), Some(NotAToken), "`{text}` must be refused");
        }
        for cut in 0..good.len() {
            assert!(ApiToken::parse(&good[..cut]).is_err(), "the first {cut} characters must be refused");
        }
    }

    #[test]
    fn debug_shows_the_prefix_alone() {
        let token = ApiToken::generate(&CountingRandom::default());
        assert_eq!(format!("{token:?}"), "ApiToken(concord_AAAAAAAA…)");
    }
}
