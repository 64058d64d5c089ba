//! A TLS engine with the bookkeeping that both sides of a session need: which plain text is on its way, and how much of
//! it is wholly written once some ciphertext was.
//!
//! A reply to a command that is not wholly written is unsolicited, so the machines above must know when the last byte
//! of a command has left.  Under TLS the caller of a session counts ciphertext, in which records of data stand between
//! handshake messages and alerts, and the peer sees nothing of a record before it has all of it.  So the unit here is
//! the record: plain text is written when the ciphertext is that the engine made of it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use zeroize::Zeroize;

use super::{TlsEngine, TlsError, TlsInfo};
use crate::output::Output;

/// The most plain text in one record (RFC 8446 section 5.1).
const RECORD: usize = 16 << 10;

/// An engine, and where in its ciphertext the plain text ends that it was given.
#[derive(Debug)]
pub(crate) struct Channel {
    engine: Box<dyn TlsEngine>,
    /// Ciphertext bytes handed out, and written, since the beginning.
    produced: u64,
    written: u64,
    /// `(position, plain)`: once ciphertext up to `position` is written, `plain` more bytes of plain text are.
    marks: VecDeque<(u64, usize)>,
    /// Where small slices are put together, so that they do not become a record each.
    scratch: Vec<u8>,
}

impl Channel {
    pub(crate) fn new(engine: Box<dyn TlsEngine>) -> Self {
        Self { engine, produced: 0, written: 0, marks: VecDeque::new(), scratch: Vec::new() }
    }

