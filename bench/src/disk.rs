//! One durable write of this disk: 4 KiB appended and synced.

use anyhow::Result;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Times of some durable writes in `folder`, in milliseconds, sorted.
pub fn writes(folder: &Path, count: usize) -> Result<Vec<f64>> {
    let mut file = std::fs::File::create(folder.join("durable"))?;
    let block = [7_u8; 4096];
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times.into_iter().map(|d: Duration| d.as_secs_f64() * 1000.0).collect())
}
