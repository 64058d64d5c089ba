//! TLS engines: a scripted one for both sides, one that does nothing, and taps that see the plain text.
//!
//! The scripted engine has records and a handshake of one flight and a half, and hides what is in the records, so that
//! what crosses the network can be searched for secrets.  Nothing else of it is cryptography.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smtp_proto::tls::{TlsAcceptor, TlsConnector, TlsEngine, TlsError, TlsInfo};

use crate::memory::uncounted;
use crate::saboteur::Saboteur;

const HANDSHAKE: u8 = 0x16;
const DATA: u8 = 0x17;
const ALERT: u8 = 0x15;
const UPDATE: u8 = 0x18;
/// What hides the content of a record.
const MASK: u8 = 0xa5;

/// A value that both an engine and the simulation have in hand.
pub(crate) type Shared<T> = Arc<Mutex<T>>;

pub(crate) fn shared<T>(value: T) -> Shared<T> {
    Arc::new(Mutex::new(value))
}

pub(crate) fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What happens in a handshake and behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// Whether the client can say who the server is.
    pub(crate) verified: bool,
    /// There is no engine to be had.
    pub(crate) no_engine: bool,
    /// The server breaks the handshake off.
    pub(crate) alert: bool,
    /// The server sends something that is no record behind so many records of data.
    pub(crate) garbage_after: Option<u32>,
    /// The server asks for new keys behind each record of data.
    pub(crate) updates: bool,
}

/// What a tap has seen of the client's engine.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    /// There is an engine.
    pub(crate) begun: bool,
    /// The name that was asked for.
    pub(crate) server_name: String,
    /// Plain text that came in by the last call, and what else the call brought.
    pub(crate) received: Vec<u8>,
    pub(crate) error: Option<TlsError>,
    pub(crate) handshaking: bool,
    pub(crate) peer_closed: bool,
    /// Plain text that went out since it was last taken.
    pub(crate) sent: Vec<u8>,
    /// Bytes handed out, and written.
    pub(crate) produced: u64,
    written: u64,
    /// Plain text whose record is not handed out yet.
    pending: usize,
    /// Once so many bytes are written, so much more plain text is.
    marks: VecDeque<(u64, usize)>,
}

impl Tap {
    /// So many bytes were written; how much plain text is wholly written by that.
    pub(crate) fn write(&mut self, n: usize) -> usize {
        self.written += n as u64;
        let mut plain = 0;
        while let Some((position, len)) = self.marks.front()
            && *position <= self.written
        {
            plain += len;
            self.marks.pop_front();
        }
        plain
    }

    pub(crate) fn is_written(&self) -> bool {
        self.written == self.produced
    }
}

/// Makes engines for the client, and taps them.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) inner: Arc<dyn TlsConnector>,
    pub(crate) tap: Shared<Tap>,
}

impl TlsConnector for Connector {
    fn connect(&self, server: &str) -> Result<Box<dyn TlsEngine>, TlsError> {
        let inner = self.inner.connect(server)?;
        let mut tap = lock(&self.tap);
        tap.begun = true;
        uncounted(|| tap.server_name = server.into());
        tap.handshaking = inner.is_handshaking();
        drop(tap);
        Ok(Box::new(Tapped { inner, tap: self.tap.clone() }))
    }
}

/// What an engine around another one does not change.
macro_rules! as_the_inner_one {
    () => {
        fn is_handshaking(&self) -> bool {
            self.inner.is_handshaking()
        }

        fn close(&mut self) {
            self.inner.close();
        }

        fn peer_has_closed(&self) -> bool {
            self.inner.peer_has_closed()
        }

        fn info(&self) -> Option<TlsInfo> {
            self.inner.info()
        }

        fn export_keying_material(
            &self,
            out: &mut [u8],
            label: &[u8],
            context: Option<&[u8]>,
        ) -> Result<(), TlsError> {
            self.inner.export_keying_material(out, label, context)
        }
    };
}

