//! Games about evaluations: false challenges, silence, foreign and stale moves, and what they cost.

use aipot_domain_runtime::account::FundsError;
use aipot_domain_runtime::bounded::BoundedVec;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::{Challenge, ChallengeError, GAMES_PER_SUBJECT_MAX, Subject};
use aipot_domain_runtime::dispute::{
    LEAF_BYTES_MAX, Leaf, LeafError, Move, MoveError, Reason, Side,
};
use aipot_domain_runtime::evaluation::EvaluationEntry;
use aipot_domain_runtime::event::Verdict;
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::primitives::{AccountId, Amount, OrderId};
use aipot_domain_runtime::progress::AccessError;
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::window::Phase;

use parity_scale_codec::Encode;

use crate::harness::people::{FIRST_PROVIDER, validators};
use crate::harness::player::Player;
use crate::harness::{CLIENT, OUTSIDER, PARAMETERS, World, person, refusal, specification};

/// A world where the first validator has miscounted the first model, open for challenges.
struct Game {
    world: World,
    order: OrderId,
    /// What the liar says of the first model.
    lie: Subject,
    liar: Player,
    /// What an honest validator says of it.
    truth: Subject,
    honest: Player,
    challenger: AccountId,
}

impl Game {
    fn new() -> Self {
        let mut world = World::new();
        let order = world.submit(1);
        world.play_until(&order, Phase::EvaluationCommit);
        let drawn = world.committee(&order).validators;
        let mut entries = world.truth(&order, &drawn[0]);
        let provider = entries[0].provider;
        let lie = Subject::Evaluation { validator: drawn[0], provider };
        let (_, liar) = world.miscounting(&order, lie);
        entries.as_mut_slice()[0] = world.entry(&order, provider, &liar);
        world.commit_to(&order, &drawn[0], entries);
        world.play_until(&order, Phase::Challenge);
        let truth = Subject::Evaluation { validator: drawn[1], provider };
        let (honest, _) = world.miscounting(&order, truth);
        let mut strangers = validators().map(person).filter(|account| !drawn.contains(account));
        let challenger = strangers.next().expect("more validators than are drawn");
        Self { world, order, lie, liar, truth, honest, challenger }
    }

    /// Plays a game in which the lie is challenged rightly.
    fn convict(&mut self) -> Verdict {
        let number = self.world.challenge(&self.order, &self.challenger, self.lie);
        let (right, _) = self.world.miscounting(&self.order, self.lie);
        self.world.play_game(&self.order, number, (&self.liar, &right))
    }

    fn refuse(&mut self, who: &AccountId, call: Call) -> Refusal {
        refusal(self.world.call(who, call))
    }

