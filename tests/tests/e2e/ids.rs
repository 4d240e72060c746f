//! Ids of the sample apps that scenarios speak of; `NAME` is also the name of its executable.

pub(crate) const WEATHER: &str = "org.example.weather";
pub(crate) const GAME: &str = "org.example.game";
pub(crate) const SECURITY: &str = "org.example.security";
pub(crate) const CAMERA: &str = "org.example.camera";
