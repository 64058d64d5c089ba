//! What a session is like: all that is settled before it begins.

use std::time::Duration;

use smtp_proto::client::{Chunking, Config, Timeouts, TlsMode};
use smtp_proto::reply::ReplyLimits;
use smtp_proto::server::{Config as ServerConfig, FutureRelease};
use smtp_proto::{AuthMechanism, Domain, Extension};

use crate::choices::Choices;
use crate::engine::Script;
use crate::saboteur::{CHALLENGE, Fault, GARBAGE, Saboteur, TARGETS};

/// Where the session shall lead, more likely than not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Nobody does anything wrong.
    Good,
    /// The server refuses much.
    Strict,
    /// The server misbehaves.
    Sabotage,
    /// The network, or someone's patience, breaks.
    Cut,
    /// The caller changes its mind.
    Fickle,
}

/// What gets into the network's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Both directions break; what is on its way is lost, or not.
    Reset { lose: bool },
    /// The server's side ends, and it reads on.
    HalfClose,
    /// The client's writes fail; the server's still arrive.
    WritesFail,
    /// What is written is lost in silence.
    Silent { up: bool, down: bool },
    /// The server does not read for so many seconds.
    Stall(u32),
}

/// How much is moved at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pieces {
    Whole,
    Any,
    Small,
}

pub(crate) struct Plan {
    pub(crate) mood: Mood,
    /// A client without a session around it.
    pub(crate) bare: bool,
    pub(crate) mode: TlsMode,
    /// The server does.
    pub(crate) offers_tls: bool,
    pub(crate) script: Script,
    /// By rustls.
    pub(crate) real_tls: bool,
    pub(crate) config: Config,
    pub(crate) server: ServerConfig,
    /// Content is long, and nobody knows how long.
    pub(crate) bulk: bool,
    pub(crate) saboteur: Option<Saboteur>,
    pub(crate) latency: u32,
    pub(crate) pieces: Pieces,
    pub(crate) capacity: usize,
    /// After so many writes.
    pub(crate) cut: Option<(u32, Cut)>,
    /// The server decides positively so often in a hundred times.
    pub(crate) accepts: u32,
    /// Something takes very long so often in a thousand times.
    pub(crate) dawdles: u32,
}

impl Plan {
    pub(crate) fn new(choices: &mut Choices) -> Self {
        let mood = choices.pick(&[
            (30, Mood::Good),
            (18, Mood::Strict),
            (22, Mood::Sabotage),
            (12, Mood::Cut),
            (18, Mood::Fickle),
        ]);
        let mode = choices.pick(&[
            (40, TlsMode::None),
            (25, TlsMode::StartTls),
            (15, TlsMode::Implicit),
            (20, TlsMode::Opportunistic),
        ]);
        let bare = choices.chance(35);
        let script = Script {
            verified: !choices.chance(15),
            no_engine: !bare && choices.chance(1),
            alert: choices.chance(1),
            garbage_after: choices.chance(1).then(|| choices.below(8)),
            updates: choices.chance(5),
        };
        // It cannot be made to fail.
        let may_be_real = !bare && script == Script { verified: script.verified, ..Script::default() };
        let real_tls = cfg!(feature = "rustls") && may_be_real && choices.chance(2);
        let lmtp = choices.chance(12);
        let latency = choices.among(&[0, 1, 20, 400]);
        let offers_tls = mode == TlsMode::Implicit || !choices.chance(8);
        let mut server = server(choices, lmtp);
        server.require_tls = offers_tls && mode == TlsMode::StartTls && choices.chance(20);
        let mut config = config(choices, lmtp);
        let bulk = choices.chance(1);
        if bulk {
            config.chunking = choices.among(&[Chunking::Safe, Chunking::Streamed]);
            server.extensions.push(Extension::Chunking);
        }
        Self {
            mood,
            bare,
            mode,
            offers_tls,
            script,
            real_tls,
            config,
            bulk,
            saboteur: match mood {
                Mood::Sabotage => Some(saboteur(choices, bulk)),
                _ => None,
            },
            server,
            latency,
            pieces: choices.pick(&[(5, Pieces::Whole), (4, Pieces::Any), (1, Pieces::Small)]),
            capacity: choices.pick(&[(6, 64 << 10), (3, 4 << 10), (1, 200)]),
            cut: (mood == Mood::Cut && choices.chance(70)).then(|| (choices.below(45), cut(choices))),
            accepts: if mood == Mood::Strict {
                choices.among(&[20, 50, 80])
            } else {
                choices.among(&[97, 100])
            },
            dawdles: if mood == Mood::Cut { choices.among(&[0, 50]) } else { 0 },
        }
    }

    /// How long one waits: usually hardly at all.
    pub(crate) fn delay(&self, choices: &mut Choices) -> Duration {
        if self.dawdles > 0 && choices.below(1000) >= 1000 - self.dawdles {
            return Duration::from_secs(choices.below(2000).into());
        }
        match choices.pick(&[(8, 0), (2, 50), (1, 3000)]) {
            0 => Duration::ZERO,
            most => Duration::from_millis(choices.below(most).into()),
        }
    }
}

