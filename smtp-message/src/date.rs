//! Dates as headers have them (RFC 5322 section 3.3).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::fmt::rfc2822;

/// Minutes of a day: an offset has fewer.
const MINUTES: i32 = 24 * 60;
/// Seconds of a day.
const SECONDS: i64 = 86_400;
/// The first day of the year 1900, counted from 1970-01-01.
const FIRST: i64 = -25_567;
/// The last day of the year 9999.
const LAST: i64 = 2_932_896;

/// A moment with the offset of its time zone, in whole seconds, from the year 1900 to 9999.
///
/// ```
/// use smtp_message::Date;
/// use std::time::Duration;
///
/// let date = Date::from_unix(Duration::from_secs(1_781_522_645), 120)?;
/// assert_eq!(date.to_string(), "Mon, 15 Jun 2026 13:24:05 +0200");
/// assert_eq!(date.to_string().parse::<Date>()?, date);
/// assert_eq!((date.unix_seconds(), date.offset()), (1_781_522_645, Some(120)));
/// # Ok::<(), smtp_message::DateError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date {
    seconds: i64,
    /// In minutes.
    offset: Option<i16>,
}

/// A date that cannot be written, or text that is no date.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DateError {
    /// The year is before 1900 or after 9999, the offset is a day or more, or it is a leap second.
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
        let seconds = i64::try_from(unix_time.as_secs()).map_err(|_| DateError::OutOfRange)?;
        Self::new(seconds, Some(offset))
    }

    fn new(seconds: i64, offset: Option<i16>) -> Result<Self, DateError> {
        let date = Self { seconds, offset };
        let days = date.local().div_euclid(SECONDS);
        if i32::from(offset.unwrap_or(0)).abs() < MINUTES && (FIRST..=LAST).contains(&days) {
            Ok(date)
        } else {
            Err(DateError::OutOfRange)
        }
    }

    /// Seconds on the clock that the offset is of.
    fn local(self) -> i64 {
        self.seconds.saturating_add(i64::from(self.offset.unwrap_or(0)) * 60)
    }

    /// Octets of a date in a header; a day of one digit makes it one shorter.
    pub(crate) const LENGTH: usize = 31;

    /// Appends it as it stands in a header, such as `Mon, 15 Jun 2026 13:24:05 +0200`.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
        const MONTHS: [&[u8; 3]; 12] =
            [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
        let local = self.local();
        let day_number = local.div_euclid(SECONDS);
        let second = u32::try_from(local.rem_euclid(SECONDS)).unwrap_or_default();
        let (year, month, day) = civil(day_number);
        let weekday = usize::try_from(day_number.rem_euclid(7)).unwrap_or_default();
        let minutes = u32::from(self.offset.unwrap_or(0).unsigned_abs());
        let start = out.len();
        // Written where it stays, for what has just been written is slow to copy.
        out.extend_from_slice(b"Thu, 01 Jan 1970 00:00:00 +0000");
        let Some(text) = out.last_chunk_mut::<{ Self::LENGTH }>() else { return };
        let mut put = |at: usize, piece: &[u8]| text[at..at + piece.len()].copy_from_slice(piece);
        put(0, DAYS[weekday]);
        put(5, &digits(day));
        put(8, MONTHS[month % 12]);
        put(12, &digits(year / 100));
        put(14, &digits(year % 100));
        put(17, &digits(second / 3600));
        put(20, &digits(second / 60 % 60));
        put(23, &digits(second % 60));
        put(26, if self.offset.is_none_or(|offset| offset < 0) { b"-" } else { b"+" });
        put(27, &digits(minutes / 60));
        put(29, &digits(minutes % 60));
        if day < 10 {
            out.remove(start + 5);
        }
    }

    /// Seconds since 1970-01-01 00:00 UTC, negative before.
    pub fn unix_seconds(&self) -> i64 {
        self.seconds
    }

    /// How many minutes the clock is ahead of UTC; `None` if the date does not tell (`-0000`), and is in UTC.
    pub fn offset(&self) -> Option<i16> {
        self.offset
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
        let date = rfc2822::parse(text).map_err(|_| DateError::Syntax)?;
        let plain = without_comments(text);
        // It would be taken for the second before.
        if plain.split(':').nth(2).is_some_and(|seconds| seconds.trim_start().starts_with("60")) {
            return Err(DateError::OutOfRange);
        }
        let seconds = date.offset().seconds();
        if seconds % 60 != 0 {
            return Err(DateError::OutOfRange);
        }
        let offset = i16::try_from(seconds / 60).map_err(|_| DateError::OutOfRange)?;
        let known = offset != 0 || !says_no_zone(&plain);
        Self::new(date.timestamp().as_second(), known.then_some(offset))
    }
}

/// A number below 100 in two digits.
fn digits(number: u32) -> [u8; 2] {
    const DIGITS: [[u8; 2]; 100] = {
        let mut digits = [[0; 2]; 100];
        let mut number = 0;
        while number < 100 {
            digits[number as usize] = [b'0' + number / 10, b'0' + number % 10];
            number += 1;
        }
        digits
    };
    DIGITS.get(number as usize).copied().unwrap_or_default()
}

