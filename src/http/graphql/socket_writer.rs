//! The sending half of a socket: a queue bounded in bytes, and one task that writes. Producers wait for room, so a
//! slow reader slows its own streams and costs no more memory; one that reads too slowly is told so and closed.

use std::sync::Arc;

use axum::Error;
use axum::extract::ws::{Message, Utf8Bytes};
use futures_util::{Sink, SinkExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout;

use super::socket_message::Close;
use crate::http::limits::SocketLimits;

/// Where operations and the reading half put their messages.
#[derive(Clone)]
pub(super) struct Outgoing {
    queue: mpsc::UnboundedSender<(Message, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
    capacity: u32,
}

/// The writing task found the socket closed; there is nobody to send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

impl Outgoing {
    /// Queues a text message, waiting for room.
    pub(super) async fn send(&self, text: String) -> Result<(), Gone> {
        self.queue(Message::Text(Utf8Bytes::from(text))).await
    }

    /// Queues a WebSocket ping.
    pub(super) async fn ping(&self) -> Result<(), Gone> {
        self.queue(Message::Ping(axum::body::Bytes::new())).await
    }

    async fn queue(&self, message: Message) -> Result<(), Gone> {
        // A message larger than the whole queue may go when the queue is empty. The constant is what an entry costs.
        let size = match &message {
            Message::Text(text) => text.len(),
            _ => 0,
        };
        let size = u32::try_from(size.saturating_add(64)).unwrap_or(u32::MAX).min(self.capacity);
        let room = Arc::clone(&self.room).acquire_many_owned(size).await.map_err(|_| Gone)?;
        // The queue itself has no bound, because the room bounds it.
        self.queue.send((message, room)).map_err(|_| Gone)
    }
}

/// The writing task's side of the queue.
pub(super) struct Writer {
    queue: mpsc::UnboundedReceiver<(Message, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
    close: watch::Receiver<Option<Close>>,
    limits: SocketLimits,
}

/// A queue with room for the bytes of `limits`; the watch tells the writer to stop and how.
pub(super) fn queue(limits: &SocketLimits, close: watch::Receiver<Option<Close>>) -> (Outgoing, Writer) {
    let capacity = u32::try_from(limits.outgoing_bytes).unwrap_or(u32::MAX).clamp(64, 1 << 29);
    let room = Arc::new(Semaphore::new(capacity as usize));
    let (sender, receiver) = mpsc::unbounded_channel();
    let outgoing = Outgoing { queue: sender, room: Arc::clone(&room), capacity };
    (outgoing, Writer { queue: receiver, room, close, limits: limits.clone() })
}

impl Writer {
    /// Writes until told to close, until the reader is too slow, or until the line breaks.
    pub(super) async fn run<S: Sink<Message, Error = Error> + Unpin>(mut self, mut sink: S) {
        let mut told_while_sending = self.close.clone();
        let close = loop {
            tokio::select! {
                biased;
                close = told(&mut self.close) => break close,
                Some((message, room)) = self.queue.recv() => {
                    let sent = tokio::select! {
                        sent = timeout(self.limits.stall_timeout, sink.send(message)) => sent,
                        close = told(&mut told_while_sending) => break close,
                    };
                    drop(room);
                    match sent {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => break None,
                        Err(_) => break Some(Close::slow_reader()),
                    }
                }
            }
        };
        // From here on producers learn that nobody listens, and what they queued is freed.
        self.room.close();
        drop(self.queue);
        if let Some(close) = close {
            let farewell = async {
                // What a stalled reader has not taken yet stands before the close frame.
                let _ = sink.send(Message::Close(Some(close.into_frame()))).await;
                // Also when the client closed first: its close frame is answered by the flush.
                sink.close().await
            };
            // A line that is already broken, or a reader that never reads again, is simply cut.
            let _ = timeout(self.limits.close_timeout, farewell).await;
        }
    }
}

/// Waits until the writer is told to close; none when nobody is left to tell it.
async fn told(close: &mut watch::Receiver<Option<Close>>) -> Option<Close> {
    close.wait_for(Option::is_some).await.ok()?.clone()
}
