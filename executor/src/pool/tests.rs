//! The pool keeps its bounds, its order, and every call that still can count.

use aipot_domain_runtime::account::Account;
use aipot_domain_runtime::genesis::Genesis;
use aipot_domain_runtime::primitives::Amount;
use proptest::prelude::*;

use super::admission::{AdmissionError, check_fees, parameters, verdict, verify};
use super::{CallHash, PASSED_OVER_MAX, Pool, PoolError, PoolLimits};
use crate::intake::fixture::{genesis, key, ledger, transfer};
use crate::network::GossipVerdict;

const LIMITS: PoolLimits =
    PoolLimits { calls_max: 6, bytes_max: 4096, calls_per_signer_max: 3, nonces_ahead_max: 8 };

struct Scene {
    genesis: Genesis,
    pool: Pool,
}

impl Scene {
    fn new() -> Self {
        Self { genesis: genesis(&[]), pool: Pool::new(LIMITS) }
    }

    fn call(&self, from: u8, nonce: u64) -> Vec<u8> {
        transfer(&self.genesis, from, nonce, Amount(1))
    }

    fn insert(&mut self, from: u8, nonce: u64, expected: u64) -> Result<CallHash, PoolError> {
        let bytes = self.call(from, nonce);
        let call = verify(&bytes, &self.genesis.hash()).unwrap();
        self.pool.insert(&call, bytes, expected)
    }

    fn ready(&self) -> Vec<Vec<u8>> {
        self.pool.ready(0, usize::MAX)
    }
}

#[test]
fn calls_of_a_signer_come_out_in_the_order_of_their_nonces() {
    let mut scene = Scene::new();
    scene.insert(1, 1, 0).unwrap();
    scene.insert(1, 0, 0).unwrap();
    assert_eq!(scene.ready(), [scene.call(1, 0), scene.call(1, 1)]);
}

#[test]
fn a_call_behind_a_gap_waits() {
    let mut scene = Scene::new();
    scene.insert(1, 1, 0).unwrap();
    assert!(scene.ready().is_empty());
    scene.pool.advance(key(1).account(), 1);
    assert_eq!(scene.ready(), [scene.call(1, 1)]);
}

#[test]
fn nobody_waits_behind_the_many_calls_of_another() {
    let mut scene = Scene::new();
    for nonce in 0..3 {
        scene.insert(1, nonce, 0).unwrap();
    }
    scene.insert(2, 0, 0).unwrap();
    let firsts = scene.ready()[..2].to_vec();
    assert!(firsts.contains(&scene.call(1, 0)) && firsts.contains(&scene.call(2, 0)));
}

#[test]
fn a_call_that_is_there_or_whose_nonce_is_taken_is_refused() {
    let mut scene = Scene::new();
    let hash = scene.insert(1, 0, 0).unwrap();
    assert_eq!(scene.insert(1, 0, 0), Err(PoolError::Known { hash }));
    let other = transfer(&scene.genesis, 1, 0, Amount(2));
    let call = verify(&other, &scene.genesis.hash()).unwrap();
    let (signer, nonce, waiting) = (key(1).account(), 0, hash);
    let taken = PoolError::NonceTaken { signer, nonce, waiting };
    assert_eq!(scene.pool.insert(&call, other, 0), Err(taken));
}

#[test]
fn nonces_that_are_past_or_far_ahead_are_refused() {
    let mut scene = Scene::new();
    let signer = key(1).account();
    let used = PoolError::NonceUsed { signer, nonce: 1, expected: 2 };
    assert_eq!(scene.insert(1, 1, 2), Err(used));
    let ahead = PoolError::NonceAhead { signer, nonce: 11, nonce_max: 10 };
    assert_eq!(scene.insert(1, 11, 2), Err(ahead));
}

#[test]
fn of_a_signer_with_too_many_the_lower_nonces_stay() {
    let mut scene = Scene::new();
    for nonce in [2, 3, 4] {
        scene.insert(1, nonce, 0).unwrap();
    }
    let signer = key(1).account();
    assert_eq!(scene.insert(1, 5, 0), Err(PoolError::SignerFull { signer, count: 3, max: 3 }));
    scene.insert(1, 0, 0).unwrap();
    assert_eq!(scene.pool.load(&signer).0, 3);
    assert!(!scene.pool.has(&CallHash::of(&scene.call(1, 4))));
}

#[test]
fn a_full_pool_refuses_and_makes_room_when_calls_are_applied() {
    let mut scene = Scene::new();
    for (from, nonce) in [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)] {
        scene.insert(from, nonce, 0).unwrap();
    }
    assert!(matches!(scene.insert(3, 0, 0), Err(PoolError::Full { count: 6, .. })));
    scene.pool.advance(key(1).account(), 1);
    scene.insert(3, 0, 0).unwrap();
    assert_eq!(scene.pool.len(), 6);
}

