//! Who sends a ready-made message and to whom, as its headers say (RFC 5322 sections 3.6.2, 3.6.3 and 3.6.6).
//!
//! If somebody has passed the message on, the fields of the last who did so decide: each puts a block of `Resent-` fields
//! on top of what is there.  Nothing marks where a block ends, so that the topmost of several is told by what blocks are:
//! no name is in one twice, each has a `Resent-From`, and none begins with its recipients.

use std::fmt;

use smtp_proto::Address;

use super::scan::Field;
use crate::message::unique;
use crate::steps;
use crate::{MailboxError, MailboxList};

/// Why the headers of a ready-made message do not say who sends it, or to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RawEnvelopeError {
    /// A field cannot be read.
    Mailbox {
        /// Its name.
        field: &'static str,
        /// Why.
        error: MailboxError,
    },
    /// The message was passed on more than once, and which `Resent-` fields are of the last time is not clear.
    AmbiguousResent,
}

/// The fields of a block; those that make no difference to the envelope are the last.
const NAMES: [&str; 7] = [
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
    "Resent-Date",
    "Resent-Message-ID",
];

/// A field of a block, by its place among the names and among the fields.
type Resent = (usize, usize);

/// Who sends the message, if that is one, and all recipients, each once.
pub(super) fn envelope(fields: &[Field<'_>]) -> Envelope {
    let Some(block) = last_block(fields) else {
        return (Err(RawEnvelopeError::AmbiguousResent), Err(RawEnvelopeError::AmbiguousResent));
    };
    if block.is_empty() {
        let read = |name| lists(name, fields.iter().filter(|field| field.is(name)));
        return (one(read("Sender"), || read("From")), all(["To", "Cc", "Bcc"].map(read)));
    }
    let read = |wanted: usize| {
        let named = block.iter().filter(|(name, _)| *name == wanted);
        lists(NAMES[wanted], named.filter_map(|&(_, place)| fields.get(place)))
    };
    (one(read(1), || read(0)), all([2, 3, 4].map(read)))
}

pub(super) type Envelope =
    (Result<Option<Address>, RawEnvelopeError>, Result<Vec<Address>, RawEnvelopeError>);

/// The lists in the fields of one name.
type Lists = Result<Vec<MailboxList>, RawEnvelopeError>;

fn one(sender: Lists, from: impl FnOnce() -> Lists) -> Result<Option<Address>, RawEnvelopeError> {
    let mut addresses = sender?;
    if addresses.is_empty() {
        addresses = from()?;
    }
    let mut addresses = unique(addresses.iter().flat_map(MailboxList::mailboxes));
    Ok(if addresses.len() == 1 { addresses.pop() } else { None })
}

fn all(fields: [Lists; 3]) -> Result<Vec<Address>, RawEnvelopeError> {
    let lists = fields.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(unique(lists.iter().flatten().flat_map(MailboxList::mailboxes)))
}

fn lists<'a>(field: &'static str, found: impl Iterator<Item = &'a Field<'a>>) -> Lists {
    let list = |found: &Field<'_>| MailboxList::from_header(&found.unfolded());
    found.map(list).collect::<Result<_, _>>().map_err(|error| RawEnvelopeError::Mailbox { field, error })
}

/// The fields of who passed the message on last; empty if nobody did, `None` if it is not clear which they are.
fn last_block(fields: &[Field<'_>]) -> Option<Vec<Resent>> {
    let named = |(place, field): (usize, &Field<'_>)| {
        let start = field.name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"Resent-"));
        NAMES.iter().position(|name| start && field.is(name)).map(|name| (name, place))
    };
    let mut resent: Vec<Resent> = fields.iter().enumerate().filter_map(named).collect();
    // There are programs that spread their fields, so that this is one block, whatever stands between them.
    if distinct(&resent) < resent.len() {
        let (begins, whole) = (|block: &[Resent]| !matches!(block[0].0, 2..5), has_recipient);
        let strict = ends(&resent, |block| begins(block) && whole(block));
        // Nobody but those who are not named may have got it; but then it may also be that a program puts recipients first.
        let (ends, others) = match strict.is_empty() {
            true => (ends(&resent, begins), ends(&resent, whole)),
            false => (strict, Vec::new()),
        };
        let apart = gap(&resent).filter(|gap| ends.contains(gap) && has_recipient(&resent[..*gap]));
        let (first, last) = (*ends.first()?, *ends.last()?);
        let (least, most) = others.iter().fold((first, last), |(a, b), &end| (a.min(end), b.max(end)));
        if apart.is_none() && resent[least..most].iter().any(|(name, _)| *name < 5) {
            return None;
        }
        resent.truncate(apart.unwrap_or(first));
    }
    Some(resent)
}

