//! Threads for jobs: pools that are started once and lent out, so that a job that gives way a hundred times
//! starts no thread, and no job's tasks wait behind another's.

use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::WorkerError;
use crate::processor::capped_threads;

/// Pools that nobody uses; as many are started as jobs ran at once.
#[derive(Debug)]
pub(super) struct Pools {
    threads: usize,
    idle: Mutex<Vec<ThreadPool>>,
}

/// A pool in use, given back when this is dropped.
struct Lent<'pools> {
    pools: &'pools Pools,
    pool: Option<ThreadPool>,
}

impl Pools {
    /// Pools of so many threads, but no more than there are cores; 0 means one for each.
    pub(super) fn new(threads: usize) -> Self {
        Self { threads: capped_threads(threads), idle: Mutex::new(Vec::new()) }
    }

    /// Does work on a pool of its own.
    pub(super) fn install<T: Send>(
        &self,
        work: impl FnOnce() -> T + Send,
    ) -> Result<T, WorkerError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pool = match idle {
            Some(pool) => pool,
            None => self.start().map_err(|source| WorkerError::Threads { source })?,
        };
        let lent = Lent { pools: self, pool: Some(pool) };
        match &lent.pool {
            Some(pool) => Ok(pool.install(work)),
            None => Ok(work()),
        }
    }

    fn start(&self) -> Result<ThreadPool, ThreadPoolBuildError> {
        ThreadPoolBuilder::new().num_threads(self.threads).build()
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = self.pools.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.pool.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_started_once_and_survives_a_panic() {
        let pools = Pools::new(1);
        let threads = pools.install(rayon::current_num_threads).unwrap();
        assert_eq!(threads, 1);
        let broken = std::panic::catch_unwind(|| pools.install(|| panic!("as meant")));
        assert!(broken.is_err());
        assert_eq!(pools.idle.lock().unwrap().len(), 1);
    }

    #[test]
    fn jobs_at_the_same_time_have_pools_of_their_own() {
        let pools = Pools::new(1);
        let another = || pools.install(|| ()).unwrap();
        pools.install(|| std::thread::scope(|scope| drop(scope.spawn(another).join()))).unwrap();
        assert_eq!(pools.idle.lock().unwrap().len(), 2);
    }
}
