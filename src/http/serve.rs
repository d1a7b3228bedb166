//! Runs the router on a listener, and stops it without cutting anybody off.

use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, warn};

/// How long the server waits for those at the other end.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For requests in flight to end, after the signal to stop.
    pub grace: Duration,
    /// For the whole head of a request: from the opening of a connection, or from the answer before.
    pub head: Duration,
}

impl Default for Patience {
    /// A head may take longer than the minute for which proxies keep an idle connection, so that it is the proxy that
    /// closes it and no request meets a closed one.
    fn default() -> Self {
        Self { grace: Duration::from_secs(20), head: Duration::from_secs(75) }
    }
}

/// How long to wait when no connection can be accepted, because the process has too many files open.
const BREATH: Duration = Duration::from_secs(1);

/// Serves until `shutdown` is cancelled, then lets requests in flight end. Give the same token to the endpoint, so
/// that its sockets and event streams end too.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    serve_with(listener, router, shutdown, Patience::default()).await
}

/// The same with another patience.
pub async fn serve_with(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    patience: Patience,
) -> io::Result<()> {
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                open.spawn(hold(stream, router.clone(), shutdown.clone(), patience.head));
            }
            // Whoever called has gone again.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                error!("no connection can be accepted: {error}");
                sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    open.close();
    // A client that never closes its connection must not keep the process alive.
    if timeout(patience.grace, open.wait()).await.is_err() {
        let grace = patience.grace;
        warn!("connections were still open {grace:?} after the signal to stop; they are cut");
    }
    Ok(())
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers on one connection until it is closed, or until the request in flight ends after the signal to stop.
async fn hold(stream: TcpStream, router: Router, shutdown: CancellationToken, head: Duration) {
    // Answers are small and written whole: they need not wait for more.
    if let Err(error) = stream.set_nodelay(true) {
        debug!("a connection cannot be told to send at once: {error}");
    }
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!("a connection ended: {error}");
    }
}

/// A token that is cancelled when the process is asked to stop: Ctrl-C, and SIGTERM where there is one.
pub fn shutdown_on_signal() -> io::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let asked = shutdown.clone();
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        asked.cancel();
    });
    Ok(shutdown)
}
