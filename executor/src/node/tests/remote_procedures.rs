//! Remote procedures give what they promise, and name what is wrong with a request.

use aipot_domain_runtime::account::Account;
use aipot_domain_runtime::primitives::{AccountId, Amount, OrderId};
use aipot_domain_runtime::state::record_key;
use jsonrpsee::core::client::{ClientT, Error as RpcError};
use jsonrpsee::core::params::ArrayParams;
use jsonrpsee::ws_client::WsClientBuilder;
use parity_scale_codec::{DecodeAll, Encode};
use serde_json::{Value, json};

use super::stage::{Actor, Stage, transfer};
use crate::domain_rpc::client::{DomainClient, DomainClientError};
use crate::domain_rpc::wire::{CODE_CALL_NOT_TAKEN, CODE_MISMATCH, CODE_NOT_FOUND};
use crate::intake::fixture::{FREE, genesis, key};
use crate::store::artefacts::ContentHash;
use crate::store::state::{MembershipProof, verify_proof};

fn client(actor: &Actor) -> DomainClient {
    let url = format!("ws://{}", actor.node.rpc_address().unwrap());
    actor.within(DomainClient::connect(&url)).unwrap()
}

/// The code and the data of the error that a raw request meets.
fn raw_error(actor: &Actor, method: &str, parameters: &[Value]) -> (i32, Value) {
    let url = format!("ws://{}", actor.node.rpc_address().unwrap());
    actor.within(async {
        let client = WsClientBuilder::new().build(&url).await.unwrap();
        let mut array = ArrayParams::new();
        for parameter in parameters {
            array.insert(parameter).unwrap();
        }
        let RpcError::Call(object) = client.request::<Value, _>(method, array).await.unwrap_err()
        else {
            panic!("another error than an answer");
        };
        let data = object.data().map(|data| serde_json::from_str(data.get()).unwrap());
        (object.code(), data.unwrap_or_default())
    })
}

#[test]
fn a_node_tells_of_itself_and_of_accounts() {
    let stage = Stage::new(genesis(&[1, 2]));
    let node = stage.node(1, &[]);
    let client = client(&node);
    let info = node.within(client.info()).unwrap();
    assert_eq!(info.genesis, stage.genesis.hash().to_string());
    assert_eq!(info.account, key(1).account().to_string());
    assert!(info.addresses[0].ends_with(&format!("/p2p/{}", info.peer_id)));
    assert_eq!(info.parameters.view["base_fee"], "1000");
    let account = node.within(client.account(key(3).account())).unwrap();
    assert_eq!((account.nonce, account.free), (0, FREE.to_string()));
    let operators = node.within(client.operators()).unwrap();
    let accounts: Vec<_> = operators.iter().map(|operator| operator.account.clone()).collect();
    assert_eq!(accounts, [1, 2].map(|number| key(number).account().to_string()));
    assert!(node.within(client.operator(key(1).account())).unwrap().is_some());
    assert!(node.within(client.operator(key(3).account())).unwrap().is_none());
    assert!(node.within(client.order(OrderId([1; 32]))).unwrap().is_none());
    assert!(node.within(client.orders(None)).unwrap().is_empty());
    assert!(node.within(client.events(OrderId([1; 32]))).unwrap().is_empty());
}

#[test]
fn a_call_goes_in_over_rpc_and_its_outcome_comes_out() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let client = client(&node);
    let call = key(4).sign(&stage.genesis.hash(), 0, transfer(3, Amount::tokens(1)));
    let submitted = node.within(client.submit_call(&call)).unwrap();
    assert_eq!(submitted.nonce, 0);
    let outcome = || node.within(client.call_outcome(key(4).account(), 0)).unwrap();
    stage.until(&[&node], || outcome().is_some());
    let outcome = outcome().unwrap();
    assert_eq!((outcome.hash, outcome.refusal), (submitted.hash, None));
    let block = node.within(client.block(outcome.block)).unwrap().unwrap();
    assert_eq!(block.call_count, 1);
    assert_eq!(block.events[0].event.view["event"], "transferred");
    assert!(node.within(client.block(1_000)).unwrap().is_none());
}

#[test]
fn a_call_that_cannot_be_taken_is_refused_with_the_reason() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let client = client(&node);
    let genesis = stage.genesis.hash();
    let hopeless = key(4).sign(&genesis, 0, transfer(3, Amount::tokens(1_000)));
    let mut forged = key(4).sign(&genesis, 0, transfer(3, Amount(1)));
    forged.nonce = 1;
    let ahead = key(4).sign(&genesis, 100_000, transfer(3, Amount(1)));
    let stranger = key(9).sign(&genesis, 0, transfer(3, Amount(1)));
    for (call, reason) in [
        (hopeless, "would be refused"),
        (forged, "signature"),
        (ahead, "allowed up to"),
        (stranger, "fee"),
    ] {
        let error = node.within(client.submit_call(&call)).unwrap_err();
        let DomainClientError::Refused { code, message, .. } = error else { panic!("{error}") };
        assert_eq!(code, CODE_CALL_NOT_TAKEN);
        assert!(message.contains(reason), "{message}");
    }
    assert!(node.node.mempool().lock().is_empty());
}

#[test]
fn the_state_is_proven() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let client = client(&node);
    for (id, is_known) in [(key(1).account(), true), (AccountId([9; 32]), false)] {
        let key = record_key::<Account>(&id);
        let report = node.within(client.state_proof(&key)).unwrap();
        let value = report.value.map(|value| hex::decode(value).unwrap());
        let proof = hex::decode(report.proof).unwrap();
        let proof = MembershipProof::decode_all(&mut proof.as_slice()).unwrap();
        assert_eq!(value.is_some(), is_known);
        assert!(verify_proof(report.root.parse().unwrap(), &key, value.as_deref(), &proof));
    }
}

