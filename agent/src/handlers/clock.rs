//! Setting the guest's clock: a virtual machine that was asleep wakes up in the past.

use crate::failure::failure;
use rustix::io::Errno;
use rustix::time::{ClockId, Timespec, clock_settime};
use std::time::Duration;
use vmbuild_protocol::{Clock, FailureKind, RequestFailure};

/// Sets the clock.
pub fn set_clock(clock: Clock) -> Result<(), RequestFailure> {
    clock_settime(ClockId::Realtime, timespec(clock)).map_err(|error| match error {
        Errno::PERM => failure(FailureKind::Io, "failed to set the clock: a sandbox shares its host's clock"),
        error => failure(FailureKind::Io, format!("failed to set the clock: {error}")),
    })
}

fn timespec(clock: Clock) -> Timespec {
    let since_epoch = Duration::from_nanos(clock.unix_nanos);
    Timespec { tv_sec: since_epoch.as_secs().cast_signed(), tv_nsec: since_epoch.subsec_nanos().into() }
}

#[cfg(test)]
mod tests {
    use super::timespec;
    use vmbuild_protocol::Clock;

    #[test]
    fn nanoseconds_are_split() {
        let time = timespec(Clock { unix_nanos: 1_700_000_000_000_000_005 });
        assert_eq!((time.tv_sec, time.tv_nsec), (1_700_000_000, 5));
    }
}
