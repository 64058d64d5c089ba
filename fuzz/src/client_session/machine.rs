//! Client or session: the same methods.

use std::fmt;

use smtp_proto::client::{Client, Error, Misuse, Next, TransactionId};
use smtp_proto::command::Query;
use smtp_proto::sasl::Exchange;
use smtp_proto::{Envelope, Extensions, Instant, Output, Secret, Session};

pub(super) enum Machine {
    Client(Box<Client>),
    Session(Box<Session>),
}

/// Methods that take and give the same on both.
macro_rules! forward {
    ($($name:ident(&mut self $(, $arg:ident: $type:ty)*) $(-> $result:ty)?;)*) => {$(
        pub(super) fn $name(&mut self $(, $arg: $type)*) $(-> $result)? {
            match self {
                Self::Client(client) => client.$name($($arg),*),
                Self::Session(session) => session.$name($($arg),*),
            }
        }
    )*};
}

impl Machine {
    forward! {
        send(&mut self, envelope: Envelope) -> Result<TransactionId, Misuse>;
        query(&mut self, query: Query) -> Result<(), Misuse>;
        cancel(&mut self, transaction: TransactionId);
        authenticate(&mut self, exchange: Exchange) -> Result<(), Misuse>;
        respond(&mut self, secret: &Secret) -> Result<(), Misuse>;
        abort_auth(&mut self) -> Result<(), Misuse>;
        quit(&mut self);
        handle_input(&mut self, now: Instant, bytes: &[u8]);
        handle_eof(&mut self, now: Instant);
        handle_timeout(&mut self, now: Instant);
        handle_written(&mut self, now: Instant, n: usize);
        poll(&mut self, now: Instant, out: &mut Output) -> Next;
        body(&mut self, now: Instant, chunk: &[u8], last: bool, out: &mut Output) -> Result<usize, Misuse>;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Client(client) => client.deadline(),
            Self::Session(session) => session.deadline(),
        }
    }

    pub(super) fn extensions(&self) -> &Extensions {
        match self {
            Self::Client(client) => client.extensions(),
            Self::Session(session) => session.extensions(),
        }
    }

    pub(super) fn is_reusable(&self) -> bool {
        match self {
            Self::Client(client) => client.is_reusable(),
            Self::Session(session) => session.is_reusable(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Client(client) => client.is_over(),
            Self::Session(session) => session.is_over(),
        }
    }

    /// Whether TLS is there as far as can be seen from outside.
    pub(super) fn has_tls(&self) -> bool {
        match self {
            Self::Client(_) => false,
            Self::Session(session) => {
                let exports = session.export_keying_material(&mut [0; 4], b"label", None).is_ok();
                session.tls_info().inspect(|_| assert!(exports)).is_some()
            }
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => client.fmt(f),
            Self::Session(session) => session.fmt(f),
        }
    }
}

/// How a connection ended, in a form that can be compared.
pub(super) type End = Result<(), Error>;
