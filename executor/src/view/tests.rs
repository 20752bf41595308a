//! Every event has its own view, and records show what people look for.

use std::collections::BTreeSet;

use aipot_domain_runtime::event::Event;
use aipot_domain_runtime::order::OrderSpecification;
use aipot_domain_runtime::primitives::AccountId;
use aipot_domain_runtime::progress::{OrderRecord, Progress};
use aipot_domain_runtime::window::PHASES;
use parity_scale_codec::Decode;

use super::{event, order, phase, progress};

/// The value whose encoding is `first` and then zeros.
fn decoded<T: Decode>(first: &[u8]) -> Option<T> {
    let bytes = [first, &[0; 4096]].concat();
    T::decode(&mut bytes.as_slice()).ok()
}

#[test]
fn every_event_has_a_view_of_its_own() {
    let mut names = BTreeSet::new();
    for index in 0..=u8::MAX {
        let Some(happened) = decoded::<Event>(&[index]) else { continue };
        let view = event(&happened);
        let name = view["event"].as_str().unwrap_or_else(|| panic!("no view of {happened:?}"));
        assert!(names.insert(name.to_owned()), "{name} is the view of two events");
        assert_eq!(view.get("order").is_some(), happened.order().is_some(), "{name}");
    }
    assert_eq!(names.len(), 30);
}

#[test]
fn every_phase_has_a_name_of_its_own() {
    let names: BTreeSet<_> = PHASES.into_iter().map(phase).collect();
    assert_eq!(names.len(), PHASES.len());
}

#[test]
fn an_order_is_shown_with_its_identity_and_its_keys() {
    let specification: OrderSpecification = decoded(&[]).unwrap();
    let client = AccountId([1; 32]);
    let record = OrderRecord { specification, client, outcome: None };
    let view = order(&record);
    assert_eq!(view["id"], record.specification.id().to_string());
    assert_eq!(view["client"], client.to_string());
    assert_eq!(view["specification"]["model"]["architecture"], "mlp");
    assert!(view["outcome"].is_null());
    let running: Progress = decoded(&[]).unwrap();
    assert_eq!(progress(&running)["claim_count"], 0);
}
