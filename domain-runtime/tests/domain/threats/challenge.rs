//! Challenges: false ones, double ones, late ones, and committees that must not judge for themselves.

use aipot_domain_runtime::account::FundsError;
use aipot_domain_runtime::call::Call;
use aipot_domain_runtime::challenge::{Challenge, ChallengeError};
use aipot_domain_runtime::event::{Event, Verdict};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::primitives::{AccountId, Amount, OrderId, Score};
use aipot_domain_runtime::progress::AccessError;
use aipot_domain_runtime::refusal::Refusal;
use aipot_domain_runtime::window::Phase;

use crate::harness::people::{FIRST_PROVIDER, FIRST_VALIDATOR, operators, validators};
use crate::harness::{CLIENT, OUTSIDER, PARAMETERS, World, lie, person, refusal, working_records};

/// A world where the first validator has lied about the first model, open for challenges.
struct Dispute {
    world: World,
    order: OrderId,
    liar: AccountId,
    honest: AccountId,
    provider: AccountId,
    challenger: AccountId,
}

impl Dispute {
    fn new() -> Self {
        let mut world = World::new();
        let order = world.submit(1);
        world.play_until(&order, Phase::EvaluationCommit);
        let drawn = world.committee(&order).validators;
        let entries = lie(&world.truth(&order, &drawn[0]));
        let provider = entries[0].provider;
        world.commit_to(&order, &drawn[0], entries);
        for honest in &drawn[1..] {
            let truth = world.truth(&order, honest);
            world.commit_to(&order, honest, truth);
        }
        world.play_until(&order, Phase::Challenge);
        let mut strangers = validators().map(person).filter(|account| !drawn.contains(account));
        let challenger = strangers.next().expect("more validators than are drawn");
        Self { world, order, liar: drawn[0], honest: drawn[1], provider, challenger }
    }

    fn against(&self, validator: AccountId) -> Call {
        Call::Challenge { order: self.order, validator, provider: self.provider }
    }

    fn verdicts(&self) -> Vec<Verdict> {
        self.world.happened(|event| match event {
            Event::ChallengeDecided { verdict, .. } => Some(*verdict),
            _ => None,
        })
    }

    fn refuse(&mut self, who: &AccountId, call: Call) -> Refusal {
        refusal(self.world.call(who, call))
    }
}

#[test]
fn a_false_challenge_loses_its_bond_to_the_accused_and_the_fire() {
    let mut dispute = Dispute::new();
    let call = dispute.against(dispute.honest);
    let challenger = dispute.challenger;
    dispute.world.accept(&challenger, call);
    dispute.world.advance(1);
    let (challenger_free, accused_free) =
        (dispute.world.free(&challenger), dispute.world.free(&dispute.honest));
    dispute.world.judge(&dispute.order, 0);
    assert_eq!(dispute.verdicts(), [Verdict::Dismissed]);
    assert_eq!(dispute.world.slashed(&dispute.honest), 0);
    assert_eq!(dispute.world.free(&challenger), challenger_free);
    let judged = dispute.world.judges(&dispute.order, 0).contains(&dispute.honest);
    assert!(!judged, "the accused does not judge");
    let half = PARAMETERS.challenge_bond.0 / 2;
    assert_eq!(dispute.world.free(&dispute.honest), accused_free + half);
    dispute.world.settle(&dispute.order);
    assert_eq!(working_records(&dispute.world.store), Vec::<Vec<u8>>::new());
}

#[test]
fn a_liar_is_slashed_once_for_two_proven_lies() {
    let mut dispute = Dispute::new();
    let challenger = dispute.challenger;
    let other = dispute
        .world
        .committee(&dispute.order)
        .providers
        .iter()
        .copied()
        .find(|provider| *provider != dispute.provider)
        .expect("three providers are drawn");
    let second = Call::Challenge { order: dispute.order, validator: dispute.liar, provider: other };
    let first = dispute.against(dispute.liar);
    dispute.world.accept(&challenger, first);
    dispute.world.accept(&challenger, second);
    dispute.world.advance(1);
    // The second entry is true, but its judges agree on something else.
    for judge in dispute.world.judges(&dispute.order, 1) {
        let Some(Call::Judge { order, challenge, digest, .. }) =
            dispute.world.judge_call(&dispute.order, 1)
        else {
            panic!("the challenge is open");
        };
        let score = Score::accuracy(1, 1);
        dispute.world.accept(&judge, Call::Judge { order, challenge, score, digest });
    }
    dispute.world.judge(&dispute.order, 0);
    assert_eq!(dispute.verdicts(), [Verdict::Upheld, Verdict::Upheld]);
    assert_eq!(dispute.world.slashed(&dispute.liar), 40_009);
}

