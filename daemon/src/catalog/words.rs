//! The words of the catalogue's enums, as they stand in files and on the wire.

use super::{AppDefault, Kind, Scope, Sensitivity, Shape};

/// Gives an enum its words.
macro_rules! words {
    ($($name:ident { $($variant:ident $word:literal),* })*) => {
        $(impl $name {
            /// The word in files and on the wire.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        })*
    };
}

words! {
    Shape { ZeroUuid "zero-uuid", Empty "empty", None "none", Approximate "approximate" }
    Sensitivity {
        Public "public", Internal "internal", Confidential "confidential", Restricted "restricted"
    }
    Scope { Both "both", All "all", App "app", Site "site" }
    AppDefault { Follow "follow", Ask "ask", Off "off" }
    Kind { Switch "switch", Fixed "fixed", Action "action" }
}