    fn refuse_move(&mut self, who: &AccountId, call: Call) -> ChallengeError {
        match self.refuse(who, call) {
            Refusal::Challenge(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_wrong_count_is_isolated_to_its_word_and_costs_the_stake() {
    let mut game = Game::new();
    let liar = game.lie.responder();
    let before = game.world.free(&game.challenger);
    let verdict = game.convict();
    let Verdict::Upheld(Reason::Computed { element: 0, posted, computed }) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(posted ^ computed, 1, "the flipped bit");
    let stake = specification(1).pay.validator_stake_min.0;
    assert_eq!(game.world.slashed(&liar), stake);
    assert!(game.world.free(&game.challenger) > before, "the share of the slash pays the game");
    game.world.settle(&game.order);
    let outcome = game.world.order(&game.order).outcome.expect("the order is settled");
    assert!(outcome.payouts.iter().all(|payout| payout.account != liar));
}

#[test]
fn a_false_challenge_loses_its_bond_to_the_accused_and_the_fire() {
    let mut game = Game::new();
    let accused = game.truth.responder();
    let before = game.world.free(&accused);
    let number = game.world.challenge(&game.order, &game.challenger, game.truth);
    let (_, wrong) = game.world.miscounting(&game.order, game.truth);
    let burned = game.world.burned();
    let verdict = game.world.play_game(&game.order, number, (&game.honest, &wrong));
    assert!(matches!(verdict, Verdict::Dismissed(Reason::Computed { .. })), "{verdict:?}");
    assert_eq!(game.world.slashed(&accused), 0);
    assert!(game.world.free(&accused) > before, "half of the bond pays more than the fees");
    let half = PARAMETERS.challenge_bond.0 / 2;
    assert!(game.world.burned() > burned + half, "the other half is burned");
}

#[test]
fn a_silent_responder_loses_when_its_window_ends() {
    let mut game = Game::new();
    let number = game.world.challenge(&game.order, &game.challenger, game.lie);
    game.world.advance(PARAMETERS.order_limits.move_window_blocks);
    assert_eq!(game.world.verdict(number), None);
    game.world.advance(1);
    assert_eq!(game.world.verdict(number), Some(Verdict::Upheld(Reason::Silence)));
    let stake = specification(1).pay.validator_stake_min.0;
    assert_eq!(game.world.slashed(&game.lie.responder()), stake);
}

#[test]
fn a_silent_challenger_loses_when_its_window_ends() {
    let mut game = Game::new();
    let number = game.world.challenge(&game.order, &game.challenger, game.truth);
    let players = (&game.honest, &game.honest);
    let (mover, call) = game.world.next_move(&game.order, number, players).expect("it is open");
    assert_eq!(mover, game.truth.responder());
    game.world.accept(&mover, call);
    game.world.advance(PARAMETERS.order_limits.move_window_blocks + 1);
    assert_eq!(game.world.verdict(number), Some(Verdict::Dismissed(Reason::Silence)));
    assert_eq!(game.world.slashed(&game.truth.responder()), 0);
}

#[test]
fn a_move_gives_the_other_side_a_window_of_its_own() {
    let mut game = Game::new();
    let window = PARAMETERS.order_limits.move_window_blocks;
    let number = game.world.challenge(&game.order, &game.challenger, game.lie);
    let (right, _) = game.world.miscounting(&game.order, game.lie);
    let mut moves = 0;
    while let Some((mover, call)) = game.world.next_move(&game.order, number, (&game.liar, &right))
    {
        // Everybody takes all the time there is.
        game.world.advance(window);
        game.world.accept(&mover, call);
        moves += 1;
    }
    assert_eq!(moves, 7, "step, operators twice, output, chunk, leaf");
    assert!(matches!(game.world.verdict(number), Some(Verdict::Upheld(Reason::Computed { .. }))));
}

#[test]
fn who_may_challenge_what() {
    let mut game = Game::new();
    let (order, lie, challenger) = (game.order, game.lie, game.challenger);
    let call = Call::Challenge { order, subject: lie };
    let account = person(OUTSIDER);
    let refused = game.refuse_move(&account, call.clone());
    assert_eq!(refused, ChallengeError::NotOperator { account });
    let account = lie.responder();
    assert_eq!(game.refuse_move(&account, call.clone()), ChallengeError::OwnResult { account });
    let provider = lie.provider();
    for subject in [
        Subject::Training { provider },
        Subject::Evaluation { validator: person(CLIENT), provider },
        Subject::Evaluation { validator: lie.responder(), provider: person(CLIENT) },
    ] {
        let refused = game.refuse_move(&challenger, Call::Challenge { order, subject });
        assert_eq!(refused, ChallengeError::DoesNotStand { subject });
    }
    game.world.accept(&challenger, call.clone());
    let refused = game.refuse_move(&challenger, call.clone());
    assert_eq!(refused, ChallengeError::Duplicate { challenger, challenge: 0 });
    game.world.advance(1);
    game.world.settle(&order);
    let refused = game.refuse(&challenger, call);
    assert_eq!(refused, Refusal::Access(AccessError::NotRunning { order }));
}

#[test]
fn a_challenger_must_have_the_bond() {
    let mut game = Game::new();
    let challenger = game.challenger;
    let kept = PARAMETERS.challenge_bond.0 - 1;
    let amount = Amount(game.world.free(&challenger) - kept);
    let call = Call::Challenge { order: game.order, subject: game.lie };
    let to = person(CLIENT);
    game.world.accept(&to, Call::Transfer { to: challenger, amount: Amount(400) });
    game.world.accept(&challenger, Call::Transfer { to, amount });
    let refused = game.refuse(&challenger, call);
    assert!(matches!(refused, Refusal::Funds(FundsError::Insufficient { .. })), "{refused:?}");
}

#[test]
fn third_parties_and_players_out_of_turn_cannot_move() {
    let mut game = Game::new();
    let number = game.world.challenge(&game.order, &game.challenger, game.lie);
    let players = (&game.liar, &game.liar);
    let (mover, call) = game.world.next_move(&game.order, number, players).expect("it is open");
    for account in [person(OUTSIDER), game.truth.responder(), game.challenger] {
        let refused = game.refuse_move(&account, call.clone());
        let expected = ChallengeError::NotYourTurn { account, mover, challenge: number };
        assert_eq!(refused, expected);
    }
    game.world.accept(&mover, call);
}

#[test]
fn a_move_is_accepted_once_and_only_for_its_position() {
    let mut game = Game::new();
    let number = game.world.challenge(&game.order, &game.challenger, game.lie);
    let (right, _) = game.world.miscounting(&game.order, game.lie);
    let players = (&game.liar, &right);
    let (mover, first) = game.world.next_move(&game.order, number, players).expect("it is open");
    game.world.accept(&mover, first.clone());
    let refused = game.refuse_move(&mover, first.clone());
    assert!(matches!(refused, ChallengeError::NotYourTurn { .. }), "{refused:?}");
    let players = (&game.liar, &right);
    let (challenger, pick) =
        game.world.next_move(&game.order, number, players).expect("it is open");
    game.world.accept(&challenger, pick);
    let refused = game.refuse_move(&mover, first);
    let expected = ChallengeError::WrongMove { challenge: number, move_index: 0, expected: 2 };
    assert_eq!(refused, expected);
}

#[test]
fn a_move_after_the_deadline_changes_nothing() {
    let mut game = Game::new();
    let number = game.world.challenge(&game.order, &game.challenger, game.lie);
    let deadline = game.world.game(&game.order, number).expect("it is open").deadline;
    let players = (&game.liar, &game.liar);
    let (mover, call) = game.world.next_move(&game.order, number, players).expect("it is open");
    // A block whose agenda was full works the deadline off later; the move is late all the same.
    let mut late = game.world.at;
    late.block = deadline.after(1);
    game.world.at = late;
    let refused = game.refuse_move(&mover, call);
    let (block, challenge) = (late.block, number);
    assert_eq!(refused, ChallengeError::TooLate { challenge, block, deadline });
}

#[test]
fn moves_that_the_game_does_not_allow_are_refused() {
    let mut game = Game::new();
    let number = game.world.challenge(&game.order, &game.challenger, game.lie);
    let responder = game.lie.responder();
    let wrong_kind = game.world.move_call(&game.order, number, Move::Pick { part: 0 });
    let refused = game.refuse_move(&responder, wrong_kind);
    let source = MoveError::WrongKind;
    assert_eq!(refused, ChallengeError::BadMove { challenge: number, source });
    let roots = BoundedVec::try_from(vec![[0; 32]; 15]).expect("fifteen fit");
    let too_many = game.world.move_call(&game.order, number, Move::Bisect { roots });
    let refused = game.refuse_move(&responder, too_many);
    assert!(matches!(
        refused,
        ChallengeError::BadMove { source: MoveError::Count { found: 15, .. }, .. }
    ));
    let nowhere = Call::Move {
        order: game.order,
        challenge: 7,
        move_index: 0,
        action: Move::Pick { part: 0 },
    };
    let refused = game.refuse_move(&responder, nowhere);
    assert_eq!(refused, ChallengeError::NotOpen { order: game.order, challenge: 7 });
}

#[test]
fn a_leaf_with_a_wrong_or_missing_opening_is_refused_and_the_right_one_still_wins() {
    let mut game = Game::new();
    let number = game.world.challenge(&game.order, &game.challenger, game.lie);
    let (right, _) = game.world.miscounting(&game.order, game.lie);
    let (challenger, call) = loop {
        let players = (&game.liar, &right);
        let (mover, call) = game.world.next_move(&game.order, number, players).expect("it is open");
        if matches!(call, Call::Move { action: Move::Leaf(_), .. }) {
            break (mover, call);
        }
        game.world.accept(&mover, call);
    };
    let Call::Move { action: Move::Leaf(leaf), .. } = call.clone() else { panic!("a leaf") };
    let mut changed = leaf.clone();
    changed.openings.as_mut_slice()[0].root[0] ^= 1;
    let nothing = Leaf { openings: BoundedVec::new(), ..leaf.clone() };
    let beyond = Leaf { word: 255, ..leaf.clone() };
    for (wrong, is_too_large) in
        [(changed, false), (nothing, false), (beyond, false), (oversized(leaf), true)]
    {
        let call = game.world.move_call(&game.order, number, Move::Leaf(wrong));
        let refused = game.refuse_move(&challenger, call);
        let ChallengeError::BadMove { source: MoveError::Leaf(error), .. } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(matches!(error, LeafError::TooLarge { .. }), is_too_large, "{error:?}");
    }
    game.world.accept(&challenger, call);
    assert!(matches!(game.world.verdict(number), Some(Verdict::Upheld(_))));
}

/// The leaf with right openings repeated beyond what the referee takes.
fn oversized(mut leaf: Leaf) -> Leaf {
    let mut largest = leaf.openings.iter().max_by_key(Encode::encoded_size).cloned();
    let opening = largest.as_mut().expect("a word is made of something");
    let chunk = opening.chunks[0].clone();
    while opening.chunks.push(chunk.clone()).is_ok() {}
    while leaf.encoded_size() <= LEAF_BYTES_MAX {
        leaf.openings.push(opening.clone()).expect("a leaf has room for so many");
    }
    leaf
}

#[test]
fn a_game_that_is_open_at_the_settlement_is_lost_by_the_side_whose_turn_it_is() {
    let mut game = Game::new();
    let stake = specification(1).pay.validator_stake_min.0;
    game.world.advance(3);
    let lie = game.world.challenge(&game.order, &game.challenger, game.lie);
    let truth = game.world.challenge(&game.order, &game.challenger, game.truth);
    let players = (&game.honest, &game.honest);
    let (mover, call) = game.world.next_move(&game.order, truth, players).expect("it is open");
    game.world.accept(&mover, call);
    game.world.advance_to(&game.order, Phase::ChallengeExtension);
    // As if the agendas of all blocks until then had been full.
    let windows = specification(1).windows;
    let submitted = game.world.progress(&game.order).submitted_at;
    game.world.at.block.0 = windows.start(Phase::Final, submitted).0 - 1;
    game.world.advance(1);
    assert_eq!(game.world.verdict(lie), Some(Verdict::Upheld(Reason::Silence)));
    assert_eq!(game.world.verdict(truth), Some(Verdict::Dismissed(Reason::Silence)));
    assert_eq!(game.world.slashed(&game.lie.responder()), stake);
    assert_eq!(game.world.slashed(&game.truth.responder()), 0);
    assert!(game.world.order(&game.order).outcome.is_some());
}

#[test]
fn two_challengers_play_at_once_and_the_slower_gets_its_bond_back() {
    let mut game = Game::new();
    let (order, lie) = (game.order, game.lie);
    let slower = person(FIRST_PROVIDER);
    let second = game.world.challenge(&order, &slower, lie);
    let free = game.world.free(&slower);
    let stake = specification(1).pay.validator_stake_min.0;
    assert!(matches!(game.convict(), Verdict::Upheld(Reason::Computed { .. })));
    assert_eq!(game.world.verdict(second), Some(Verdict::Moot));
    assert_eq!(game.world.free(&slower), free + PARAMETERS.challenge_bond.0);
    assert_eq!(game.world.slashed(&lie.responder()), stake);
    let again = Call::Challenge { order, subject: lie };
    let refused = game.refuse_move(&slower, again);
    assert_eq!(refused, ChallengeError::DoesNotStand { subject: lie });
}

#[test]
fn a_crowd_of_challengers_holds_its_place_for_one_window_only() {
    let mut game = Game::new();
    let (order, lie) = (game.order, game.lie);
    let crowd = 1_000..1_000 + u32::try_from(GAMES_PER_SUBJECT_MAX).expect("a few hundred");
    let (bond, stake) = (PARAMETERS.challenge_bond, PARAMETERS.operator_stake_min);
    let roles = Roles { provider: true, validator: false };
    for number in crowd.clone() {
        game.world.meet(number);
        let amount = Amount(bond.0 + stake.0 + 10_000);
        game.world.accept(&person(CLIENT), Call::Transfer { to: person(number), amount });
        game.world.accept(&person(number), Call::RegisterOperator { stake, roles });
        game.world.challenge(&order, &person(number), lie);
    }
    let call = Call::Challenge { order, subject: lie };
    let challenger = game.challenger;
    let refused = game.refuse_move(&challenger, call);
    let (count, max) = (GAMES_PER_SUBJECT_MAX, GAMES_PER_SUBJECT_MAX);
    assert_eq!(refused, ChallengeError::TooMany { subject: lie, count, max });
    // The accused answers its accomplices, who then stay silent: each loses its bond and its place.
    let burned = game.world.burned();
    let (_, forger) = game.world.miscounting(&order, lie);
    for number in 0..u32::try_from(max).expect("a few hundred") {
        let due = game.world.next_move(&order, number, (&forger, &forger));
        let (mover, call) = due.expect("the game is open");
        game.world.accept(&mover, call);
    }
    game.world.advance(PARAMETERS.order_limits.move_window_blocks + 1);
    let lost = u128::try_from(max).expect("a few hundred") * (bond.0 / 2);
    assert!(game.world.burned() > burned + lost);
    assert_eq!(game.world.phase(&order), Phase::Challenge);
    assert!(matches!(game.convict(), Verdict::Upheld(Reason::Computed { .. })));
}

#[test]
fn a_lost_challenge_does_not_protect_the_lie() {
    let mut game = Game::new();
    let (order, lie) = (game.order, game.lie);
    // An accomplice loses on purpose.
    let accomplice = person(FIRST_PROVIDER);
    let number = game.world.challenge(&order, &accomplice, lie);
    let players = (&game.liar, &game.liar);
    while game.world.game(&order, number).and_then(|one| one.dispute.turn())
        == Some(Side::Responder)
    {
        let (mover, call) = game.world.next_move(&order, number, players).expect("it is open");
        game.world.accept(&mover, call);
    }
    game.world.advance(PARAMETERS.order_limits.move_window_blocks + 1);
    assert_eq!(game.world.verdict(number), Some(Verdict::Dismissed(Reason::Silence)));
    assert!(matches!(game.convict(), Verdict::Upheld(Reason::Computed { .. })));
}

#[test]
fn a_challenge_in_the_last_block_still_has_time_for_a_whole_game() {
    let mut game = Game::new();
    game.world.advance(3);
    assert_eq!(game.world.phase(&game.order), Phase::Challenge);
    let number = game.world.challenge(&game.order, &game.challenger, game.lie);
    let (right, _) = game.world.miscounting(&game.order, game.lie);
    while let Some((mover, call)) = game.world.next_move(&game.order, number, (&game.liar, &right))
    {
        game.world.advance(PARAMETERS.order_limits.move_window_blocks);
        game.world.accept(&mover, call);
    }
    assert_eq!(game.world.phase(&game.order), Phase::ChallengeExtension);
    assert!(matches!(game.world.verdict(number), Some(Verdict::Upheld(Reason::Computed { .. }))));
    game.world.advance(1);
    let outcome = game.world.order(&game.order).outcome;
    assert!(outcome.is_some(), "the order is settled as soon as its last game is over");
}

#[test]
fn challenging_oneself_loses() {
    let mut game = Game::new();
    // The liar's second identity challenges and hands everything over.
    let (lie, accomplice) = (game.lie, person(FIRST_PROVIDER));
    let before = game.world.free(&accomplice) + game.world.stake(&lie.responder());
    game.world.challenge(&game.order, &accomplice, lie);
    game.world.advance(PARAMETERS.order_limits.move_window_blocks + 1);
    assert_eq!(game.world.verdicts(), [Verdict::Upheld(Reason::Silence)]);
    let after = game.world.free(&accomplice) + game.world.stake(&lie.responder());
    let stake = specification(1).pay.validator_stake_min.0;
    assert!(after < before - stake / 2);
    assert_eq!(game.world.read::<Challenge>(&(game.order, 0)), None);
}

#[test]
fn a_score_that_does_not_follow_from_its_tally_cannot_be_revealed() {
    let mut world = World::new();
    let order = world.submit(1);
    world.play_until(&order, Phase::EvaluationCommit);
    let drawn = world.committee(&order).validators;
    let mut better = world.truth(&order, &drawn[0]);
    better.as_mut_slice()[0].score.0 += 1;
    let mut worthless = world.truth(&order, &drawn[1]);
    let entry = worthless[0];
    worthless.as_mut_slice()[0] = EvaluationEntry { tally: None, ..entry };
    for (validator, entries) in drawn.iter().zip([better, worthless]) {
        world.commit_to(&order, validator, entries);
    }
    world.advance_to(&order, Phase::EvaluationReveal);
    for validator in &drawn[..2] {
        let call = world.open_call(&order, validator).expect("there is a commitment");
        let refused = refusal(world.call(validator, call));
        let Refusal::Evaluation(error) = refused else { panic!("{refused:?}") };
        let is_mismatch = matches!(
            error,
            aipot_domain_runtime::evaluation::EvaluationError::ScoreMismatch { place: 0, .. }
        );
        assert!(is_mismatch, "{error:?}");
    }
}
