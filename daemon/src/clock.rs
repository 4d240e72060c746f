//! What time it is, as a value: nothing below the daemon's edge reads a clock itself.

use std::sync::Mutex;

/// One moment, on the two clocks that lifetimes are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock, Unix seconds. The person's time; it may be set back.
    pub wall: i64,
    /// Milliseconds since boot, suspend included. Never goes back within a boot.
    pub since_boot: i64,
    /// The kernel's id of this boot.
    pub boot: u128,
}

/// Where moments come from.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    boot: u128,
}

impl SystemClock {
    /// Reads the id of this boot once.
    ///
    /// # Errors
    /// `/proc/sys/kernel/random/boot_id` cannot be read, or holds no UUID.
    pub fn new() -> std::io::Result<Self> {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let digits = text.trim().replace('-', "");
        let boot = u128::from_str_radix(&digits, 16)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))?;
        Ok(Self { boot })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let wall = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Moment {
            wall: wall.tv_sec,
            since_boot: boot.tv_sec * 1000 + boot.tv_nsec / 1_000_000,
            boot: self.boot,
        }
    }
}

/// A clock that goes only where it is told: for tests of lifetimes.
#[derive(Debug)]
pub struct SetClock(Mutex<Moment>);

impl SetClock {
    /// A clock that stands at `moment`.
    #[must_use]
    pub fn new(moment: Moment) -> Self {
        Self(Mutex::new(moment))
    }

    /// Moves it by what `change` does.
    pub fn change(&self, change: impl FnOnce(&mut Moment)) {
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Clock for SetClock {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
