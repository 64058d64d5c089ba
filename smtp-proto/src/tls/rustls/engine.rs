//! One connection of rustls, either side, as a [`TlsEngine`].

use std::boxed::Box;
use std::fmt;
use std::format;
use std::io::BufRead;
use std::string::ToString;
use std::sync::Arc;
use std::vec::Vec;

use ::rustls::pki_types::ServerName;
use ::rustls::{Connection, HandshakeKind, ProtocolVersion};

use super::error;
use super::verifier::PolicyVerifier;
use crate::tls::{TlsEngine, TlsError, TlsInfo, Verification};

/// Where it is known from how the peer was verified.
pub(super) enum Audit {
    Fixed(Verification),
    /// It is asked once the handshake is complete: rustls does not pass on what its verifier has found, and does not ask
    /// it when a session is resumed.
    ByPolicy(Arc<PolicyVerifier>, ServerName<'static>),
}

/// One connection.
pub(super) struct Engine {
    connection: Connection,
    audit: Audit,
    /// The first byte that came: it tells other protocols from broken TLS.
    first: Option<u8>,
    peer_has_closed: bool,
}

impl Engine {
    pub(super) fn boxed(mut connection: Connection, audit: Audit) -> Box<dyn TlsEngine> {
        connection.set_buffer_limit(None);
        Box::new(Self { connection, audit, first: None, peer_has_closed: false })
    }

    /// Once the handshake is complete, how the peer was verified.
    fn judge(&mut self) -> Result<(), TlsError> {
        if let Audit::ByPolicy(verifier, name) = &self.audit
            && !self.connection.is_handshaking()
        {
            let chain = self.connection.peer_certificates().unwrap_or_default();
            let verification =
                verifier.judge(chain, name).map_err(|error| error::from_rustls(error, self.first))?;
            self.audit = Audit::Fixed(verification);
        }
        Ok(())
    }

    /// Moves what was decrypted so far to `plain`; also after an error, for it came before that.
    fn drain(&mut self, plain: &mut Vec<u8>) {
        let mut reader = self.connection.reader();
        while let Ok(bytes) = reader.fill_buf()
            && !bytes.is_empty()
        {
            let len = bytes.len();
            plain.extend_from_slice(bytes);
            reader.consume(len);
        }
    }
}

impl TlsEngine for Engine {
    fn receive(&mut self, mut ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        self.first = self.first.or(ciphertext.first().copied());
        // rustls takes as much as its buffer has room for; each round makes room again.
        while !ciphertext.is_empty() && !self.peer_has_closed {
            let taken = self
                .connection
                .read_tls(&mut ciphertext)
                .map_err(|e| TlsError::PeerMisbehaved { detail: e.to_string() })?;
            let state = self.connection.process_new_packets();
            // Nothing that came from a peer that is not accepted goes any further.
            self.judge()?;
            self.drain(plain);
            match state {
                Ok(state) => self.peer_has_closed |= state.peer_has_closed(),
                Err(e) => return Err(error::from_rustls(e, self.first)),
            }
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        std::io::Write::write_all(&mut self.connection.writer(), plain)
            .map_err(|e| TlsError::Configuration { detail: e.to_string() })
    }

    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        // Writing to a vector does not fail.
        while self.connection.wants_write() && self.connection.write_tls(out).is_ok_and(|n| n > 0) {}
    }

    fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    fn close(&mut self) {
        self.connection.send_close_notify();
    }

    fn peer_has_closed(&self) -> bool {
        self.peer_has_closed
    }

    fn info(&self) -> Option<TlsInfo> {
        if self.is_handshaking() {
            return None;
        }
        let Audit::Fixed(verification) = &self.audit else { return None };
        let version = match self.connection.protocol_version()? {
            ProtocolVersion::TLSv1_3 => "TLSv1.3".into(),
            ProtocolVersion::TLSv1_2 => "TLSv1.2".into(),
            other => format!("{other:?}"),
        };
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        let suite = suite.as_str().map_or_else(|| format!("{suite:?}"), ToString::to_string);
        let mut info = TlsInfo::new(version, suite, false);
        info.verification = verification.clone();
        info.resumed = self.connection.handshake_kind() == Some(HandshakeKind::Resumed);
        info.key_exchange = self.connection.negotiated_key_exchange_group().map(|group| {
            let name = group.name();
            name.as_str().map_or_else(|| format!("{name:?}"), ToString::to_string)
        });
        let chain = self.connection.peer_certificates().unwrap_or_default();
        info.peer_certificates = chain.iter().map(|certificate| certificate.to_vec()).collect();
        Some(info)
    }

    fn export_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), TlsError> {
        self.connection.export_keying_material(out, label, context).map(|_| ()).map_err(error::configuration)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("info", &self.info()).finish_non_exhaustive()
    }
}
