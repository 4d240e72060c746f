//! Writes consentd(8), the daemon's manual page, into a folder: `consentd-man DIR`.
//!
//! Not installed: the page is, and so the daemon need not know how a page is made.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap_mangen::Man;

/// What stands below the options.
const MORE: &str = r#".SH SIGNALS
.TP
\fBSIGHUP\fR
Read the catalogue and the declarations again, all or nothing.
.TP
\fBSIGTERM\fR, \fBSIGINT\fR
Stop: what waits for the disk is written first.
.SH ENVIRONMENT
.TP
\fBRUST_LOG\fR
What is logged: \fBwarn\fR, or \fBinfo,consentd=debug\fR.
.SH FILES
.TP
\fI/etc/consentd/consentd.toml\fR
The configuration: \fBconsentd.toml\fR(5).
.TP
\fI/etc/consentd/apps.d\fR, \fI/usr/share/consentd/apps.d\fR
What apps declare, one file an app: \fBconsentd\-apps\fR(5).
.TP
\fI/usr/share/consentd/catalog\fR
The policy as data.
.TP
\fI/var/lib/consentd\fR
What users chose, and the record of what was answered. The daemon's own user alone can enter it; no
other program may open what is in it.
.SH DIAGNOSTICS
\fBconsentctl status\fR says how the daemon is, \fBconsentctl doctor\fR what is wrong with its
installation. Its log is in the journal: \fBjournalctl \-u consentd\fR.
.SH "SEE ALSO"
\fBconsentctl\fR(1), \fBconsentd.toml\fR(5), \fBconsentd\-apps\fR(5)
"#;

fn main() -> anyhow::Result<()> {
    let dir = std::env::args_os().nth(1).context("usage: consentd-man DIR")?;
    let dir = PathBuf::from(dir);
    fs::create_dir_all(&dir)?;
    let page = Man::new(consentd::run::command()).section("8");
    // By hand: a page without a date, which would differ with each build, has to keep its place.
    let title = format!(".TH CONSENTD 8 \"\" \"consentd {}\" \"\"\n", env!("CARGO_PKG_VERSION"));
    let mut text = title.into_bytes();
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    text.extend_from_slice(MORE.as_bytes());
    let path = dir.join(page.get_filename());
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
