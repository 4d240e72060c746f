//! Reads `apps.d/*.toml`, each file by itself; a wrong one denies its app and stops no other.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::schema::Declaration;
use super::validate::{self, Declared, Wrongs};
use super::{App, Apps, Identity};
use crate::catalog::document::Document;
use crate::catalog::{Catalog, Place, Problem};

/// The largest declaration, in bytes.
const FILE_BYTES: u64 = 256 << 10;

/// A declaration that was not taken: its app is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The app's id where it could be read, else the file's name without `.toml`.
    pub app: Box<str>,
    /// `weather.toml:12`
    pub place: String,
    /// The key and what would be right.
    pub text: String,
    /// What else is wrong with the same file.
    pub more: Vec<Problem>,
}

/// One file, read.
struct Read {
    path: PathBuf,
    file: String,
    /// What it claims to be, right or wrong.
    claim: Option<Declared>,
    problems: Vec<Problem>,
}

/// A folder of declarations that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the declarations in {dir}: {source}; make it readable for the daemon's user", dir = .dir.display())]
pub struct UnreadDir {
    /// The folder.
    pub dir: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Reads all declarations, folder by folder, in the order of the files' names. A folder that is not
/// there declares nothing.
///
/// # Errors
/// A folder is there and cannot be read.
pub fn load(dirs: &[PathBuf], catalog: &Catalog) -> Result<Apps, UnreadDir> {
    let mut paths = Vec::new();
    for dir in dirs {
        paths.extend(files(dir).map_err(|source| UnreadDir { dir: dir.clone(), source })?);
    }
    let mut all = read_all(&paths, catalog);
    refuse_doubles(&mut all);
    Ok(register(all))
}

/// The declarations of a folder, in the order of their names.
fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = file_name(&path);
        if name.ends_with(".toml") && !name.starts_with('.') {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Reads files one after the other. A start waits longer for the store, which is opened meanwhile; and
/// what threads of its own had used would stay with the daemon.
fn read_all(paths: &[PathBuf], catalog: &Catalog) -> Vec<Read> {
    let mut words = HashSet::new();
    let mut read_one = |path: &PathBuf| {
        let mut read = read(path, catalog);
        if let Some(declared) = &mut read.claim {
            share(&mut declared.app, &mut words);
        }
        read
    };
    paths.iter().map(&mut read_one).collect()
}

/// Lets collections that say the same of how long share it, and keeps nothing longer than it is.
fn share(app: &mut App, words: &mut HashSet<Arc<str>>) {
    app.identities.shrink_to_fit();
    for collection in &mut app.collections {
        match words.get(&collection.retention) {
            Some(known) => collection.retention = Arc::clone(known),
            None => drop(words.insert(Arc::clone(&collection.retention))),
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path, catalog: &Catalog) -> Read {
    let file = file_name(path);
    let text = match text(path) {
        Ok(text) => text,
        Err(text) => {
            let problem = Problem { place: Place::whole(&file), key: String::new(), text };
            return Read { path: path.into(), file, claim: None, problems: vec![problem] };
        }
    };
    let mut wrongs = Wrongs::default();
    let (claim, problems) = match toml::from_str::<Declaration<'_>>(&text) {
        Ok(raw) => {
            let declared = validate::declare(&raw, catalog, &mut wrongs);
            (Some(declared), located(&file, &text, &wrongs))
        }
        Err(error) => {
            let (document, mut problems) = Document::parse(&file, &text);
            if problems.is_empty() {
                problems.push(document.misfit(&error));
            }
            // What it claims to be counts all the same.
            let id = document.string("app.id").unwrap_or_default();
            let identity = document.read("identity").unwrap_or_default();
            (Some(Declared::unread(id, &identity)), problems)
        }
    };
    Read { path: path.into(), file, claim, problems }
}

fn text(path: &Path) -> Result<String, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    // Looked at before it is opened: opening a pipe would wait.
    let file = fs::metadata(path).map_err(unreadable)?;
    if !file.is_file() {
        return Err("is no file; a declaration is a file".to_owned());
    }
    if file.len() > FILE_BYTES {
        return Err(format!("has {} bytes; {FILE_BYTES} are the most", file.len()));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        format!("is not UTF-8 from byte {offset} on; save it as UTF-8")
    })
}

/// Looks up the lines, if there is anything to look up.
fn located(file: &str, text: &str, wrongs: &Wrongs) -> Vec<Problem> {
    if wrongs.0.is_empty() {
        return Vec::new();
    }
    let (document, _) = Document::parse(file, text);
    let mut problems: Vec<Problem> =
        wrongs.0.iter().map(|(path, text)| document.problem(path, text)).collect();
    problems.sort_by_key(|problem| problem.place.line);
    problems
}

/// Refuses all that claim one id or one identity: which of them is meant cannot be told.
fn refuse_doubles(all: &mut [Read]) {
    // Each claim with the reads that make it and the path it stands at.
    let mut claims: HashMap<Claim<'_>, Vec<(usize, &str)>> = HashMap::new();
    for (position, read) in all.iter().enumerate() {
        let Some(Declared { app, identity_paths }) = &read.claim else { continue };
        if !app.id.is_empty() {
            claims.entry(Claim::Id(&app.id)).or_default().push((position, "app.id"));
        }
        for (identity, path) in app.identities.iter().zip(identity_paths) {
            claims.entry(Claim::of(identity)).or_default().push((position, path));
        }
    }
    let mut found = Vec::new();
    for (claim, claimants) in &claims {
        for (position, path) in claimants {
            let others = claimants.iter().filter(|(other, _)| other != position);
            let others: Vec<&str> = others.map(|(other, _)| &*all[*other].file).collect();
            if others.is_empty() {
                continue;
            }
            let file = &all[*position].file;
            let text = fs::read_to_string(&all[*position].path).unwrap_or_default();
            let (document, _) = Document::parse(file, &text);
            let text = format!(
                "{claim} is claimed by {} too, so none of them is taken; leave it to one",
                others.join(" and ")
            );
            found.push((*position, document.problem(path, text)));
        }
    }
    for (position, problem) in found {
        all[position].problems.push(problem);
        all[position].problems.sort_by_key(|problem| problem.place.line);
    }
}

/// What only one app can be.
#[derive(PartialEq, Eq, Hash)]
enum Claim<'a> {
    Id(&'a str),
    /// Two names of the user database can be one uid.
    Uid(u32),
    Other(&'a Identity),
}

impl<'a> Claim<'a> {
    fn of(identity: &'a Identity) -> Self {
        match identity {
            Identity::User { uid, .. } => Claim::Uid(*uid),
            Identity::Flatpak(_)
            | Identity::Snap(_)
            | Identity::Unit(_)
            | Identity::Executable(_)
            | Identity::Scope(_) => Claim::Other(identity),
        }
    }
}

impl std::fmt::Display for Claim<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Claim::Id(id) => write!(f, "the id `{id}`"),
            Claim::Uid(uid) => write!(f, "the user with uid {uid}"),
            Claim::Other(identity) => write!(f, "`{identity}`"),
        }
    }
}

