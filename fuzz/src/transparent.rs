//! TLS without cryptography for the server machine: plain text as it is, and bytes of the client's that stand for what
//! TLS does beside data.

use std::fmt;

use smtp_proto::tls::{TlsAcceptor, TlsEngine, TlsError, TlsInfo};

/// From the client: the handshake is done.
pub(crate) const DONE: u8 = 0x16;
/// From the client: `close_notify`.
const CLOSE: u8 = 0x15;
/// From the client: something that is no record.
const BROKEN: u8 = 0x13;
/// What no plain text may have in it.
pub(crate) const ENDS: [u8; 2] = [CLOSE, BROKEN];

#[derive(Debug)]
pub(crate) struct Acceptor {
    pub(crate) accepts: bool,
}

impl TlsAcceptor for Acceptor {
    fn accept(&self) -> Result<Box<dyn TlsEngine>, TlsError> {
        match self.accepts {
            true => Ok(Box::new(Engine::default())),
            false => Err(TlsError::Configuration { detail: "no engine to be had".into() }),
        }
    }
}

#[derive(Default)]
struct Engine {
    done: bool,
    closed: bool,
    pending: Vec<u8>,
}

impl TlsEngine for Engine {
    fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        for &byte in ciphertext {
            match byte {
                _ if self.closed => {}
                BROKEN => return Err(TlsError::NotTls),
                DONE if !self.done => self.done = true,
                _ if !self.done => return Err(TlsError::NotTls),
                CLOSE => self.closed = true,
                byte => plain.push(byte),
            }
        }
        Ok(())
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        assert!(self.done, "nothing is sent before the handshake is done");
        assert!(!plain.is_empty(), "an empty record");
        self.pending.extend_from_slice(plain);
        Ok(())
    }

    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.pending);
    }

    fn is_handshaking(&self) -> bool {
        !self.done
    }

    fn close(&mut self) {}

    fn peer_has_closed(&self) -> bool {
        self.closed
    }

    fn info(&self) -> Option<TlsInfo> {
        self.done.then(|| TlsInfo::new("TLSv1.3", "none", false))
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
