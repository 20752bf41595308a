//! When the connections to a peer must be cut.

use super::*;

fn connection(number: usize) -> ConnectionId {
    ConnectionId::new_unchecked(number)
}

#[test]
fn one_run_may_have_several_connections_and_lose_any() {
    let mut runs = Runs::new(connection(1));
    assert!(!runs.identify(connection(1), "run"));
    assert!(!runs.identify(connection(2), "run"));
    assert!(!runs.identify(connection(2), "run"), "said again, as each minute");
    assert!(!runs.close(connection(1)));
}

#[test]
fn another_run_is_noticed_when_it_identifies_itself() {
    let mut runs = Runs::new(connection(1));
    assert!(!runs.identify(connection(1), "old"));
    assert!(runs.identify(connection(2), "new"));
}

#[test]
fn a_run_that_died_before_it_identified_itself_is_noticed_when_its_connection_closes() {
    let mut runs = Runs::new(connection(1));
    assert!(!runs.identify(connection(2), "new"), "nothing to compare it with yet");
    assert!(runs.close(connection(1)));
}

#[test]
fn the_order_in_which_connections_of_one_run_identify_themselves_does_not_matter() {
    let mut runs = Runs::new(connection(1));
    assert!(!runs.identify(connection(2), "run"));
    assert!(!runs.identify(connection(1), "run"));
    assert!(!runs.close(connection(1)));
}

#[test]
fn a_later_connection_that_never_identified_itself_may_close() {
    let mut runs = Runs::new(connection(1));
    assert!(!runs.identify(connection(1), "run"));
    assert!(!runs.close(connection(2)));
}
