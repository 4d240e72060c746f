//! `export`: all that the device keeps of a user's choices and answers, as JSON lines or as a page; or one
//! JSON document that others' tools read.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use consentd_dbus::lines::printable_json;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::answers::Case;
use crate::args::{Export, ExportFormat, ReportFormat};
use crate::failure::Failure;
use crate::lines::{Lines, split};
use crate::printable::printable;
use crate::progress::Progress;
use crate::report;
use crate::session::Session;
use crate::values::decode;

/// What is made of what comes.
enum Form {
    /// The lines as they come.
    Lines,
    /// A page made of the lines.
    Page(Box<report::Words>),
    /// The document as it comes.
    Document,
}

pub async fn export(session: &Session, export: &Export) -> Result<(), Failure> {
    let output = Output::create(export.output.as_deref())?;
    let form = match export.format {
        ExportFormat::JsonLines => Form::Lines,
        ExportFormat::Html => Form::Page(Box::new(report::Words::of(session).await?)),
        ExportFormat::Fides | ExportFormat::Cookies | ExportFormat::Kantara | ExportFormat::Dpv => {
            Form::Document
        }
    };
    let lines = session.admin().await?.export(export.format.word(), session.options()).await?;
    pour(lines.into(), form, output).await
}

/// What a case brought, and all that the device keeps itself.
pub async fn report(
    session: &Session,
    case: &str,
    format: ReportFormat,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let output = Output::create(output)?;
    let form = match format {
        ReportFormat::JsonLines => Form::Lines,
        ReportFormat::Html => Form::Page(Box::new(report::Words::of(session).await?)),
    };
    let rights = session.rights().await?;
    let asked: Case = decode(&rights.get(case, session.options()).await?)?;
    let lines = rights.report(case, session.options()).await?;
    pour(lines.into(), form, output).await?;
    if !session.screen.json && asked.holders.iter().all(|holder| holder.state != "done") {
        let told = format!(
            "consentctl: no app has returned anything yet: this is what the device itself keeps; \
             `consentctl rights show {}` says how far each app is",
            asked.case
        );
        writeln!(io::stderr(), "{}", printable(&told))?;
    }
    Ok(())
}

async fn pour(lines: OwnedFd, form: Form, output: Output) -> Result<(), Failure> {
    let lines = File::from(lines);
    fcntl_setfl(&lines, fcntl_getfl(&lines).map_err(io::Error::from)? - OFlags::NONBLOCK)
        .map_err(io::Error::from)?;
    let copied = tokio::task::spawn_blocking(move || {
        // What scrolls by needs no counting beside it.
        let is_seen = output.file.is_none() && io::stdout().is_terminal();
        let progress = (!is_seen).then(|| Progress::counting("entries exported"));
        output.fill(|out| match form {
            Form::Lines => copy_lines(lines, out, progress.as_ref()),
            Form::Page(words) => report::write(lines, out, &words, progress.as_ref()),
            Form::Document => copy_document(lines, out),
        })
    });
    copied.await.unwrap_or_else(|error| Err(Failure::Io(error.into())))
}

/// Where it is written to: a new file for its owner alone, or standard output.
struct Output {
    file: Option<(PathBuf, File)>,
}

impl Output {
    fn create(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self { file: None }) };
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = created.map_err(|error| Failure::File {
            doing: "create",
            path: path.to_owned(),
            error,
            next: "name a file that is not there",
        })?;
        Ok(Self { file: Some((path.to_owned(), file)) })
    }

    /// Writes it.
    fn fill(
        &self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some((_, file)) = &self.file else {
            let mut out = BufWriter::new(io::stdout());
            return write(&mut out).and_then(|()| Ok(out.flush()?));
        };
        let mut out = BufWriter::new(file);
        write(&mut out).and_then(|()| Ok(out.flush()?))
    }
}

impl Drop for Output {
    /// A file in which nothing came to stand is taken away, so that the next try may have its name.
    fn drop(&mut self) {
        if let Some((path, file)) = &self.file
            && file.metadata().is_ok_and(|file| file.len() == 0)
        {
            // Why nothing came is what there is to say.
            let _left = std::fs::remove_file(path);
        }
    }
}

/// One JSON document, which is whole if it can be read. Nothing is written of one that is not.
fn copy_document(mut document: impl Read, out: &mut dyn Write) -> Result<(), Failure> {
    let mut text = String::new();
    document.read_to_string(&mut text)?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(|_| Failure::Ended)?;
    out.write_all(printable_json(&text).as_bytes())?;
    Ok(())
}

/// The lines as they are, checked as they pass. What is sealed is what is written.
fn copy_lines(
    lines: impl Read,
    out: &mut dyn Write,
    progress: Option<&Progress>,
) -> Result<(), Failure> {
    let mut whole = Lines::default();
    for line in split(BufReader::new(lines)) {
        let line = String::from_utf8(line?).map_err(io::Error::other)?;
        let line = printable_json(&line);
        whole.take(line.as_bytes())?;
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
        if let Some(progress) = progress {
            progress.add(1);
        }
    }
    Ok(whole.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::{Unfit, sealed};
    use serde_json::json;

    fn copied(text: &str) -> (String, Result<(), Failure>) {
        let mut out = Vec::new();
        let result = copy_lines(text.as_bytes(), &mut out, None);
        (String::from_utf8(out).unwrap(), result)
    }

    #[test]
    fn what_was_cut_off_or_changed_on_its_way_is_a_failure() {
        let whole =
            sealed(&[json!({"kind": "export"}), json!({"kind": "profile", "region": "EEA"})]);
        assert_eq!(copied(&whole).0, whole);
        assert!(copied(&whole).1.is_ok());
        let (cut, _) = whole.trim_end().rsplit_once('\n').unwrap();
        assert!(matches!(copied(cut).1, Err(Failure::Ended)));
        let changed = whole.replace("EEA", "ROW");
        assert!(matches!(copied(&changed).1, Err(Failure::Unfit(Unfit::Changed))));
        // What is not written as it came is not what was sealed.
        let steering =
            sealed(&[json!({"kind": "export", "app": "\u{202e}"}), json!({"kind": "profile"})]);
        assert!(matches!(copied(&steering).1, Err(Failure::Unfit(Unfit::NoSeal | Unfit::Changed))));
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
    fn a_file_that_is_there_stays_and_an_empty_one_of_ours_does_not() {
        assert!(matches!(Output::create(Some(Path::new("/dev/null"))), Err(Failure::File { .. })));
        let dir = tempfile::tempdir().unwrap();
        for (text, is_kept) in [("", false), ("half of it", true)] {
            let path = dir.path().join("out");
            let filled = Output::create(Some(&path)).unwrap().fill(|out| {
                out.write_all(text.as_bytes())?;
                Err(Failure::Ended)
            });
            assert!(filled.is_err());
            assert_eq!(path.exists(), is_kept, "{text}");
        }
    }
}
