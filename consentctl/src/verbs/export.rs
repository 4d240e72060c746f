//! `export`: all that the device keeps of a user's choices and answers, as JSON lines; or one JSON
//! document that others' tools read.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::args::{Export, ExportFormat};
use crate::failure::Failure;
use crate::printable::printable_json;
use crate::progress::Progress;
use crate::session::Session;

/// The last line of an export that was not cut off.
const END: &str = r#"{"kind":"end"}"#;

pub async fn export(session: &Session, export: &Export) -> Result<(), Failure> {
    let format = export.format;
    let output = export.output.as_deref().map(create).transpose()?;
    let lines = session.admin().await?.export(format.word(), session.options()).await?;
    pour(lines.into(), format, output).await
}

/// What a case brought, and all that the device keeps itself.
pub async fn report(session: &Session, case: &str, output: Option<&Path>) -> Result<(), Failure> {
    let output = output.map(create).transpose()?;
    let lines = session.rights().await?.report(case, session.options()).await?;
    pour(lines.into(), ExportFormat::JsonLines, output).await
}

async fn pour(lines: OwnedFd, format: ExportFormat, output: Option<File>) -> Result<(), Failure> {
    let lines = File::from(lines);
    fcntl_setfl(&lines, fcntl_getfl(&lines).map_err(io::Error::from)? - OFlags::NONBLOCK)
        .map_err(io::Error::from)?;
    let copied = tokio::task::spawn_blocking(move || match (format, output) {
        (ExportFormat::JsonLines, Some(file)) => {
            copy_lines(lines, BufWriter::new(file), Some(counting()))
        }
        (ExportFormat::JsonLines, None) => {
            // What scrolls by needs no counting beside it.
            let is_seen = io::stdout().is_terminal();
            copy_lines(lines, BufWriter::new(io::stdout()), (!is_seen).then(counting))
        }
        (
            ExportFormat::Fides | ExportFormat::Cookies | ExportFormat::Kantara | ExportFormat::Dpv,
            output,
        ) => match output {
            Some(file) => copy_document(lines, file),
            None => copy_document(lines, io::stdout()),
        },
    });
    copied.await.unwrap_or_else(|error| Err(Failure::Io(error.into())))
}

fn counting() -> Progress {
    Progress::counting("entries exported")
}

/// One JSON document, which is whole if it can be read. Nothing is written of one that is not.
fn copy_document(mut document: impl io::Read, mut out: impl Write) -> Result<(), Failure> {
    let mut text = String::new();
    document.read_to_string(&mut text)?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(|_| Failure::Ended)?;
    out.write_all(printable_json(&text).as_bytes())?;
    out.flush()?;
    Ok(())
}

/// A new file for its owner alone.
fn create(path: &Path) -> Result<File, Failure> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
        let why =
            format!("cannot create {}: {error}; name a file that is not there", path.display());
        Failure::Usage(why)
    })
}

fn copy_lines(
    lines: impl io::Read,
    mut out: impl Write,
    progress: Option<Progress>,
) -> Result<(), Failure> {
    let mut is_whole = false;
    for line in BufReader::new(lines).lines() {
        let line = line?;
        is_whole = line == END;
        out.write_all(printable_json(&line).as_bytes())?;
        out.write_all(b"\n")?;
        if let Some(progress) = &progress {
            progress.add(1);
        }
    }
    out.flush()?;
    if is_whole { Ok(()) } else { Err(Failure::Ended) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_is_a_failure() {
        let whole = format!("{{\"kind\":\"export\"}}\n{END}\n");
        let mut out = Vec::new();
        copy_lines(whole.as_bytes(), &mut out, None).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), whole);
        let cut = "{\"kind\":\"export\"}\n";
        assert!(matches!(copy_lines(cut.as_bytes(), Vec::new(), None), Err(Failure::Ended)));
    }

    #[test]
    fn a_document_is_written_whole_or_not_at_all() {
        let mut out = Vec::new();
        copy_document("{\"name\": \"a\u{202e}b\"}\n".as_bytes(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{\"name\": \"a\\u202eb\"}\n");
        let mut out = Vec::new();
        for cut in ["", "{\"name\": \"a", "[1, 2]\n]"] {
            let copied = copy_document(cut.as_bytes(), &mut out);
            assert!(matches!(copied, Err(Failure::Ended)), "{cut}");
        }
        assert!(out.is_empty(), "{out:?}");
    }

    #[test]
    fn a_file_that_is_there_stays() {
        assert!(matches!(create(Path::new("/dev/null")), Err(Failure::Usage(_))));
    }
}
