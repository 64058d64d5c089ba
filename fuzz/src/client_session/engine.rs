//! A TLS engine without cryptography: plain text in records of a type, a length and the bytes; from the server, bytes as
//! they are, with some that stand for what TLS does beside data.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use smtp_proto::tls::{TlsConnector, TlsEngine, TlsError, TlsInfo};

/// From the server: the handshake is done.
pub(super) const DONE: u8 = 0x16;
/// From the server: `close_notify`.
pub(super) const CLOSE: u8 = 0x15;
/// From the server: something that is no record.
pub(super) const BROKEN: u8 = 0x13;
/// From the server: a message that is answered with one of the same kind.
pub(super) const KEY_UPDATE: u8 = 0x17;

/// The type of records with plain text.
const DATA: u8 = 0x17;
/// The type of all others.
const OTHER: u8 = 0x16;

#[derive(Debug)]
pub(super) struct Connector {
    pub(super) verified: bool,
    pub(super) connects: bool,
    /// Set when a handshake begins.
    pub(super) begun: Arc<AtomicBool>,
}

impl TlsConnector for Connector {
    fn connect(&self, server: &str) -> Result<Box<dyn TlsEngine>, TlsError> {
        assert_eq!(server, "mx.example");
        if !self.connects {
            return Err(TlsError::InvalidServerName(server.into()));
        }
        self.begun.store(true, Ordering::Relaxed);
        let mut engine = Engine { verified: self.verified, ..Engine::default() };
        engine.push(OTHER, b"hello");
        Ok(Box::new(engine))
    }
}

/// Which bytes of the server are plain text, and what else they do.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) done: bool,
    pub(super) closed: bool,
    pub(super) broken: bool,
}

impl Reader {
    /// Takes one byte; the plain text that it is, if it is.
    pub(super) fn read(&mut self, byte: u8) -> Option<u8> {
        match byte {
            _ if self.closed || self.broken => {}
            DONE if !self.done => self.done = true,
            CLOSE if self.done => self.closed = true,
            KEY_UPDATE if self.done => {}
            BROKEN => self.broken = true,
            _ if !self.done => self.broken = true,
            byte => return Some(byte),
        }
        None
    }
}

#[derive(Default)]
struct Engine {
    verified: bool,
    reader: Reader,
    pending: Vec<u8>,
}

impl Engine {
    fn push(&mut self, kind: u8, content: &[u8]) {
        let length = u16::try_from(content.len()).expect("a record has at most 16 KiB");
        self.pending.push(kind);
        self.pending.extend_from_slice(&length.to_be_bytes());
        self.pending.extend_from_slice(content);
    }
}

impl TlsEngine for Engine {
    fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        for &byte in ciphertext {
            let done = self.reader.done;
            plain.extend(self.reader.read(byte));
            if self.reader.broken {
                self.push(OTHER, b"alert");
                return Err(TlsError::NotTls);
            }
            if byte == KEY_UPDATE && done || self.reader.done && !done {
                self.push(OTHER, b"");
            }
        }
        Ok(())
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        assert!(self.reader.done, "nothing is sent before the handshake is done");
        assert!(!plain.is_empty(), "an empty record");
        self.push(DATA, plain);
        Ok(())
    }

    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.pending);
    }

    fn is_handshaking(&self) -> bool {
        !self.reader.done
    }

    fn close(&mut self) {
        self.push(OTHER, b"close");
    }

    fn peer_has_closed(&self) -> bool {
        self.reader.closed
    }

    fn info(&self) -> Option<TlsInfo> {
        self.reader.done.then(|| TlsInfo::new("TLSv1.3", "none", self.verified))
    }

    fn export_keying_material(&self, out: &mut [u8], _: &[u8], _: Option<&[u8]>) -> Result<(), TlsError> {
        out.fill(7);
        Ok(())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

/// Takes whole records apart: the length of each on the wire, and its plain text.
pub(super) fn records(mut wire: &[u8]) -> Vec<(usize, &[u8])> {
    let mut records = Vec::new();
    while let [kind, high, low, rest @ ..] = wire {
        let (content, behind) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        records.push((3 + content.len(), if *kind == DATA { content } else { &[] }));
        wire = behind;
    }
    assert!(wire.is_empty(), "half a record");
    records
}
