//! What a reader of the catalogue should look at (R35).
