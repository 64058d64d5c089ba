//! What the sessions came to.

use std::fmt;

use smtp_proto::client::{Error, Failure, Outcome};

/// Counts of many sessions, or of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Sessions that were run.
    pub sessions: u64,
    /// How they ended: delivered, refused, cut, cancelled.
    pub endings: [u64; 4],
    /// What became of recipients: delivered, rejected, deferred, ambiguous.
    pub recipients: [u64; 4],
    /// Sessions in which the client got as far as TLS, by the scripted engine or another, and by rustls.
    pub tls: [u64; 2],
    /// The most output that was waiting to be written, in bytes.
    pub most_output: usize,
    delivered: bool,
    cancelled: bool,
}

/// The names of [`Report::endings`].
pub const ENDINGS: [&str; 4] = ["delivered", "refused", "cut", "cancelled"];

impl Report {
    /// Adds up.
    pub fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        for (sum, more) in self.endings.iter_mut().zip(other.endings) {
            *sum += more;
        }
        for (sum, more) in self.recipients.iter_mut().zip(other.recipients) {
            *sum += more;
        }
        for (sum, more) in self.tls.iter_mut().zip(other.tls) {
            *sum += more;
        }
        self.most_output = self.most_output.max(other.most_output);
    }

    /// The ending that is under so many in a hundred, if one is.
    pub fn rare_ending(&self, percent: u64) -> Option<&'static str> {
        let is_rare = |count: u64| count * 100 < self.sessions * percent;
        ENDINGS.iter().zip(self.endings).find(|(_, count)| is_rare(*count)).map(|(name, _)| *name)
    }

    pub(crate) fn finished(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let kind = match outcome {
                Outcome::Delivered(_) => 0,
                Outcome::Rejected(_) => 1,
                Outcome::Deferred(_) => 2,
                Outcome::Ambiguous(_) => 3,
            };
            self.recipients[kind] += 1;
            self.delivered |= kind == 0;
            self.cancelled |= matches!(outcome.failure(), Some(Failure::Cancelled));
        }
    }

    pub(crate) fn resting(&mut self, output: usize) {
        self.most_output = self.most_output.max(output);
    }

    /// A caller that cancels comes first, then what breaks the connection, then any delivery.
    pub(crate) fn closed(&mut self, end: Option<&Result<(), Error>>) {
        let is_cut = match end {
            Some(Err(error)) => !matches!(error, Error::Refused { .. } | Error::StartTlsUnavailable { .. }),
            _ => false,
        };
        let ending = match (self.cancelled, is_cut, self.delivered) {
            (true, ..) => 3,
            (_, true, _) => 2,
            (_, _, true) => 0,
            _ => 1,
        };
        self.endings[ending] += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |count: u64, of: u64| 100.0 * count as f64 / of.max(1) as f64;
        writeln!(f, "{} sessions", self.sessions)?;
        for (name, count) in ENDINGS.iter().zip(self.endings) {
            writeln!(f, "    {name:<10}{count:>9}{:>7.1} %", percent(count, self.sessions))?;
        }
        let all = self.recipients.iter().sum();
        writeln!(f, "{all} recipients")?;
        for (name, count) in ["delivered", "rejected", "deferred", "ambiguous"].iter().zip(self.recipients) {
            writeln!(f, "    {name:<10}{count:>9}{:>7.1} %", percent(count, all))?;
        }
        writeln!(f, "TLS in {} sessions, by rustls in {} of them", self.tls[0], self.tls[1])?;
        write!(f, "at most {} bytes of output at once", self.most_output)
    }
}
