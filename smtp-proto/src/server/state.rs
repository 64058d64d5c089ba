//! Where a server is in its connection; what moves it on is in [`machine`](super::machine).

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::auth::AuthStep;
use super::body::{Census, Decoder};
use super::decision::{Decision, Refusal, Transaction};
use super::{Limits, ServerError};

/// What the client has said, all of it forgotten when TLS starts.
#[derive(Default)]
pub(super) struct Said {
    pub(super) hello: bool,
    pub(super) extended: bool,
    pub(super) authenticated: bool,
    pub(super) transaction: Option<Transaction>,
}

pub(super) enum State {
    Greeting,
    /// 220 to STARTTLS is on its way.
    StartTls,
    Handshake,
    Command,
    Auth(AuthStep),
    /// The embedder was asked.
    Deciding(Decision),
    Data(Data),
    Chunk(Chunk),
    /// The last reply is on its way.
    Closing(Result<(), ServerError>),
    Closed(Result<(), ServerError>),
}

/// The content behind DATA.
#[derive(Default)]
pub(super) struct Data {
    pub(super) decoder: Decoder,
    pub(super) census: Census,
    pub(super) size: u64,
    pub(super) block: Block,
}

impl Data {
    /// Reads on: what of the content is within `limit`, and where the input has its end, if it has.
    pub(super) fn read(&mut self, input: &[u8], limit: u64) -> (Vec<u8>, Option<usize>) {
        let mut content = Vec::with_capacity(input.len());
        let end = self.decoder.decode(input, &mut content);
        self.census.count(&content);
        let room = usize::try_from(limit.saturating_sub(self.size)).unwrap_or(usize::MAX);
        self.size = self.size.saturating_add(content.len() as u64);
        content.truncate(room);
        (content, end)
    }
}

/// The bytes behind a BDAT.
pub(super) struct Chunk {
    pub(super) size: u64,
    pub(super) left: u64,
    pub(super) last: bool,
    /// Why they are none of a message.
    pub(super) out_of_order: Option<Refusal>,
    pub(super) block: Block,
}

/// Bytes of content since the timer was started.
#[derive(Default)]
pub(super) struct Block(usize);

impl Block {
    /// The timer starts again after this much.
    const SIZE: usize = 16 << 10;

    /// Whether the timer is to start again.
    pub(super) fn count(&mut self, bytes: usize) -> bool {
        self.0 += bytes;
        let full = self.0 >= Self::SIZE;
        if full {
            self.0 = 0;
        }
        full
    }
}

impl State {
    /// How long the client may take for what it has to do next.
    pub(super) fn patience(&self, limits: &Limits) -> Option<Duration> {
        match self {
            Self::StartTls | Self::Handshake => Some(limits.handshake_timeout),
            Self::Greeting | Self::Command | Self::Auth(_) => Some(limits.command_timeout),
            Self::Data(_) | Self::Chunk(_) => Some(limits.data_timeout),
            Self::Closing(_) => Some(limits.close_timeout),
            Self::Deciding(_) | Self::Closed(_) => None,
        }
    }
}

impl fmt::Debug for State {
    /// Its name, for some of it is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "Greeting",
            Self::StartTls => "StartTls",
            Self::Handshake => "Handshake",
            Self::Command => "Command",
            Self::Auth(_) => "Auth",
            Self::Deciding(_) => "Deciding",
            Self::Data(_) => "Data",
            Self::Chunk(_) => "Chunk",
            Self::Closing(_) => "Closing",
            Self::Closed(_) => "Closed",
        })
    }
}
