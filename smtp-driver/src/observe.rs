//! What an observer is told: which connection, and what has happened to it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use smtp_proto::client::Event;

/// A connection of a mailer.  No two of one mailer have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) u64);

impl ConnectionId {
    /// Its number: 1 for the first.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What has happened to a connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Observed<'a> {
    /// It was made; TLS comes next, or the greeting.
    Connected {
        /// The server's address, if the transport knows it.
        peer: Option<SocketAddr>,
    },
    /// It was kept, and is used for another message.
    Reused,
    /// Something in its session.
    Event(&'a Event),
    /// It is closed, whoever has ended it.  Nothing comes after that.
    Closed,
}

/// Is told of all connections.
pub(crate) type Observer = dyn Fn(ConnectionId, Observed<'_>) + Send + Sync;

/// Tells of one connection; when it is dropped, the connection is closed.
pub(crate) struct Watch {
    id: ConnectionId,
    observer: Arc<Observer>,
}

impl Watch {
    pub(crate) fn new(id: ConnectionId, observer: Arc<Observer>, peer: Option<SocketAddr>) -> Self {
        observer(id, Observed::Connected { peer });
        Self { id, observer }
    }

    pub(crate) fn event(&self, event: &Event) {
        (self.observer)(self.id, Observed::Event(event));
    }

    pub(crate) fn reused(&self) {
        (self.observer)(self.id, Observed::Reused);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        (self.observer)(self.id, Observed::Closed);
    }
}