/// Where the first block may end so that all that follows is such blocks.
fn ends(resent: &[Resent], is_such: impl Fn(&[Resent]) -> bool) -> Vec<usize> {
    let block = |block: &[Resent]| block.iter().any(|(name, _)| *name == 0) && is_such(block);
    // Whether what begins at a place is nothing or blocks.
    let mut blocks = vec![false; resent.len() + 1];
    blocks[resent.len()] = true;
    let mut found = Vec::new();
    for start in (0..resent.len()).rev() {
        let longest = start + distinct(&resent[start..]);
        steps::add(longest - start);
        found = (start + 1..=longest).filter(|&end| blocks[end] && block(&resent[start..end])).collect();
        blocks[start] = !found.is_empty();
    }
    found
}

fn has_recipient(block: &[Resent]) -> bool {
    block.iter().any(|(name, _)| matches!(name, 2..5))
}

/// How many fields there are before one whose name has been there.
fn distinct(resent: &[Resent]) -> usize {
    let mut seen = [false; NAMES.len()];
    resent.iter().take_while(|(name, _)| !std::mem::replace(&mut seen[*name], true)).count()
}

/// Before which field another one stands that is of no block.
fn gap(resent: &[Resent]) -> Option<usize> {
    let pairs = resent.iter().zip(resent.iter().skip(1));
    pairs.enumerate().find(|(_, (a, b))| a.1 + 1 < b.1).map(|(before, _)| before + 1)
}

impl fmt::Display for RawEnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox { field, error } => write!(f, "{field}: {error}"),
            Self::AmbiguousResent => f.write_str("which Resent fields are the last is not clear"),
        }
    }
}

impl std::error::Error for RawEnvelopeError {}

#[cfg(test)]
mod tests {
    use super::super::scan::fields;
    use super::*;

    /// A field for each letter: `d`ate, `f`rom, `s`ender, `t`o, `c`c, `b`cc, `m`essage-ID, and `.` for any other.  Each
    /// address says which field it is of.
    fn read(letters: &str) -> Result<String, RawEnvelopeError> {
        let line = |(i, letter): (usize, char)| {
            let name = match letter {
                'd' => return format!("Resent-Date: x{i}\r\n"),
                'm' => return format!("RESENT-message-id: x{i}\r\n"),
                '.' => return "Received: x\r\n".into(),
                'f' => "From",
                's' => "Sender",
                't' => "To",
                'c' => "Cc",
                _ => "Bcc",
            };
            format!("Resent-{name}: {letter}{i}@x\r\n")
        };
        let head: String = letters.chars().enumerate().map(line).collect();
        let head = format!("{head}From: a@x\r\nSender: b@x\r\nTo: c@x\r\nBcc: d@x\r\n");
        let (sender, recipients) = envelope(&fields(head.as_bytes()).unwrap().0);
        let mut addresses = vec![sender?.map_or("-".into(), |sender| sender.to_string())];
        addresses.extend(recipients?.iter().map(ToString::to_string));
        Ok(addresses.join(" ").replace("@x", ""))
    }

    #[test]
    fn who_passed_it_on_last_decides() {
        for (letters, expected) in [
            ("", "b c d"),
            ("...", "b c d"),
            // One block, in any order, spread or not.
            ("dft", "f1 t2"),
            ("tfd", "f1 t0"),
            ("dfstcbm", "s2 t3 c4 b5"),
            (".m.f.s.d.", "s5"),
            ("b", "- b0"),
            // Several: of one program, of different ones, with other fields between them.
            ("dftdft", "f1 t2"),
            ("dftdfc", "f1 t2"),
            ("dftcmdfstb", "f1 t2 c3"),
            ("dfstdft", "s2 t3"),
            ("ftdmdft", "f0 t1"),
            ("dftftdm", "f1 t2"),
            ("dfb.dft", "f1 b2"),
            ("dftb..ftdm", "f1 t2 b3"),
            ("dft.sfdtc", "f1 t2"),
            ("st.fdm", "s0 t1"),
            // Nobody but those who are not named.
            ("dfdft", "f1"),
            ("dfmdft", "f1"),
            ("dftdf", "f1 t2"),
        ] {
            assert_eq!(read(letters).as_deref(), Ok(expected), "{letters}");
        }
    }

    #[test]
    fn what_is_not_clear_is_an_error() {
        for letters in [
            "fttd",    // no second block without an author
            "tt",      // nor without any
            "dftsdft", // whose the sender is
            "dfcfc.cf", "dfstdf", "ddf",    //
            "dftcdf", // whose the copy is
        ] {
            assert_eq!(read(letters), Err(RawEnvelopeError::AmbiguousResent), "{letters}");
        }
        let (sender, recipients) = envelope(&fields(b"Resent-From: x\r\nResent-To: y@x\r\n").unwrap().0);
        assert!(recipients.is_ok());
        assert_eq!(
            sender.unwrap_err().to_string(),
            "Resent-From: ".to_owned() + &"x".parse::<crate::Mailbox>().unwrap_err().to_string()
        );
    }

    #[test]
    fn case_m11_many_blocks_take_linear_time() {
        for piece in ["Resent-From: a@x\r\nResent-To: b@x\r\n", "Resent-To: b@x\r\n", "A: b\r\n"] {
            steps::assert_linear(piece, |text| {
                let fields = fields(text.as_bytes()).unwrap().0;
                drop(envelope(&fields));
            });
        }
    }
}
