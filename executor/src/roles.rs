//! What a node does in the protocol: as provider, validator, challenger, player of games, and for its client.
//!
//! A role is a pure plan: from the state, and from what this node knows and has, to the [`Action`]s
//! that are due. The runner asks for the plans at every new block, does what they say, and forgets
//! nothing that matters when it is killed: the plans say it again.

mod action;
mod assessment;
mod call_ledger;
mod challenger;
pub mod client;
mod notes;
mod order_book;
mod perform;
mod player;
mod provider;
mod retrieval;
mod runner;
mod settled;
mod situation;
mod validator;
mod view;

use std::collections::BTreeSet;
use std::path::PathBuf;

use aipot_domain_runtime::operator::Roles;

pub use action::{Action, Contradiction};
pub use assessment::Assessment;
pub use runner::{run, starter};
pub use situation::{Files, Knowledge, LocalModel, ModelKey, Secrets, Situation, model_key};
pub use view::{Member, OrderView};

/// Blocks that a call usually takes from being made until it is applied: a full rotation of bundling,
/// after which everybody bundles it, and finality.
pub const INCLUSION_BLOCKS_DEFAULT: u32 = 12;

/// In which roles a node acts, and where it keeps its own files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RolesConfiguration {
    /// Folder of the node.
    pub folder: PathBuf,
    /// What it does when it is drawn. The client's part is always done.
    pub roles: Roles,
    /// See [`INCLUSION_BLOCKS_DEFAULT`].
    pub inclusion_blocks: u32,
}

/// Everything that is due for an order, in all roles, each action once and the most urgent first.
pub fn plan(situation: &Situation<'_>, roles: Roles) -> Vec<Action> {
    let mut actions = client::plan(situation);
    // Whoever is in a game must move, whatever its roles are.
    actions.extend(player::plan(situation));
    if roles.validator || roles.provider {
        actions.extend(challenger::plan(situation));
    }
    if roles.validator {
        actions.extend(validator::plan(situation));
    }
    if roles.provider {
        actions.extend(provider::plan(situation));
    }
    let mut names = BTreeSet::new();
    actions.retain(|action| names.insert(action.name()));
    actions
}

#[cfg(test)]
mod tests;
