//! Calls that this node has promised to see through: each under the name of its purpose, exactly once.
//!
//! A signed call is on disk before anybody sees it. As long as its nonce is unused the same bytes are
//! sent; when its nonce was used by other bytes it can never count any more, and only then is the same call
//! signed anew.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aipot_domain_runtime::call::{Call, SignedCall};
use aipot_domain_runtime::primitives::{BlockNumber, GenesisHash};
use aipot_domain_runtime::state::ReadState;
use parity_scale_codec::{Decode, DecodeAll, Encode};
use redb::{TableDefinition, WriteTransaction};

use super::{CallOutcome, DomainHead, NodeError};
use crate::intake::index::{CallFate, Index};
use crate::keystore::NodeKey;
use crate::pool::CallHash;
use crate::pool::admission::{AdmissionError, account, rehearse, verify};
use crate::store::{DatabaseError, NodeDatabase};

/// Encoded [`Intent`]s by name.
const INTENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("intents");

/// Names of the intents without an outcome, by nonce.
const PENDING: TableDefinition<'_, u64, &str> = TableDefinition::new("intents pending");

/// Longest name in bytes; names hold a purpose, an order and a count.
pub const INTENT_NAME_BYTES_MAX: usize = 256;

/// A call under way, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Intent {
    /// The encoded signed call, which may have been sent; empty when it is over.
    call: Vec<u8>,
    /// The block that applied it, and why it had no effect, if it had none.
    applied: Option<(u32, Option<String>)>,
}

/// A call under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingIntent {
    /// Its nonce.
    pub nonce: u64,
    /// The name of the intent.
    pub name: String,
    /// The encoded signed call.
    pub call: Vec<u8>,
}

/// What is known of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its call is under way.
    Pending,
    /// It is over.
    Final(CallOutcome),
}

/// The intents of a node.
pub struct Intents {
    database: Arc<NodeDatabase>,
    keys: Arc<NodeKey>,
    genesis: GenesisHash,
    /// Held while a nonce is chosen and written down, so that no two calls take the same.
    choosing: Mutex<()>,
}

