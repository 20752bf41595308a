//! Calls that wait to be ordered by the chain.
//!
//! [`Pool`] is a plain value: it is told what was seen, included, reverted and applied, and says what to
//! bundle next. [`admission`] decides what may enter, [`mempool`] shares one pool between tasks.

pub mod admission;
pub mod mempool;

use std::collections::{BTreeMap, HashMap};

use aipot_domain_runtime::call::VerifiedCall;
use aipot_domain_runtime::primitives::AccountId;

use crate::store::digest::digest_newtype;

digest_newtype! {
    /// BLAKE3 hash of the bytes of a signed call.
    CallHash;
}

impl CallHash {
    /// The hash of these bytes.
    pub fn of(call: &[u8]) -> Self {
        Self::from(blake3::hash(call))
    }
}

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Calls, all together.
    pub calls_max: usize,
    /// Bytes of calls, all together.
    pub bytes_max: usize,
    /// Calls of one signer.
    pub calls_per_signer_max: usize,
    /// How far a nonce may be ahead of the account's.
    pub nonces_ahead_max: u64,
}

impl Default for PoolLimits {
    /// Three full blocks of bytes; a signer may prepare what one bundle of small accounts needs.
    fn default() -> Self {
        Self {
            calls_max: 65_536,
            bytes_max: 16 << 20,
            calls_per_signer_max: 1024,
            nonces_ahead_max: 1024,
        }
    }
}

/// Final blocks that may hold a call without applying it, before it has to leave. It happens to a call that
/// was ordered before its predecessor; a call that nobody can apply would come back for ever.
const PASSED_OVER_MAX: u32 = 4;

/// Why a call may not wait here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// It waits here already.
    #[error("call {hash} is already waiting")]
    Known {
        /// The call.
        hash: CallHash,
    },
    /// Another call with the same nonce came first.
    #[error("nonce {nonce} of {signer} is taken by the waiting call {waiting}")]
    NonceTaken {
        /// Who signed.
        signer: AccountId,
        /// The nonce of both.
        nonce: u64,
        /// The call that came first.
        waiting: CallHash,
    },
    /// The nonce was used before.
    #[error("nonce of {signer} is {nonce}, allowed from {expected}")]
    NonceUsed {
        /// Who signed.
        signer: AccountId,
        /// Nonce of the call.
        nonce: u64,
        /// Nonce of the account.
        expected: u64,
    },
    /// Too many calls of the signer would have to come before.
    #[error("nonce of {signer} is {nonce}, allowed up to {nonce_max}")]
    NonceAhead {
        /// Who signed.
        signer: AccountId,
        /// Nonce of the call.
        nonce: u64,
        /// The largest nonce that may wait.
        nonce_max: u64,
    },
    /// The signer has enough calls waiting, all with lower nonces.
    #[error("{signer} has {count} calls waiting, allowed at most {max}")]
    SignerFull {
        /// Who signed.
        signer: AccountId,
        /// Calls that wait.
        count: usize,
        /// Calls that may.
        max: usize,
    },
    /// Too much waits already.
    #[error(
        "{count} calls of {bytes} bytes are waiting, allowed at most {count_max} of {bytes_max} bytes"
    )]
    Full {
        /// Calls that wait.
        count: usize,
        /// Their bytes.
        bytes: usize,
        /// Calls that may wait.
        count_max: usize,
        /// Bytes that may wait.
        bytes_max: usize,
    },
}

/// A call that waits.
#[derive(Clone, Debug)]
struct Waiting {
    bytes: Vec<u8>,
    hash: CallHash,
    /// Height of the best chain when it came.
    since: u32,
    /// The block of the best chain that holds it, not final yet.
    included_in: Option<u32>,
    /// Final blocks that held it without applying it.
    passed_over: u32,
}

impl Waiting {
    /// Notes that the blocks up to `number` are final and did not apply it, and returns how often that
    /// happened to it.
    fn pass(&mut self, number: u32) -> u32 {
        if self.included_in.is_some_and(|included_in| included_in <= number) {
            self.included_in = None;
            self.passed_over += 1;
        }
        self.passed_over
    }
}

/// The calls of one signer, by nonce.
#[derive(Debug, Default)]
struct Queue {
    /// Nonce of the account after the last final block.
    expected: u64,
    calls: BTreeMap<u64, Waiting>,
}

