//! The server's end of a connection: lines in, bytes out, TLS in between if there is any.

use std::io::IoSlice;
use std::sync::Arc;

use smtp_proto::Instant;
use smtp_proto::tls::{TlsAcceptor, TlsEngine, TlsError};

use crate::{Progress, Transport};

/// More of a line is read and thrown away.
const MAX_LINE: usize = 64 << 10;
/// So much is said in one write of what has no end.
const BLOCK: usize = 16 << 10;

/// The connection is over.
#[derive(Debug)]
pub(super) struct Over;

pub(super) struct Link<T> {
    transport: T,
    engine: Option<Box<dyn TlsEngine>>,
    /// Plain text that was read and not looked at.
    input: Vec<u8>,
    rx: Vec<u8>,
}

impl<T: Transport> Link<T> {
    pub(super) fn new(transport: T) -> Self {
        Self { transport, engine: None, input: Vec::new(), rx: vec![0; 16 << 10] }
    }

    pub(super) fn is_secure(&self) -> bool {
        self.engine.is_some()
    }

    /// What was read and not looked at.
    pub(super) fn input(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    pub(super) async fn say(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let Some(engine) = &mut self.engine else { return self.write(bytes).await };
        let mut ciphertext = Vec::new();
        engine.send(bytes).map_err(|_| Over)?;
        engine.take_ciphertext(&mut ciphertext);
        self.write(&ciphertext).await
    }

    pub(super) async fn say_forever(&mut self, bytes: &[u8]) -> Over {
        let block = bytes.repeat(BLOCK / bytes.len().max(1) + 1);
        while self.say(&block).await.is_ok() {}
        Over
    }

    /// One more read, if there is not something already.
    pub(super) async fn more(&mut self) -> Result<(), Over> {
        while self.input.is_empty() {
            self.read(None).await?;
        }
        Ok(())
    }

    /// Reads for so long, and throws away what is too much.
    pub(super) async fn read_until(&mut self, now: impl Fn() -> Instant, at: Instant) -> Result<(), Over> {
        while now() < at {
            self.read(Some(at)).await?;
            self.input.truncate(MAX_LINE);
        }
        Ok(())
    }

    /// The next line without its end, and the bytes that it took; what is too long is cut.
    pub(super) async fn line(&mut self) -> Result<(Vec<u8>, u64), Over> {
        let (mut line, mut size) = (Vec::new(), 0);
        loop {
            self.more().await?;
            let end = self.input.iter().position(|&byte| byte == b'\n').map(|end| end + 1);
            let taken = end.unwrap_or(self.input.len());
            size += taken as u64;
            line.extend(self.input.drain(..taken));
            if end.is_some() {
                let len = line.strip_suffix(b"\r\n").or(line.strip_suffix(b"\n")).map_or(0, <[u8]>::len);
                line.truncate(len);
                return Ok((line, size));
            }
            line.truncate(MAX_LINE);
        }
    }

    /// Reads so many bytes and throws them away.
    pub(super) async fn skip(&mut self, mut bytes: u64) -> Result<(), Over> {
        while bytes > 0 {
            self.more().await?;
            let taken = usize::try_from(bytes).map_or(self.input.len(), |bytes| bytes.min(self.input.len()));
            self.input.drain(..taken);
            bytes -= taken as u64;
        }
        Ok(())
    }

    /// The handshake, as far as it needs the other side.
    pub(super) async fn handshake(
        &mut self,
        acceptor: &Arc<dyn TlsAcceptor>,
    ) -> Result<(), Option<TlsError>> {
        let mut engine = acceptor.accept().map_err(Some)?;
        // A client that is in a hurry may have begun already.
        let mut came = std::mem::take(&mut self.input);
        while engine.is_handshaking() {
            if came.is_empty() {
                let rx = &mut self.rx[..];
                let Ok(Progress::Read(n @ 1..)) = self.transport.exchange(rx, &[], None).await else {
                    return Err(None);
                };
                came.extend_from_slice(&self.rx[..n]);
            }
            let received = engine.receive(&came, &mut self.input);
            came.clear();
            let mut ciphertext = Vec::new();
            engine.take_ciphertext(&mut ciphertext);
            // What went wrong in the handshake is said rather than that nobody is there to be told.
            let written = self.write(&ciphertext).await;
            received.map_err(Some)?;
            written.map_err(|Over| None)?;
        }
        self.engine = Some(engine);
        Ok(())
    }

    /// `close_notify`, if there is TLS.
    pub(super) async fn end_tls(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            let mut ciphertext = Vec::new();
            engine.close();
            engine.take_ciphertext(&mut ciphertext);
            // Nobody may be there any more.
            let _ = self.write(&ciphertext).await;
        }
    }

    async fn read(&mut self, deadline: Option<Instant>) -> Result<(), Over> {
        let n = match self.transport.exchange(&mut self.rx, &[], deadline).await {
            Ok(Progress::Read(n @ 1..)) => n,
            Ok(Progress::TimedOut) => return Ok(()),
            _ => return Err(Over),
        };
        let Some(engine) = &mut self.engine else {
            self.input.extend_from_slice(&self.rx[..n]);
            return Ok(());
        };
        let received = engine.receive(&self.rx[..n], &mut self.input);
        let mut ciphertext = Vec::new();
        engine.take_ciphertext(&mut ciphertext);
        let closed = engine.peer_has_closed() && self.input.is_empty();
        if received.is_err() || closed {
            return Err(Over);
        }
        self.write(&ciphertext).await
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Over> {
        while !bytes.is_empty() {
            match self.transport.exchange(&mut [], &[IoSlice::new(bytes)], None).await {
                Ok(Progress::Wrote(n)) => bytes = &bytes[n..],
                _ => return Err(Over),
            }
        }
        Ok(())
    }
}
