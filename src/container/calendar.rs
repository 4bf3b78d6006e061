//! Dates, always UTC: as people read them, and as DOS and zip say them.

/// Earliest time, 1980-01-01 00:00:00 UTC, in seconds since 1970.
const FIRST: u64 = 315_532_800;

/// Latest time, 2107-12-31 23:59:58 UTC, in seconds since 1970.
const LAST: u64 = 4_354_819_198;

/// A time with a resolution of two seconds.
///
/// | bits  | time              | date             |
/// |------:|-------------------|------------------|
/// |  0-4  | seconds / 2       | day, from 1      |
/// |  5-10 | minutes           | month, from 1 (bits 5-8), year - 1980 (9-15) |
/// | 11-15 | hours             |                  |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DosTime {
    pub(crate) time: u16,
    pub(crate) date: u16,
}

impl DosTime {
    /// From seconds since 1970, moved to the nearest time that can be said.
    pub(crate) fn from_epoch(epoch: u64) -> Self {
        let epoch = epoch.clamp(FIRST, LAST);
        let epoch = i64::try_from(epoch).expect("clamped");
        let (day, second) = (epoch / 86_400, epoch % 86_400);
        let (year, month, day) = civil(day);
        let field = |value: i64| u16::try_from(value).expect("clamped to the years 1980 to 2107");
        Self {
            time: field((second / 3600) << 11 | (second / 60 % 60) << 5 | (second % 60 / 2)),
            date: field((year - 1980) << 9 | month << 5 | day),
        }
    }

    /// Seconds since 1970, taking the time for UTC; what is out of range rolls over.
    pub(crate) fn to_epoch(self) -> i64 {
        let (time, date) = (i64::from(self.time), i64::from(self.date));
        let (year, month, day) = (1980 + (date >> 9), date >> 5 & 15, date & 31);
        let seconds = (time >> 11) * 3600 + (time >> 5 & 63) * 60 + (time & 31) * 2;
        days(year, month, day) * 86_400 + seconds
    }
}

/// `2023-11-14 22:13:20`, or the number where a year has not four digits.
pub(crate) fn utc(epoch: i64) -> String {
    // 0000-01-01 and 10000-01-01.
    if !(-62_167_219_200..253_402_300_800).contains(&epoch) {
        return format!("@{epoch}");
    }
    let (year, month, day) = civil(epoch.div_euclid(86_400));
    let second = epoch.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// `Tue, 01 Jan 1980 00:00:00 +0000`.
pub(crate) fn rfc2822(epoch: u64) -> String {
    #[rustfmt::skip]
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    /// From the day of 1970-01-01 on.
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let utc = utc(i64::try_from(epoch).unwrap_or(i64::MAX));
    let (date, time) = utc.split_once(' ').unwrap_or(("1970-01-01", "00:00:00"));
    let mut parts = date.split('-');
    let mut next = || parts.next().unwrap_or_default();
    let (year, month, day) = (next(), next(), next());
    let month = month.parse().ok().and_then(|month: usize| MONTHS.get(month.checked_sub(1)?));
    let weekday = DAYS[usize::try_from(epoch / 86_400 % 7).expect("below seven")];
    format!("{weekday}, {day} {} {year} {time} +0000", month.copied().unwrap_or("Jan"))
}

/// Year, month and day of a day counted from 1970-01-01. Years begin in March here, so that the
/// leap day is the last one. Source: Howard Hinnant, "`chrono`-Compatible Low-Level Date Algorithms".
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    (era * 400 + year + i64::from(month >= 10), if month < 10 { month + 3 } else { month - 9 }, day)
}

/// The inverse of [`civil`], for years from 1970 on.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year / 400, year % 400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_and_clamped() {
        let date = |y: u16, m: u16, d: u16| (y - 1980) << 9 | m << 5 | d;
        let time = |h: u16, m: u16, s: u16| h << 11 | m << 5 | (s / 2);
        let of = DosTime::from_epoch;
        assert_eq!(of(0), DosTime { time: 0, date: date(1980, 1, 1) });
        assert_eq!(of(1_700_000_000), DosTime { time: time(22, 13, 20), date: date(2023, 11, 14) });
        assert_eq!(of(951_782_400), DosTime { time: 0, date: date(2000, 2, 29) });
        assert_eq!(of(u64::MAX), DosTime { time: time(23, 59, 58), date: date(2107, 12, 31) });
    }

    #[test]
    fn times_are_read_by_people() {
        assert_eq!(utc(0), "1970-01-01 00:00:00");
        assert_eq!(utc(1_700_000_000), "2023-11-14 22:13:20");
        assert_eq!(utc(-1), "1969-12-31 23:59:59");
        assert_eq!(utc(-62_167_219_200), "0000-01-01 00:00:00");
        assert_eq!(utc(i64::MAX), "@9223372036854775807");
    }

    #[test]
    fn dates_are_written_as_mail_does() {
        assert_eq!(rfc2822(315_532_800), "Tue, 01 Jan 1980 00:00:00 +0000");
        assert_eq!(rfc2822(951_827_696), "Tue, 29 Feb 2000 12:34:56 +0000");
        assert_eq!(rfc2822(4_107_542_399), "Sun, 28 Feb 2100 23:59:59 +0000");
    }

    #[test]
    fn a_time_comes_back() {
        for epoch in [FIRST, 951_782_400, 1_700_000_000, 1_709_164_798, LAST] {
            assert_eq!(DosTime::from_epoch(epoch).to_epoch(), i64::try_from(epoch).unwrap());
        }
    }
}
