//! Devices and orders made from a seed.

use aipot_domain_runtime::primitives::BlockNumber;

use super::super::memory::MemoryNeed;
use super::super::{Device, Job, Priority};

/// Numbers from a seed.
///
/// # Source
/// `SplitMix64`, by Steele, Lea and Flood (2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `min` to `max`.
    fn between(&mut self, min: u64, max: u64) -> u64 {
        min + self.next() % (max - min + 1)
    }

    fn small(&mut self, min: u32, max: u32) -> u32 {
        u32::try_from(self.between(min.into(), max.into())).unwrap_or(max)
    }
}

/// A job, and what nobody knows of it beforehand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    /// When it comes.
    pub(super) arrival: u64,
    /// What the schedule is told.
    pub(super) job: Job,
    /// Bytes that it takes in truth for each thousand estimated.
    pub(super) permille: u64,
    /// What a probe step finds, for each thousand that it takes in truth: never less, sometimes more.
    pub(super) probe_permille: u64,
    /// Steps, or tables, until it is done.
    pub(super) steps: u64,
    /// Time from one step or table boundary to the next.
    pub(super) boundary: u64,
    /// The state is kept after so many steps; a step that fails goes back there.
    pub(super) snapshot: u64,
    /// The step that once finds no memory, although it should.
    pub(super) fails_at: Option<u64>,
}

impl Order {
    /// Memory in truth.
    pub(super) fn truth(&self) -> MemoryNeed {
        scaled(self.job.memory, self.permille)
    }

    /// Memory as a probe step measures it.
    pub(super) fn measured(&self) -> MemoryNeed {
        scaled(self.truth(), self.probe_permille)
    }
}

fn scaled(need: MemoryNeed, permille: u64) -> MemoryNeed {
    let scale = |bytes: u64| (bytes * permille).div_ceil(1_000);
    let (fixed_bytes, row_bytes) = (scale(need.fixed_bytes), scale(need.row_bytes));
    MemoryNeed { fixed_bytes, row_bytes, ..need }
}

/// What happens to a box.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub(super) devices: Vec<Device>,
    /// By arrival.
    pub(super) orders: Vec<Order>,
}

impl Workload {
    pub(super) fn of_seed(seed: u64) -> Self {
        let mut random = Random(seed);
        let device_count = random.between(1, 3);
        let devices = (0..device_count).map(|_| Device {
            capacity_bytes: random.between(400, 4_000),
            jobs_max: usize::try_from(random.between(1, 4)).unwrap_or(1),
        });
        let devices: Vec<Device> = devices.collect();
        // From a box that is idle most of the time to one that is far behind.
        let (order_count, pause_max) = (random.between(5, 30), random.between(1, 600));
        let mut arrival = 0;
        let orders = (0..order_count).map(|_| {
            arrival += random.between(0, pause_max);
            order(arrival, &mut random)
        });
        let orders = orders.collect();
        Self { devices, orders }
    }
}

fn order(arrival: u64, random: &mut Random) -> Order {
    let priority = match random.between(0, 9) {
        0 => Priority::Challenge,
        1 | 2 => Priority::Validation,
        3..=6 => Priority::Training,
        _ => Priority::Plotting,
    };
    let (steps, boundary) = (random.between(1, 30), random.between(1, 20));
    let is_cut = priority == Priority::Training;
    let memory = MemoryNeed {
        fixed_bytes: random.between(10, 600),
        row_bytes: if is_cut { random.between(1, 60) } else { 0 },
        rows_max: if is_cut { random.small(1, 64) } else { 1 },
    };
    let slack = random.between(1, 200) * random.between(1, 100);
    let deadline = match priority {
        Priority::Plotting => u32::MAX,
        _ => u32::try_from(arrival + steps * boundary + slack).unwrap_or(u32::MAX),
    };
    let fails = is_cut && random.between(0, 3) == 0;
    Order {
        arrival,
        job: Job { priority, deadline_block: BlockNumber(deadline), memory },
        permille: random.between(500, 1_600),
        probe_permille: 1_000 + random.between(0, 200).saturating_sub(100),
        steps,
        boundary,
        snapshot: random.between(1, 8),
        fails_at: fails.then(|| random.between(0, steps - 1)),
    }
}
