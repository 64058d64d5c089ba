//! What the adapters to real sockets share: one non-blocking attempt at I/O, the epoch of their clocks, lookup errors.
//!
//! An adapter is a way to wait; everything that it does between two waits is here or in [`eyeballs`](crate::eyeballs).

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Progress;

/// As many slices as go into one vectored write: `IOV_MAX` of Linux, macOS and the BSDs.
pub const MAX_SLICES: usize = 1024;

/// Reads, then writes, without waiting; `None` if neither is possible now.
///
/// `stream` must be non-blocking.  This is [`Transport::exchange`](crate::Transport::exchange) without the wait, for
/// streams that have `Read` and `Write`; [`read`] and [`write()`] are its halves, for those that do not.
///
/// ```
/// use std::io::{Cursor, IoSlice};
/// use smtp_driver::{Progress, adapter};
///
/// let mut stream = Cursor::new(b"220 ready\r\n".to_vec());
/// let mut rx = [0; 64];
/// let did = adapter::attempt(&mut stream, &mut rx, &[IoSlice::new(b"EHLO x\r\n")]).unwrap();
/// assert_eq!(did, Some(Progress::Read(11)));
/// ```
///
/// # Errors
/// Reading failed, or there is nothing to do: `InvalidInput` if both `rx` and `tx` are empty.
pub fn attempt<S: Read + Write>(
    stream: &mut S,
    rx: &mut [u8],
    tx: &[IoSlice<'_>],
) -> io::Result<Option<Progress>> {
    check_not_idle(rx, tx)?;
    if let Some(progress) = read(rx, |rx| stream.read(rx))? {
        return Ok(Some(progress));
    }
    Ok(write(tx, |tx| stream.write_vectored(tx)))
}

/// One non-blocking read by `call`; `None` if it would block, or if `rx` is empty.
///
/// # Errors
/// Those of `call`, except that an interrupted call is made again.
pub fn read(
    rx: &mut [u8],
    mut call: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> io::Result<Option<Progress>> {
    if rx.is_empty() {
        return Ok(None);
    }
    loop {
        match call(rx) {
            Ok(n) => return Ok(Some(Progress::Read(n))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// One non-blocking vectored write by `call`; `None` if it would block, or if there is nothing in `tx`.
///
/// No error comes out of it: writing is over then, but what the peer said last may still be there to be read, and
/// that says more than the error.
pub fn write(
    tx: &[IoSlice<'_>],
    mut call: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
) -> Option<Progress> {
    let tx = next_slices(tx);
    if tx.is_empty() {
        return None;
    }
    loop {
        match call(tx) {
            Ok(0) => return Some(Progress::WriteClosed),
            Ok(n) => return Some(Progress::Wrote(n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Some(Progress::WriteClosed),
        }
    }
}

/// Fails if an exchange of these buffers could do nothing but wait.
///
/// # Errors
/// `InvalidInput` if both are empty.
pub fn check_not_idle(rx: &[u8], tx: &[IoSlice<'_>]) -> io::Result<()> {
    if rx.is_empty() && next_slices(tx).is_empty() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "an exchange of no bytes in either direction"));
    }
    Ok(())
}

/// The slices for one system call: at most [`MAX_SLICES`], from the first that is not empty, so that a write of 0 bytes
/// always means that writing is over.
pub fn next_slices<'a, 'b>(tx: &'a [IoSlice<'b>]) -> &'a [IoSlice<'b>] {
    let first = tx.iter().position(|slice| !slice.is_empty()).unwrap_or(tx.len());
    let tx = &tx[first..];
    &tx[..tx.len().min(MAX_SLICES)]
}

/// The epoch of the [`Instant`](smtp_proto::Instant)s of all real clocks in this process.
///
/// It lies a minute before the first call, because a test's paused clock stands where it was made, which may be earlier.
pub fn epoch() -> std::time::Instant {
    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    *EPOCH.get_or_init(|| {
        let now = std::time::Instant::now();
        now.checked_sub(Duration::from_secs(60)).unwrap_or(now)
    })
}

/// Time since 1970-01-01 00:00 UTC by the system's clock; zero if that is set to an earlier time.
pub fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The address that `host` is, if it is one rather than a name: then nobody has to be asked.
pub fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// What an unsuccessful lookup of `host` by the system's resolver becomes.
///
/// The standard library does not tell a name that does not exist from a resolver that does not answer, so both are
/// `NotFound`.  Whoever must know asks the DNS itself.
pub fn lookup_failed(host: &str, error: io::Error) -> io::Error {
    let kind = match error.kind() {
        kind @ (ErrorKind::InvalidInput | ErrorKind::TimedOut | ErrorKind::OutOfMemory) => kind,
        kind if error.raw_os_error().is_some() => kind,
        _ => ErrorKind::NotFound,
    };
    io::Error::new(kind, LookupError { host: host.to_owned(), source: Some(error) })
}

/// The error for a name that has no address.
pub fn no_address(host: &str) -> io::Error {
    io::Error::new(ErrorKind::NotFound, LookupError { host: host.to_owned(), source: None })
}

#[derive(Debug)]
struct LookupError {
    host: String,
    source: Option<io::Error>,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "looking up {:?}: {source}", self.host),
            None => write!(f, "looking up {:?}: no address", self.host),
        }
    }
}

impl std::error::Error for LookupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Its text is in this one's.
        self.source.as_ref().and_then(std::error::Error::source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(kind: ErrorKind) -> io::Error {
        io::Error::from(kind)
    }

    #[test]
    fn interrupted_calls_are_made_again() {
        let mut results = vec![Ok(3), Err(fail(ErrorKind::Interrupted))];
        assert_eq!(read(&mut [0; 8], |_| results.pop().unwrap()).unwrap(), Some(Progress::Read(3)));
        let mut results = vec![Ok(3), Err(fail(ErrorKind::Interrupted))];
        assert_eq!(write(&[IoSlice::new(b"abc")], |_| results.pop().unwrap()), Some(Progress::Wrote(3)));
    }

    #[test]
    fn no_write_error_hides_what_can_be_read() {
        for kind in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::TimedOut] {
            assert_eq!(write(&[IoSlice::new(b"abc")], |_| Err(fail(kind))), Some(Progress::WriteClosed));
        }
        assert_eq!(write(&[IoSlice::new(b"abc")], |_| Ok(0)), Some(Progress::WriteClosed));
        assert_eq!(write(&[IoSlice::new(b"abc")], |_| Err(fail(ErrorKind::WouldBlock))), None);
    }

    #[test]
    fn empty_buffers_are_no_end_of_file() {
        let mut stream = io::Cursor::new(Vec::new());
        assert_eq!(
            attempt(&mut stream, &mut [], &[IoSlice::new(b""), IoSlice::new(b"ab")]).unwrap(),
            Some(Progress::Wrote(2))
        );
        let idle = attempt(&mut stream, &mut [], &[IoSlice::new(b"")]);
        assert_eq!(idle.unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn slices_for_one_call_start_with_bytes() {
        let mut many = vec![IoSlice::new(b""); 2000];
        assert!(next_slices(&many).is_empty());
        many.extend([IoSlice::new(b"x"); 2000]);
        assert_eq!(next_slices(&many).len(), MAX_SLICES);
        assert_eq!(&*next_slices(&many)[0], b"x");
    }

    #[test]
    fn lookup_errors_name_the_host_and_keep_kinds() {
        let error = lookup_failed("mail.example", io::Error::other("no such name"));
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "looking up \"mail.example\": no such name");
        assert_eq!(lookup_failed("a\0b", fail(ErrorKind::InvalidInput)).kind(), ErrorKind::InvalidInput);
        assert_eq!(no_address("x").kind(), ErrorKind::NotFound);
    }

    #[test]
    fn literals_are_not_looked_up() {
        assert_eq!(literal("::1", 25), Some("[::1]:25".parse().unwrap()));
        assert_eq!(literal("127.0.0.1", 25), Some("127.0.0.1:25".parse().unwrap()));
        for name in ["localhost", "127.1", "", "[::1]", "0x7f.0.0.1"] {
            assert_eq!(literal(name, 25), None, "{name}");
        }
    }
}
