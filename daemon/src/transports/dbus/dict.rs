//! `a{sv}`, both ways: options with nothing unknown in them, and rows.

use std::collections::{BTreeMap, HashMap};

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use consentd_dbus::Error;
use zbus::wire::Signature;
use zbus::{OwnedVariant, Variant};

use crate::row::{Cell, Row};

/// An `a{sv}` as it arrives.
pub(super) type Options<'a> = HashMap<&'a str, Variant<'a>>;
/// An `a{sv}` as it leaves.
pub(super) type Dict = BTreeMap<&'static str, OwnedVariant>;

/// Options being read: what is not taken by the end is unknown, and refused.
pub(super) struct Reader<'a> {
    left: Options<'a>,
}

impl<'a> Reader<'a> {
    pub fn new(options: Options<'a>) -> Self {
        Self { left: options }
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(Variant::Str(text)) => Ok(Some(text.as_str().to_owned())),
            Some(other) => Err(wrong_type(key, "a string (s)", &other)),
        }
    }

    pub fn flag(&mut self, key: &str) -> Result<Option<bool>, Error> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(Variant::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(wrong_type(key, "a boolean (b)", &other)),
        }
    }

    pub fn small(&mut self, key: &str) -> Result<Option<u32>, Error> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(Variant::U32(number)) => Ok(Some(number)),
            Some(other) => Err(wrong_type(key, "an unsigned number (u)", &other)),
        }
    }

    pub fn number(&mut self, key: &str) -> Result<Option<i64>, Error> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(Variant::I64(number)) => Ok(Some(number)),
            Some(other) => Err(wrong_type(key, "a 64-bit number (x)", &other)),
        }
    }

    pub fn count(&mut self, key: &str) -> Result<Option<u64>, Error> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(Variant::U64(count)) => Ok(Some(count)),
            Some(other) => Err(wrong_type(key, "a count (t)", &other)),
        }
    }

    pub fn smalls(&mut self, key: &str) -> Result<Option<Vec<u32>>, Error> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(Variant::Array(list)) if *list.element_signature() == Signature::U32 => {
                let wrong = |_| Error::InvalidArgument(format!("`{key}` cannot be read"));
                Vec::try_from(Variant::Array(list)).map(Some).map_err(wrong)
            }
            Some(other) => Err(wrong_type(key, "a list of unsigned numbers (au)", &other)),
        }
    }

    pub fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, Error> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(Variant::Array(list)) if *list.element_signature() == Signature::Str => {
                let wrong = |_| Error::InvalidArgument(format!("`{key}` cannot be read"));
                Vec::try_from(Variant::Array(list)).map(Some).map_err(wrong)
            }
            Some(other) => Err(wrong_type(key, "a list of strings (as)", &other)),
        }
    }

    pub fn handle(&mut self, key: &str) -> Result<Option<OwnedFd>, Error> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(Variant::Fd(fd)) => own(fd.as_fd()).map(Some),
            Some(other) => Err(wrong_type(key, "a descriptor (h)", &other)),
        }
    }

    /// Ends the reading. `known` is what the member takes, for the error.
    pub fn end(self, known: &str) -> Result<(), Error> {
        match self.left.keys().min() {
            None => Ok(()),
            Some(key) => {
                let key: String = key.chars().take(64).collect();
                let takes = if known.is_empty() { "nothing" } else { known };
                Err(Error::InvalidArgument(format!("unknown key `{key}`; this takes {takes}")))
            }
        }
    }
}

/// A duplicate of a handle that came with a message.
fn own(fd: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    fd.try_clone_to_owned().map_err(|error| {
        tracing::error!(%error, "a handle was not taken");
        Error::TooManyRequests("the daemon has no descriptor left; try again later".into())
    })
}

fn wrong_type(key: &str, wanted: &str, found: &Variant<'_>) -> Error {
    let found = found.value_signature();
    Error::InvalidArgument(format!("`{key}` has to be {wanted}, not of type {found}"))
}

/// A row as it leaves.
pub(super) fn dict(row: Row) -> Dict {
    row.0.into_iter().filter_map(|(name, cell)| Some((name, variant(cell)?))).collect()
}

/// Rows as they leave.
pub(super) fn dicts(rows: Vec<Row>) -> Vec<Dict> {
    rows.into_iter().map(dict).collect()
}

fn variant(cell: Cell) -> Option<OwnedVariant> {
    let variant = match cell {
        Cell::Text(text) => Variant::from(text),
        Cell::List(list) => Variant::from(list),
        Cell::Flag(flag) => Variant::from(flag),
        Cell::Number(number) => Variant::from(number),
        Cell::Small(number) => Variant::from(number),
        Cell::Count(count) => Variant::from(count),
        Cell::Rows(rows) => {
            let rows: Vec<HashMap<String, OwnedVariant>> = rows
                .into_iter()
                .map(|row| dict(row).into_iter().map(|(name, v)| (name.to_owned(), v)).collect())
                .collect();
            Variant::from(rows)
        }
    };
    // Only a descriptor that cannot be duplicated fails here, and there is none.
    OwnedVariant::try_from(variant).ok()
}
