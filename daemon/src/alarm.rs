//! Waking when something is due: by the wall clock, through suspend, and at once when somebody sets it.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// A timer of the kernel's. It wakes nobody unless it was set.
#[derive(Debug)]
pub struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    /// A timer that is not set.
    ///
    /// # Errors
    /// The kernel has none left.
    #[allow(deprecated, reason = "an owned descriptor stays open as long as it is registered")]
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self(AsyncFd::new(timerfd_create(TimerfdClockId::Realtime, flags)?)?))
    }

    /// Waits for `span`, suspend included, or until the wall clock is set: then what is due may be due
    /// already, or not yet.
    ///
    /// # Errors
    /// The kernel refuses the timer.
    pub async fn after(&self, span: Duration) -> io::Result<()> {
        let now = clock_gettime(ClockId::Realtime);
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        // A second late at most: what is due is counted in seconds.
        let second = now.tv_sec.saturating_add(seconds).saturating_add(1);
        let at = Timespec { tv_sec: second, tv_nsec: 0 };
        self.set(at, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET)?;
        if clock_gettime(ClockId::Realtime).tv_sec.abs_diff(now.tv_sec) > 1 {
            // It was set just now, before the timer knew to look out for that.
            return Ok(());
        }
        loop {
            let mut ready = self.0.readable().await?;
            let read = ready.try_io(|timer| {
                let mut count = [0; 8];
                rustix::io::read(timer, &mut count).map_err(io::Error::from)
            });
            match read {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) if error.raw_os_error() == Some(CANCELED) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                Err(_not_yet) => {}
            }
        }
    }

    /// Wakes nobody any more.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn clear(&self) -> io::Result<()> {
        self.set(Timespec { tv_sec: 0, tv_nsec: 0 }, TimerfdTimerFlags::empty())
    }

    fn set(&self, at: Timespec, flags: TimerfdTimerFlags) -> io::Result<()> {
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(&self.0, flags, &Itimerspec { it_interval: once, it_value: at })?;
        Ok(())
    }
}

/// What a read says once the clock was set.
const CANCELED: i32 = rustix::io::Errno::CANCELED.raw_os_error();

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn it_wakes_after_its_span_and_can_be_set_again() {
        let alarm = Alarm::new().unwrap();
        let began = clock_gettime(ClockId::Boottime);
        alarm.after(Duration::ZERO).await.unwrap();
        let far = alarm.after(Duration::from_secs(1_000_000));
        tokio::select! {
            _ = far => panic!("woken far too early"),
            () = tokio::task::yield_now() => {}
        }
        alarm.after(Duration::ZERO).await.unwrap();
        assert!(clock_gettime(ClockId::Boottime).tv_sec - began.tv_sec < 60);
        alarm.clear().unwrap();
    }
}
