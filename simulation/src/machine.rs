//! Client or session: the same methods.

use smtp_proto::client::{Client, Misuse, Next, TransactionId};
use smtp_proto::command::Query;
use smtp_proto::sasl::Exchange;
use smtp_proto::{Envelope, Extensions, Instant, Output, Secret, Session};

pub(crate) enum Machine {
    Client(Box<Client>),
    Session(Box<Session>),
}

/// Methods that take and give the same on both.
macro_rules! forward {
    ($($name:ident(&mut self $(, $arg:ident: $type:ty)*) $(-> $result:ty)?;)*) => {$(
        pub(crate) fn $name(&mut self $(, $arg: $type)*) $(-> $result)? {
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

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Client(client) => client.deadline(),
            Self::Session(session) => session.deadline(),
        }
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        match self {
            Self::Client(client) => client.extensions(),
            Self::Session(session) => session.extensions(),
        }
    }

    pub(crate) fn is_reusable(&self) -> bool {
        match self {
            Self::Client(client) => client.is_reusable(),
            Self::Session(session) => session.is_reusable(),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Client(client) => client.is_over(),
            Self::Session(session) => session.is_over(),
        }
    }

    /// What an exchange of AUTH is bound to.
    pub(crate) fn channel_binding(&self) -> Option<[u8; 32]> {
        match self {
            Self::Client(_) => None,
            Self::Session(session) => session.channel_binding(),
        }
    }

    /// What a log would show.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Client(client) => format!("{client:?}"),
            Self::Session(session) => format!("{session:?}"),
        }
    }
}