/// Takes what is right, and keeps what is to be said of the rest.
fn register(all: Vec<Read>) -> Apps {
    let mut rejected = Vec::new();
    let mut rejected_apps = Vec::new();
    let mut taken = Vec::with_capacity(all.len());
    for Read { file, claim, problems, .. } in all {
        let app = claim.map(|declared| declared.app);
        let mut problems = problems.into_iter();
        let Some(first) = problems.next() else {
            taken.extend(app);
            continue;
        };
        let stem = file.strip_suffix(".toml").unwrap_or(&file);
        let id = app.as_ref().map(|app| app.id.clone()).filter(|id| !id.is_empty());
        rejected_apps.extend(app.map(|app| App {
            collections: Vec::new(),
            pairs: Vec::new(),
            ..app
        }));
        let text = match first.key.as_str() {
            "" => first.text,
            key => format!("{key}: {}", first.text),
        };
        rejected.push(Rejection {
            app: id.unwrap_or_else(|| stem.into()),
            place: first.place.to_string(),
            text,
            more: problems.collect(),
        });
    }
    let rejected_apps: Apps = rejected_apps.into_iter().collect();
    let rejected_apps = (!rejected_apps.is_empty()).then(|| Box::new(rejected_apps));
    Apps { rejected, rejected_apps, ..taken.into_iter().collect() }
}