impl fmt::Debug for Intents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Intents").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Intents {
    /// The intents in a database that is shared with others.
    ///
    /// # Errors
    /// [`DatabaseError`] when the disk refuses.
    pub fn on(
        database: Arc<NodeDatabase>,
        keys: Arc<NodeKey>,
        genesis: GenesisHash,
    ) -> Result<Self, DatabaseError> {
        database.write(|transaction| {
            transaction.open_table(INTENTS)?;
            transaction.open_table(PENDING)?;
            Ok(())
        })?;
        Ok(Self { database, keys, genesis, choosing: Mutex::new(()) })
    }

    /// Begins `call` under `name`, unless that name is known, and says how it stands.
    ///
    /// A call that would be refused in the block after `head` is not begun and costs nothing.
    ///
    /// # Errors
    /// [`NodeError`] when the name is not acceptable or the disk refuses; nothing has begun then.
    pub fn begin(
        &self,
        name: &str,
        call: Call,
        state: &dyn ReadState,
        head: DomainHead,
    ) -> Result<Status, NodeError> {
        let (bytes, bytes_max) = (name.len(), INTENT_NAME_BYTES_MAX);
        if !(1..=bytes_max).contains(&bytes) {
            return Err(NodeError::IntentName { bytes, bytes_max });
        }
        let _choosing = self.choosing();
        if let Some(known) = self.status(name)? {
            return Ok(known);
        }
        let next = account(state, &self.keys.account())?.nonce;
        let pending = self.pending()?;
        let nonce = next_nonce(next, &pending);
        let signed = self.keys.sign(&self.genesis, nonce, call);
        match self.rehearse(&signed, &pending, state, head) {
            Ok(()) => {}
            Err(AdmissionError::Fault(fault)) => return Err(fault.into()),
            Err(hopeless) => {
                let reason = hopeless.to_string();
                return Ok(Status::Final(CallOutcome::Dropped { reason }));
            }
        }
        self.database.write(|transaction| keep(transaction, name, &signed))?;
        Ok(Status::Pending)
    }

    /// How an intent stands, `None` when it never began.
    ///
    /// # Errors
    /// [`DatabaseError`] when the disk refuses.
    pub fn status(&self, name: &str) -> Result<Option<Status>, DatabaseError> {
        let intent = self.database.read(|transaction| {
            let found = transaction.open_table(INTENTS)?.get(name)?;
            found.map(|bytes| decode(name, bytes.value())).transpose()
        })?;
        Ok(intent.map(|intent| match intent.applied {
            None => Status::Pending,
            Some((block, refusal)) => Status::Final(outcome(BlockNumber(block), refusal)),
        }))
    }

    /// The calls under way, by nonce.
    ///
    /// # Errors
    /// [`DatabaseError`] when the disk refuses.
    pub fn pending(&self) -> Result<Vec<PendingIntent>, DatabaseError> {
        self.database.read(|transaction| {
            let intents = transaction.open_table(INTENTS)?;
            let mut pending = Vec::new();
            for entry in transaction.open_table(PENDING)?.range::<u64>(..)? {
                let (nonce, name) = entry?;
                let (nonce, name) = (nonce.value(), name.value().to_owned());
                let found = intents.get(name.as_str())?;
                let intent = found.map(|bytes| decode(&name, bytes.value())).transpose()?;
                let call = intent.map(|intent| intent.call).unwrap_or_default();
                pending.push(PendingIntent { nonce, name, call });
            }
            Ok(pending)
        })
    }

    /// Writes down what became of the calls whose nonces `state` has used, as `index` knows it.
    ///
    /// # Errors
    /// [`NodeError`] when the disk refuses; it can be repeated.
    pub fn settle(
        &self,
        state: &dyn ReadState,
        index: &Index,
        head: DomainHead,
    ) -> Result<(), NodeError> {
        let _choosing = self.choosing();
        let signer = self.keys.account();
        let next = account(state, &signer)?.nonce;
        let pending = self.pending()?;
        for PendingIntent { nonce, name, call } in pending.iter().filter(|one| one.nonce < next) {
            match index.call(&signer, *nonce)? {
                Some(fate) if fate.hash != CallHash::of(call) => {
                    self.renew(name, *nonce, call, next)?;
                }
                Some(CallFate { block, refusal, .. }) => {
                    self.finish(name, *nonce, (block, refusal))?;
                }
                None => {
                    // Every applied call is indexed, so this takes a damaged disk. Sending again could make
                    // it happen twice, so it counts as done.
                    tracing::error!(intent = name, nonce, "the fate of a call is not on record");
                    self.finish(name, *nonce, (head.block.0, None))?;
                }
            }
        }
        Ok(())
    }

    /// Signs a call anew whose nonce was taken by other bytes of the same account.
    fn renew(&self, name: &str, taken: u64, call: &[u8], next: u64) -> Result<(), NodeError> {
        let Ok(earlier) = SignedCall::from_bytes(call) else { return Ok(()) };
        let nonce = next_nonce(next, &self.pending()?);
        tracing::warn!(intent = name, taken, nonce, "another call of this account took the nonce");
        let signed = self.keys.sign(&self.genesis, nonce, earlier.call);
        self.database.write(|transaction| {
            transaction.open_table(PENDING)?.remove(taken)?;
            keep(transaction, name, &signed)
        })?;
        Ok(())
    }

    fn finish(
        &self,
        name: &str,
        nonce: u64,
        applied: (u32, Option<String>),
    ) -> Result<(), DatabaseError> {
        let intent = Intent { call: Vec::new(), applied: Some(applied) };
        self.database.write(|transaction| {
            transaction.open_table(PENDING)?.remove(nonce)?;
            transaction.open_table(INTENTS)?.insert(name, intent.encode().as_slice())?;
            Ok(())
        })
    }

    fn rehearse(
        &self,
        signed: &SignedCall,
        pending: &[PendingIntent],
        state: &dyn ReadState,
        head: DomainHead,
    ) -> Result<(), AdmissionError> {
        let earlier: Result<Vec<_>, _> =
            pending.iter().map(|earlier| verify(&earlier.call, &self.genesis)).collect();
        let call = signed.clone().verify(&self.genesis)?;
        rehearse(state, head.next(), &earlier?, &call)
    }

    fn choosing(&self) -> MutexGuard<'_, ()> {
        self.choosing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outcome(block: BlockNumber, refusal: Option<String>) -> CallOutcome {
    match refusal {
        None => CallOutcome::Accepted { block },
        Some(reason) => CallOutcome::Refused { block, reason },
    }
}

/// The first nonce that neither the state nor a call under way has used.
fn next_nonce(next: u64, pending: &[PendingIntent]) -> u64 {
    pending.last().map_or(next, |last| next.max(last.nonce.saturating_add(1)))
}

fn keep(
    transaction: &WriteTransaction,
    name: &str,
    signed: &SignedCall,
) -> Result<(), redb::Error> {
    let intent = Intent { call: signed.encode(), applied: None };
    transaction.open_table(INTENTS)?.insert(name, intent.encode().as_slice())?;
    transaction.open_table(PENDING)?.insert(signed.nonce, name)?;
    Ok(())
}

fn decode(name: &str, mut bytes: &[u8]) -> Result<Intent, redb::Error> {
    Intent::decode_all(&mut bytes)
        .map_err(|error| redb::Error::Corrupted(format!("intent {name:?}: {error}")))
}
