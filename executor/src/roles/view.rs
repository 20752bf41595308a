//! What the state says about one running order and about this node's account, read in one go.

use std::collections::BTreeMap;

use aipot_domain_runtime::account::Account;
use aipot_domain_runtime::challenge::Challenge;
use aipot_domain_runtime::claim::{Claim, RevealedModel};
use aipot_domain_runtime::evaluation::Evaluation;
use aipot_domain_runtime::genesis::Parameters;
use aipot_domain_runtime::operator::Operator;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::{AccountId, Amount, BlockNumber, GenesisHash, OrderId};
use aipot_domain_runtime::progress::Running;
use aipot_domain_runtime::refusal::Failure;
use aipot_domain_runtime::state::{Fault, ReadState, State};
use aipot_domain_runtime::window::Phase;

/// A running order with everything that was said about it so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderView {
    /// The order and its progress.
    pub running: Running,
    /// Last applied block.
    pub head: BlockNumber,
    /// Phase of the next block, which is the earliest that can hold a call made now.
    pub phase: Phase,
    /// Claims, by provider.
    pub claims: BTreeMap<AccountId, Claim>,
    /// Evaluations, by validator.
    pub evaluations: BTreeMap<AccountId, Evaluation>,
    /// Open games, by number.
    pub challenges: BTreeMap<u32, Challenge>,
}

impl OrderView {
    /// Reads a running order; `None` when it is unknown or settled.
    ///
    /// # Errors
    /// [`Fault`] when the state cannot be read.
    pub fn read(
        store: &dyn ReadState,
        order: &OrderId,
        head: BlockNumber,
    ) -> Result<Option<Self>, Fault> {
        let state = State::new(store);
        let running = match Running::load(&state, order) {
            Ok(running) => running,
            Err(Failure::Refused(_)) => return Ok(None),
            Err(Failure::Fault(fault)) => return Err(fault),
        };
        let submitted_at = running.progress.submitted_at;
        let phase = running.order.specification.windows.phase(submitted_at, head.after(1));
        let mut claims = BTreeMap::new();
        for provider in running.providers() {
            if let Some(claim) = state.get::<Claim>(&(*order, *provider))? {
                claims.insert(*provider, claim);
            }
        }
        let mut evaluations = BTreeMap::new();
        for validator in running.validators() {
            if let Some(evaluation) = state.get::<Evaluation>(&(*order, *validator))? {
                evaluations.insert(*validator, evaluation);
            }
        }
        let mut challenges = BTreeMap::new();
        for number in 0..running.progress.challenge_count {
            // A game that is decided leaves no record.
            if let Some(challenge) = state.get::<Challenge>(&(*order, number))? {
                challenges.insert(number, challenge);
            }
        }
        Ok(Some(Self { running, head, phase, claims, evaluations, challenges }))
    }

    /// Which order.
    pub fn id(&self) -> OrderId {
        self.running.id
    }

    /// What was bought.
    pub fn specification(&self) -> &OrderSpecification {
        &self.running.order.specification
    }

    /// Revealed models that count, ascending by provider.
    pub fn models(&self) -> impl Iterator<Item = (AccountId, &Claim, RevealedModel)> {
        self.claims
            .iter()
            .filter(|(_, claim)| !claim.is_void)
            .filter_map(|(provider, claim)| Some((*provider, claim, claim.model?)))
    }

    /// First block of `phase`.
    pub fn start(&self, phase: Phase) -> BlockNumber {
        self.specification().windows.start(phase, self.running.progress.submitted_at)
    }

    /// Blocks of the phase before the next block.
    pub fn blocks_passed(&self) -> u32 {
        self.head.after(1).0.saturating_sub(self.start(self.phase).0)
    }

    /// Blocks of the phase from the next block on; a call made now can only be in one of them.
    pub fn blocks_left(&self) -> u32 {
        self.specification().windows.length(self.phase).saturating_sub(self.blocks_passed())
    }
}

/// This node's account as it takes part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// The network.
    pub genesis: GenesisHash,
    /// Its free money.
    pub free: Amount,
    /// Its registration as an operator.
    pub operator: Option<Operator>,
    /// Rules of the network.
    pub parameters: Parameters,
}

impl Member {
    /// Reads the account.
    ///
    /// # Errors
    /// [`Fault`] when the state cannot be read.
    pub fn read(
        store: &dyn ReadState,
        account: AccountId,
        genesis: GenesisHash,
    ) -> Result<Self, Fault> {
        let state = State::new(store);
        Ok(Self {
            account,
            genesis,
            free: state.get::<Account>(&account)?.unwrap_or_default().free,
            operator: state.get::<Operator>(&account)?,
            parameters: state.require::<Parameters>(&())?,
        })
    }
}
