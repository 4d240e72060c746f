//! Letting callers in to settings and administration: authority's verdict, and polkit's where it is asked.

use consentd_dbus::Error;
use zbus::message::{Flags, Header};
use zbus::names::UniqueName;

use super::errors;
use super::polkit;
use super::service::{Call, Service};
use crate::authority::{Act, Action, Actor, Polkit, Verdict};
use crate::engine::settings::By;

/// A caller that was let in to settings or administration, for one user.
pub(super) struct Admitted {
    /// Whose settings.
    pub user: u32,
    /// How a choice is made.
    pub by: By,
    /// The caller.
    pub uid: u32,
    /// Keeps the daemon from stopping under it.
    pub _call: Call,
}

impl Service {
    /// Lets a caller in to do something to a user's settings: its own unless `user` names another.
    ///
    /// # Errors
    /// It may not.
    pub(super) async fn admit(
        &self,
        header: &Header<'_>,
        act: Act,
        user: Option<u32>,
    ) -> Result<Admitted, Error> {
        let call = self.begin().await;
        let identified = self.identify(header).await.map_err(|why| errors::unidentified(&why));
        let (identified, policy) = identified?;
        let peer = &identified.peer;
        // An app whose declaration was rejected is still an app.
        let rejected = policy
            .as_ref()
            .and_then(|policy| policy.apps.rejected_apps())
            .is_some_and(|apps| peer.caller(apps).is_ok_and(|caller| caller.declared.is_some()));
        let actor = Actor { peer, caller: &identified.caller, rejected };
        let user = user.unwrap_or(peer.uid);
        if user == u32::MAX {
            return Err(Error::InvalidArgument("uid 4294967295 stands for nobody".into()));
        }
        let guardian = self.engine.guardian(user);
        let polkit = self.polkit(act, peer.uid, user).await?;
        let by = self.authority.by(actor, user, guardian);
        match self.authority.judge(actor, act, user, guardian, polkit) {
            Verdict::Granted => {}
            Verdict::Refused(why) => return Err(errors::refused(why)),
            Verdict::Ask(action) => {
                let sender = header.sender().map(UniqueName::as_str).unwrap_or_default();
                let flags = header.primary().flags();
                if !self.ask(peer.uid, sender, flags, action).await? {
                    return Err(Error::NotAuthorized(format!(
                        "polkit refused {}; ask an administrator, or call from an active session",
                        action.id()
                    )));
                }
            }
        }
        Ok(Admitted { user, by, uid: peer.uid, _call: call })
    }

    /// Whether polkit is there, where that matters.
    async fn polkit(&self, act: Act, uid: u32, user: u32) -> Result<Polkit, Error> {
        let matters = match act {
            Act::Loosen | Act::Exercise | Act::Administer => true,
            Act::Inspect | Act::Tighten => uid != user,
        };
        if !matters || uid == 0 {
            return Ok(Polkit::Absent);
        }
        polkit::presence(&self.asking).await.map_err(|error| {
            tracing::error!(%error, "the bus does not say whether polkit is there");
            Error::NotAuthorized("the bus does not say whether polkit is there; try again".into())
        })
    }

    async fn ask(
        &self,
        uid: u32,
        sender: &str,
        flags: Flags,
        action: Action,
    ) -> Result<bool, Error> {
        let _place = self.asked.take(uid)?;
        Ok(polkit::allows(&self.asking, sender, flags, action).await)
    }
}