#[derive(Debug)]
struct Tapped {
    inner: Box<dyn TlsEngine>,
    tap: Shared<Tap>,
}

impl TlsEngine for Tapped {
    fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        let before = plain.len();
        let result = self.inner.receive(ciphertext, plain);
        let mut tap = lock(&self.tap);
        uncounted(|| {
            tap.received.extend_from_slice(&plain[before..]);
            tap.error = result.clone().err();
        });
        tap.handshaking = self.inner.is_handshaking();
        tap.peer_closed = self.inner.peer_has_closed();
        result
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        let mut tap = lock(&self.tap);
        uncounted(|| tap.sent.extend_from_slice(plain));
        tap.pending += plain.len();
        self.inner.send(plain)
    }

    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        let before = out.len();
        self.inner.take_ciphertext(out);
        let mut tap = lock(&self.tap);
        tap.produced += (out.len() - before) as u64;
        if tap.pending > 0 {
            let mark = (tap.produced, std::mem::take(&mut tap.pending));
            uncounted(|| tap.marks.push_back(mark));
        }
    }

    as_the_inner_one!();
}

/// Makes engines for the server, through which the saboteur speaks.
#[derive(Debug)]
pub(crate) struct Acceptor {
    pub(crate) inner: Arc<dyn TlsAcceptor>,
    pub(crate) saboteur: Shared<Saboteur>,
}

impl TlsAcceptor for Acceptor {
    fn accept(&self) -> Result<Box<dyn TlsEngine>, TlsError> {
        lock(&self.saboteur).is_inside = true;
        Ok(Box::new(Sabotaged { inner: self.inner.accept()?, saboteur: self.saboteur.clone() }))
    }
}

#[derive(Debug)]
struct Sabotaged {
    inner: Box<dyn TlsEngine>,
    saboteur: Shared<Saboteur>,
}

impl TlsEngine for Sabotaged {
    fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        self.inner.receive(ciphertext, plain)
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        let mut changed = Vec::new();
        lock(&self.saboteur).pass(plain, &mut changed);
        if changed.is_empty() { Ok(()) } else { self.inner.send(&changed) }
    }

    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        self.inner.take_ciphertext(out);
    }

    as_the_inner_one!();
}

/// Makes scripted engines for either side.
#[derive(Debug)]
pub(crate) struct Scripts(pub(crate) Script);

impl TlsConnector for Scripts {
    fn connect(&self, server: &str) -> Result<Box<dyn TlsEngine>, TlsError> {
        if self.0.no_engine {
            return Err(TlsError::InvalidServerName(server.into()));
        }
        let mut engine = Scripted::new(self.0, Side::Client);
        engine.push(HANDSHAKE, b"hello");
        Ok(Box::new(engine))
    }
}