/// Year, month from 0 and day from 1 of a day, counted from 1970-01-01, in the Gregorian calendar: years begin in March
/// here, so that the day that not every year has is the last, and are counted from the year 0.
fn civil(day_number: i64) -> (u32, usize, u32) {
    let days = u32::try_from(day_number + 719_468).unwrap_or_default();
    let century = (4 * days + 3) / 146_097;
    let day = (4 * days + 3) % 146_097 / 4;
    let year = (4 * day + 3) / 1461;
    let day = (4 * day + 3) % 1461 / 4;
    let month = (5 * day + 2) / 153;
    let day = (5 * day + 2) % 153 / 5 + 1;
    let next = u32::from(month >= 10);
    (century * 100 + year + next, (month as usize + 2) % 12, day)
}

/// Whether the zone of a date whose offset is none says that nobody knows it: `-0000`, or a word that RFC 5322 section
/// 4.3 has taken for that.
fn says_no_zone(date: &str) -> bool {
    let zone = date.split_ascii_whitespace().last().unwrap_or_default();
    let utc = ["UT", "UTC", "GMT", "Z"].iter().any(|name| zone.eq_ignore_ascii_case(name));
    zone.ends_with("-0000") || (!utc && zone.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// What stands outside of comments (RFC 5322 section 3.2.2).
fn without_comments(text: &str) -> String {
    let (mut depth, mut escaped) = (0_usize, false);
    let mut outside = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    outside
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
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
        assert_eq!(date(0, 0).unwrap().to_string(), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(date(951_827_696, -210).unwrap().to_string(), "Tue, 29 Feb 2000 09:04:56 -0330");
        for (seconds, offset) in
            [(u64::MAX, 0), (i64::MAX as u64, 0), (300_000_000_000, 0), (0, i16::MAX), (0, 1440), (0, -1440)]
        {
            assert_eq!(date(seconds, offset), Err(DateError::OutOfRange));
        }
        assert_eq!(
            "29 feb 00 09:04 EST".parse::<Date>().unwrap().to_string(),
            "Tue, 29 Feb 2000 09:04:00 -0500"
        );
        assert_eq!("x\r\nBcc: y".parse::<Date>(), Err(DateError::Syntax));
        assert_eq!(date(0, 1439).unwrap().to_string(), "Thu, 1 Jan 1970 23:59:00 +2359");
        assert_eq!(date(86_400, -1439).unwrap().to_string(), "Thu, 1 Jan 1970 00:01:00 -2359");
        for text in [
            "31 Dec 1899 23:59:59 +0000",
            "1 Jan 0099 00:00:00 +0000",
            "1 Jan 2020 00:00:00 +2400",
            "31 Dec 2016 23:59:60 +0000",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_day_is_written_as_another_program_would() {
        for day in FIRST..=LAST {
            // A part of them is enough but for the first of each month.
            if day % 13 != 0 && civil(day).2 != 1 {
                continue;
            }
            let date = Date::new(day * 86_400 + day.rem_euclid(86_400), Some(0)).unwrap();
            let other = jiff::Timestamp::from_second(date.unix_seconds()).unwrap();
            let other = jiff::tz::Offset::UTC.to_datetime(other).strftime("%a, %-d %b %Y %H:%M:%S +0000");
            assert_eq!(date.to_string(), other.to_string());
        }
    }

    #[test]
    fn instant_offset_and_unknown_zone_are_kept() {
        for (text, seconds, offset, written) in [
            ("1 Jan 1970 00:00 -0000", 0, None, "Thu, 1 Jan 1970 00:00:00 -0000"),
            ("1 Jan 1970 00:00:00 -0000 (-1 (x))", 0, None, "Thu, 1 Jan 1970 00:00:00 -0000"),
            ("1 Jan 1970 00:00:00 +0000 (-0000)", 0, Some(0), "Thu, 1 Jan 1970 00:00:00 +0000"),
            ("1 Jan 1970 00:00:00 GMT", 0, Some(0), "Thu, 1 Jan 1970 00:00:00 +0000"),
            ("1 Jan 1970 00:00:00 PDT", 25_200, Some(-420), "Thu, 1 Jan 1970 00:00:00 -0700"),
            ("Mon, 1 Jan 1900 00:00:00 +0000", -2_208_988_800, Some(0), "Mon, 1 Jan 1900 00:00:00 +0000"),
            ("30 Dec 9999 12:00:00 +0000", 253_402_171_200, Some(0), "Thu, 30 Dec 9999 12:00:00 +0000"),
        ] {
            let date: Date = text.parse().unwrap();
            assert_eq!((date.unix_seconds(), date.offset()), (seconds, offset));
            assert_eq!(date.to_string(), written);
            assert_eq!(written.parse::<Date>(), Ok(date));
        }
    }
}
