//! Sizes and durations for people, in one place so that all output agrees.

use std::time::Duration;

/// A length in bytes, for people: `41.3 MB`. Decimal units, as disks and downloads are sold.
pub fn size(bytes: u64) -> String {
    scaled(bytes as f64)
}

/// Bytes a second, for people: `31.0 MB/s`.
pub fn speed(rate: f64) -> String {
    format!("{}/s", scaled(rate))
}

fn scaled(bytes: f64) -> String {
    match bytes {
        ..1e3 => format!("{bytes:.0} B"),
        1e3..1e6 => format!("{:.0} kB", bytes / 1e3),
        1e6..1e8 => format!("{:.1} MB", bytes / 1e6),
        1e8..1e9 => format!("{:.0} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

/// A duration: `0.4s`, `18s`, `1m 02s`, `1h 02m`.
pub fn duration(took: Duration) -> String {
    let seconds = (took + Duration::from_millis(500)).as_secs();
    match seconds {
        0 => format!("{:.1}s", took.as_secs_f64()),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}