#[test]
fn heads_are_followed() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let client = client(&node);
    let mut heads = node.within(client.follow_heads()).unwrap();
    let mut last = node.within(heads.next()).unwrap().unwrap().block;
    for _ in 0..5 {
        stage.step(&[&node]);
    }
    while last < node.head().block.0 {
        let next = node.within(heads.next()).unwrap().unwrap();
        assert!(next.block > last);
        last = next.block;
    }
}

#[test]
fn artefacts_go_in_and_out_in_pieces_and_reach_other_nodes() {
    let stage = Stage::new(genesis(&[1]));
    let first = stage.node(1, &[]);
    let second = stage.node(2, &[&first]);
    let bytes: Vec<u8> = (0..2_500_000_u32).map(|index| (index % 251) as u8).collect();
    let giver = client(&first);
    let hash = first.within(giver.put_artefact(&bytes)).unwrap();
    assert_eq!(first.within(giver.artefact_bytes(hash)).unwrap(), Some(2_500_000));

    second.within(async {
        let mut info = client_info(&second).await;
        while info.peers.is_empty() {
            tokio::task::yield_now().await;
            info = client_info(&second).await;
        }
    });
    let taker = client(&second);
    let length = second.within(taker.fetch_artefact(hash, u64::MAX >> 20)).unwrap_err();
    assert!(matches!(length, DomainClientError::Parameter { .. }), "{length}");
    assert_eq!(second.within(taker.fetch_artefact(hash, 3_000_000)).unwrap(), 2_500_000);
    assert_eq!(second.within(taker.read_artefact(hash)).unwrap(), bytes);
}

async fn client_info(actor: &Actor) -> crate::domain_rpc::wire::Info {
    let url = format!("ws://{}", actor.node.rpc_address().unwrap());
    DomainClient::connect(&url).await.unwrap().info().await.unwrap()
}

#[test]
fn an_upload_with_another_hash_or_too_few_bytes_is_not_stored() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let hash = json!(ContentHash::of(b"other"));
    let begin = |bytes: u64| {
        let url = format!("ws://{}", node.node.rpc_address().unwrap());
        node.within(async {
            let client = WsClientBuilder::new().build(&url).await.unwrap();
            let mut array = ArrayParams::new();
            array.insert(bytes).unwrap();
            client.request::<u64, _>("artefact_putBegin", array).await.unwrap()
        })
    };
    let (empty, short) = (begin(0), begin(3));
    let finish =
        |upload: u64| raw_error(&node, "artefact_putFinish", &[json!(upload), hash.clone()]);
    assert_eq!(finish(empty).0, CODE_MISMATCH);
    assert_eq!(finish(empty).0, CODE_NOT_FOUND);
    assert_eq!(finish(short).0, CODE_MISMATCH);
    let too_many = [json!(short), json!(0), json!("00000000")];
    assert_eq!(raw_error(&node, "artefact_putAppend", &too_many).1["field"], "data");
    let elsewhere = [json!(short), json!(1), json!("00")];
    assert_eq!(raw_error(&node, "artefact_putAppend", &elsewhere).1["field"], "offset");
    assert!(node.node.artefacts().list().unwrap().is_empty());
}

#[test]
fn a_wrong_parameter_is_named_with_its_value_and_what_is_allowed() {
    let stage = Stage::new(genesis(&[1]));
    let node = stage.node(1, &[]);
    let digest = json!("00".repeat(32));
    let cases: &[(&str, &[Value], &str)] = &[
        ("domain_info", &[json!(1)], "params"),
        ("domain_submitCall", &[json!("xy")], "call"),
        ("domain_submitCall", &[json!("00".repeat(17_000))], "call"),
        ("domain_submitCall", &[], "call"),
        ("domain_callOutcome", &[digest.clone(), json!(-1)], "nonce"),
        ("domain_callOutcome", &[json!("00"), json!(1)], "signer"),
        ("domain_account", &[json!({"deep": [1, 2, 3]})], "account"),
        ("domain_operator", &[Value::Null], "account"),
        ("domain_operators", &[json!(0), json!(100_000)], "count"),
        ("domain_operators", &[json!(5_000_000_000_u64), json!(1)], "from"),
        ("domain_order", &[json!("é".repeat(64))], "order"),
        ("domain_orders", &[json!("x"), json!(1)], "after"),
        ("domain_orders", &[json!({"block": 1, "order": "00"}), json!(1)], "after.order"),
        ("domain_events", &[digest.clone(), Value::Null, json!(0)], "count"),
        ("domain_block", &[json!(1.5)], "number"),
        ("domain_stateProof", &[json!("00".repeat(4_000))], "key"),
        ("artefact_has", &[json!("0x")], "hash"),
        ("artefact_putBegin", &[json!(u64::MAX)], "bytes"),
        ("artefact_fetch", &[digest.clone(), json!("1")], "bytes_max"),
    ];
    for (method, parameters, field) in cases {
        let (code, data) = raw_error(&node, method, parameters);
        assert_eq!((code, &data["field"]), (-32_602, &json!(field)), "{method}: {data}");
        assert!(data["value"].as_str().unwrap().len() < 300, "{method}");
        assert!(!data["allowed"].as_str().unwrap().is_empty(), "{method}");
    }
    let absent = [digest, json!(0), json!(1)];
    assert_eq!(raw_error(&node, "artefact_read", &absent).0, CODE_NOT_FOUND);
    let foreign = [json!(hex::encode(key(1).account().encode()))];
    assert_eq!(raw_error(&node, "domain_submitCall", &foreign).0, CODE_CALL_NOT_TAKEN);
}
