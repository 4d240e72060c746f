//! `export`: all that the device keeps of a user's choices and answers, as JSON lines.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::args::Export;
use crate::failure::Failure;
use crate::printable::printable_json;
use crate::progress::Progress;
use crate::session::Session;

/// The one format there is.
const FORMAT: &str = "json-lines";
/// The last line of an export that was not cut off.
const END: &str = r#"{"kind":"end"}"#;

pub async fn export(session: &Session, export: &Export) -> Result<(), Failure> {
    let output = export.output.as_deref().map(create).transpose()?;
    let lines = session.admin().await?.export(FORMAT, session.options()).await?;
    let lines = File::from(std::os::fd::OwnedFd::from(lines));
    fcntl_setfl(&lines, fcntl_getfl(&lines).map_err(io::Error::from)? - OFlags::NONBLOCK)
        .map_err(io::Error::from)?;
    // What scrolls by needs no counting beside it.
    let is_seen = output.is_none() && io::stdout().is_terminal();
    let progress = (!is_seen).then(|| Progress::counting("entries exported"));
    let copied = tokio::task::spawn_blocking(move || match output {
        Some(file) => copy(lines, BufWriter::new(file), progress),
        None => copy(lines, BufWriter::new(io::stdout()), progress),
    });
    copied.await.unwrap_or_else(|error| Err(Failure::Io(error.into())))
}

/// A new file for its owner alone.
fn create(path: &Path) -> Result<File, Failure> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
        let why =
            format!("cannot create {}: {error}; name a file that is not there", path.display());
        Failure::Usage(why)
    })
}

fn copy(
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
        copy(whole.as_bytes(), &mut out, None).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), whole);
        let cut = "{\"kind\":\"export\"}\n";
        assert!(matches!(copy(cut.as_bytes(), Vec::new(), None), Err(Failure::Ended)));
    }

    #[test]
    fn a_file_that_is_there_stays() {
        assert!(matches!(create(Path::new("/dev/null")), Err(Failure::Usage(_))));
    }
}