#[test]
fn an_unjudged_challenge_blames_nobody_and_gives_the_bond_back() {
    let mut dispute = Dispute::new();
    let call = dispute.against(dispute.liar);
    let challenger = dispute.challenger;
    dispute.world.accept(&challenger, call);
    let free = dispute.world.free(&challenger);
    dispute.world.settle(&dispute.order);
    assert_eq!(dispute.verdicts(), [Verdict::Undecided]);
    assert_eq!(dispute.world.slashed(&dispute.liar), 0);
    assert_eq!(dispute.world.free(&challenger), free + PARAMETERS.challenge_bond.0);
    assert_eq!(working_records(&dispute.world.store), Vec::<Vec<u8>>::new());
}

#[test]
fn a_minority_of_judges_decides_nothing() {
    let mut dispute = Dispute::new();
    let call = dispute.against(dispute.liar);
    let challenger = dispute.challenger;
    dispute.world.accept(&challenger, call);
    dispute.world.advance(1);
    let judges = dispute.world.judges(&dispute.order, 0);
    assert_eq!(judges.len(), 5);
    for judge in &judges[..2] {
        let call = dispute.world.judge_call(&dispute.order, 0).expect("the challenge is open");
        dispute.world.accept(judge, call);
    }
    dispute.world.settle(&dispute.order);
    assert_eq!(dispute.verdicts(), [Verdict::Undecided]);
}

#[test]
fn a_majority_of_judges_decides_at_the_end() {
    let mut dispute = Dispute::new();
    let call = dispute.against(dispute.liar);
    let challenger = dispute.challenger;
    dispute.world.accept(&challenger, call);
    dispute.world.advance(1);
    for judge in &dispute.world.judges(&dispute.order, 0)[..3] {
        let call = dispute.world.judge_call(&dispute.order, 0).expect("the challenge is open");
        dispute.world.accept(judge, call);
    }
    dispute.world.settle(&dispute.order);
    assert_eq!(dispute.verdicts(), [Verdict::Upheld]);
    assert_eq!(dispute.world.slashed(&dispute.liar), 40_009);
}

#[test]
fn a_challenge_in_the_last_block_still_finds_its_judges() {
    let mut dispute = Dispute::new();
    dispute.world.advance(3);
    assert_eq!(dispute.world.phase(&dispute.order), Phase::Challenge);
    let call = dispute.against(dispute.liar);
    let challenger = dispute.challenger;
    dispute.world.accept(&challenger, call);
    dispute.world.advance(1);
    assert_eq!(dispute.world.phase(&dispute.order), Phase::ChallengeExtension);
    dispute.world.judge(&dispute.order, 0);
    assert_eq!(dispute.verdicts(), [Verdict::Upheld]);
    dispute.world.settle(&dispute.order);
    assert_eq!(dispute.world.slashed(&dispute.liar), 40_009);
}

#[test]
fn who_may_challenge_what() {
    let mut dispute = Dispute::new();
    let (liar, challenger) = (dispute.liar, dispute.challenger);
    let call = dispute.against(liar);
    let refused = dispute.refuse(&person(OUTSIDER), call.clone());
    let account = person(OUTSIDER);
    assert_eq!(refused, Refusal::Challenge(ChallengeError::NotOperator { account }));
    let refused = dispute.refuse(&liar, call.clone());
    assert_eq!(refused, Refusal::Challenge(ChallengeError::OwnEvaluation { account: liar }));
    let call_on_nobody = dispute.against(person(CLIENT));
    let refused = dispute.refuse(&challenger, call_on_nobody);
    assert!(matches!(refused, Refusal::Challenge(ChallengeError::NoEvaluation { .. })));
    dispute.world.accept(&challenger, call.clone());
    let refused = dispute.refuse(&dispute.honest.clone(), call.clone());
    assert_eq!(refused, Refusal::Challenge(ChallengeError::Duplicate { challenge: 0 }));
    let order = dispute.order;
    dispute.world.settle(&order);
    let refused = dispute.refuse(&challenger, call);
    assert_eq!(refused, Refusal::Access(AccessError::NotRunning { order }));
}

#[test]
fn a_challenger_must_have_the_bond() {
    let mut dispute = Dispute::new();
    let challenger = dispute.challenger;
    let all_but_little = Amount(dispute.world.free(&challenger) - 4_000);
    let to = person(CLIENT);
    dispute.world.accept(&challenger, Call::Transfer { to, amount: all_but_little });
    let call = dispute.against(dispute.liar);
    let refused = dispute.refuse(&challenger, call);
    assert!(matches!(refused, Refusal::Funds(FundsError::Insufficient { .. })));
}

