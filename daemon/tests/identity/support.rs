//! Processes that end with the test, recorded /proc trees, declared apps.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use consentd::apps::{App, Apps, Identity};
use consentd::identity::{Credentials, Peer, ProcRoot, Unidentified, examine};
use rustix::process::{Pid, PidfdFlags, geteuid, pidfd_open};
use tempfile::TempDir;

/// A uid of a system user that runs nothing.
pub const SYSTEM_USER: u32 = 5;

/// The kernel's /proc.
pub fn proc() -> ProcRoot {
    ProcRoot::open(Path::new("/proc")).unwrap()
}

/// Whether the test can go on; in CI it has to.
pub fn require(is_there: bool, what: &str) -> bool {
    if !is_there {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "this test needs {what}");
        // Not by a macro, whose output a test that passes does not show.
        let line = format!("SKIPPED: this test needs {what}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    is_there
}

pub fn require_program(program: &str, package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    require(is_there, &format!("{program}: apt-get install {package}"))
}

pub fn require_root() -> bool {
    require(geteuid().is_root(), "root: run it with sudo")
}

pub fn own_uid() -> u32 {
    geteuid().as_raw()
}

/// Apps that are declared with one identity each, and nothing to collect.
pub fn declared(identities: &[(&str, Identity)]) -> Apps {
    let app = |(id, identity): &(&str, Identity)| App {
        id: (*id).into(),
        name: (*id).into(),
        vendor: None,
        holder: None,
        identities: vec![identity.clone()],
        collections: vec![],
        pairs: vec![],
    };
    identities.iter().map(app).collect()
}

pub fn system_user(uid: u32) -> Identity {
    Identity::User { name: "weather".into(), uid }
}

/// What a bus that holds the process would say of it.
pub fn with_descriptor(uid: u32, pid: u32) -> Credentials {
    Credentials::new(Some(uid), Some(pid), Some(descriptor(pid))).unwrap()
}

/// What a bus that knows the pid alone would say.
pub fn without_descriptor(uid: u32, pid: u32) -> Credentials {
    Credentials::new(Some(uid), Some(pid), None).unwrap()
}

pub fn descriptor(pid: u32) -> OwnedFd {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    pidfd_open(pid, PidfdFlags::empty()).unwrap()
}

/// The facts of a real process.
pub fn look(credentials: Credentials) -> Result<Peer, Unidentified> {
    examine(credentials, &proc())
}

/// A process that ends with this value.
pub struct Running {
    child: Child,
    pid: u32,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        Running { pid: child.id(), child }
    }

    /// One that prints, as its first line, the pid of the process that is meant.
    pub fn start_and_hear_pid(command: &mut Command) -> Self {
        Self::start_and_hear_pid_with_input(command.stdin(Stdio::null()))
    }

    /// The same, with the standard input that the command has.
    pub fn start_and_hear_pid_with_input(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        // Held before anything can fail, so that it ends whatever happens.
        let mut running = Running { pid: child.id(), child };
        running.pid = line.trim().parse().expect("the process did not start; see above");
        running
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of the test's own user, with a program in it that does nothing for long.
pub struct Installed {
    folder: TempDir,
}

impl Installed {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let installed = Installed { folder };
        installed.copy("/bin/sleep", "weather");
        installed
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn copy(&self, from: &str, name: &str) -> PathBuf {
        copy(from, &self.path(name));
        self.path(name)
    }

    pub fn program(&self) -> PathBuf {
        self.path("weather")
    }

    pub fn run(&self) -> Running {
        Running::start(Command::new(self.program()).arg("1000"))
    }

    pub fn identity(&self) -> Identity {
        Identity::Executable(self.program())
    }
}

/// By a process of its own: one that this process had open for writing while another test forked
/// could not be run.
fn copy(from: &str, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

/// A /proc with this test's own pid in it, which is surely alive.
pub struct Recorded {
    folder: TempDir,
    pub uid: u32,
    pub pid: u32,
}

impl Recorded {
    /// A plain process of a user: no sandbox, no unit, an executable that nobody declared.
    pub fn new(uid: u32) -> Self {
        let tree = Recorded { folder: tempfile::tempdir().unwrap(), uid, pid: std::process::id() };
        std::fs::create_dir(tree.path("outside")).unwrap();
        std::fs::create_dir(tree.path("sandbox")).unwrap();
        for process in ["self".to_owned(), tree.pid.to_string()] {
            std::fs::create_dir_all(tree.path(&process).join("ns")).unwrap();
            std::fs::create_dir_all(tree.path(&process).join("attr/apparmor")).unwrap();
            symlink("user:[4026531837]", tree.path(&process).join("ns/user")).unwrap();
            symlink(tree.path("outside"), tree.path(&process).join("root")).unwrap();
        }
        let (uid, pid) = (tree.uid, tree.pid);
        tree.write(
            "status",
            &format!(
                "Name:\tweather\nTgid:\t{pid}\nPid:\t{pid}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
            ),
        );
        tree.write("cgroup", "0::/\n");
        copy("/bin/sleep", &tree.path("weather"));
        symlink(tree.path("weather"), tree.file("exe")).unwrap();
        tree
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path(&self.pid.to_string()).join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.file(name), text).unwrap();
        self
    }

    pub fn link(&self, name: &str, target: &Path) -> &Self {
        let _ = std::fs::remove_file(self.file(name));
        symlink(target, self.file(name)).unwrap();
        self
    }

    /// In a unit below the user's own service manager.
    pub fn in_user_unit(&self, unit: &str) -> &Self {
        let uid = self.uid;
        let manager = format!("/user.slice/user-{uid}.slice/user@{uid}.service");
        self.write("cgroup", &format!("0::{manager}/app.slice/{unit}\n"))
    }

    /// Under a root of its own, with this `.flatpak-info`.
    pub fn in_flatpak(&self, info: &str) -> &Self {
        std::fs::write(self.path("sandbox/.flatpak-info"), info).unwrap();
        self.link("root", &self.path("sandbox"))
    }

    pub fn proc(&self) -> ProcRoot {
        ProcRoot::open(self.folder.path()).unwrap()
    }

    /// Examined as a bus without process descriptors has to.
    pub fn look(&self) -> Result<Peer, Unidentified> {
        self.look_at(without_descriptor(self.uid, self.pid))
    }

    /// Examined with the bus's process descriptor.
    pub fn look_with_descriptor(&self) -> Result<Peer, Unidentified> {
        let credentials = with_descriptor(self.uid, self.pid);
        self.describe(&credentials, self.pid);
        self.look_at(credentials)
    }

    pub fn look_at(&self, credentials: Credentials) -> Result<Peer, Unidentified> {
        examine(credentials, &self.proc())
    }

    /// Records that the descriptor is of that process.
    pub fn describe(&self, credentials: &Credentials, pid: u32) {
        use std::os::fd::AsRawFd;
        let number = credentials.process_fd().unwrap().as_raw_fd();
        std::fs::create_dir_all(self.path("self/fdinfo")).unwrap();
        let text = format!("pos:\t0\nflags:\t02000002\nPid:\t{pid}\nNSpid:\t{pid}\n");
        std::fs::write(self.path("self/fdinfo").join(number.to_string()), text).unwrap();
    }
}