#[test]
fn an_included_call_is_not_bundled_again_unless_its_block_is_reverted() {
    let mut scene = Scene::new();
    let hash = scene.insert(1, 0, 0).unwrap();
    scene.pool.include(5, [hash]);
    assert!(scene.ready().is_empty());
    scene.pool.revert(5);
    assert!(scene.ready().is_empty());
    scene.pool.revert(4);
    assert_eq!(scene.ready(), [scene.call(1, 0)]);
}

#[test]
fn the_next_call_is_ready_while_the_one_before_is_in_a_block() {
    let mut scene = Scene::new();
    let first = scene.insert(1, 0, 0).unwrap();
    scene.insert(1, 1, 0).unwrap();
    scene.pool.include(5, [first]);
    assert_eq!(scene.ready(), [scene.call(1, 1)]);
}

#[test]
fn a_call_that_final_blocks_pass_over_leaves_in_the_end() {
    let mut scene = Scene::new();
    let hash = scene.insert(1, 0, 0).unwrap();
    for number in 0..PASSED_OVER_MAX {
        assert_eq!(scene.ready().len(), 1);
        scene.pool.include(number, [hash]);
        scene.pool.finalize(number);
    }
    assert!(scene.pool.is_empty());
    assert_eq!(scene.pool.load(&key(1).account()), (0, 0));
}

#[test]
fn only_what_has_waited_is_overdue() {
    let mut scene = Scene::new();
    scene.pool.include(10, []);
    scene.insert(1, 0, 0).unwrap();
    scene.pool.include(12, []);
    assert_eq!(scene.pool.ready(3, usize::MAX).len(), 0);
    scene.pool.include(13, []);
    assert_eq!(scene.pool.ready(3, usize::MAX).len(), 1);
}

#[test]
fn no_more_bytes_come_out_than_asked_for() {
    let mut scene = Scene::new();
    for from in 1..=3 {
        scene.insert(from, 0, 0).unwrap();
    }
    let size = scene.call(1, 0).len();
    assert_eq!(scene.pool.ready(0, 2 * size).len(), 2);
}

#[test]
fn a_signer_cannot_have_more_waiting_than_it_can_pay_for() {
    let scene = Scene::new();
    let ledger = ledger(&scene.genesis);
    let rules = parameters(ledger.state().as_ref()).unwrap();
    let call = verify(&scene.call(1, 0), &scene.genesis.hash()).unwrap();
    let fee = aipot_domain_runtime::transition::fee(&rules, call.byte_count());
    let account = |free: u128| Account { nonce: 0, free: Amount(free) };
    let waiting = (1, call.byte_count());
    check_fees(&rules, &call, &account(2 * fee.0), waiting).unwrap();
    let short = check_fees(&rules, &call, &account(2 * fee.0 - 1), waiting);
    assert!(matches!(short, Err(AdmissionError::CannotPayFees { count: 2, .. })));
}

#[test]
fn only_what_is_wrong_for_everybody_is_held_against_a_peer() {
    let scene = Scene::new();
    let network = scene.genesis.hash();
    let of =
        |bytes: &[u8]| verify(bytes, &network).map(|_| CallHash::of(bytes)).map_err(Into::into);
    let mut forged = scene.call(1, 0);
    *forged.last_mut().unwrap() ^= 1;
    for bad in [&b""[..], &vec![0; 40_000], &forged] {
        assert_eq!(verdict(&of(bad)), GossipVerdict::Reject);
    }
    assert_eq!(verdict(&of(&scene.call(1, 0))), GossipVerdict::Accept);
    let known = PoolError::Known { hash: CallHash([0; 32]) };
    assert_eq!(verdict(&Err(known.into())), GossipVerdict::Ignore);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, counts and bytes are those of the calls that wait, and within the bounds.
    #[test]
    fn the_books_are_always_right(steps in prop::collection::vec((0_u8..5, 1_u8..4, 0_u64..6), 1..60)) {
        let mut scene = Scene::new();
        let mut nonces = [0_u64; 4];
        for (number, (kind, from, nonce)) in (0_u32..).zip(steps) {
            let expected = nonces[usize::from(from)];
            let hash = CallHash::of(&scene.call(from, nonce));
            match kind {
                0 | 1 => drop(scene.insert(from, nonce, expected)),
                2 => scene.pool.include(number, [hash]),
                3 => scene.pool.finalize(number),
                _ => {
                    nonces[usize::from(from)] = expected.max(nonce);
                    scene.pool.advance(key(from).account(), nonce);
                }
            }
            let loads: Vec<_> = (1..4).map(|from| scene.pool.load(&key(from).account())).collect();
            prop_assert_eq!(loads.iter().map(|load| load.0).sum::<usize>(), scene.pool.len());
            prop_assert_eq!(loads.iter().map(|load| load.1).sum::<usize>(), scene.pool.bytes);
            prop_assert!(loads.iter().all(|load| load.0 <= LIMITS.calls_per_signer_max));
            prop_assert!(scene.pool.len() <= LIMITS.calls_max);
            prop_assert!(scene.pool.bytes <= LIMITS.bytes_max);
        }
    }
}
