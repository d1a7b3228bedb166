//! Runs the router on a listener, and stops it without cutting anybody off.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Longest time that requests in flight are waited for after the signal to stop.
pub const GRACE: Duration = Duration::from_secs(20);

/// Serves until `shutdown` is cancelled, then lets requests in flight end. Give the same token to the endpoint, so
/// that its sockets and event streams end too.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    serve_with_grace(listener, router, shutdown, GRACE).await
}

/// The same with another patience.
pub async fn serve_with_grace(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    grace: Duration,
) -> io::Result<()> {
    let stopping = shutdown.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { stopping.cancelled().await });
    tokio::select! {
        served = serving => served,
        // A client that never closes its connection must not keep the process alive.
        () = async { shutdown.cancelled().await; tokio::time::sleep(grace).await } => {
            tracing::warn!("connections were still open {grace:?} after the signal to stop; they are cut");
            Ok(())
        }
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
