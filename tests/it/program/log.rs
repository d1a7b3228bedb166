//! What a test's own thread logs.

use std::sync::Arc;

/// What is logged on this thread.
#[derive(Clone, Default)]
pub struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

/// Keeps a log until it is dropped.
pub struct Logging {
    _guard: tracing::subscriber::DefaultGuard,
    _second: tracing::Dispatch,
}

impl Log {
    /// Takes down what this thread logs. While there is one subscriber alone, the library asks the thread that comes first
    /// to a line whether anybody wants it, and other tests in the process have none; a second subscriber makes it ask all.
    pub fn take_down(&self) -> Logging {
        let second = tracing::Dispatch::new(self.subscriber());
        Logging { _guard: tracing::subscriber::set_default(self.subscriber()), _second: second }
    }

    /// What writes to it, all there is.
    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        let log = self.clone();
        let filter = tracing_subscriber::EnvFilter::new("concord=trace");
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(move || log.clone()).finish()
    }

    /// What was logged.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panics while logging")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics while logging").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
