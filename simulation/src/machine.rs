//! Client or session: the same methods, and a count of the memory that it holds.

use smtp_proto::client::{Client, Config, Misuse, Next, TlsMode, TransactionId};
use smtp_proto::command::Query;
use smtp_proto::sasl::Exchange;
use smtp_proto::{Envelope, Extensions, Instant, Output, Secret, Security, Session};

use crate::memory::Memory;

pub(crate) struct Machine {
    kind: Kind,
    memory: Memory,
}

enum Kind {
    Client(Box<Client>),
    Session(Box<Session>),
}

/// Calls the method of either.
macro_rules! either {
    ($machine:expr, $name:ident($($arg:expr),*)) => {
        match $machine {
            Kind::Client(client) => client.$name($($arg),*),
            Kind::Session(session) => session.$name($($arg),*),
        }
    };
}

/// Methods that take and give the same on both.
macro_rules! forward {
    ($($name:ident(&mut self $(, $arg:ident: $type:ty)*) $(-> $result:ty)?;)*) => {$(
        pub(crate) fn $name(&mut self $(, $arg: $type)*) $(-> $result)? {
            self.memory.count(|| either!(&mut self.kind, $name($($arg),*)))
        }
    )*};
}

impl Machine {
    pub(crate) fn client(config: &Config, mode: TlsMode, now: Instant) -> Self {
        let mut memory = Memory::default();
        let client = memory.count(|| Box::new(Client::new(config.clone(), mode, now)));
        Self { kind: Kind::Client(client), memory }
    }

    pub(crate) fn session(config: &Config, security: Security, now: Instant) -> Self {
        let mut memory = Memory::default();
        let session = memory.count(|| Box::new(Session::new(config.clone(), security, now)));
        Self { kind: Kind::Session(session), memory }
    }

    forward! {
        cancel(&mut self, transaction: TransactionId);
        respond(&mut self, secret: &Secret) -> Result<(), Misuse>;
        abort_auth(&mut self) -> Result<(), Misuse>;
        quit(&mut self);
        handle_input(&mut self, now: Instant, bytes: &[u8]);
        handle_eof(&mut self, now: Instant);
        handle_timeout(&mut self, now: Instant);
        handle_written(&mut self, now: Instant, n: usize);
    }

    // What it is given is made where it counts, and what it gives away is freed there.

    pub(crate) fn send(&mut self, envelope: &Envelope) -> Result<TransactionId, Misuse> {
        self.memory.count(|| either!(&mut self.kind, send(envelope.clone())))
    }

    pub(crate) fn query(&mut self, query: &Query) -> Result<(), Misuse> {
        self.memory.count(|| either!(&mut self.kind, query(query.clone())))
    }

    pub(crate) fn authenticate(&mut self, exchange: impl FnOnce() -> Exchange) -> Result<(), Misuse> {
        self.memory.count(|| either!(&mut self.kind, authenticate(exchange())))
    }

    pub(crate) fn poll(&mut self, now: Instant, out: &mut Output) -> Next {
        let next = self.puts_out(out, |kind, out| either!(kind, poll(now, out)));
        let given = match &next {
            Next::Event(event) => Next::Event(event.clone()),
            Next::Body(id) => Next::Body(*id),
            Next::Wait => Next::Wait,
            Next::Closed(end) => Next::Closed(end.clone()),
        };
        self.memory.count(|| drop(next));
        given
    }

    pub(crate) fn body(
        &mut self,
        now: Instant,
        chunk: &[u8],
        last: bool,
        out: &mut Output,
    ) -> Result<usize, Misuse> {
        self.puts_out(out, |kind, out| either!(kind, body(now, chunk, last, out)))
    }

    /// A call that may append to the output, which begins anew if it is written.
    fn puts_out<T>(&mut self, out: &mut Output, call: impl FnOnce(&mut Kind, &mut Output) -> T) -> T {
        if !out.is_empty() {
            return self.memory.count(|| call(&mut self.kind, out));
        }
        self.memory.count_output(|| *out = Output::new());
        self.memory.output_is_free();
        let kind = &mut self.kind;
        self.memory.count_output(|| call(kind, out))
    }

    /// The client's caller says that there is TLS; a session does that itself.
    pub(crate) fn tls_ready(&mut self, now: Instant, verified: bool) -> Option<Result<(), Misuse>> {
        let Kind::Client(client) = &mut self.kind else { return None };
        Some(self.memory.count(|| client.tls_ready(now, verified)))
    }

    /// The most memory that it has held beside output, in bytes.
    pub(crate) fn most_memory(&self) -> usize {
        self.memory.most()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        either!(&self.kind, deadline())
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        either!(&self.kind, extensions())
    }

    pub(crate) fn is_reusable(&self) -> bool {
        either!(&self.kind, is_reusable())
    }

    pub(crate) fn is_over(&self) -> bool {
        either!(&self.kind, is_over())
    }

    /// What an exchange of AUTH is bound to.
    pub(crate) fn channel_binding(&self) -> Option<[u8; 32]> {
        match &self.kind {
            Kind::Client(_) => None,
            Kind::Session(session) => session.channel_binding(),
        }
    }

    /// What a log would show.
    pub(crate) fn shown(&self) -> String {
        match &self.kind {
            Kind::Client(client) => format!("{client:?}"),
            Kind::Session(session) => format!("{session:?}"),
        }
    }
}
