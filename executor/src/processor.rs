//! The processor and the memory of this machine, as the operating system describes them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where Linux describes its processors.
const PROCESSORS: &str = "/sys/devices/system/cpu";
/// Where Linux describes its memory.
const MEMORY: &str = "/proc/meminfo";
/// Where Linux describes this process.
const STATUS: &str = "/proc/self/status";
/// Where the peak of this process is forgotten.
const CLEAR: &str = "/proc/self/clear_refs";
/// Written there: the peak becomes what is resident now.
///
/// # Source
/// proc(5), `clear_refs`.
const CLEAR_PEAK: &str = "5";
/// The variable by which an operator says how many threads rayon starts.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

/// Memory of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MachineMemory {
    /// All of it.
    pub total_bytes: u64,
    /// What could be taken now without swapping.
    pub available_bytes: u64,
}

/// Memory of this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessMemory {
    /// What is resident now.
    pub resident_bytes: u64,
    /// The most that was resident since the start, or since [`forget_peak`].
    pub peak_bytes: u64,
}

/// Cores that may compute: each counts once, however many threads it runs at a time. Two threads of products
/// on one core only wait for the same units.
pub fn physical_cores() -> usize {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = distinct_cores(&sibling_lists(Path::new(PROCESSORS)));
    // A machine that does not say is one whose every thread is a core.
    if cores == 0 { threads } else { threads.min(cores) }
}

/// As many threads as asked for, but no more than there are cores; 0 means one for each core.
pub fn capped_threads(wanted: usize) -> usize {
    let cores = physical_cores();
    if wanted == 0 { cores } else { wanted.min(cores) }
}

/// Gives the pool of the whole process one thread for each core. The first call counts, and an operator who
/// says otherwise in the environment is obeyed.
pub fn set_threads() {
    if std::env::var_os(THREADS_VARIABLE).is_some() {
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(physical_cores());
    if let Err(error) = pool.build_global() {
        tracing::debug!(%error, "the threads of this process are started already");
    }
}

/// Memory of this machine, where the operating system tells.
pub fn machine_memory() -> Option<MachineMemory> {
    let text = fs::read_to_string(MEMORY).ok()?;
    let total_bytes = kibibytes(&text, "MemTotal")?;
    Some(MachineMemory { total_bytes, available_bytes: kibibytes(&text, "MemAvailable")? })
}

/// Memory of this process, where the operating system tells.
pub fn process_memory() -> Option<ProcessMemory> {
    let text = fs::read_to_string(STATUS).ok()?;
    let resident_bytes = kibibytes(&text, "VmRSS")?;
    Some(ProcessMemory { resident_bytes, peak_bytes: kibibytes(&text, "VmHWM")? })
}

/// Begins the peak of this process anew; `false` where that cannot be done.
pub fn forget_peak() -> bool {
    fs::write(CLEAR, CLEAR_PEAK).is_ok()
}

/// A line such as `VmRSS:    1234 kB`, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let number = line.trim().strip_suffix("kB")?.trim();
    number.parse::<u64>().ok()?.checked_mul(1_024)
}

/// For each processor, the list of those that share its core.
fn sibling_lists(processors: &Path) -> Vec<String> {
    let folders = fs::read_dir(processors).into_iter().flatten().flatten();
    let lists = folders.map(|folder| folder.path().join("topology/thread_siblings_list"));
    lists.filter_map(|list| fs::read_to_string(list).ok()).collect()
}

fn distinct_cores(sibling_lists: &[String]) -> usize {
    sibling_lists.iter().map(|list| list.trim()).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests;
