//! `Rights1.Report`: what holders return of a case, and all that the daemon keeps itself, as JSON lines.
//!
//! Holders are asked while it is read, and what they return goes to the reader alone: the daemon keeps no
//! collected values (invariant 6).

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use consentd_dbus::Result;

use super::export::{self, Lines};
use super::places::Place;
use super::service::Service;
use crate::engine::cases::{Progress, Task};
use crate::row::Row;

/// How long a holder may take, with those of its cases that come before this one.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pipe on which the report arrives, and ends.
pub(super) fn report(
    service: Arc<Service>,
    case: Row,
    tasks: Vec<Task>,
    user: u32,
    place: Place,
) -> Result<OwnedFd> {
    let (reader, sender) = export::pipe()?;
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = write(&service, case, &tasks, user, Lines::to(sender)).await {
            tracing::warn!(%error, "a report was cut off");
        }
    });
    Ok(reader)
}

async fn write(
    service: &Service,
    case: Row,
    tasks: &[Task],
    user: u32,
    mut lines: Lines,
) -> anyhow::Result<()> {
    lines.put(vec![Row::new().with("kind", "case").and(case)]).await?;
    for task in tasks {
        let returned = Row::new().with("kind", "returned").with("app", &*task.app);
        let asked = async {
            let _turn = service.holders.pace.turn(task.case.user, &task.app).await?;
            service.ask_holder(task).await
        };
        let row = match tokio::time::timeout(PATIENCE, asked).await.ok() {
            None => returned.with("missing", "it is busy with other cases; try again later"),
            Some(Some(handled)) if handled.progress == Progress::Done => {
                returned.with("data", String::from_utf8(handled.data)?)
            }
            Some(Some(handled)) => returned.with("missing", handled.note),
            Some(None) => {
                returned.with("missing", "nobody answers for the app now; try again later")
            }
        };
        lines.put(vec![row]).await?;
    }
    lines.all(Arc::clone(&service.engine), user).await
}
