//! The one pool of a node, shared between the tasks that fill it and those that empty it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aipot_domain_runtime::call::VerifiedCall;
use aipot_domain_runtime::primitives::{At, GenesisHash};
use aipot_domain_runtime::state::ReadState;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tokio::sync::watch;

use super::admission::{AdmissionError, account, check_fees, parameters, rehearse, verify};
use super::{CallHash, Pool, PoolError, PoolLimits};

/// Gives the state after the last applied block.
pub type StateSource = Arc<dyn Fn() -> Arc<dyn ReadState + Send + Sync> + Send + Sync>;

/// A pool behind a lock, with the state that calls are checked against.
pub struct Mempool {
    genesis: GenesisHash,
    state: StateSource,
    pool: Mutex<Pool>,
    /// Calls of this node and its clients, of which it tells its peers.
    local: Mutex<BTreeSet<CallHash>>,
    /// Counts the calls that came in.
    arrivals: watch::Sender<u64>,
}

impl fmt::Debug for Mempool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mempool").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Mempool {
    /// An empty pool for the network `genesis`.
    pub fn new(genesis: GenesisHash, state: StateSource, limits: PoolLimits) -> Self {
        Self {
            genesis,
            state,
            pool: Mutex::new(Pool::new(limits)),
            local: Mutex::default(),
            arrivals: watch::Sender::new(0),
        }
    }

    /// Takes calls that others gossip, checking their signatures in parallel; one answer for each.
    ///
    /// Whether such a call would have an effect is not asked: its sender may know a later block.
    pub fn admit_gossip(&self, batch: Vec<Vec<u8>>) -> Vec<Result<CallHash, AdmissionError>> {
        let known = |bytes: &[u8]| {
            let hash = CallHash::of(bytes);
            self.lock().has(&hash).then_some(PoolError::Known { hash })
        };
        let check = |bytes: Vec<u8>| {
            if let Some(known) = known(&bytes) {
                return Err(AdmissionError::from(known));
            }
            Ok((verify(&bytes, &self.genesis)?, bytes))
        };
        let checked: Vec<_> = batch.into_par_iter().map(check).collect();
        let state = (self.state)();
        let admit = |checked: Result<(VerifiedCall, Vec<u8>), AdmissionError>| {
            let (call, bytes) = checked?;
            self.insert(state.as_ref(), &call, bytes)
        };
        checked.into_iter().map(admit).collect()
    }

    /// Takes a call of this node or its clients, unless it would be refused at `at`.
    ///
    /// # Errors
    /// [`AdmissionError`], so that nobody pays a fee to hear it.
    pub fn admit_local(&self, bytes: Vec<u8>, at: At) -> Result<CallHash, AdmissionError> {
        let call = verify(&bytes, &self.genesis)?;
        let state = (self.state)();
        self.rehearse(state.as_ref(), &call, at)?;
        let hash = self.insert(state.as_ref(), &call, bytes)?;
        self.local().insert(hash);
        Ok(hash)
    }

    /// Takes a call that this node has promised to see through, whatever may become of it.
    ///
    /// # Errors
    /// [`AdmissionError`]; it can be tried again at the next block.
    pub fn admit_promised(&self, bytes: Vec<u8>) -> Result<CallHash, AdmissionError> {
        let call = verify(&bytes, &self.genesis)?;
        // Also when the pool knows it already, perhaps from a peer who heard of it before a restart.
        self.local().insert(CallHash::of(&bytes));
        self.insert((self.state)().as_ref(), &call, bytes)
    }

    /// The calls of this node and its clients that wait in the pool.
    pub fn local_calls(&self) -> Vec<(CallHash, Vec<u8>)> {
        let mut local = self.local();
        let pool = self.lock();
        local.retain(|hash| pool.has(hash));
        let waiting = local.iter().filter_map(|hash| Some((*hash, pool.bytes_of(hash)?.to_vec())));
        waiting.collect()
    }

    /// Says whether a call would have an effect at `at`, after those of its signer that wait.
    ///
    /// # Errors
    /// [`AdmissionError`], as the call would meet it.
    pub fn rehearse(
        &self,
        state: &dyn ReadState,
        call: &VerifiedCall,
        at: At,
    ) -> Result<(), AdmissionError> {
        let (signer, nonce) = (call.signed().signer, call.signed().nonce);
        let expected = account(state, &signer)?.nonce;
        let earlier = self.lock().before(&signer, expected, nonce);
        // They were checked when they came in.
        let earlier: Result<Vec<_>, _> =
            earlier.iter().map(|bytes| verify(bytes, &self.genesis)).collect();
        rehearse(state, at, &earlier?, call)
    }

    /// Changes whenever a call has come in.
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }

    /// The pool, for everything that needs no state.
    pub fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn local(&self) -> MutexGuard<'_, BTreeSet<CallHash>> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(
        &self,
        state: &dyn ReadState,
        call: &VerifiedCall,
        bytes: Vec<u8>,
    ) -> Result<CallHash, AdmissionError> {
        let account = account(state, &call.signed().signer)?;
        let parameters = parameters(state)?;
        let mut pool = self.lock();
        check_fees(&parameters, call, &account, pool.load(&call.signed().signer))?;
        let hash = pool.insert(call, bytes, account.nonce)?;
        self.arrivals.send_modify(|count| *count = count.wrapping_add(1));
        Ok(hash)
    }
}
