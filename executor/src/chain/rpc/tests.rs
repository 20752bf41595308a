//! Hostile and wrong requests are refused by name; the rest works over a real connection.

use std::net::Ipv4Addr;
use std::time::Duration;

use jsonrpsee::core::client::{ClientT, Error as ClientError, SubscriptionClientT};
use jsonrpsee::core::params::ArrayParams;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use serde_json::{Value, json};

use super::*;
use crate::chain::development::DevelopmentConfiguration;

fn chain() -> DevelopmentChain {
    let configuration = DevelopmentConfiguration::new(b"genesis".to_vec(), [7; 32]);
    DevelopmentChain::in_memory(configuration).unwrap()
}

async fn served(chain: &DevelopmentChain) -> (ChainServer, WsClient) {
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let server = serve(chain.clone(), address, RpcModule::new(())).await.unwrap();
    let client = WsClientBuilder::new()
        .max_request_size(64 << 20)
        .request_timeout(Duration::from_mins(1))
        .build(server.url())
        .await
        .unwrap();
    (server, client)
}

async fn call(client: &WsClient, method: &str, parameters: Value) -> Result<Value, ClientError> {
    let mut array = ArrayParams::new();
    for parameter in parameters.as_array().unwrap() {
        array.insert(parameter).unwrap();
    }
    client.request(method, array).await
}

/// Code, field, value and allowed values of a refusal.
fn refusal(outcome: Result<Value, ClientError>) -> (i32, String, String, String) {
    let Err(ClientError::Call(object)) = outcome else { panic!("{outcome:?}") };
    let data: Value = serde_json::from_str(object.data().unwrap().get()).unwrap();
    let text = |name: &str| data[name].as_str().unwrap().to_owned();
    (object.code(), text("field"), text("value"), text("allowed"))
}

#[tokio::test]
async fn bundle_goes_in_and_comes_back_in_a_block() {
    let chain = chain();
    let (_server, client) = served(&chain).await;
    let hash = call(&client, "chain_submit", json!(["00ff"])).await.unwrap();
    assert_eq!(hash, json!(blake3::hash(&[0, 255]).to_hex().as_str()));
    chain.produce_block().unwrap();
    let block = call(&client, "chain_block", json!([1])).await.unwrap();
    assert_eq!(block["bundles"], json!(["00ff"]));
    let head = call(&client, "chain_head", json!([])).await.unwrap();
    assert_eq!(head["best"], json!({ "number": 1, "hash": block["hash"] }));
    assert_eq!(call(&client, "chain_block", json!([2])).await.unwrap(), Value::Null);
}

#[tokio::test]
async fn wrong_numbers_are_refused_with_field_value_and_what_is_allowed() {
    let (_server, client) = served(&chain()).await;
    for value in [json!(-1), json!(1.5), json!(4_294_967_296_u64), json!("1"), json!(null)] {
        let refused = call(&client, "chain_block", json!([value])).await;
        let (code, field, shown, allowed) = refusal(refused);
        assert_eq!((code, field.as_str()), (-32602, "number"));
        assert_eq!(shown, value.to_string());
        assert_eq!(allowed, "integers from 0 to 4294967295");
    }
    for parameters in [json!([]), json!([1, 2])] {
        let (_, field, _, allowed) = refusal(call(&client, "chain_block", parameters).await);
        assert_eq!(
            (field.as_str(), allowed.as_str()),
            ("parameters", "an array of one value, [number]")
        );
    }
}

#[tokio::test]
async fn wrong_bundles_are_refused_with_field_value_and_what_is_allowed() {
    let (_server, client) = served(&chain()).await;
    for value in [json!("0xff"), json!("f"), json!("zz"), json!(7), json!("")] {
        let (code, field, _, allowed) =
            refusal(call(&client, "chain_submit", json!([value])).await);
        assert_eq!((code, field.as_str()), (-32602, "bundle"), "{value}");
        assert!(allowed.contains("1048576 bytes"), "{allowed}");
    }
    let long = "z".repeat(1000);
    let (_, _, shown, _) = refusal(call(&client, "chain_submit", json!([long])).await);
    assert!(shown.len() < 200, "{shown}");
}

