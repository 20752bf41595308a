//! The scenario follows from its seed.

use super::*;

#[test]
fn the_same_seed_makes_the_same_network() {
    let once = Scenario::new(7, 2, 3).unwrap();
    let again = Scenario::new(7, 2, 3).unwrap();
    assert_eq!(once.genesis, again.genesis);
    assert_ne!(once.genesis.hash(), Scenario::new(8, 2, 3).unwrap().genesis.hash());
}

#[test]
fn every_participant_has_an_account_of_its_own() {
    let scenario = Scenario::new(1, 2, 3).unwrap();
    let accounts: std::collections::BTreeSet<_> =
        scenario.participants.iter().map(Participant::account).collect();
    assert_eq!(accounts.len(), 7);
}

#[test]
fn the_built_in_orders_differ_and_pass_the_static_checks() {
    let scenario = Scenario::new(1, 2, 3).unwrap();
    let ids: std::collections::BTreeSet<_> = (0..3)
        .map(|index| {
            let planned = scenario.order(index).unwrap();
            let files =
                crate::client::OrderFiles::prepare(&planned.draft, &planned.train, &planned.test);
            let salt = aipot_domain_runtime::primitives::Salt([1; 32]);
            let specification = files.unwrap().specify(&planned.draft, &salt).unwrap();
            let limits = scenario.genesis.parameters.order_limits;
            aipot_domain_runtime::order::check::check(&specification, &limits).unwrap();
            specification.id()
        })
        .collect();
    assert_eq!(ids.len(), 3);
}
