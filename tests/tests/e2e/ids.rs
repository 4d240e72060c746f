//! Ids of the sample apps that scenarios speak of.

pub(crate) const WEATHER: &str = "org.example.weather";
pub(crate) const GAME: &str = "org.example.game";
pub(crate) const SECURITY: &str = "org.example.security";
pub(crate) const EXPERIENCE: &str = "org.example.experience";