#[tokio::test]
async fn oversized_requests_are_refused_and_the_server_lives_on() {
    let (server, client) = served(&chain()).await;
    let digits = "ab".repeat(BUNDLE_BYTES_MAX + 1);
    let (_, field, shown, _) = refusal(call(&client, "chain_submit", json!([digits])).await);
    assert_eq!((field.as_str(), shown.as_str()), ("bundle", "2097154 digits"));
    let fitting = "ab".repeat(BUNDLE_BYTES_MAX);
    assert!(call(&client, "chain_submit", json!([fitting])).await.is_ok());
    let huge = "ab".repeat(5 * BUNDLE_BYTES_MAX);
    assert!(call(&client, "chain_submit", json!([huge])).await.is_err());
    // The connection may be lost by that, the server is not.
    let client = WsClientBuilder::new().build(server.url()).await.unwrap();
    assert!(call(&client, "chain_head", json!([])).await.is_ok());
}

#[tokio::test]
async fn following_from_a_wrong_block_is_refused() {
    let (_server, client) = served(&chain()).await;
    for (from, allowed) in [(0, "integers from 1 to 4294967295"), (9, "1 to 1")] {
        let mut parameters = ArrayParams::new();
        parameters.insert(from).unwrap();
        let refused = client.subscribe::<Value, _>("chain_follow", parameters, "chain_unfollow");
        let refused = refused.await.map(|_| Value::Null);
        let (_, field, shown, said) = refusal(refused);
        assert_eq!((field.as_str(), shown, said.as_str()), ("from", from.to_string(), allowed));
    }
}

#[tokio::test]
async fn duplicate_is_refused_with_the_block_it_is_in() {
    let chain = chain();
    let (_server, client) = served(&chain).await;
    let hash = call(&client, "chain_submit", json!(["00"])).await.unwrap();
    chain.produce_block().unwrap();
    let Err(ClientError::Call(object)) = call(&client, "chain_submit", json!(["00"])).await else {
        panic!("a duplicate was accepted")
    };
    assert_eq!(object.code(), CODE_DUPLICATE);
    let data: Value = serde_json::from_str(object.data().unwrap().get()).unwrap();
    assert_eq!(data, json!({ "hash": hash, "block": 1 }));
}

#[tokio::test]
async fn development_methods_fork_hold_and_release() {
    let chain = chain();
    let (_server, client) = served(&chain).await;
    assert_eq!(call(&client, "development_hold", json!([])).await.unwrap(), json!(true));
    assert_eq!(chain.tick().unwrap(), None);
    assert_eq!(call(&client, "development_release", json!([])).await.unwrap(), json!(false));
    chain.tick().unwrap().unwrap();
    let head = call(&client, "development_fork", json!([1])).await.unwrap();
    assert_eq!(head["best"]["number"], json!(0));
    let (_, field, _, allowed) = refusal(call(&client, "development_fork", json!([2])).await);
    assert_eq!((field.as_str(), allowed.as_str()), ("depth", "1 to 1"));
    let (_, field, ..) = refusal(call(&client, "development_hold", json!([1])).await);
    assert_eq!(field, "parameters");
}

#[tokio::test]
async fn other_parts_of_the_node_are_served_on_the_same_port() {
    let mut extra = RpcModule::new(());
    extra.register_method("node_name", |_, (), _| "observer").unwrap();
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let server = serve(chain(), address, extra).await.unwrap();
    let client = WsClientBuilder::new().build(server.url()).await.unwrap();
    assert_eq!(call(&client, "node_name", json!([])).await.unwrap(), json!("observer"));

    let mut clashing = RpcModule::new(());
    clashing.register_method("chain_head", |_, (), _| "mine").unwrap();
    assert!(matches!(serve(chain(), address, clashing).await, Err(ServeError::Method(_))));
}

#[tokio::test]
async fn only_loopback_addresses_are_served() {
    let address = (Ipv4Addr::UNSPECIFIED, 0).into();
    let refused = serve(chain(), address, RpcModule::new(())).await;
    assert!(matches!(refused, Err(ServeError::NotLoopback { .. })));
}

#[tokio::test]
async fn port_in_use_is_a_typed_error() {
    let (server, _client) = served(&chain()).await;
    let refused = serve(chain(), server.address(), RpcModule::new(())).await;
    assert!(matches!(refused, Err(ServeError::Listen { .. })));
}

#[tokio::test]
async fn subscriptions_of_one_connection_are_bounded() {
    let (_server, client) = served(&chain()).await;
    let mut subscriptions = Vec::new();
    let subscribe = || {
        let mut parameters = ArrayParams::new();
        parameters.insert(1).unwrap();
        client.subscribe::<Value, _>("chain_follow", parameters, "chain_unfollow")
    };
    for _ in 0..SUBSCRIPTIONS_MAX {
        subscriptions.push(subscribe().await.unwrap());
    }
    assert!(subscribe().await.is_err());
}
