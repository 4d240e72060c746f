//! Sample apps that run: each its own process with its own identity.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};

use crate::place;
use crate::process::{PATIENCE, Process, bound_command};
use crate::sandbox::Sandbox;
use crate::words::{Answer, Order, Question, Reply};

/// What makes a process the app it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guise {
    /// Its executable alone.
    Executable,
    /// A flatpak's sandbox, made with bwrap: a root of its own with this app's `.flatpak-info`.
    Flatpak(String),
    /// A system user; the runner must be root.
    User(String),
}

/// A running sample app, ended when dropped.
#[derive(Debug)]
pub struct App {
    name: String,
    unique_name: String,
    process: Process,
    orders: ChildStdin,
    replies: Lines<BufReader<ChildStdout>>,
}

/// A folder of executables, one per app, all made from the sample app.
#[derive(Debug, Clone)]
pub struct AppsBin {
    dir: PathBuf,
}

impl AppsBin {
    /// An empty folder that only its owner writes.
    pub fn create(dir: PathBuf) -> Result<AppsBin> {
        std::fs::create_dir(&dir)?;
        std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o755))?;
        let original = dir.join(".sample-app");
        place::copy_program(&place::built("sample-app")?, &original)?;
        std::fs::set_permissions(&original, PermissionsExt::from_mode(0o755))?;
        Ok(AppsBin { dir })
    }

    /// The path of an app's executable, made when it is not there.
    pub fn executable(&self, name: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        if !path.exists() {
            std::fs::hard_link(self.dir.join(".sample-app"), &path)
                .with_context(|| format!("making {}", path.display()))?;
        }
        Ok(path)
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl App {
    /// Starts an app and waits until it is on the bus.
    pub async fn start(executable: &Path, guise: &Guise, address: &str) -> Result<App> {
        let name = executable.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = match guise {
            Guise::Executable => bound_command(executable),
            Guise::Flatpak(id) => {
                let dir = executable.parent().context("the executable has no folder")?;
                Sandbox::new(id, dir)?.command(executable, address)?
            }
            Guise::User(user) => user_command(executable, user),
        };
        command
            .arg("orders")
            .env("DBUS_SYSTEM_BUS_ADDRESS", address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::spawn(&name, &mut command)?;
        let orders = process.child().stdin.take().context("no stdin")?;
        let replies = process.child().stdout.take().context("no stdout")?;
        let mut app = App {
            name,
            unique_name: String::new(),
            process,
            orders: ChildStdin::from_std(orders)?,
            replies: BufReader::new(ChildStdout::from_std(replies)?).lines(),
        };
        let first = app.reply().await?;
        if let Reply::Connected(unique_name) = first {
            app.unique_name = unique_name;
            return Ok(app);
        }
        bail!("{} began with {first:?}", app.name)
    }

    /// Its name on the bus.
    #[must_use]
    pub fn unique_name(&self) -> &str {
        &self.unique_name
    }

    /// `Check`; an error when the daemon refuses the question.
    pub async fn check(&mut self, purpose: &str, data: &[&str]) -> Result<Vec<Answer>> {
        self.ask(Order::Check(Question::new(purpose, data))).await
    }

    /// `Preview`, likewise.
    pub async fn preview(&mut self, purpose: &str, data: &[&str]) -> Result<Vec<Answer>> {
        self.ask(Order::Preview(Question::new(purpose, data))).await
    }

    /// Any question that is answered.
    pub async fn ask(&mut self, order: Order) -> Result<Vec<Answer>> {
        let reply = self.tell(order).await?;
        if let Reply::Answered(answers) = reply {
            return Ok(answers);
        }
        bail!("{} was not answered but got {reply:?}", self.name)
    }

    /// `WhoAmI`.
    pub async fn who_am_i(&mut self) -> Result<BTreeMap<String, String>> {
        let reply = self.tell(Order::WhoAmI).await?;
        if let Reply::Identified(caller) = reply {
            return Ok(caller);
        }
        bail!("{} asked who it is and got {reply:?}", self.name)
    }

    /// Any order and its reply.
    pub async fn tell(&mut self, order: Order) -> Result<Reply> {
        self.send(order).await?;
        self.reply().await
    }

    /// An order whose reply is read later, with [`App::reply`].
    pub async fn send(&mut self, order: Order) -> Result<()> {
        let mut line = serde_json::to_vec(&order)?;
        line.push(b'\n');
        self.orders.write_all(&line).await.with_context(|| format!("telling {}", self.name))
    }

    /// The next reply.
    pub async fn reply(&mut self) -> Result<Reply> {
        let line = tokio::time::timeout(PATIENCE, self.replies.next_line())
            .await
            .with_context(|| format!("{} says nothing", self.name))??
            .with_context(|| format!("{} has ended", self.name))?;
        serde_json::from_str(&line).with_context(|| format!("{} said {line}", self.name))
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> Result<()> {
        self.process.wait().map(drop)
    }

    /// Ends it at once.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }
}

fn user_command(executable: &Path, user: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", user, "--clear-groups", "--pdeathsig", "KILL", "--"])
        .arg(executable);
    command
}
