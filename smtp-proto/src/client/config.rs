//! What a client is told once: its name, its limits, its patience.

use core::time::Duration;

use crate::address::Host;
use crate::reply::ReplyLimits;

/// The settings of one connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The name or address literal of this host for EHLO (RFC 5321 section 4.1.4).
    pub hello: Host,
    /// How long each wait may take.
    pub timeouts: Timeouts,
    /// How much of a reply is accepted.
    pub reply_limits: ReplyLimits,
    /// How many bytes of commands may be unanswered with PIPELINING.
    ///
    /// A peer that stops reading while it writes cannot fill more than this; 16 KiB by default.
    pub pipeline_limit: usize,
    /// Whether the next message begins, with PIPELINING, before the verdict on the one before has come; on by default.
    ///
    /// RFC 2920 section 3.1 allows it, and it halves the flights of many messages.  Some servers get it wrong.  Behind a
    /// message in chunks RSET comes first, because nothing says what a refused chunk leaves behind.
    pub pipeline_messages: bool,
    /// Whether and how content goes in chunks.
    pub chunking: Chunking,
    /// Whether the server speaks LMTP (RFC 2033); off by default.
    pub lmtp: bool,
    /// Whether HELO is tried when EHLO is refused and TLS does not need it; on by default.
    pub helo_fallback: bool,
    /// Whether AUTH is allowed on a connection without verified TLS; off by default.
    pub allow_insecure_auth: bool,
    /// Whether [`Event::Trace`](super::Event::Trace) tells of each line; off by default.
    pub trace: bool,
}

impl Config {
    /// The defaults, under the name `hello`.
    pub fn new(hello: Host) -> Self {
        Self {
            hello,
            timeouts: Timeouts::default(),
            reply_limits: ReplyLimits::default(),
            pipeline_limit: 16 << 10,
            pipeline_messages: true,
            chunking: Chunking::default(),
            lmtp: false,
            helo_fallback: true,
            allow_insecure_auth: false,
            trace: false,
        }
    }
}

/// Whether and how content goes in chunks (RFC 3030) to a server that offers CHUNKING; to others it goes by DATA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chunking {
    /// Never, for servers that offer it and fail; nor does [`BinaryMime`](crate::envelope::BodyType::BinaryMime) then.
    Never,
    /// For [`BinaryMime`](crate::envelope::BodyType::BinaryMime) only, which cannot go by DATA.
    #[default]
    IfNeeded,
    /// Always, and only when a recipient was accepted: no content goes out in vain, and none that a server could take
    /// for commands.
    Safe,
    /// Always, in the same flight as MAIL and RCPT.
    ///
    /// This spares a round trip.  RFC 3030 does not allow it in so many words; content goes out even if every recipient
    /// is refused, and a server that does not know BDAT after all would read it as commands.  With LMTP it is as
    /// [`Safe`](Self::Safe).
    Streamed,
}

/// When a plain-text client expects TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Never.
    None,
    /// After STARTTLS (RFC 3207), which the server must offer and accept.
    StartTls,
    /// After STARTTLS if the server offers and accepts it, else never (RFC 7435).  Whoever is on the way can see to it that
    /// it does not, so this is for relays that would deliver in plain text otherwise.
    Opportunistic,
    /// Before the greeting (RFC 8314 section 3).
    Implicit,
}

/// How long each wait may take, by default as RFC 5321 section 4.5.3.2 asks.
///
/// The time for a reply begins when its command is wholly written, or when that of the reply before it ends, and nothing
/// prolongs it after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The TLS handshake, either way; a minute.
    pub handshake: Duration,
    /// The greeting; 5 minutes.
    pub greeting: Duration,
    /// The replies to EHLO, HELO, STARTTLS, RSET; 5 minutes.
    pub command: Duration,
    /// Each step of AUTH; 3 minutes.
    pub auth: Duration,
    /// The reply to MAIL; 5 minutes.
    pub mail: Duration,
    /// The reply to RCPT; 5 minutes.
    pub rcpt: Duration,
    /// The reply to DATA; 2 minutes.
    pub data: Duration,
    /// Until the peer has taken what was handed out in one piece: commands or a block of content; 3 minutes.
    pub block: Duration,
    /// The reply to the end of the content; 10 minutes.
    pub message: Duration,
    /// The reply to QUIT; 10 seconds.
    pub quit: Duration,
    /// A transaction as a whole, from MAIL to its last reply; an hour, and the time that the content takes at
    /// [`minimum_rate`](Self::minimum_rate).
    pub transaction: Duration,
    /// Bytes of content that the peer must take per second in the long run; 1024.
    pub minimum_rate: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            handshake: MINUTE,
            greeting: MINUTE * 5,
            command: MINUTE * 5,
            auth: MINUTE * 3,
            mail: MINUTE * 5,
            rcpt: MINUTE * 5,
            data: MINUTE * 2,
            block: MINUTE * 3,
            message: MINUTE * 10,
            quit: Duration::from_secs(10),
            transaction: MINUTE * 60,
            minimum_rate: 1024,
        }
    }
}