#[test]
fn only_drawn_judges_judge_and_only_once() {
    let mut dispute = Dispute::new();
    let challenger = dispute.challenger;
    let call = dispute.against(dispute.liar);
    dispute.world.accept(&challenger, call);
    let judgement = dispute.world.judge_call(&dispute.order, 0).expect("the challenge is open");
    let before_drawing = dispute.refuse(&person(FIRST_VALIDATOR), judgement.clone());
    assert!(matches!(before_drawing, Refusal::Challenge(ChallengeError::NotJudge { .. })));
    dispute.world.advance(1);
    let refused = dispute.refuse(&challenger, judgement.clone());
    assert!(matches!(refused, Refusal::Challenge(ChallengeError::NotJudge { .. })));
    let judges = dispute.world.judges(&dispute.order, 0);
    dispute.world.accept(&judges[0], judgement.clone());
    let refused = dispute.refuse(&judges[0], judgement.clone());
    assert!(matches!(refused, Refusal::Challenge(ChallengeError::NotJudge { .. })));
    for judge in &judges[1..] {
        dispute.world.accept(judge, judgement.clone());
    }
    let refused = dispute.refuse(&judges[0], judgement);
    assert!(matches!(refused, Refusal::Challenge(ChallengeError::NotOpen { .. })));
}

#[test]
fn nobody_judges_who_has_something_to_win() {
    // Everybody with stake is ready to judge, the client and the providers too.
    let mut world = World::new();
    let both = Roles { provider: true, validator: true };
    let newcomers: Vec<AccountId> = (40..43).map(person).collect();
    (40..43).for_each(|number| world.meet(number));
    for account in &newcomers {
        world.accept(&person(OUTSIDER), Call::Transfer { to: *account, amount: Amount(9_000_000) });
        world.accept(account, Call::RegisterOperator { stake: Amount(8_000_000), roles: both });
    }
    world.accept(
        &person(CLIENT),
        Call::RegisterOperator {
            stake: Amount(8_000_000),
            roles: Roles { provider: false, validator: true },
        },
    );
    world.advance(1);
    let mut judge_seen = false;
    for seed in 0..12 {
        let order = world.submit(seed);
        world.play_until(&order, Phase::Challenge);
        let committee = world.committee(&order);
        let provider = committee.providers[0];
        let validator = committee.validators[0];
        let mut others = operators().map(person);
        let challenger = others.find(|other| *other != validator && *other != provider);
        let challenger = challenger.expect("there are many operators");
        world.accept(&challenger, Call::Challenge { order, validator, provider });
        world.advance(1);
        let judges = world.judges(&order, 0);
        judge_seen |= judges.iter().any(|judge| newcomers.contains(judge));
        let parties = [validator, challenger, person(CLIENT)];
        assert!(judges.iter().all(|judge| !parties.contains(judge)), "order {seed}");
        let is_provider = |judge| committee.providers.contains(judge);
        assert!(!judges.iter().any(is_provider), "order {seed}");
        world.settle(&order);
    }
    assert!(judge_seen, "somebody with both roles has judged");
}

#[test]
fn no_number_of_challenges_keeps_another_one_out() {
    // Every entry of the largest order can be challenged once.
    use aipot_domain_runtime::challenge::CHALLENGES_MAX;
    use aipot_domain_runtime::order::{PROVIDERS_MAX, VALIDATORS_MAX};
    assert_eq!(usize::try_from(CHALLENGES_MAX), Ok(PROVIDERS_MAX * VALIDATORS_MAX));
}

#[test]
fn challenging_oneself_loses() {
    let mut dispute = Dispute::new();
    // The liar's second identity challenges and hands everything over.
    let accomplice = person(FIRST_PROVIDER);
    let before = dispute.world.free(&accomplice) + dispute.world.stake(&dispute.liar);
    let call = dispute.against(dispute.liar);
    dispute.world.accept(&accomplice, call);
    dispute.world.advance(1);
    dispute.world.judge(&dispute.order, 0);
    assert_eq!(dispute.verdicts(), [Verdict::Upheld]);
    let after = dispute.world.free(&accomplice) + dispute.world.stake(&dispute.liar);
    assert!(after < before - 40_009 / 2);
    let open = dispute.world.read::<Challenge>(&(dispute.order, 0)).map(|one| one.is_decided);
    assert_eq!(open, Some(true));
}