/// The calls that wait, bounded in every direction.
#[derive(Debug)]
pub struct Pool {
    limits: PoolLimits,
    queues: BTreeMap<AccountId, Queue>,
    places: HashMap<CallHash, (AccountId, u64)>,
    bytes: usize,
    best: u32,
}

impl Pool {
    /// An empty pool.
    pub fn new(limits: PoolLimits) -> Self {
        Self { limits, queues: BTreeMap::new(), places: HashMap::new(), bytes: 0, best: 0 }
    }

    /// How many calls wait.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether this call waits.
    pub fn has(&self, hash: &CallHash) -> bool {
        self.places.contains_key(hash)
    }

    /// Takes a call whose signer's account has the nonce `expected`.
    ///
    /// When the signer has too many, the lower nonces stay.
    ///
    /// # Errors
    /// [`PoolError`]; nothing changes then.
    pub fn insert(
        &mut self,
        call: &VerifiedCall,
        bytes: Vec<u8>,
        expected: u64,
    ) -> Result<CallHash, PoolError> {
        let hash = CallHash::of(&bytes);
        let (signer, nonce) = (call.signed().signer, call.signed().nonce);
        self.advance(signer, expected);
        let displaced = self.check(signer, nonce, (hash, bytes.len()), expected)?;
        if let Some(displaced) = displaced {
            self.remove(signer, displaced);
        }
        self.bytes += bytes.len();
        self.places.insert(hash, (signer, nonce));
        let queue = self.queues.entry(signer).or_default();
        queue.expected = queue.expected.max(expected);
        let since = self.best;
        let waiting = Waiting { bytes, hash, since, included_in: None, passed_over: 0 };
        queue.calls.insert(nonce, waiting);
        Ok(hash)
    }

    /// The next calls of `signer` that wait without a gap, from `expected` up to before `nonce`.
    pub fn before(&self, signer: &AccountId, expected: u64, nonce: u64) -> Vec<Vec<u8>> {
        let Some(queue) = self.queues.get(signer) else { return Vec::new() };
        let calls = (expected..nonce).map_while(|earlier| queue.calls.get(&earlier));
        calls.map(|waiting| waiting.bytes.clone()).collect()
    }

    /// How many calls of `signer` wait, and their bytes.
    pub fn load(&self, signer: &AccountId) -> (usize, usize) {
        let calls = self.queues.get(signer).into_iter().flat_map(|queue| queue.calls.values());
        calls.fold((0, 0), |(count, bytes), waiting| (count + 1, bytes + waiting.bytes.len()))
    }

    /// Notes that the best chain has the block `number`, with these calls.
    pub fn include(&mut self, number: u32, calls: impl IntoIterator<Item = CallHash>) {
        self.best = number;
        for hash in calls {
            if let Some(waiting) = self.waiting_mut(&hash) {
                waiting.included_in = Some(number);
            }
        }
    }

    /// Notes that the best chain lost its blocks above `number`.
    pub fn revert(&mut self, number: u32) {
        self.best = number;
        for waiting in self.queues.values_mut().flat_map(|queue| queue.calls.values_mut()) {
            waiting.included_in = waiting.included_in.filter(|included_in| *included_in <= number);
        }
    }

    /// Notes that the account of `signer` has the nonce `expected`; calls with lower ones are past.
    pub fn advance(&mut self, signer: AccountId, expected: u64) {
        let Some(queue) = self.queues.get_mut(&signer) else { return };
        queue.expected = queue.expected.max(expected);
        let kept = queue.calls.split_off(&queue.expected);
        for waiting in std::mem::replace(&mut queue.calls, kept).into_values() {
            self.bytes -= waiting.bytes.len();
            self.places.remove(&waiting.hash);
        }
        if queue.calls.is_empty() {
            self.queues.remove(&signer);
        }
    }

    /// Notes that the blocks up to `number` are final and applied: what still waits must be bundled again.
    pub fn finalize(&mut self, number: u32) {
        self.best = self.best.max(number);
        let mut hopeless = Vec::new();
        for (signer, queue) in &mut self.queues {
            let pass = |(nonce, waiting): (&u64, &mut Waiting)| {
                (waiting.pass(number) >= PASSED_OVER_MAX).then_some((*signer, *nonce))
            };
            hopeless.extend(queue.calls.iter_mut().filter_map(pass));
        }
        for (signer, nonce) in hopeless {
            self.remove(signer, nonce);
        }
    }

