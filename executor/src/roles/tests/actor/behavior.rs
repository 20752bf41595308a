//! In what a node deviates: in its results, and in how it plays games.

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::dispute::{Dispute, Move, Stage};
use aipot_domain_runtime::primitives::AccountId;
use aipot_domain_runtime::window::Phase;
use aipot_trainer::trace::replay::Change;

use super::super::super::{Action, OrderView, Secrets};
use super::{Actor, OwnSecrets};

/// In what a node deviates from the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Behavior {
    /// In nothing.
    Honest,
    /// In nothing; it trains three steps, claims, and trains again.
    Improving,
    /// The same, but its last model comes too late to be claimed.
    ImprovingLate,
    /// Claims and reveals, but gives its files to nobody.
    Withholding,
    /// Gives its files to nobody, but proves on the chain that it has them.
    Unreachable,
    /// Claims a file that is no model.
    Garbage,
    /// Says the same of every model, without looking.
    Constant,
    /// Says the right score with a made-up digest, as if copied from somebody.
    CopiedScore,
    /// Says the right score with the digest that somebody else must publish.
    Echo,
    /// Runs recipes with one bit flipped, and stands by everything that follows from it.
    Forging(Change),
    /// The same, and accuses everybody whose result is another.
    Misled(Change),
    /// Claims the trace of the recipe, and a file with another weight.
    OtherWeights,
    /// Claims and reveals what another provider does, of whom it knows every secret.
    CopiedClaim(AccountId),
    /// Evaluates another model than the revealed one, and stands by everything that follows from it.
    Fabricating,
    /// Looks at no result of others.
    Careless,
    /// Opens a game about a result at once, whatever it is worth.
    Accusing(Subject),
}

/// How a node plays games.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Conduct {
    /// In turn and with what it has computed.
    Playing,
    /// Does not move where the game comes to this.
    SilentAt(Moment),
    /// Shows roots that belong to no run.
    Equivocating,
    /// From this move on it answers from the honest run.
    Recanting(u32),
    /// Sends moves to every game, whoever's turn it is.
    Spamming,
}

/// For what a game waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Moment {
    Steps,
    Step,
    Operators,
    Output,
    Chunks,
    Leaf,
    Over,
}

impl Moment {
    fn of(dispute: &Dispute) -> Self {
        match dispute.stage {
            Stage::Steps(_) => Self::Steps,
            Stage::Step { .. } => Self::Step,
            Stage::Operators { .. } => Self::Operators,
            Stage::Output { .. } => Self::Output,
            Stage::Chunks { .. } => Self::Chunks,
            Stage::Leaf { .. } => Self::Leaf,
            Stage::Decided(_) => Self::Over,
        }
    }
}

impl Behavior {
    pub(super) fn is_willing(self, action: &Action) -> bool {
        match action {
            Action::Serve { .. } | Action::PublishTest { .. } => self != Self::Withholding,
            Action::Train => !matches!(self, Self::CopiedClaim(_)),
            Action::Audit | Action::Prove { .. } => self != Self::Careless,
            Action::Call { call, .. } => {
                let accuses = !matches!(self, Self::Careless | Self::Forging(_));
                accuses || !matches!(**call, Call::Challenge { .. })
            }
            _ => true,
        }
    }
}

impl Conduct {
    /// Whether a node of this conduct lets this turn pass.
    pub(super) fn is_silent(self, dispute: &Dispute) -> bool {
        matches!(self, Self::SilentAt(moment) if Moment::of(dispute) == moment)
    }

    /// Whether the move is computed from the run that the order prescribes, whatever was claimed.
    pub(super) fn recants(self, dispute: &Dispute) -> bool {
        matches!(self, Self::Recanting(moves) if dispute.move_count >= moves)
    }

    /// What becomes of a move.
    pub(super) fn bend(self, action: Move) -> Move {
        let other = |roots: &[[u8; 32]]| -> Vec<[u8; 32]> {
            roots.iter().map(|root| *blake3::hash(root).as_bytes()).collect()
        };
        match (self, action) {
            (Self::Equivocating, Move::Bisect { roots }) => {
                Move::Bisect { roots: BoundedVec::try_from(other(&roots)).unwrap() }
            }
            (Self::Equivocating, Move::EnterStep { scratch_root, roots }) => {
                let roots = BoundedVec::try_from(other(&roots)).unwrap();
                Move::EnterStep { scratch_root, roots }
            }
            (_, action) => action,
        }
    }
}

impl Actor {
    /// Calls that no plan asks for.
    pub(super) fn mischief(&self, view: &OrderView) -> Vec<(String, Call)> {
        let mut calls = match self.behavior {
            Behavior::CopiedClaim(of) => self.copy(view, of),
            Behavior::Accusing(subject) => accuse(view, subject),
            _ => Vec::new(),
        };
        if self.conduct == Conduct::Spamming {
            calls.extend(spam(view));
        }
        calls
    }

    /// Sends what another provider has sent.
    fn copy(&self, view: &OrderView, of: AccountId) -> Vec<(String, Call)> {
        let order = view.id();
        let Some(claim) = view.claims.get(&of) else { return Vec::new() };
        let own = view.claims.get(&self.account);
        match (view.phase, own, claim.model) {
            (Phase::Train, None, _) => {
                let call = Call::Claim { order, commitment: claim.commitment, sequence: 1 };
                vec![("copied claim".to_owned(), call)]
            }
            (Phase::Reveal, Some(own), Some(model)) if own.model.is_none() => {
                let call = Call::Reveal {
                    order,
                    model_root: model.root,
                    byte_count: model.byte_count,
                    trace: claim.trace,
                    salt: OwnSecrets(of).salt(&format!("claim/{order}")),
                };
                vec![("copied reveal".to_owned(), call)]
            }
            _ => Vec::new(),
        }
    }
}

fn accuse(view: &OrderView, subject: Subject) -> Vec<(String, Call)> {
    if view.phase != Phase::Challenge || view.blocks_passed() > 0 {
        return Vec::new();
    }
    vec![("accuse".to_owned(), Call::Challenge { order: view.id(), subject })]
}

/// Moves that name the position before, the present one and the next one of every game.
fn spam(view: &OrderView) -> Vec<(String, Call)> {
    let order = view.id();
    let games = view.challenges.iter().flat_map(|(number, challenge)| {
        let count = challenge.dispute.move_count;
        (count.saturating_sub(1)..=count.saturating_add(1)).map(|index| (*number, index))
    });
    games
        .map(|(challenge, move_index)| {
            let action = Move::Pick { part: u8::MAX };
            let call = Call::Move { order, challenge, move_index, action };
            (format!("spam/{challenge}/{move_index}"), call)
        })
        .collect()
}
