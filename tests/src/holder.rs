//! A sample holder: an app that keeps data about a person in a file, answers cases about it and erases of it
//! what it is told to; rightly, or in one of the wrong ways that a daemon has to bear.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use zbus::conn::Builder;
use zbus::message::Header;
use zbus::{Connection, ObjectPath, OwnedFd, OwnedVariant, Variant, fdo, interface};

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Manner {
    /// As it should.
    Good,
    /// Refuses, on a listed ground.
    Refuses,
    /// Refuses without one.
    RefusesGroundlessly,
    /// Never answers.
    Hangs,
    /// Ends in the middle of a case.
    Crashes,
    /// Returns more than anybody wants.
    Floods,
    /// Returns another user's data, and of an erasure what nobody asked for.
    MixesUp,
}

/// The holder.
pub struct Holder {
    /// What it keeps.
    pub store_path: PathBuf,
    /// How it behaves.
    pub manner: Manner,
}

type Details = HashMap<String, OwnedVariant>;
type Result_ = HashMap<&'static str, Variant<'static>>;

impl Holder {
    /// Serves cases: at a name of its own, or where it registers. Runs until the bus is gone.
    pub async fn serve(self, name: Option<&str>) -> Result<()> {
        let path = match name {
            Some(name) => format!("/{}", name.replace('.', "/").replace('-', "_")),
            None => "/holder".to_owned(),
        };
        // Served before anything can be called: an object that is added to a connection later misses what
        // comes at once.
        let bus = Builder::system().serve_at(path.as_str(), self).build().await;
        let bus = bus.context("connecting to the system bus")?;
        match name {
            Some(name) => drop(bus.request_name(name).await?),
            None => {
                let path = ObjectPath::try_from(path.as_str())?;
                let options: HashMap<&str, Variant<'_>> = HashMap::new();
                bus.call_method(
                    Some("org.consentd"),
                    "/org/consentd",
                    Some("org.consentd.Rights1"),
                    "RegisterHolder",
                    &(path, options),
                )
                .await?;
            }
        }
        // One that the bus started ends with it.
        bus.closed().await;
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) {
        let kept = std::fs::read(&self.store_path).unwrap_or_default();
        let mut kept = serde_json::from_slice(&kept).unwrap_or_default();
        change(&mut kept);
        let text = serde_json::to_vec(&kept).unwrap_or_default();
        // A test looks at the file, and sees what is missing.
        let _written = std::fs::write(&self.store_path, text);
    }

    fn copy(&self, out: OwnedFd) -> std::io::Result<()> {
        let mut out = File::from(std::os::fd::OwnedFd::from(out));
        if self.manner == Manner::Floods {
            let part = vec![b'x'; 1 << 20];
            loop {
                out.write_all(&part)?;
            }
        }
        out.write_all(&std::fs::read(&self.store_path)?)
    }
}

#[interface(name = "org.consentd.Holder1")]
impl Holder {
    async fn handle(
        &self,
        _case: &str,
        right: &str,
        out: OwnedFd,
        details: Details,
    ) -> fdo::Result<(&'static str, Result_)> {
        let user = details.get("user").and_then(|user| user.downcast_ref::<u32>().ok());
        let user = user.unwrap_or(u32::MAX);
        match self.manner {
            Manner::Good | Manner::Floods | Manner::MixesUp => {}
            Manner::Refuses => {
                return Ok(("refused", Result_::from([("ground", "already-public".into())])));
            }
            Manner::RefusesGroundlessly => return Ok(("refused", Result_::new())),
            Manner::Hangs => std::future::pending().await,
            Manner::Crashes => std::process::abort(),
        }
        let statement = details.get("statement").and_then(|text| text.downcast_ref::<&str>().ok());
        match right {
            "access" | "portability" => {
                let owner = if self.manner == Manner::MixesUp { user ^ 1 } else { user };
                // Whoever reads no farther has read enough.
                let _cut_off = self.copy(out);
                return Ok(("done", Result_::from([("user", owner.into())])));
            }
            "erasure" => self.change(serde_json::Map::clear),
            "rectification" => self.change(|kept| {
                kept.insert("corrected".into(), statement.unwrap_or_default().into());
            }),
            right => self.change(|kept| drop(kept.insert(right.into(), true.into()))),
        }
        Ok(("done", Result_::from([("note", "as you wish".into())])))
    }

    async fn erase(
        &self,
        data: Vec<String>,
        why: &str,
        _details: Details,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> fdo::Result<()> {
        match self.manner {
            Manner::Good | Manner::Floods => {}
            Manner::MixesUp => {
                bus.reply(&header, &("done", 7_u32)).await?;
                std::future::pending().await
            }
            Manner::Refuses | Manner::RefusesGroundlessly => {
                return Err(fdo::Error::Failed("not today".into()));
            }
            Manner::Hangs => std::future::pending().await,
            Manner::Crashes => std::process::abort(),
        }
        self.change(|kept| {
            kept.retain(|key, _| !data.contains(key));
            kept.insert("erased for".into(), why.into());
        });
        Ok(())
    }

    async fn resume(&self, _case: &str, _details: Details) {
        self.change(|kept| drop(kept.insert("resumed".into(), true.into())));
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> u32 {
        1
    }
}