    /// The calls to bundle next, at most `bytes_max` bytes: of each signer an unbroken row of nonces, and
    /// by turns one of each signer, so that nobody waits behind the many calls of another.
    ///
    /// With `waited_blocks_min`, only calls that have waited that long.
    pub fn ready(&self, waited_blocks_min: u32, bytes_max: usize) -> Vec<Vec<u8>> {
        let queues = self.queues.values();
        let mut rows: Vec<_> = queues.map(|queue| self.row(queue, waited_blocks_min)).collect();
        let rounds = std::iter::from_fn(move || {
            let round: Vec<&Waiting> = rows.iter_mut().filter_map(Iterator::next).collect();
            Some(round).filter(|round| !round.is_empty())
        });
        let mut bytes = 0;
        let fits = |waiting: &&Waiting| {
            bytes += waiting.bytes.len();
            bytes <= bytes_max
        };
        rounds.flatten().take_while(fits).map(|waiting| waiting.bytes.clone()).collect()
    }

    /// The bytes of a call that waits.
    pub fn bytes_of(&self, hash: &CallHash) -> Option<&[u8]> {
        let (signer, nonce) = self.places.get(hash)?;
        Some(&self.queues.get(signer)?.calls.get(nonce)?.bytes)
    }

    fn row<'pool>(
        &'pool self,
        queue: &'pool Queue,
        waited_blocks_min: u32,
    ) -> impl Iterator<Item = &'pool Waiting> {
        let unbroken = (queue.expected..).map_while(|nonce| queue.calls.get(&nonce));
        let outside = unbroken.filter(|waiting| waiting.included_in.is_none());
        let best = self.best;
        outside.take_while(move |waiting| best.saturating_sub(waiting.since) >= waited_blocks_min)
    }

    /// Whether a call may enter, and the signer's call that has to leave for it.
    fn check(
        &self,
        signer: AccountId,
        nonce: u64,
        (hash, bytes): (CallHash, usize),
        expected: u64,
    ) -> Result<Option<u64>, PoolError> {
        let PoolLimits { calls_max, bytes_max, calls_per_signer_max, nonces_ahead_max } =
            self.limits;
        if self.has(&hash) {
            return Err(PoolError::Known { hash });
        }
        if nonce < expected {
            return Err(PoolError::NonceUsed { signer, nonce, expected });
        }
        let nonce_max = expected.saturating_add(nonces_ahead_max);
        if nonce > nonce_max {
            return Err(PoolError::NonceAhead { signer, nonce, nonce_max });
        }
        let queue = self.queues.get(&signer);
        if let Some(waiting) = queue.and_then(|queue| queue.calls.get(&nonce)) {
            return Err(PoolError::NonceTaken { signer, nonce, waiting: waiting.hash });
        }
        let count = queue.map_or(0, |queue| queue.calls.len());
        let highest = queue.and_then(|queue| queue.calls.last_key_value());
        let displaced = match highest {
            Some((highest, waiting)) if count >= calls_per_signer_max => {
                if *highest < nonce {
                    let max = calls_per_signer_max;
                    return Err(PoolError::SignerFull { signer, count, max });
                }
                Some((*highest, waiting.bytes.len()))
            }
            _ => None,
        };
        let freed = displaced.map_or(0, |(_, bytes)| bytes);
        let is_full = displaced.is_none() && self.len() >= calls_max;
        if is_full || self.bytes - freed + bytes > bytes_max {
            let (count, bytes, count_max) = (self.len(), self.bytes, calls_max);
            return Err(PoolError::Full { count, bytes, count_max, bytes_max });
        }
        Ok(displaced.map(|(nonce, _)| nonce))
    }

    fn remove(&mut self, signer: AccountId, nonce: u64) {
        let Some(queue) = self.queues.get_mut(&signer) else { return };
        if let Some(waiting) = queue.calls.remove(&nonce) {
            self.bytes -= waiting.bytes.len();
            self.places.remove(&waiting.hash);
        }
        if queue.calls.is_empty() {
            self.queues.remove(&signer);
        }
    }

    fn waiting_mut(&mut self, hash: &CallHash) -> Option<&mut Waiting> {
        let (signer, nonce) = self.places.get(hash)?;
        self.queues.get_mut(signer)?.calls.get_mut(nonce)
    }
}

#[cfg(test)]
mod tests;
