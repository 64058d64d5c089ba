//! What the sessions came to.

use std::fmt;

use smtp_proto::AuthMechanism;
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
    /// How often a mechanism brought the client in, in the order of [`AuthMechanism::ALL`].
    pub logins: [u64; AuthMechanism::ALL.len()],
    /// The most output that was waiting to be written, in bytes.
    pub most_output: usize,
    /// The most memory that a client held beside output, in bytes.
    pub most_memory: usize,
    delivered: bool,
    cancelled: bool,
}

/// The names of [`Report::endings`].
pub const ENDINGS: [&str; 4] = ["delivered", "refused", "cut", "cancelled"];

impl Report {
    /// Adds up.
    pub fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        let sums = self.endings.iter_mut().chain(&mut self.recipients).chain(&mut self.tls);
        let more = other.endings.iter().chain(&other.recipients).chain(&other.tls);
        for (sum, more) in sums.chain(&mut self.logins).zip(more.chain(&other.logins)) {
            *sum += more;
        }
        self.most_output = self.most_output.max(other.most_output);
        self.most_memory = self.most_memory.max(other.most_memory);
    }

    /// The ending that is under so many in a hundred, if one is.
    pub fn rare_ending(&self, percent: u64) -> Option<&'static str> {
        let is_rare = |count: u64| count * 100 < self.sessions * percent;
        ENDINGS.iter().zip(self.endings).find(|(_, count)| is_rare(*count)).map(|(name, _)| *name)
    }

    /// The mechanism by which nobody came in, if there is one.
    pub fn unused_mechanism(&self) -> Option<AuthMechanism> {
        AuthMechanism::ALL.into_iter().zip(self.logins).find(|(_, count)| *count == 0).map(|(it, _)| it)
    }

    pub(crate) fn logged_in(&mut self, mechanism: AuthMechanism) {
        let counts = AuthMechanism::ALL.iter().zip(&mut self.logins);
        counts.filter(|(it, _)| **it == mechanism).for_each(|(_, count)| *count += 1);
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

    pub(crate) fn resting(&mut self, output: usize, memory: usize) {
        self.most_output = self.most_output.max(output);
        self.most_memory = self.most_memory.max(memory);
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
        writeln!(f, "{} logins", self.logins.iter().sum::<u64>())?;
        for (mechanism, count) in AuthMechanism::ALL.iter().zip(self.logins) {
            writeln!(f, "    {:<19}{count:>9}", mechanism.name())?;
        }
        write!(
            f,
            "at most {} bytes of output at once, and {} of other memory",
            self.most_output, self.most_memory
        )
    }
}
