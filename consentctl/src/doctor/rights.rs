//! Who could put something else in a file's place.

use std::io;
use std::path::{Path, PathBuf};

use super::root::{Kind, Root, Seen};

const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Why a file cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Exposure {
    /// Neither it nor what would lead to it.
    #[error("{} is not there", .0.display())]
    Missing(PathBuf),
    /// Somebody who is not trusted can change it.
    #[error("{} belongs to uid {uid}", path.display())]
    Owner { path: PathBuf, uid: u32 },
    /// A group or everybody can.
    #[error("{} can be written to by others", .0.display())]
    Writable(PathBuf),
    /// A folder, a device, a pipe.
    #[error("{} is no regular file", .0.display())]
    NotFile(PathBuf),
}

impl Exposure {
    /// Whether it is about this file, not about a folder above it.
    pub fn is_of(&self, file: &Path) -> bool {
        match self {
            Exposure::Missing(path)
            | Exposure::Owner { path, .. }
            | Exposure::Writable(path)
            | Exposure::NotFile(path) => path == file,
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Exposure::Missing(path) => format!("install {}", path.display()),
            Exposure::Owner { path, .. } => format!("chown root {}", path.display()),
            Exposure::Writable(path) => format!("chmod go-w {}", path.display()),
            Exposure::NotFile(path) => format!("put a file at {}", path.display()),
        }
    }
}

/// Whether others than `trusted` could exchange or change a file, at it or in a folder above it.
pub fn file(root: &Root, path: &Path, trusted: &[u32]) -> io::Result<Result<(), Exposure>> {
    let chain = chain(root, path)?;
    Ok(judge(&chain, trusted).and_then(|()| match chain.last() {
        Some((_, Some(Seen { kind: Kind::File, .. }))) => Ok(()),
        Some(_) | None => Err(Exposure::NotFile(path.to_owned())),
    }))
}

/// The same for a folder.
pub fn folder(root: &Root, path: &Path, trusted: &[u32]) -> io::Result<Result<(), Exposure>> {
    Ok(judge(&chain(root, path)?, trusted))
}

/// Every folder from the top down, and the file.
fn chain(root: &Root, path: &Path) -> io::Result<Vec<(PathBuf, Option<Seen>)>> {
    let mut above: Vec<&Path> = path.ancestors().collect();
    above.reverse();
    above.into_iter().map(|each| Ok((each.to_owned(), root.look(each)?))).collect()
}

fn judge(chain: &[(PathBuf, Option<Seen>)], trusted: &[u32]) -> Result<(), Exposure> {
    let last = chain.len().saturating_sub(1);
    let mut shared: Option<&Path> = None;
    for (position, (path, seen)) in chain.iter().enumerate() {
        let Some(seen) = seen else {
            return Err(Exposure::Missing(chain[last].0.clone()));
        };
        if !trusted.contains(&seen.uid) {
            return Err(Exposure::Owner { path: path.clone(), uid: seen.uid });
        }
        // In a folder like /tmp nobody can exchange a folder of somebody else's, but a file comes and
        // goes.
        if let Some(shared) = shared.filter(|_| seen.kind == Kind::File) {
            return Err(Exposure::Writable(shared.to_owned()));
        }
        shared = None;
        if seen.mode & WRITABLE_BY_OTHERS != 0 {
            if position == last || seen.mode & STICKY == 0 {
                return Err(Exposure::Writable(path.clone()));
            }
            shared = Some(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: u32 = 1000;

    fn chain(files: &[(&str, u32, u32)]) -> Vec<(PathBuf, Option<Seen>)> {
        let last = files.len() - 1;
        let seen = |(position, (path, uid, mode)): (usize, &(&str, u32, u32))| {
            let kind = if position == last { Kind::File } else { Kind::Folder };
            let seen = (*mode != 0).then_some(Seen { uid: *uid, mode: *mode, kind });
            (PathBuf::from(path), seen)
        };
        files.iter().enumerate().map(seen).collect()
    }

    #[test]
    fn a_file_is_as_safe_as_what_stands_above_it() {
        let wrong = |path: &str| Err(Exposure::Writable(path.into()));
        for (files, judged) in [
            (&[("/", 0, 0o755), ("/usr", 0, 0o755), ("/usr/app", 0, 0o755)][..], Ok(())),
            (&[("/", 0, 0o755), ("/app", 0, 0o775)], wrong("/app")),
            (&[("/", 0, 0o755), ("/opt", 0, 0o777), ("/opt/app", 0, 0o755)], wrong("/opt")),
            // A sticky folder: what is in it can be exchanged if it is a file.
            (&[("/", 0, 0o755), ("/tmp", 0, 0o1777), ("/tmp/app", 0, 0o755)], wrong("/tmp")),
            (
                &[
                    ("/", 0, 0o755),
                    ("/tmp", 0, 0o1777),
                    ("/tmp/d", 0, 0o755),
                    ("/tmp/d/app", 0, 0o755),
                ],
                Ok(()),
            ),
            (
                &[("/", 0, 0o755), ("/gone", 0, 0), ("/gone/app", 0, 0)],
                Err(Exposure::Missing("/gone/app".into())),
            ),
            (
                &[("/", 0, 0o755), ("/home", ME, 0o755), ("/home/app", 0, 0o755)],
                Err(Exposure::Owner { path: "/home".into(), uid: ME }),
            ),
        ] {
            assert_eq!(judge(&chain(files), &[0]), judged, "{files:?}");
        }
        let own = [("/", 0, 0o755), ("/home", ME, 0o755), ("/home/app", ME, 0o755)];
        assert_eq!(judge(&chain(&own), &[0, ME]), Ok(()), "whose daemon it is may write there");
    }
}