    /// Takes ciphertext from the peer and appends what it held to `plain`.
    pub(crate) fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        self.engine.receive(ciphertext, plain)
    }

    /// Encrypts everything that `inner` has left to write, and appends the ciphertext to `out`.
    ///
    /// `inner` is not advanced: that is for the caller to do, and to tell the machine about when
    /// [`written`](Self::written) says so.
    pub(crate) fn seal(&mut self, inner: &Output, chunk: &[u8], out: &mut Output) -> Result<(), TlsError> {
        self.flush(out);
        let mut scratch = core::mem::take(&mut self.scratch);
        let result = self.seal_slices(inner, chunk, out, &mut scratch);
        if inner.is_secret() {
            scratch.zeroize();
        }
        scratch.clear();
        self.scratch = scratch;
        result
    }

    fn seal_slices(
        &mut self,
        inner: &Output,
        chunk: &[u8],
        out: &mut Output,
        scratch: &mut Vec<u8>,
    ) -> Result<(), TlsError> {
        // Grown once, because a reallocation would leave copies of credentials behind.
        scratch.reserve(inner.len().min(RECORD));
        for mut slice in inner.parts(chunk) {
            while !slice.is_empty() {
                if scratch.is_empty() && slice.len() >= RECORD {
                    let (record, rest) = slice.split_at(RECORD);
                    self.seal_record(record, out)?;
                    slice = rest;
                } else {
                    let (part, rest) = slice.split_at(slice.len().min(RECORD - scratch.len()));
                    scratch.extend_from_slice(part);
                    slice = rest;
                    if scratch.len() == RECORD {
                        self.seal_record(scratch, out)?;
                        scratch.clear();
                    }
                }
            }
        }
        if !scratch.is_empty() {
            self.seal_record(scratch, out)?;
        }
        Ok(())
    }

    fn seal_record(&mut self, plain: &[u8], out: &mut Output) -> Result<(), TlsError> {
        self.engine.send(plain)?;
        self.flush(out);
        self.marks.push_back((self.produced, plain.len()));
        Ok(())
    }

    /// Appends the ciphertext that the engine wants sent for reasons of its own: handshake, alerts, key updates.
    pub(crate) fn flush(&mut self, out: &mut Output) {
        let engine = &mut self.engine;
        let mut produced = 0;
        out.append_with(|bytes| {
            let before = bytes.len();
            engine.take_ciphertext(bytes);
            produced = bytes.len() - before;
        });
        self.produced += produced as u64;
    }

    /// `n` bytes of what was appended were written; returns how many bytes of plain text are wholly written by that.
    pub(crate) fn written(&mut self, n: usize) -> usize {
        self.written = self.written.saturating_add(n as u64).min(self.produced);
        let mut plain = 0;
        while let Some(&(position, len)) = self.marks.front()
            && position <= self.written
        {
            plain += len;
            self.marks.pop_front();
        }
        plain
    }

    /// Whether everything that was appended is written.
    pub(crate) fn is_written(&self) -> bool {
        self.written == self.produced
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.engine.is_handshaking()
    }

    pub(crate) fn info(&self) -> Option<TlsInfo> {
        self.engine.info()
    }

    /// Queues a `close_notify`; [`flush`](Self::flush) takes it out.
    pub(crate) fn close(&mut self) {
        self.engine.close();
    }

    pub(crate) fn peer_has_closed(&self) -> bool {
        self.engine.peer_has_closed()
    }

    /// What an exchange of SASL can be bound to: tls-exporter (RFC 9266), of TLS 1.3 only.
    pub(crate) fn binding(&self) -> Option<[u8; 32]> {
        let mut exporter = [0; 32];
        self.info().filter(|info| info.version == "TLSv1.3")?;
        self.export_keying_material(&mut exporter, b"EXPORTER-Channel-Binding", Some(b"")).ok()?;
        Some(exporter)
    }

    pub(crate) fn export_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), TlsError> {
        self.engine.export_keying_material(out, label, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Frames plain text as `[0x17, len_hi, len_lo, plain...]`; a handshake of one byte each way, `!` for an alert.
    #[derive(Debug, Default)]
    struct Scripted {
        pending: Vec<u8>,
        records: Vec<usize>,
        shaken: bool,
        closed: bool,
    }

    impl TlsEngine for Scripted {
        fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
            for &byte in ciphertext {
                match byte {
                    b'?' => self.pending.push(b'='),
                    b'H' => self.shaken = true,
                    b'!' => {
                        self.pending.push(b'!');
                        return Err(TlsError::NotTls);
                    }
                    b'C' => self.closed = true,
                    byte => plain.push(byte ^ 0x20),
                }
            }
            Ok(())
        }
        fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
            self.records.push(plain.len());
            self.pending.push(0x17);
            self.pending.extend_from_slice(&u16::try_from(plain.len()).unwrap().to_be_bytes());
            self.pending.extend_from_slice(plain);
            Ok(())
        }
        fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
            out.append(&mut self.pending);
        }
        fn is_handshaking(&self) -> bool {
            !self.shaken
        }
        fn close(&mut self) {
            self.pending.push(b'C');
        }
        fn peer_has_closed(&self) -> bool {
            self.closed
        }
        fn info(&self) -> Option<TlsInfo> {
            self.shaken.then(|| TlsInfo::new("TLSv1.3", "none", false))
        }
        fn export_keying_material(&self, out: &mut [u8], _: &[u8], _: Option<&[u8]>) -> Result<(), TlsError> {
            out.fill(7);
            Ok(())
        }
    }

    fn output(bytes: &[u8]) -> Output {
        let mut out = Output::new();
        out.append_with(|head| head.extend_from_slice(bytes));
        out
    }

    fn bytes(out: &Output) -> Vec<u8> {
        out.parts(&[]).flatten().copied().collect()
    }

    /// Handshake byte, "MAIL", key update in between, "RCPT" with a range of a chunk, alert.
    fn mixed() -> (Channel, Output) {
        let mut channel = Channel::new(Box::new(Scripted::default()));
        let mut out = Output::new();
        let mut plain = Vec::new();
        channel.receive(b"?", &mut plain).unwrap();
        channel.seal(&output(b"MAIL"), &[], &mut out).unwrap();
        channel.receive(b"?", &mut plain).unwrap();
        let mut inner = output(b"RCPT");
        inner.push_range(1..3);
        inner.append_with(|tail| tail.push(b'.'));
        channel.seal(&inner, b"abcd", &mut out).unwrap();
        channel.close();
        channel.flush(&mut out);
        (channel, out)
    }

    #[test]
    fn plain_text_counts_once_its_record_is_wholly_written() {
        let (_, out) = mixed();
        let wire = bytes(&out);
        assert_eq!(wire, b"=\x17\0\x04MAIL=\x17\0\x07RCPTbc.C");
        // What must have been counted after each byte of ciphertext: nothing, 4 after byte 8, 11 after byte 19.
        let expected = |n: usize| {
            if n >= 19 {
                11
            } else if n >= 8 {
                4
            } else {
                0
            }
        };
        for step in 1..=wire.len() {
            let (mut channel, _) = mixed();
            let (mut written, mut plain) = (0, 0);
            while written < wire.len() {
                let n = step.min(wire.len() - written);
                plain += channel.written(n);
                written += n;
                assert_eq!(plain, expected(written), "after {written} in steps of {step}");
            }
        }
    }

    #[test]
    fn more_may_be_sealed_while_something_is_half_written() {
        let mut channel = Channel::new(Box::new(Scripted::default()));
        let mut out = Output::new();
        channel.seal(&output(b"NOOP"), &[], &mut out).unwrap();
        assert_eq!(channel.written(6), 0);
        channel.seal(&output(b"QUIT\r\n"), &[], &mut out).unwrap();
        assert_eq!(channel.written(1), 4);
        assert_eq!(channel.written(usize::MAX), 6);
        assert_eq!(channel.written(100), 0, "more than there is");
        channel.seal(&output(b"x"), &[], &mut out).unwrap();
        assert_eq!(channel.written(3), 0);
        assert_eq!(channel.written(1), 1);
    }

    #[test]
    fn what_was_advanced_is_not_sealed_again() {
        let mut channel = Channel::new(Box::new(Scripted::default()));
        let mut inner = output(b"abcdef");
        inner.advance(4);
        let mut out = Output::new();
        channel.seal(&inner, &[], &mut out).unwrap();
        assert_eq!(bytes(&out), b"\x17\0\x02ef");
        assert_eq!(channel.written(5), 2);
        channel.seal(&Output::new(), &[], &mut out).unwrap();
        assert_eq!(out.len(), 5, "nothing makes no record");
    }

    #[test]
    fn records_are_full_however_the_plain_text_is_cut() {
        let chunk = vec![b'x'; 3 * RECORD];
        let mut inner = output(&[b'h'; 10]);
        let mut at = 0;
        for len in [1, 2, RECORD - 20, 30, RECORD, 7] {
            inner.push_range(at..at + len);
            at += len;
        }
        let total = 10 + at;
        let mut channel = Channel::new(Box::new(Scripted::default()));
        let mut out = Output::new();
        channel.seal(&inner, &chunk, &mut out).unwrap();
        assert_eq!(out.len(), total + 3 * total.div_ceil(RECORD));
        assert_eq!(channel.written(RECORD + 2), 0);
        assert_eq!(channel.written(1), RECORD);
        assert_eq!(channel.written(usize::MAX), total - RECORD);
    }

    #[test]
    fn the_alert_comes_out_after_an_error() {
        let mut channel = Channel::new(Box::new(Scripted::default()));
        let mut plain = Vec::new();
        assert_eq!(channel.receive(b"a!", &mut plain), Err(TlsError::NotTls));
        assert_eq!(plain, b"A", "what came before the error is kept");
        let mut out = Output::new();
        channel.flush(&mut out);
        assert_eq!(bytes(&out), b"!");
        assert_eq!(channel.written(1), 0);
    }

    #[test]
    fn the_rest_passes_through() {
        let mut channel = Channel::new(Box::new(Scripted::default()));
        assert!(channel.is_handshaking() && channel.info().is_none() && !channel.peer_has_closed());
        channel.receive(b"HC", &mut Vec::new()).unwrap();
        assert!(!channel.is_handshaking() && channel.info().is_some() && channel.peer_has_closed());
        let mut key = [0; 4];
        channel.export_keying_material(&mut key, b"label", None).unwrap();
        assert_eq!(key, [7; 4]);
    }
}
