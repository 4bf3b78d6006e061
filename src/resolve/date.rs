//! Dates of changelogs.

/// Names of months, by their first three letters.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds since 1970 of a day's start in UTC; `None` for days that do not exist or are earlier.
pub(super) fn epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month).ok()?.checked_sub(1)?;
    if !(1970..=9999).contains(&year) || !(1..=*days.get(index)?).contains(&day) {
        return None;
    }
    let before = |year: u64| year * 365 + year / 4 - year / 100 + year / 400;
    let months: u64 = days[..index].iter().sum();
    Some((before(year - 1) - before(1969) + months + day - 1) * 86_400)
}

/// A date anywhere in a text: `2026-01-31`, `2026/01/31`, `January 31st, 2026`, `31 Jan 2026`.
pub(super) fn find(text: &str) -> Option<u64> {
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || "()[],–—".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().find_map(|word| iso(word)).or_else(|| words.windows(3).find_map(in_words))
}

fn iso(word: &str) -> Option<u64> {
    let word = word.split_once('T').map_or(word, |(day, _)| day);
    let parts: Vec<_> = word.split(['-', '/']).collect();
    match parts[..] {
        [year, month, day] if year.len() == 4 => {
            epoch(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        }
        _ => None,
    }
}

fn in_words(words: &[&str]) -> Option<u64> {
    let [a, b, year] = words else { return None };
    let day = |word: &str| word.trim_end_matches(|c: char| c.is_alphabetic() || c == '.').parse();
    let year = year.parse().ok()?;
    match (month(a), month(b)) {
        (Some(month), None) => epoch(year, month, day(b).ok()?),
        (None, Some(month)) => epoch(year, month, day(a).ok()?),
        _ => None,
    }
}

fn month(word: &str) -> Option<u64> {
    let start = word.get(..3)?.to_ascii_lowercase();
    let rest = word[3..].trim_end_matches('.');
    let at = MONTHS.iter().position(|month| *month == start)?;
    rest.chars().all(|c| c.is_ascii_alphabetic()).then_some(at as u64 + 1)
}

/// `Sat, 31 Jan 2026 12:00:00 +0100`: RFC 2822, as Debian's changelogs have it.
pub(crate) fn rfc2822(text: &str) -> Option<u64> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let words: Vec<_> = text.split_whitespace().collect();
    let [day, name, year, time, zone] = words[..] else { return None };
    let start = epoch(year.parse().ok()?, month(name)?, day.parse().ok()?)?;
    let mut clock = time.split(':').map(str::parse::<u64>);
    let (hours, minutes) = (clock.next()?.ok()?, clock.next()?.ok()?);
    let seconds = clock.next().unwrap_or(Ok(0)).ok()?;
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let local = start + hours * 3600 + minutes * 60 + seconds;
    let digits = zone.get(1..).filter(|digits| digits.len() == 4);
    let offset = digits.and_then(|digits| digits.parse::<u64>().ok()).unwrap_or(0);
    let offset = (offset / 100) * 3600 + (offset % 100) * 60;
    if zone.starts_with('-') { Some(local + offset) } else { local.checked_sub(offset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        assert_eq!(epoch(1970, 1, 1), Some(0));
        assert_eq!(epoch(2000, 3, 1), Some(951_868_800));
        assert_eq!(epoch(2026, 11, 21), Some(1_795_219_200));
        assert_eq!(epoch(2023, 2, 29), None);
        assert_eq!(epoch(2026, 13, 1), None);
        assert_eq!(epoch(1969, 1, 1), None);
    }

    #[test]
    fn dates_are_found_in_every_spelling() {
        let want = epoch(2026, 1, 31);
        for text in [
            "## [1.0] - 2026-01-31",
            "1.0 (2026/1/31)",
            "1.0 — January 31st, 2026",
            "1.0, 31 Jan. 2026",
            "2026-01-31T12:00:00Z",
        ] {
            assert_eq!(find(text), want, "{text}");
        }
        assert_eq!(find("1.0.0"), None);
        assert_eq!(find("May be 7 or 8 of them"), None);
    }

    #[test]
    fn a_debian_date_has_a_zone() {
        assert_eq!(rfc2822("Thu, 01 Jan 1970 01:00:00 +0100"), Some(0));
        assert_eq!(rfc2822("Thu, 01 Jan 1970 00:00:00 -0130"), Some(5400));
        assert_eq!(rfc2822("Thu, 01 Jan 1970 01:00:00 UTC"), Some(3600));
        assert_eq!(rfc2822("Thu, 01 Jan 1970 18446744073709551615:00:00 +0000"), None);
        assert_eq!(rfc2822("yesterday"), None);
    }
}
