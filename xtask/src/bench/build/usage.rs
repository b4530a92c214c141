//! Processor time of the programs this process has started and waited for.

use crate::workspace::TaskError;

/// Ticks of `/proc/self/stat` in a second: the kernel's interface says 100 wherever Rust runs.
const TICKS: f64 = 100.0;

/// A point in processor time.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProcessorUsage(f64);

impl ProcessorUsage {
    pub(super) fn now() -> Result<Self, TaskError> {
        let stat = fs_err::read_to_string("/proc/self/stat")?;
        seconds(&stat).map(Self).ok_or(TaskError::Silent("/proc/self/stat"))
    }

    /// Seconds since then.
    pub(super) fn since(self) -> Result<f64, TaskError> {
        Ok(Self::now()?.0 - self.0)
    }
}

/// User and system time of the children: the 16th and 17th field. Source: `proc_pid_stat(5)`.
fn seconds(stat: &str) -> Option<f64> {
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_ascii_whitespace().skip(13);
    let ticks = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / TICKS)
}

#[cfg(test)]
mod tests {
    use super::{ProcessorUsage, seconds};

    #[test]
    fn the_name_may_hold_anything() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 250 50 20 0";
        assert_eq!(seconds(stat), Some(3.0));
        assert_eq!(seconds("7 (a"), None);
    }

    #[test]
    fn the_kernel_is_understood() {
        assert!(ProcessorUsage::now().expect("read").since().expect("read") >= 0.0);
    }
}