impl TlsAcceptor for Scripts {
    fn accept(&self) -> Result<Box<dyn TlsEngine>, TlsError> {
        Ok(Box::new(Scripted::new(self.0, Side::Server)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

struct Scripted {
    script: Script,
    side: Side,
    input: Vec<u8>,
    output: Vec<u8>,
    done: bool,
    closed: bool,
    peer_closed: bool,
    records: u32,
}

impl Scripted {
    fn new(script: Script, side: Side) -> Self {
        let (input, output) = (Vec::new(), Vec::new());
        Self { script, side, input, output, done: false, closed: false, peer_closed: false, records: 0 }
    }

    fn push(&mut self, kind: u8, content: &[u8]) {
        // A session seals at most 16 KiB at once, and replies are shorter.
        let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
        self.output.push(kind);
        self.output.extend_from_slice(&len.to_be_bytes());
        self.output.extend(content.iter().take(len.into()).map(|byte| byte ^ MASK));
    }

    fn on_record(&mut self, kind: u8, content: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        let is_server = self.side == Side::Server;
        match (kind, content) {
            _ if self.peer_closed => {}
            (HANDSHAKE, b"hello") if is_server && !self.done => {
                if self.script.alert {
                    self.push(ALERT, b"no");
                } else {
                    self.push(HANDSHAKE, b"welcome");
                }
            }
            (HANDSHAKE, b"welcome") if !is_server && !self.done => {
                self.done = true;
                self.push(HANDSHAKE, b"done");
            }
            (HANDSHAKE, b"done") if is_server => self.done = true,
            (ALERT, b"no") => {
                return Err(TlsError::PeerAlert { description: "HandshakeFailure".into() });
            }
            (ALERT, b"close") if self.done => self.peer_closed = true,
            (UPDATE, _) if self.done && !is_server => self.push(UPDATE, b""),
            (UPDATE, _) if self.done => {}
            (DATA, _) if self.done => plain.extend_from_slice(content),
            _ => {
                self.push(ALERT, b"no");
                return Err(TlsError::NotTls);
            }
        }
        Ok(())
    }
}

impl TlsEngine for Scripted {
    fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(ciphertext);
        let mut rest = &input[..];
        while let [kind, high, low, behind @ ..] = rest {
            if !(ALERT..=UPDATE).contains(kind) {
                self.push(ALERT, b"no");
                return Err(TlsError::NotTls);
            }
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            let Some((content, after)) = behind.split_at_checked(len) else { break };
            let content: Vec<u8> = content.iter().map(|byte| byte ^ MASK).collect();
            rest = after;
            self.on_record(*kind, &content, plain)?;
        }
        self.input = rest.to_vec();
        Ok(())
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        assert!(self.done && !self.closed && !plain.is_empty(), "data out of place");
        self.push(DATA, plain);
        self.records += 1;
        if self.side == Side::Server {
            if self.script.updates {
                self.push(UPDATE, b"");
            }
            if self.script.garbage_after == Some(self.records) {
                self.output.extend_from_slice(b"garbage");
            }
        }
        Ok(())
    }

    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        // Its memory goes too, for it counts as the session's.
        out.append(&mut std::mem::take(&mut self.output));
    }

    fn is_handshaking(&self) -> bool {
        !self.done
    }

    fn close(&mut self) {
        self.closed = true;
        if self.done {
            self.push(ALERT, b"close");
        }
    }

    fn peer_has_closed(&self) -> bool {
        self.peer_closed
    }

    fn info(&self) -> Option<TlsInfo> {
        self.done.then(|| TlsInfo::new("TLSv1.3", "none", self.script.verified))
    }

    fn export_keying_material(&self, out: &mut [u8], _: &[u8], _: Option<&[u8]>) -> Result<(), TlsError> {
        out.fill(7);
        Ok(())
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

/// TLS that is not there, for a client whose caller says when it is.
#[derive(Debug)]
pub(crate) struct Nothing;

impl TlsAcceptor for Nothing {
    fn accept(&self) -> Result<Box<dyn TlsEngine>, TlsError> {
        Ok(Box::new(Transparent(Vec::new())))
    }
}

struct Transparent(Vec<u8>);

impl TlsEngine for Transparent {
    fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        plain.extend_from_slice(ciphertext);
        Ok(())
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        self.0.extend_from_slice(plain);
        Ok(())
    }

    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.0);
    }

    fn is_handshaking(&self) -> bool {
        false
    }

    fn close(&mut self) {}

    fn peer_has_closed(&self) -> bool {
        false
    }

    fn info(&self) -> Option<TlsInfo> {
        Some(TlsInfo::new("none", "none", false))
    }

    fn export_keying_material(&self, _: &mut [u8], _: &[u8], _: Option<&[u8]>) -> Result<(), TlsError> {
        Err(TlsError::Configuration { detail: "there is no TLS".into() })
    }
}

impl fmt::Debug for Transparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transparent")
    }
}
