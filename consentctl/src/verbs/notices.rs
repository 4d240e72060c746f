//! `notices`.

use jiff::Zoned;

use crate::answers::Notice;
use crate::failure::Failure;
use crate::json;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Table, dim, plain};
use crate::time;
use crate::values::decode_all;

pub async fn notices(session: &Session) -> Result<(), Failure> {
    let notices = session.settings().await?.list_notices(session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&notices));
    }
    session.screen.text(&render_notices(&decode_all(&notices)?, &session.screen, &session.now))
}

fn render_notices(notices: &[Notice], screen: &Screen, now: &Zoned) -> String {
    let mut table = Table::new(screen, &["Notice", "Effective", "Language", "In force", "ID"]);
    for notice in notices {
        let force = if notice.in_force { (Tone::Good, "yes".to_owned()) } else { dim("no") };
        table.row([
            plain(&notice.name),
            plain(time::day(notice.effective, now)),
            plain(&notice.language),
            force,
            dim(&notice.id),
        ]);
    }
    table.render()
}
