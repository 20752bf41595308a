//! One turn of a random play: mostly what is due, sometimes lies, nonsense and replays.

use std::collections::BTreeMap;

use aipot_domain_runtime::call::{Call, SignedCall};
use aipot_domain_runtime::challenge::Subject;
use aipot_domain_runtime::chunk::{ChunkTarget, prove_chunk};
use aipot_domain_runtime::claim::Claim;
use aipot_domain_runtime::evaluation::Evaluation;
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::Metric;
use aipot_domain_runtime::primitives::{AccountId, Amount, OrderId};
use aipot_domain_runtime::program::Computation;
use aipot_domain_runtime::transition::Applied;
use aipot_domain_runtime::window::Phase;

use super::random::Bytes;
use crate::harness::people::operators;
use crate::harness::play::{misjudge, reveal_test_call};
use crate::harness::player::Player;
use crate::harness::setting::test_bytes;
use crate::harness::{
    CLIENT, Model, OUTSIDER, World, lie, person, recipe_specification, specification,
};
use crate::reference::Flip;

/// Longest time for the games of an order.
pub(crate) const EXTENSION_MAX: u32 = 50;
/// Most orders of a play.
const ORDERS_MAX: usize = 5;

/// A play under way.
pub(crate) struct Play {
    /// Where it takes place.
    pub(crate) world: World,
    /// The orders so far.
    pub(crate) orders: Vec<OrderId>,
    last: Option<SignedCall>,
    stream: Bytes,
    /// What providers of recipes have trained.
    trained: BTreeMap<(OrderId, AccountId), Player>,
}

/// The bits of a decision that are not used up.
#[derive(Clone, Copy)]
struct Bits(u32);

impl Bits {
    /// Takes a number below `bound`.
    fn below(&mut self, bound: u32) -> u32 {
        let taken = self.0 % bound;
        self.0 = (self.0 / bound).rotate_left(7) ^ self.0.wrapping_mul(0x9e37_79b9);
        taken
    }

    fn is_one_in(&mut self, bound: u32) -> bool {
        self.below(bound) == 0
    }

    fn choose<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        let count = u32::try_from(items.len()).ok().filter(|count| *count > 0)?;
        items.get(usize::try_from(self.below(count)).ok()?).copied()
    }
}

