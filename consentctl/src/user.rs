//! Users on the command line: a uid, or a name that the system knows.

use nix::unistd::User;

/// The uid that `text` names.
pub fn parse(text: &str) -> Result<u32, String> {
    if let Ok(uid) = text.parse() {
        return Ok(uid);
    }
    match User::from_name(text) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(format!("no user is called {text}")),
        Err(error) => Err(format!("the users cannot be read: {error}")),
    }
}

/// The name of a uid, or its number.
pub fn name(uid: u32) -> String {
    match User::from_uid(uid.into()) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => format!("uid {uid}"),
    }
}
