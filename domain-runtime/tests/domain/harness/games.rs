//! Games: who plays them, and how they are played to their end.

use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::case::{Case, EvaluationSetting};
use aipot_domain_runtime::challenge::proof::{Proof, SameHeader};
use aipot_domain_runtime::challenge::{Challenge, Subject};
use aipot_domain_runtime::chunk::prefix::prove_prefix;
use aipot_domain_runtime::chunk::{CHUNK_BYTES, prove_chunk};
use aipot_domain_runtime::claim::Claim;
use aipot_domain_runtime::dispute::{Move, Side};
use aipot_domain_runtime::evaluation::{Evaluation, EvaluationEntry, Tally};
use aipot_domain_runtime::event::{Event, Verdict};
use aipot_domain_runtime::outcome::answer_count;
use aipot_domain_runtime::primitives::{AccountId, EvaluationDigest, OrderId};
use aipot_domain_runtime::program::model_header;

use super::player::Player;
use super::setting::{test_bytes, train_bytes};
use super::world::World;
use crate::reference::{Files, Flip};

/// Place of the counter of right answers.
const CORRECT_SLOT: u16 = 0;

impl World {
    /// Somebody who has honestly computed what `subject` is about; `None` when there is nothing to compute.
    pub(crate) fn player(&self, order: &OrderId, subject: Subject) -> Option<Player> {
        let specification = self.order(order).specification;
        let mut files = Files { train: train_bytes(), test: test_bytes(), ..Files::default() };
        let case = match subject {
            Subject::Training { .. } => Case::training(&specification).ok()?,
            Subject::Evaluation { validator, provider } => {
                let claim = self.read::<Claim>(&(*order, provider)).filter(|one| !one.is_void)?;
                let model = claim.model?;
                let bytes = &self.models[&model.root].bytes;
                if !bytes.starts_with(&model_header(&specification).ok()?) {
                    return None;
                }
                files.model.clone_from(bytes);
                let progress = self.progress(order);
                let setting = EvaluationSetting {
                    validator,
                    source: progress.test_source?,
                    beacon: progress.evaluation_beacon?,
                    claim: claim.commitment,
                    model,
                };
                Case::evaluation(&specification, &setting).ok()?
            }
        };
        Some(Player::new(case.computation, files))
    }

    /// The right evaluation of a model, and one with a bit flipped in the count of right answers.
    pub(crate) fn miscounting(&self, order: &OrderId, subject: Subject) -> (Player, Player) {
        let honest = self.player(order, subject).expect("the model is one");
        let step = honest.computation().steps() - 1;
        let mut operators = honest.computation().step.operators.iter();
        let counts = operators.position(|operator| operator.output == CORRECT_SLOT);
        let operator = u32::try_from(counts.expect("right answers are counted")).expect("few");
        let forger = honest.forging(Flip { step, operator, element: 0, bit: 0 });
        (honest, forger)
    }

    /// The entry that `player` comes to for the model of `provider`.
    pub(crate) fn entry(
        &self,
        order: &OrderId,
        provider: AccountId,
        player: &Player,
    ) -> EvaluationEntry {
        let specification = self.order(order).specification;
        let source = self.progress(order).test_source.expect("the evaluation has begun");
        let answers = answer_count(&specification, &source);
        let words = player.final_words();
        let count = |slot: &[u32]| u64::from(slot[0]) | u64::from(slot[1]) << 32;
        let digest: Vec<u8> = words[2].iter().flat_map(|word| word.to_le_bytes()).collect();
        let tally = Tally {
            correct_count: count(&words[0]),
            loss_sum_q16: count(&words[1]),
            digest: EvaluationDigest(digest.try_into().expect("eight words")),
        };
        EvaluationEntry::evaluated(provider, tally, (specification.train.metric, answers))
    }

    /// `challenger` opens a game about `subject` and gives its number.
    pub(crate) fn challenge(
        &mut self,
        order: &OrderId,
        challenger: &AccountId,
        subject: Subject,
    ) -> u32 {
        let number = self.progress(order).challenge_count;
        self.accept(challenger, Call::Challenge { order: *order, subject });
        number
    }

    /// An open game.
    pub(crate) fn game(&self, order: &OrderId, number: u32) -> Option<Challenge> {
        self.read(&(*order, number))
    }

    /// The next mover of an open game and its move, with the knowledge of these players.
    pub(crate) fn next_move(
        &self,
        order: &OrderId,
        number: u32,
        (responder, challenger): (&Player, &Player),
    ) -> Option<(AccountId, Call)> {
        let game = self.game(order, number)?;
        let side = game.dispute.turn()?;
        let action = match side {
            Side::Responder => responder.action(&game.dispute, side),
            Side::Challenger => challenger.action(&game.dispute, side),
        };
        Some((game.account(side), self.move_call(order, number, action)))
    }

    /// The call that makes a move in an open game.
    pub(crate) fn move_call(&self, order: &OrderId, number: u32, action: Move) -> Call {
        let move_index = self.game(order, number).map_or(0, |game| game.dispute.move_count);
        Call::Move { order: *order, challenge: number, move_index, action }
    }

    /// Plays a game to its end and gives its verdict.
    pub(crate) fn play_game(
        &mut self,
        order: &OrderId,
        number: u32,
        players: (&Player, &Player),
    ) -> Verdict {
        while let Some((mover, call)) = self.next_move(order, number, players) {
            self.accept(&mover, call);
        }
        self.verdict(number).expect("the game is over")
    }

    /// What the header of the model of `subject` shows against what is said of it.
    pub(crate) fn header_proof(&self, order: &OrderId, subject: Subject) -> Option<Proof> {
        let model = self.read::<Claim>(&(*order, subject.provider()))?.model?;
        let bytes = &self.models[&model.root].bytes;
        let said = match subject {
            Subject::Training { .. } => None,
            Subject::Evaluation { validator, provider } => {
                let evaluation = self.read::<Evaluation>(&(*order, validator))?;
                Some(*evaluation.entry_of(&provider)?)
            }
        };
        if said.is_none_or(|entry| entry.tally.is_some()) {
            return Some(Proof::OtherHeader { chunk: prove_chunk(bytes, 0)? });
        }
        let header = model_header(&self.order(order).specification).ok()?.len();
        let known = header.next_multiple_of(CHUNK_BYTES).min(bytes.len());
        let rest = BoundedVec::try_from(bytes[header..known].to_vec()).ok()?;
        let values = BoundedVec::try_from(prove_prefix(bytes, known)).ok()?;
        Some(Proof::SameHeader(SameHeader { rest, values }))
    }

    /// How challenge `number` ended; `None` while it is open.
    pub(crate) fn verdict(&self, number: u32) -> Option<Verdict> {
        let verdicts = self.happened(|event| match event {
            Event::ChallengeDecided { challenge, verdict, .. } if *challenge == number => {
                Some(*verdict)
            }
            _ => None,
        });
        verdicts.first().copied()
    }

    /// All verdicts so far.
    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        self.happened(|event| match event {
            Event::ChallengeDecided { verdict, .. } => Some(*verdict),
            _ => None,
        })
    }
}
