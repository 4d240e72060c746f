//! An export or a report as one HTML page: it opens from the disk, prints, loads nothing and runs nothing.
//!
//! `mod.rs` reads the lines as they come; `tally` keeps what the page tells of them, `returned` is what apps
//! gave, `case` what was asked and how far it is, `timeline` and `picture` show when; `page` and `tables` put
//! it together from `markup`, through which everything that is not the program's own is escaped.

mod case;
mod markup;
mod page;
mod picture;
mod returned;
mod tables;
mod tally;
mod timeline;
mod words;

use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::lines::{Kind, Lines, split};
use crate::progress::Progress;
use crate::values::Malformed;

use returned::Returned;
use tally::Tally;
use timeline::Histogram;
pub use words::Words;

/// Makes a page of lines. Nothing is written before they have been found whole.
pub fn write(
    lines: impl Read,
    out: &mut dyn Write,
    words: &Words,
    progress: Option<&Progress>,
) -> Result<(), Failure> {
    let mut whole = Lines::default();
    let histogram = Histogram::with_offset(words.offset());
    let mut tally = Tally { histogram, ..Tally::default() };
    // Apps may return more than memory should hold, and it stands in the middle of the page. A file without
    // a name, which goes with this process.
    let mut returned = BufWriter::new(tempfile::tempfile()?);
    for line in split(BufReader::new(lines)) {
        let line = line?;
        match whole.take(&line)? {
            Kind::Case => tally.case = Some(read(&line)?),
            Kind::Returned => {
                let part: Returned = read(&line)?;
                drop(line);
                tally.returned += u64::from(part.is_there());
                returned.write_all(part.markup(words).as_str().as_bytes())?;
            }
            Kind::Export => tally.head = read(&line)?,
            Kind::Profile => tally.profile = Some(read(&line)?),
            Kind::Choice => tally.choice(read(&line)?),
            Kind::Consent => tally.consent(read(&line)?),
            Kind::Request => tally.requests.push(read(&line)?),
            Kind::Retention => tally.retention.push(read(&line)?),
            Kind::Record => tally.record(read(&line)?),
            Kind::Setting => tally.change(read(&line)?),
            Kind::End => {}
        }
        if let Some(progress) = progress {
            progress.add(1);
        }
    }
    whole.finish()?;
    let mut returned = returned.into_inner().map_err(|error| Failure::Io(error.into_error()))?;
    returned.rewind()?;
    out.write_all(page::before(&tally, &whole, words).as_bytes())?;
    io::copy(&mut returned, out)?;
    out.write_all(page::after(&tally, &whole, words).as_bytes())?;
    Ok(())
}

fn read<T: DeserializeOwned>(line: &[u8]) -> Result<T, Malformed> {
    Ok(serde_json::from_slice(line)?)
}

#[cfg(test)]
mod tests;
