//! `cookies.txt`: a line a cookie, seven fields with tabs between them, as curl, wget and browsers'
//! exports write it. The seventh, the value, is passed over.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use super::{Browser, Jar, Kept, Lifetime, MAX_COOKIES, text};

/// Longer lines are no cookies: name and value have 4,096 bytes together.
const MAX_LINE: usize = 64 * 1024;
/// What the first line says, `Netscape` before it or not.
const HEADER: &[u8] = b"HTTP Cookie File";
/// Before the host of a cookie that scripts do not see.
const HTTP_ONLY: &[u8] = b"#HttpOnly_";

/// Reads a jar at Unix second `now`; none if it is no such file.
pub fn read(file: File, now: i64) -> io::Result<Option<Jar>> {
    let mut jar = Jar { browser: Browser::Netscape, cookies: Vec::new(), skipped: 0 };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut is_jar = false;
    let mut is_first = true;
    loop {
        let is_whole = match next(&mut reader, &mut line)? {
            Line::End => break,
            Line::Whole => true,
            Line::Longer => false,
        };
        let head = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
        if std::mem::take(&mut is_first) && is_header(head) {
            is_jar = true;
            continue;
        }
        if is_whole && is_comment(&line) {
            continue;
        }
        match cookie(&line, now).filter(|_| is_whole) {
            Some(cookie) if jar.cookies.len() < MAX_COOKIES => {
                is_jar = true;
                jar.cookies.push(cookie);
            }
            Some(_) | None if is_jar => jar.skipped += 1,
            // Without a header the first line that says anything tells.
            Some(_) | None => return Ok(None),
        }
        if !is_whole {
            pass_over(&mut reader)?;
        }
    }
    Ok(is_jar.then_some(jar))
}

enum Line {
    End,
    Whole,
    /// More of it follows.
    Longer,
}

/// The next line, without its end, as far as a cookie could be long.
fn next(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let read = io::Read::take(&mut *reader, MAX_LINE as u64).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(Line::End);
    }
    let is_whole = line.last() == Some(&b'\n') || read < MAX_LINE;
    while let Some(b'\n' | b'\r') = line.last() {
        line.pop();
    }
    Ok(if is_whole { Line::Whole } else { Line::Longer })
}

/// Goes to the next line, and keeps nothing of this one.
fn pass_over(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let (passed, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(passed);
        if is_end {
            return Ok(());
        }
    }
}

fn is_header(line: &[u8]) -> bool {
    line.starts_with(b"#") && line.windows(HEADER.len()).any(|part| part == HEADER)
}

fn is_comment(line: &[u8]) -> bool {
    line.trim_ascii().is_empty() || (line.starts_with(b"#") && !line.starts_with(HTTP_ONLY))
}

fn cookie(line: &[u8], now: i64) -> Option<Kept> {
    let line = line.strip_prefix(HTTP_ONLY).unwrap_or(line);
    let mut fields = line.splitn(7, |byte| *byte == b'\t');
    let (domain, below) = (fields.next()?, fields.next()?);
    let (_path, secure) = (fields.next()?, fields.next()?);
    let (expires, name) = (fields.next()?, fields.next()?);
    let is_flag = |field: &[u8]| field == b"TRUE" || field == b"FALSE";
    if domain.is_empty() || domain.contains(&0) || !is_flag(below) || !is_flag(secure) {
        return None;
    }
    // Some write fractions of a second.
    let expires = std::str::from_utf8(expires).ok()?.split('.').next()?;
    let lifetime = match expires.parse::<i64>().ok()? {
        0 => Lifetime::Session,
        expires => Lifetime::between(expires, None, now),
    };
    Some(Kept { site: None, name: text(name), domain: text(domain), lifetime })
}
