//! Rights that people exercise (R44–R52): cases towards whoever holds the data, what objections and
//! restrictions stop from then on, and what a guardian's report does (R38).

mod case;
pub mod cases;
pub mod held;
pub mod minor;
