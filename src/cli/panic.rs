//! What a panic says: it goes to the log like everything else, without secrets. The default is the plain text on standard
//! error, and a message may hold whatever the panicking code had in its hands.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use tracing::error;

use crate::secret::redact;

/// Reports every panic of this process from here on.
pub(super) fn report_without_secrets() {
    std::panic::set_hook(Box::new(|panic| {
        let sentence = sentence(panic);
        if tracing::dispatcher::has_been_set() {
            error!("{sentence}");
        } else {
            // Before there is a log.
            eprintln!("{sentence}");
        }
    }));
}

fn sentence(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current().name().unwrap_or("without a name").to_owned();
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let text = redact(panic.payload_as_str().unwrap_or("no message"));
    // Only where somebody asked for it with RUST_BACKTRACE.
    let trace = Backtrace::capture();
    let trace = match trace.status() {
        BacktraceStatus::Captured => format!("\n{trace}"),
        _ => String::new(),
    };
    format!("the thread `{thread}` panicked at {place}: {text}{trace}")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex, PoisonError};

    use secrecy::SecretString;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::secret::remember;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_panic_is_logged_without_the_secrets_in_its_message() {
        remember(&SecretString::from("planted without a name"));
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
        let before = std::panic::take_hook();
        tracing::subscriber::with_default(subscriber, || {
            report_without_secrets();
            let panicked = std::panic::catch_unwind(|| {
                panic!("cannot read {{\"client_secret\":\"planted-1\"}} of planted without a name");
            });
            assert!(panicked.is_err());
        });
        std::panic::set_hook(before);
        let said = String::from_utf8(lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("text");
        assert!(said.contains("ERROR") && said.contains("src/cli/panic.rs:"), "{said}");
        assert!(said.contains("cannot read {\"client_secret\":\"[redacted]\"} of [redacted]"), "{said}");
        assert!(!said.contains("planted"), "{said}");
    }
}
