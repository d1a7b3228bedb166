//! Where unpredictable bytes come from. Passed in like time and ids, so that a test can fix them.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SecureRandom;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// Makes bytes that nobody can guess.
pub trait Random: Send + Sync {
    /// Overwrites all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's random source.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Going on with bytes that can be guessed would be worse than stopping here.
        ring::rand::SystemRandom::new().fill(bytes).expect("the operating system has a random source");
    }
}

/// Bytes that count up, the same in every run: for tests alone.
#[derive(Debug, Default)]
pub struct CountingRandom(AtomicU64);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            part.copy_from_slice(&count.to_be_bytes()[8 - part.len()..]);
        }
    }
}

/// 256 random bits as 43 characters that can stand in an address or a header.
pub fn unguessable(random: &dyn Random) -> SecretString {
    let mut bits = Zeroizing::new([0_u8; 32]);
    random.fill(bits.as_mut_slice());
    SecretString::from(URL_SAFE_NO_PAD.encode(bits.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(random: &dyn Random) -> [u8; 33] {
        let mut bytes = [0; 33];
        random.fill(&mut bytes);
        bytes
    }

    #[test]
    fn the_system_never_answers_the_same_twice() {
        assert_ne!(bytes_of(&SystemRandom), bytes_of(&SystemRandom));
    }

    #[test]
    fn counting_is_the_same_in_every_run_and_moves_on() {
        let counting = CountingRandom::default();
        let first = bytes_of(&counting);
        assert_eq!(first, bytes_of(&CountingRandom::default()));
        assert_ne!(first, bytes_of(&counting));
    }
}
