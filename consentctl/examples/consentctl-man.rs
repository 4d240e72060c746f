//! Writes consentctl's manual pages, one for each verb, into a folder: `consentctl-man DIR`.
//!
//! Not installed: the pages are, and so consentctl itself need not know how a page is made.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;

/// What stands below the options of consentctl(1).
const MORE: &str = r#".SH ENVIRONMENT
.TP
\fBDBUS_SYSTEM_BUS_ADDRESS\fR
The bus, where \fB\-\-address\fR names none.
.TP
\fBNO_COLOR\fR
If it is set, nothing is coloured; nothing is off a terminal either.
.SH EXAMPLES
.nf
consentctl toggles
consentctl set ad\-services on
consentctl set location.precise on \-\-app org.example.maps \-\-for 1h
consentctl explain org.example.game ads.personalised device.oaid
consentctl log \-\-follow
.fi
.SH "SEE ALSO"
\fBconsentd\fR(8), \fBconsentd.toml\fR(5), \fBconsentd\-apps\fR(5)
"#;

/// What stands there on the page of a verb.
const VERB_MORE: &str = r#".SH "SEE ALSO"
\fBconsentctl\fR(1)
"#;

fn main() -> anyhow::Result<()> {
    let dir = std::env::args_os().nth(1).context("usage: consentctl-man DIR")?;
    let dir = PathBuf::from(dir);
    fs::create_dir_all(&dir)?;
    let mut command = consentctl::command().disable_help_subcommand(true);
    command.build();
    write(&command, &dir, MORE)
}

/// A command's page, then those of its verbs.
fn write(command: &Command, dir: &Path, more: &str) -> anyhow::Result<()> {
    let page = Man::new(command.clone());
    let name = command.get_display_name().unwrap_or("consentctl").to_uppercase();
    // By hand: a page without a date, which would differ with each build, has to keep its place.
    let title = format!(".TH {name} 1 \"\" \"consentd {}\" \"\"\n", env!("CARGO_PKG_VERSION"));
    let mut text = title.into_bytes();
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    if command.get_after_help().is_some() {
        page.render_extra_section(&mut text)?;
    }
    text.extend_from_slice(more.as_bytes());
    let path = dir.join(page.get_filename());
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        write(verb, dir, VERB_MORE)?;
    }
    Ok(())
}
