//! The whole way, on a private bus: a call arrives, and its sender is identified.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use consentd::apps::{Apps, Identity};
use consentd::catalog::Trust;
use consentd::identity::bus::{Examiner, Limits, credentials};
use consentd::identity::{Identified, Kind, NotRecognised, Unidentified};
use futures_util::StreamExt;
use tempfile::TempDir;
use zbus::names::{OwnedUniqueName, UniqueName};
use zbus::{Connection, MessageStream};

use crate::support::{
    Installed, Running, SYSTEM_USER, declared, own_uid, proc, require_program, require_root,
    system_user,
};

/// A bus that lets every user in, as the system bus does.
struct Bus {
    daemon: Child,
    address: String,
    folder: TempDir,
}

impl Bus {
    fn start() -> Option<Self> {
        if !require_program("dbus-daemon", "dbus-daemon")
            || !require_program("dbus-send", "dbus-bin")
        {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // Other users have to reach the socket.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let config = folder.path().join("bus.conf");
        let socket = folder.path().join("socket");
        let text = format!(
            r#"<busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>"#,
            socket.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .arg("--nofork")
            .arg("--print-address")
            .arg(format!("--config-file={}", config.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Some(Bus { daemon, address: address.trim().into(), folder })
    }

    async fn connect(&self) -> Connection {
        zbus::connection::Builder::address(self.address.as_str()).build().await.unwrap()
    }

    /// A program that calls `connection` and waits for an answer that never comes.
    fn caller(&self, program: Command, connection: &Connection) -> Running {
        Self::caller_at(&self.address, program, connection)
    }

    fn caller_at(address: &str, mut program: Command, connection: &Connection) -> Running {
        program
            .arg(format!("--bus={address}"))
            .arg(format!("--dest={}", connection.unique_name().unwrap()))
            .args(["--print-reply", "--reply-timeout=1000000", "/org/consentd"])
            .arg("org.consentd.Gate1.WhoAmI");
        Running::start(&mut program)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// The sender of the next call; fails, rather than hangs, where the caller could not start.
async fn sender(calls: &mut MessageStream) -> OwnedUniqueName {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(60), calls.next());
        let message = next.await.expect("nobody called; see above").unwrap().unwrap();
        let header = message.header();
        if header.member().is_some_and(|member| member == "WhoAmI") {
            return header.sender().unwrap().to_owned().into();
        }
    }
}

fn examiner() -> Examiner {
    Examiner::new(proc(), Limits::default())
}

async fn identify(
    connection: &Connection,
    unique: &UniqueName<'_>,
    apps: &Apps,
) -> Result<Arc<Identified>, Unidentified> {
    examiner().identify(connection, unique, apps, 1).await
}

#[tokio::test]
async fn a_caller_on_the_bus_is_identified_by_its_executable() {
    let Some(bus) = Bus::start() else { return };
    let connection = bus.connect().await;
    let mut calls = MessageStream::from(&connection);
    let installed = Installed::new();
    let program = installed.copy("/usr/bin/dbus-send", "weather-caller");
    let _running = bus.caller(Command::new(&program), &connection);
    let unique = sender(&mut calls).await;
    let apps = declared(&[("org.example.weather", Identity::Executable(program))]);
    let identified = identify(&connection, &unique, &apps).await.unwrap();
    let caller = identified.caller.as_ref().unwrap();
    assert_eq!((caller.kind, &*caller.app), (Kind::Executable, "org.example.weather"));
    assert_eq!((caller.user, caller.trust), (own_uid(), Trust::Weak));
}

#[tokio::test]
async fn a_caller_from_a_sandbox_is_identified_as_its_flatpak() {
    let Some(bus) = Bus::start() else { return };
    if !require_program("bwrap", "bubblewrap") {
        return;
    }
    let connection = bus.connect().await;
    let mut calls = MessageStream::from(&connection);
    let info = bus.folder.path().join("info");
    std::fs::write(&info, "[Application]\nname=org.example.Weather\n").unwrap();
    let mut sandbox = Command::new("bwrap");
    sandbox
        .args(["--die-with-parent", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib"])
        .args(["--symlink", "usr/lib64", "/lib64", "--bind"])
        .args([bus.folder.path(), bus.folder.path()])
        .arg("--ro-bind")
        .args([&*info, "/.flatpak-info".as_ref()])
        .arg("/usr/bin/dbus-send");
    let _running = bus.caller(sandbox, &connection);
    let unique = sender(&mut calls).await;
    let identified = identify(&connection, &unique, &declared(&[])).await.unwrap();
    assert!(identified.peer.is_sandboxed());
    let caller = identified.caller.as_ref().unwrap();
    assert_eq!((caller.kind, &*caller.app), (Kind::Flatpak, "flatpak:org.example.Weather"));
    // A bus that hands out process descriptors can prove more.
    let credentials = credentials(&connection, &unique).await.unwrap();
    let best = if credentials.process_fd().is_some() { Trust::Confined } else { Trust::Weak };
    assert_eq!(caller.trust, best);
}

#[tokio::test]
async fn what_was_found_out_is_remembered_until_the_apps_change() {
    let Some(bus) = Bus::start() else { return };
    let connection = bus.connect().await;
    let mut calls = MessageStream::from(&connection);
    let _running = bus.caller(Command::new("/usr/bin/dbus-send"), &connection);
    let unique = sender(&mut calls).await;
    let identity = Identity::Executable("/usr/bin/dbus-send".into());
    let (none, apps) = (declared(&[]), declared(&[("org.example.weather", identity)]));
    let examiner = examiner();
    let first = examiner.identify(&connection, &unique, &none, 1).await.unwrap();
    let why = NotRecognised::Undeclared("/usr/bin/dbus-send".into());
    assert_eq!(first.caller, Err(Unidentified::Unrecognised(why)));
    let again = examiner.identify(&connection, &unique, &apps, 1).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert!(examiner.known().connections(own_uid(), "org.example.weather").is_empty());
    examiner.known().clear();
    let later = examiner.identify(&connection, &unique, &apps, 2).await.unwrap();
    assert_eq!(&*later.caller.as_ref().unwrap().app, "org.example.weather");
    let connections = examiner.known().connections(own_uid(), "org.example.weather");
    assert_eq!(connections, [unique.as_str().into()]);
}

/// A caller that leaves before it is looked up is nobody, and surely not root (polkit,
/// CVE-2021-3560).
#[tokio::test]
async fn a_caller_that_left_is_unidentified() {
    let Some(bus) = Bus::start() else { return };
    let connection = bus.connect().await;
    let mut calls = MessageStream::from(&connection);
    let running = bus.caller(Command::new("/usr/bin/dbus-send"), &connection);
    let unique = sender(&mut calls).await;
    let mut changes = changes(&connection).await;
    drop(running);
    assert_eq!(next_name(&mut changes).await, unique);
    let apps = declared(&[("root", system_user(0))]);
    assert_eq!(identify(&connection, &unique, &apps).await, Err(Unidentified::BusRefused));
    let bus_itself = UniqueName::try_from("org.freedesktop.DBus").unwrap();
    assert_eq!(identify(&connection, &bus_itself, &apps).await, Err(Unidentified::BusRefused));
}

/// Connects as the least of clients, with `Hello` alone.
const CONNECT: &str = r#"
    use IO::Socket::UNIX;
    my ($path, $hello) = @ARGV;
    my $bus = IO::Socket::UNIX->new($path) or die "no bus: $!";
    syswrite $bus, "\0AUTH EXTERNAL " . unpack("H*", $>) . "\r\n";
    sysread $bus, my $ok, 4096;
    syswrite $bus, "BEGIN\r\n" . pack("H*", $hello);
    sysread $bus, my $name, 4096;
"#;

/// A client that does nothing but what stands in a script.
fn client(bus: &Bus, script: &str) -> Command {
    let hello = zbus::Message::method_call("/org/freedesktop/DBus", "Hello")
        .destination("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .build(&())
        .unwrap();
    let hello: String = hello.data().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut perl = Command::new("perl");
    perl.arg("-e").arg(format!("{CONNECT}{script}"));
    perl.arg(bus.folder.path().join("socket")).arg(hello);
    perl
}

/// It connects, hands the connection to a child, and ends: its pid may be anybody's now (polkit,
/// CVE-2013-4288). The uid is still its own.
#[tokio::test]
async fn a_process_that_left_its_connection_to_another_is_its_system_user_or_nobody() {
    const LEAVE: &str = r#"
        my $child = fork;
        if ($child == 0) {
            open(STDIN, "<&", $bus) and open(STDOUT, ">", "/dev/null") or die;
            exec "sleep", "1000";
        }
        print "$child\n";
    "#;
    if !require_root() || !require_program("perl", "perl-base") {
        return;
    }
    let Some(bus) = Bus::start() else { return };
    let connection = bus.connect().await;
    let mut changes = changes(&connection).await;
    let mut client = client(&bus, LEAVE);
    client.uid(SYSTEM_USER).stdin(Stdio::null()).stderr(Stdio::inherit());
    let left = client.output().unwrap();
    let unique = next_name(&mut changes).await;
    let child = String::from_utf8(left.stdout).unwrap().trim().parse().unwrap();
    let _child = Orphan(child);
    let others = declared(&[("org.example.other", system_user(SYSTEM_USER + 1))]);
    assert_eq!(identify(&connection, &unique, &others).await, Err(Unidentified::Gone));
    let apps = declared(&[("org.example.weather", system_user(SYSTEM_USER))]);
    let identified = identify(&connection, &unique, &apps).await.unwrap();
    let caller = identified.caller.as_ref().unwrap();
    assert_eq!((caller.kind, caller.trust), (Kind::User, Trust::System));
    assert!(identified.peer.is_sandboxed(), "a process that nobody saw may not change settings");
}

async fn changes(connection: &Connection) -> zbus::fdo::NameOwnerChangedStream {
    let bus = zbus::fdo::DBusProxy::new(connection).await.unwrap();
    bus.receive_name_owner_changed().await.unwrap()
}

/// The name that comes or goes next.
async fn next_name(changes: &mut zbus::fdo::NameOwnerChangedStream) -> OwnedUniqueName {
    let next = tokio::time::timeout(Duration::from_secs(60), changes.next());
    let change = next.await.expect("no name came or went; see above").unwrap();
    OwnedUniqueName::try_from(change.args().unwrap().name().as_str()).unwrap()
}

/// A child that its parent left behind.
struct Orphan(i32);

impl Drop for Orphan {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.0) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Callers whose `.flatpak-info` lies on a file system that never answers.
struct Hung<'a> {
    bus: &'a Bus,
    root: TempDir,
}

impl<'a> Hung<'a> {
    const SCRIPT: &'static str = r#"
        set -e
        root=$1; shift
        mount -t tmpfs root "$root"
        cd "$root"
        mkdir usr proc bus
        mount --rbind /usr usr
        mount --rbind /proc proc
        mount --rbind "$OLDPWD" bus
        ln -s usr/bin usr/lib usr/lib64 .
        : > .flatpak-info
        exec 3<>/dev/fuse
        mount -i -t fuse -o fd=3,rootmode=100644,user_id=0,group_id=0 hung .flatpak-info
        exec chroot . "$@"
    "#;

    fn new(bus: &'a Bus) -> Option<Self> {
        let fuse = std::path::Path::new("/dev/fuse").exists();
        let possible = crate::support::require(fuse, "/dev/fuse: modprobe fuse");
        possible.then(|| Hung { bus, root: tempfile::tempdir().unwrap() })
    }

    fn start(&self, connection: &Connection) -> Running {
        let mut program = Command::new("unshare");
        program
            .current_dir(self.bus.folder.path())
            .args(["--mount", "--propagation=private", "sh", "-c", Self::SCRIPT, "sh"])
            .arg(self.root.path())
            .arg("/usr/bin/dbus-send");
        Bus::caller_at("unix:path=/bus/socket", program, connection)
    }
}

/// It harms its own user alone.
#[tokio::test]
async fn a_caller_that_hangs_the_examination_is_unidentified_and_blocks_no_other_user() {
    if !require_root() || !require_program("unshare", "util-linux") {
        return;
    }
    let Some(bus) = Bus::start() else { return };
    let Some(hung) = Hung::new(&bus) else { return };
    let connection = bus.connect().await;
    let mut calls = MessageStream::from(&connection);
    let limits = Limits { deadline: Duration::from_secs(1), at_once: 2 };
    let examiner = Examiner::new(proc(), limits);
    let apps = declared(&[("org.example.weather", system_user(SYSTEM_USER))]);
    let mut running = vec![];
    for answer in [Unidentified::Slow, Unidentified::Slow, Unidentified::Busy] {
        running.push(hung.start(&connection));
        let unique = sender(&mut calls).await;
        assert_eq!(examiner.identify(&connection, &unique, &apps, 1).await, Err(answer));
    }
    let mut other = Command::new("/usr/bin/dbus-send");
    other.uid(SYSTEM_USER);
    let _other = bus.caller(other, &connection);
    let unique = sender(&mut calls).await;
    let identified = examiner.identify(&connection, &unique, &apps, 1).await.unwrap();
    assert_eq!(identified.caller.as_ref().unwrap().trust, Trust::System);
    // When the hung ones have ended, so have their examinations, and their places are free.
    let _more = bus.caller(Command::new("/usr/bin/dbus-send"), &connection);
    let unique = sender(&mut calls).await;
    drop(running);
    let mut answer = examiner.identify(&connection, &unique, &apps, 1).await;
    while answer == Err(Unidentified::Busy) {
        answer = examiner.identify(&connection, &unique, &apps, 1).await;
    }
    assert!(answer.is_ok());
}

/// Its process lives on, and may never have been the one that connected (polkit, CVE-2019-6133).
#[tokio::test]
async fn a_connection_that_closes_during_the_examination_is_unidentified() {
    const CLOSE: &str = r#"
        print "$$\n";
        close STDOUT;
        <STDIN>;
        close $bus;
        kill STOP => $$;
    "#;
    if !require_root() || !require_program("perl", "perl-base") {
        return;
    }
    let Some(bus) = Bus::start() else { return };
    let Some(hung) = Hung::new(&bus) else { return };
    let connection = bus.connect().await;
    let names = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
    let mut calls = MessageStream::from(&connection);
    let limits = Limits { at_once: 1, ..Limits::default() };
    let examiner = Examiner::new(proc(), limits);
    let apps = declared(&[]);
    // The only place is taken, so that the next one has to wait between two steps.
    let running = hung.start(&connection);
    let first = sender(&mut calls).await;
    assert_eq!(examiner.identify(&connection, &first, &apps, 1).await, Err(Unidentified::Slow));
    let mut changes = changes(&connection).await;
    let (input, close) = std::io::pipe().unwrap();
    let mut client = client(&bus, CLOSE);
    let _client = Running::start_and_hear_pid_with_input(client.stdin(input));
    let unique = next_name(&mut changes).await;
    let identified = examiner.identify(&connection, &unique, &apps, 1);
    let closed = async {
        // The bus answers in order: by then it has said whose the connection is.
        names.get_id().await.unwrap();
        drop(close);
        assert_eq!(next_name(&mut changes).await, unique);
        drop(running);
    };
    let (answer, ()) = futures_util::future::join(identified, closed).await;
    assert_eq!(answer, Err(Unidentified::Disconnected));
}