impl Play {
    /// A play in its first block, whose beacons follow from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        let world = World::with(crate::harness::PARAMETERS, seed);
        let trained = BTreeMap::new();
        Self { world, orders: Vec::new(), last: None, stream: Bytes::new(seed), trained }
    }

    /// Does what `decision` says.
    pub(crate) fn turn(&mut self, decision: u32) {
        let mut bits = Bits(decision >> 4);
        match decision % 16 {
            0..=3 => self.world.advance(1),
            4 => self.submit(bits),
            5 => self.money(bits),
            6 => self.nonsense(bits),
            7 => self.replay(bits),
            _ => {
                for order in self.orders.clone() {
                    self.due(&order, &mut bits);
                }
            }
        }
    }

    fn call(&mut self, who: &AccountId, call: Call) {
        let signed = self.world.sign(who, call);
        self.last = Some(signed.clone());
        // Whatever comes of it, the world has checked it.
        let _applied: Applied = self.world.apply(signed);
    }

    fn submit(&mut self, mut bits: Bits) {
        if self.orders.len() >= ORDERS_MAX {
            return;
        }
        let seed = u64::try_from(self.orders.len()).expect("a few orders");
        let mut specification =
            if bits.is_one_in(3) { recipe_specification(seed) } else { specification(seed) };
        specification.windows.availability = 1 + bits.below(4);
        specification.windows.challenge_extension = EXTENSION_MAX - bits.below(4);
        specification.committee.provider_count = 1 + bits.below(4);
        specification.committee.validator_count = 1 + bits.below(4);
        specification.pay.reward = Amount(1_000 + u128::from(bits.below(100_000)));
        specification.pay.client_bond = specification.pay.reward;
        if bits.is_one_in(4) {
            specification.train.metric = Metric::Loss;
        }
        if bits.is_one_in(8) {
            specification.pay.validator_stake_min = Amount(1 << 100);
        }
        let order = specification.id();
        self.call(&person(CLIENT), Call::SubmitOrder { specification });
        self.orders.push(order);
    }

    fn money(&mut self, mut bits: Bits) {
        let who = person(anybody(&mut bits));
        let amount = Amount(u128::from(bits.below(150_000)));
        let call = match bits.below(6) {
            0 => Call::Transfer { to: person(anybody(&mut bits)), amount },
            1 => Call::Transfer { to: AccountId([200; 32]), amount },
            2 => Call::AddStake { amount },
            3 => Call::Unstake { amount },
            4 => Call::Withdraw,
            _ => Call::RegisterOperator {
                stake: amount,
                roles: Roles { provider: bits.is_one_in(2), validator: bits.is_one_in(2) },
            },
        };
        self.call(&who, call);
    }

    fn nonsense(&mut self, mut bits: Bits) {
        let place = usize::try_from(bits.below(60_000)).expect("a small number");
        if let Some((call, _)) = self.stream.read::<Call>(place) {
            self.call(&person(anybody(&mut bits)), call);
        }
    }

    fn replay(&mut self, mut bits: Bits) {
        let Some(mut call) = self.last.clone() else { return };
        if bits.is_one_in(2) {
            call.nonce += u64::from(bits.below(3));
        }
        let applied = self.world.apply(call);
        assert!(matches!(applied, Applied::Skipped(_)), "{applied:?}");
    }

    /// Lets some of those act for whom something is due in `order`.
    fn due(&mut self, order: &OrderId, bits: &mut Bits) {
        match self.world.phase(order) {
            Phase::Open | Phase::Final => {}
            Phase::Train => self.claims(order, bits),
            Phase::Reveal => self.reveals(order, bits),
            Phase::Availability | Phase::TestAvailability => self.chunks(order, bits),
            Phase::TestReveal => {
                if !bits.is_one_in(3) {
                    self.call(&person(CLIENT), reveal_test_call(order));
                }
            }
            Phase::EvaluationCommit => self.commits(order, bits),
            Phase::EvaluationReveal => self.opens(order, bits),
            Phase::Challenge => {
                self.challenges(order, bits);
                self.moves(order, bits);
            }
            Phase::ChallengeExtension => self.moves(order, bits),
        }
    }

    fn claims(&mut self, order: &OrderId, bits: &mut Bits) {
        for provider in &self.world.committee(order).providers {
            if !bits.is_one_in(3) {
                let model = self.some_model(order, provider, bits);
                let call = self.world.claim_call(order, provider, &model);
                self.call(provider, call);
            }
        }
    }

    /// A model that is good enough or nearly so, or was trained rightly or nearly so, or is none.
    fn some_model(&mut self, order: &OrderId, provider: &AccountId, bits: &mut Bits) -> Model {
        let subject = Subject::Training { provider: *provider };
        let model = match self.world.player(order, subject) {
            Some(honest) => {
                let (step, bit) = (1 + bits.below(5), bits.below(32));
                let operator = last_operator(honest.computation());
                let forger = honest.forging(Flip { step, operator, element: 0, bit });
                let player = if bits.is_one_in(3) { forger } else { honest };
                self.trained.insert((*order, *provider), player.clone());
                Model::trained(&self.world.order(order).specification, &player)
            }
            None => Model::new(44 + bits.below(4) * 2, bits.below(2)),
        };
        if bits.is_one_in(6) { model.without_header() } else { model }
    }

    fn reveals(&mut self, order: &OrderId, bits: &mut Bits) {
        for provider in &self.world.committee(order).providers {
            let call = self.world.reveal_call(order, provider);
            if let Some(call) = call.filter(|_| !bits.is_one_in(4)) {
                self.call(provider, call);
            }
        }
    }

    fn chunks(&mut self, order: &OrderId, bits: &mut Bits) {
        let committee = self.world.committee(order);
        let is_model = self.world.phase(order) == Phase::Availability;
        let provider = bits.choose(&committee.providers);
        let model = provider.and_then(|provider| self.world.read::<Claim>(&(*order, provider)));
        let model =
            model.and_then(|claim| Some(self.world.models[&claim.model?.root].bytes.clone()));
        let bytes = if is_model { model.unwrap_or_default() } else { test_bytes() };
        let target = match provider {
            Some(provider) if is_model => ChunkTarget::Model(provider),
            _ => ChunkTarget::Test,
        };
        let chunk_index = u64::from(bits.below(4));
        if let Some(asker) = bits.choose(&committee.validators).filter(|_| bits.is_one_in(2)) {
            self.call(&asker, Call::RequestChunk { order: *order, target, chunk_index });
        }
        let proof = prove_chunk(&bytes, chunk_index).filter(|_| !bits.is_one_in(3));
        if let Some(proof) = proof {
            self.call(&person(OUTSIDER), Call::ServeChunk { order: *order, target, proof });
        }
    }

    fn commits(&mut self, order: &OrderId, bits: &mut Bits) {
        for validator in &self.world.committee(order).validators {
            if bits.is_one_in(5) || self.world.read::<Evaluation>(&(*order, *validator)).is_some() {
                continue;
            }
            let truth = self.world.truth(order, validator);
            let lies = bits.is_one_in(3) && !truth.is_empty();
            let said = match bits.below(2) {
                0 if lies => lie(&truth),
                1 if lies => misjudge(&truth),
                _ => truth,
            };
            let call = self.world.commit_call(order, validator, said);
            self.call(validator, call);
        }
    }

    fn opens(&mut self, order: &OrderId, bits: &mut Bits) {
        for validator in &self.world.committee(order).validators {
            let call = self.world.open_call(order, validator);
            if let Some(call) = call.filter(|_| !bits.is_one_in(4)) {
                self.call(validator, call);
            }
        }
    }

    fn challenges(&mut self, order: &OrderId, bits: &mut Bits) {
        let committee = self.world.committee(order);
        let accused = bits.choose(&committee.validators).zip(bits.choose(&committee.providers));
        let Some((validator, provider)) = accused.filter(|_| bits.is_one_in(2)) else { return };
        let subject = match bits.below(3) {
            0 => Subject::Training { provider },
            _ => Subject::Evaluation { validator, provider },
        };
        let accuser = person(anybody(bits));
        let proof = self.world.header_proof(order, subject).filter(|_| bits.is_one_in(2));
        let order = *order;
        self.call(
            &accuser,
            match proof {
                Some(proof) => Call::Prove { order, subject, proof },
                None => Call::Challenge { order, subject },
            },
        );
    }

    /// Lets some of those move whose turn it is.
    fn moves(&mut self, order: &OrderId, bits: &mut Bits) {
        for number in 0..self.world.progress(order).challenge_count {
            (0..bits.below(4)).for_each(|_| self.make_move(order, number, bits));
        }
    }

    /// The next move of a game, if it is open. A forger of a training plays for it; nobody plays well for
    /// another lie.
    fn make_move(&mut self, order: &OrderId, number: u32, bits: &mut Bits) {
        let Some(game) = self.world.game(order, number) else { return };
        let Some(honest) = self.world.player(order, game.subject) else { return };
        let responder = match game.subject {
            Subject::Training { provider } => self.trained.get(&(*order, provider)),
            Subject::Evaluation { .. } => None,
        };
        let players = (responder.unwrap_or(&honest), &honest);
        let due = self.world.next_move(order, number, players);
        let Some((mover, call)) = due else { return };
        let is_foreign = bits.is_one_in(8);
        let mover = if is_foreign { person(anybody(bits)) } else { mover };
        self.call(&mover, call);
    }
}

/// Place of the last operator of a step.
fn last_operator(computation: &Computation) -> u32 {
    u32::try_from(computation.step.operators.len() - 1).expect("a test program is small")
}

/// The number of somebody with a key.
fn anybody(bits: &mut Bits) -> u32 {
    let numbers: Vec<u32> = operators().chain([CLIENT, OUTSIDER]).collect();
    bits.choose(&numbers).unwrap_or(CLIENT)
}
