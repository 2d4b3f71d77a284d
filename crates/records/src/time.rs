//! Times as logs write them, in seconds since 1970 UTC. Where a log names no zone, UTC is taken.

use jiff::civil::date;

/// `26/Nov/2026:07:00:35 +0000`, `26/Nov/2026:07:00:35.123` (HAProxy).
pub(crate) fn common(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text.get(..20)?).ok().zip(std::str::from_utf8(text).ok());
    let (head, whole) = text?;
    let day = head.get(..2)?.parse().ok()?;
    let month = month(head.get(3..6)?)?;
    let year = head.get(7..11)?.parse().ok()?;
    let (hour, minute, second) = clock(head.get(12..20)?)?;
    let local = seconds(year, month, day, hour, minute, second)?;
    Some(local - zone(whole.get(20..).unwrap_or_default().trim_start()).unwrap_or(0))
}

/// `2026/11/26 07:00:35` (nginx error log).
pub(crate) fn nginx_error(text: &str) -> Option<i64> {
    let head = text.get(..19)?;
    let (hour, minute, second) = clock(head.get(11..)?)?;
    seconds(
        head.get(..4)?.parse().ok()?,
        head.get(5..7)?.parse().ok()?,
        head.get(8..10)?.parse().ok()?,
        hour,
        minute,
        second,
    )
}

/// `Thu Nov 26 07:00:35.123456 2026` (Apache error log).
pub(crate) fn apache_error(text: &str) -> Option<i64> {
    let mut words = text.split_ascii_whitespace().skip(1);
    let month = month(words.next()?)?;
    let day = words.next()?.parse().ok()?;
    let (hour, minute, second) = clock(words.next()?.get(..8)?)?;
    seconds(words.next()?.parse().ok()?, month, day, hour, minute, second)
}

/// Any of these, RFC 3339, `2026-11-26 07:00:35`, or seconds since 1970: for `--since` and JSON logs.
#[must_use]
pub fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_second());
    }
    if let Ok(number) = text.parse::<f64>() {
        return number_of_seconds(number);
    }
    common(text.as_bytes())
        .or_else(|| nginx_error(&text.replace('-', "/").replace('T', " ")))
        .or_else(|| apache_error(text))
        .or_else(|| {
            let day = text.replace('/', "-");
            let head = day.get(..10).filter(|_| day.len() == 10)?;
            nginx_error(&format!("{head} 00:00:00"))
        })
}

/// A number in a JSON log: seconds, or milliseconds.
pub(crate) fn number_of_seconds(number: f64) -> Option<i64> {
    if !number.is_finite() || number < 1e8 {
        return None;
    }
    let seconds = if number > 1e11 { number / 1000.0 } else { number };
    #[allow(clippy::cast_possible_truncation, reason = "bounded by the comparison")]
    (seconds < 1e11).then_some(seconds as i64)
}

/// Microseconds since 1970 of an RFC 3339 time, for HAR.
pub(crate) fn micros(text: &str) -> Option<i64> {
    text.trim().parse::<jiff::Timestamp>().ok().map(|moment| moment.as_microsecond())
}

fn month(name: &str) -> Option<i8> {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    i8::try_from(at + 1).ok()
}

fn clock(text: &str) -> Option<(i8, i8, i8)> {
    Some((text.get(..2)?.parse().ok()?, text.get(3..5)?.parse().ok()?, text.get(6..8)?.parse().ok()?))
}

fn seconds(year: i16, month: i8, day: i8, hour: i8, minute: i8, second: i8) -> Option<i64> {
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && (1970..=9000).contains(&year);
    if !valid {
        return None;
    }
    let day = jiff::civil::Date::new(year, month, day).ok()?;
    let days = i64::from(day.since(date(1970, 1, 1)).ok()?.get_days());
    Some(days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

fn zone(text: &str) -> Option<i64> {
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let hours: i64 = text.get(1..3)?.parse().ok()?;
    let minutes: i64 = text.get(3..5)?.parse().ok()?;
    Some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_the_same_moment() {
        let wanted = Some(1_795_676_435);
        assert_eq!(moment("2026-11-26T07:00:35Z"), wanted);
        assert_eq!(common(b"26/Nov/2026:07:00:35 +0000"), wanted);
        assert_eq!(common(b"26/Nov/2026:15:00:35 +0800"), wanted);
        assert_eq!(common(b"26/Nov/2026:07:00:35.123"), wanted);
        assert_eq!(nginx_error("2026/11/26 07:00:35 [error]"), wanted);
        assert_eq!(apache_error("Thu Nov 26 07:00:35.123456 2026"), wanted);
        assert_eq!(moment("2026-11-26 07:00:35"), wanted);
        assert_eq!(moment("1795676435.25"), wanted);
        assert_eq!(moment("2026-11-26"), Some(1_795_676_435 - 25_235));
    }

    #[test]
    fn what_is_no_time() {
        for text in ["", "x", "99/Nov/2026:07:00:35 +0000", "26/Foo/2026:07:00:35", "2026-13-40", "12", "NaN"]
        {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(common("26/Nov/2026:07:00:3é".as_bytes()), None);
    }
}
