//! Dates as headers have them (RFC 5322 section 3.3).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::fmt::rfc2822;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};

/// A moment with the offset of its time zone, in whole seconds.
///
/// ```
/// use smtp_message::Date;
/// use std::time::Duration;
///
/// let date = Date::from_unix(Duration::from_secs(1_781_522_645), 120)?;
/// assert_eq!(date.to_string(), "Mon, 15 Jun 2026 13:24:05 +0200");
/// assert_eq!(date.to_string().parse::<Date>()?, date);
/// # Ok::<(), smtp_message::DateError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Date(String);

/// A date that cannot be written, or text that is no date.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DateError {
    /// The year is after 9999, or the offset is a day or more.
    OutOfRange,
    /// The text is not a date by RFC 5322.
    Syntax,
}

impl Date {
    /// The moment `unix_time` after 1970-01-01 00:00 UTC, on clocks that are `offset` minutes ahead of UTC.
    ///
    /// # Errors
    /// [`DateError::OutOfRange`].
    pub fn from_unix(unix_time: Duration, offset: i16) -> Result<Self, DateError> {
        let zone = if offset == 0 {
            TimeZone::UTC
        } else {
            TimeZone::fixed(Offset::from_seconds(i32::from(offset) * 60).map_err(|_| DateError::OutOfRange)?)
        };
        i64::try_from(unix_time.as_secs())
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or(DateError::OutOfRange)
            .and_then(|timestamp| Self::write(&timestamp.to_zoned_datetime(zone)))
    }

    fn write(date: &ZonedDateTime) -> Result<Self, DateError> {
        rfc2822::to_string(date).map(Self).map_err(|_| DateError::OutOfRange)
    }

    /// As it stands in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Duration> for Date {
    type Error = DateError;

    /// The moment so long after 1970-01-01 00:00 UTC, in UTC.
    fn try_from(unix_time: Duration) -> Result<Self, DateError> {
        Self::from_unix(unix_time, 0)
    }
}

impl FromStr for Date {
    type Err = DateError;

    /// Reads a date of a header, obsolete forms too.
    fn from_str(text: &str) -> Result<Self, DateError> {
        rfc2822::parse(text).map_err(|_| DateError::Syntax).and_then(|date| Self::write(&date))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({})", self.0)
    }
}

impl fmt::Display for DateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfRange => "the date or its offset is out of range",
            Self::Syntax => "not a date as RFC 5322 has it",
        })
    }
}

impl std::error::Error for DateError {}

impl From<std::convert::Infallible> for DateError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_in_range_and_refused_out_of_it() {
        let date = |seconds, offset| Date::from_unix(Duration::from_secs(seconds), offset);
        assert_eq!(date(0, 0).unwrap().as_str(), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(date(951_827_696, -210).unwrap().as_str(), "Tue, 29 Feb 2000 09:04:56 -0330");
        for (seconds, offset) in [(u64::MAX, 0), (i64::MAX as u64, 0), (300_000_000_000, 0), (0, i16::MAX)] {
            assert_eq!(date(seconds, offset), Err(DateError::OutOfRange));
        }
        assert_eq!(
            "29 feb 00 09:04 EST".parse::<Date>().unwrap().as_str(),
            "Tue, 29 Feb 2000 09:04:00 -0500"
        );
        assert_eq!("x\r\nBcc: y".parse::<Date>(), Err(DateError::Syntax));
    }
}