fn config(choices: &mut Choices, lmtp: bool) -> Config {
    let hello: Domain = "client.example".parse().expect("a domain");
    let mut config = Config::new(hello.into());
    // All different, so that none can be taken for another.
    let mut timeouts = Timeouts::default();
    let scale = choices.among(&[1, 3]);
    for (i, timeout) in [
        &mut timeouts.handshake,
        &mut timeouts.greeting,
        &mut timeouts.command,
        &mut timeouts.auth,
        &mut timeouts.mail,
        &mut timeouts.rcpt,
        &mut timeouts.data,
        &mut timeouts.block,
        &mut timeouts.message,
    ]
    .into_iter()
    .enumerate()
    {
        *timeout = Duration::from_secs(20 + 7 * i as u64) * scale;
    }
    timeouts.quit = Duration::from_secs(9);
    timeouts.transaction = Duration::from_secs(choices.among(&[3600, 200]));
    timeouts.minimum_rate = choices.among(&[1024, 10, 0]);
    config.timeouts = timeouts;
    if choices.chance(10) {
        config.reply_limits = ReplyLimits { line: 120, lines: 20, bytes: 1000 };
    }
    config.pipeline_limit = choices.pick(&[(6, 16 << 10), (2, 100), (1, 300), (1, 1)]);
    config.pipeline_messages = !choices.chance(20);
    config.chunking = choices.pick(&[
        (4, Chunking::IfNeeded),
        (1, Chunking::Never),
        (3, Chunking::Safe),
        (3, Chunking::Streamed),
    ]);
    config.lmtp = lmtp;
    config.helo_fallback = !choices.chance(30);
    config.allow_insecure_auth = choices.chance(30);
    config.trace = choices.chance(60);
    config
}

fn server(choices: &mut Choices, lmtp: bool) -> ServerConfig {
    let host: Domain = "mx.example".parse().expect("a domain");
    let mut server = ServerConfig::new(host);
    server.lmtp = lmtp;
    server.extensions.clear();
    for (extension, percent) in [
        (Extension::Pipelining, 75),
        (Extension::EightBitMime, 85),
        (Extension::SmtpUtf8, 70),
        (Extension::EnhancedStatusCodes, 60),
        (Extension::Chunking, 65),
        (Extension::BinaryMime, 80),
        (Extension::Dsn, 60),
        (Extension::MtPriority, 50),
        (Extension::DeliverBy, 50),
        (Extension::RequireTls, 60),
        (Extension::Limits, 25),
        (Extension::Size, 70),
        (Extension::XClient, 40),
    ] {
        if choices.chance(percent) {
            server.extensions.push(extension);
        }
    }
    server.auth = match choices.below(5) {
        0 => vec![AuthMechanism::Plain, AuthMechanism::Login],
        1 => vec![AuthMechanism::Login],
        2 => vec![AuthMechanism::Plain],
        3 => vec![],
        _ => AuthMechanism::ALL.to_vec(),
    };
    server.allow_auth_without_tls = choices.chance(50);
    server.allow_undeclared_content = true;
    if choices.chance(40) {
        server.future_release = FutureRelease::new(3600, "2027-01-01T00:00:00Z").ok();
    }
    if server.extensions.contains(&Extension::Limits) {
        server.limits.mails = choices.among(&[None, Some(1), Some(2)]);
        server.limits.recipients = choices.among(&[1000, 1, 2, 3]);
        server.limits.domains = choices.among(&[None, Some(1), Some(2)]);
    }
    server.limits.deliver_by = choices.among(&[None, Some(100)]);
    server.limits.size = choices.pick(&[(8, Some(64 << 20)), (1, None), (1, Some(3000))]);
    server
}

const CODES: &[u16] = &[
    250, 421, 550, 451, 421, 354, 503, 421, 354, 334, 220, 235, 503, 500, 502, 552, 452, 299, 454, 501, 504,
    505, 221, 554,
];

fn saboteur(choices: &mut Choices, bulk: bool) -> Saboteur {
    // What only long content brings about.
    let in_chunks = bulk && choices.chance(60);
    if choices.chance(6) {
        let from = choices.below(12);
        let fault = match choices.chance(40) {
            true => Fault::Garbage(CHALLENGE),
            false => Fault::Code(choices.among(CODES)),
        };
        return Saboteur::new(vec![], Some((from, fault)));
    }
    if in_chunks || choices.chance(35) {
        let target = if in_chunks { "bytes received" } else { choices.among(TARGETS) };
        return Saboteur::targeting(
            target,
            if choices.chance(20) { Fault::Code(354) } else { fault(choices) },
        );
    }
    let count = choices.pick(&[(6, 1), (3, 2), (1, 4)]);
    // The first ones matter in every session.
    let plan = (0..count).map(|_| (choices.below(14).min(choices.below(14)), fault(choices)));
    Saboteur::new(plan.collect(), None)
}

fn fault(choices: &mut Choices) -> Fault {
    match choices.pick(&[
        (10, 0),
        (2, 1),
        (2, 2),
        (2, 3),
        (2, 4),
        (2, 5),
        (2, 6),
        (4, 7),
        (1, 8),
        (1, 9),
        (1, 10),
        (1, 11),
    ]) {
        0 => Fault::Code(choices.among(CODES)),
        1 => Fault::Drop,
        2 => Fault::Double,
        3 => Fault::Lines(u16::try_from(choices.below(30)).unwrap_or(0)),
        4 => Fault::BareLf,
        5 => Fault::Before(choices.among(CODES)),
        6 => Fault::Behind(choices.among(CODES)),
        7 => Fault::Garbage(choices.among(GARBAGE)),
        8 => Fault::Endless,
        9 => Fault::Cut,
        10 => Fault::Silence,
        _ => Fault::Close,
    }
}

fn cut(choices: &mut Choices) -> Cut {
    match choices.below(7) {
        0 => Cut::Reset { lose: choices.chance(50) },
        1 => Cut::HalfClose,
        2 => Cut::WritesFail,
        3 => Cut::Silent { up: true, down: false },
        4 => Cut::Silent { up: false, down: true },
        5 => Cut::Silent { up: true, down: true },
        _ => Cut::Stall(choices.below(4000)),
    }
}
