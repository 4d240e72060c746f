//! Not yet.
use crate::device::Device;
pub fn plays_without_write_permission(_device: &Device) {}
