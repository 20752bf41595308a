//! Files, variables and flags are weighed rightly, and what is wrong is named with its place.

use std::path::PathBuf;

use aipot_domain_runtime::operator::Roles;
use aipot_kernels::proof_of_space::Variant;

use super::StrategySettings;
use super::{Configuration, ConfigurationError, Origin, PlotterAlone, WorkerAlone, WorkerSettings};
use crate::backend::DeviceChoice;

const FILE: &str = "folder = \"/file\"\nchain = \"ws://file:1\"\ngenesis = \"/genesis.toml\"\n";

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn resolve(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Configuration, ConfigurationError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aipot.toml");
    std::fs::write(&path, file).unwrap();
    Configuration::resolve(Some(&path), pairs(environment), pairs(flags))
}

#[test]
fn the_flag_weighs_more_than_the_variable_and_that_more_than_the_file() {
    let environment = [("AIPOT_CHAIN", "ws://variable:1"), ("AIPOT_FOLDER", "/variable")];
    let resolved = resolve(FILE, &environment, &[("folder", "/flag")]).unwrap();
    assert_eq!(resolved.genesis, PathBuf::from("/genesis.toml"));
    assert_eq!(resolved.chain, "ws://variable:1");
    assert_eq!(resolved.folder, PathBuf::from("/flag"));
}

#[test]
fn lists_are_arrays_in_the_file_and_have_commas_elsewhere() {
    let file = format!("{FILE}roles = [\"provider\", \"validator\"]\n");
    assert_eq!(resolve(&file, &[], &[]).unwrap().roles, Roles { provider: true, validator: true });
    let listen = "/ip4/127.0.0.1/tcp/1,/ip4/127.0.0.1/tcp/2";
    assert_eq!(resolve(FILE, &[("AIPOT_LISTEN", listen)], &[]).unwrap().listen.len(), 2);
    let flags = [("listen", "/ip4/127.0.0.1/tcp/1"), ("listen", "/ip4/127.0.0.1/tcp/2")];
    assert_eq!(resolve(FILE, &[], &flags).unwrap().listen.len(), 2);
}

#[test]
fn an_unknown_key_is_refused_with_a_hint_wherever_it_stands() {
    let file = resolve(&format!("{FILE}bootstrp = []\n"), &[], &[]);
    let variable = resolve(FILE, &[("AIPOT_BOOTSTRP", "")], &[]);
    let flag = resolve(FILE, &[], &[("bootstrp", "")]);
    for outcome in [file, variable, flag] {
        let error = outcome.unwrap_err();
        let is_hinted =
            matches!(&error, ConfigurationError::UnknownKey { hint, .. } if *hint == "bootstrap");
        assert!(is_hinted, "{error}");
    }
}

#[test]
fn variables_of_others_are_passed_over() {
    let environment =
        [("PATH", "/bin"), ("AIPOT_LOG", "debug"), ("AIPOT_NODE", "x"), ("OTHER_CHAIN", "x")];
    assert_eq!(resolve(FILE, &environment, &[]).unwrap(), resolve(FILE, &[], &[]).unwrap());
}

#[test]
fn a_wrong_value_is_named_with_its_place_and_what_is_allowed() {
    let error = resolve(FILE, &[("AIPOT_RPC", "here")], &[]).unwrap_err();
    let ConfigurationError::Value { origin, key, value, allowed } = error else { panic!() };
    assert_eq!(origin, Origin::Variable("AIPOT_RPC".to_owned()));
    assert_eq!((key, value.as_str()), ("rpc", "here"));
    assert!(allowed.contains("127.0.0.1"), "{allowed}");
    let wrong = [
        ("listen", "nowhere"),
        ("roles", "king"),
        ("threads", "-1"),
        ("threads", "99999999"),
        ("pool_calls_max", "0"),
        ("worker_strategy_candidates", "65"),
        ("worker_strategy_seconds", "0"),
        ("folder", ""),
    ];
    for (key, value) in wrong {
        let error = resolve(FILE, &[], &[(key, value)]).unwrap_err();
        assert!(matches!(error, ConfigurationError::Value { .. }), "{key}: {error}");
    }
    let error = resolve(&format!("{FILE}threads = [1]\n"), &[], &[]).unwrap_err();
    assert!(matches!(error, ConfigurationError::Value { .. }), "{error}");
}

#[test]
fn a_missing_key_is_named_with_every_way_to_give_it() {
    let error = Configuration::resolve(None, [], []).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("AIPOT_FOLDER") && text.contains("--folder"), "{text}");
}

#[test]
fn a_missing_file_is_named() {
    let error = Configuration::resolve(Some("/nowhere".as_ref()), [], []).unwrap_err();
    assert!(error.to_string().contains("/nowhere"), "{error}");
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_the_line() {
    let error = resolve("folder = \"x\"\nchain = = 3\n", &[], &[]).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn plotting_is_off_until_a_server_is_named_and_then_wants_a_variant() {
    assert_eq!(resolve(FILE, &[], &[]).unwrap().plotter, None);
    let file = format!("{FILE}plotter_nats = [\"nats://127.0.0.1:4222\"]\n");
    let error = resolve(&file, &[], &[]).unwrap_err().to_string();
    assert!(
        error.contains("AIPOT_PLOTTER_VARIANT") && error.contains("--plotter-variant"),
        "{error}"
    );
    let variant = [("AIPOT_PLOTTER_VARIANT", "v2"), ("AIPOT_METRICS", "127.0.0.1:9615")];
    let resolved = resolve(&file, &variant, &[("plotter_sectors_max", "3")]).unwrap();
    let plotter = resolved.plotter.unwrap();
    assert_eq!((plotter.variant, plotter.sectors_max), (Variant::V2, 3));
    assert_eq!(resolved.metrics, Some("127.0.0.1:9615".parse().unwrap()));
    for (key, value) in [
        ("plotter_variant", "v3"),
        ("plotter_backend", "abacus"),
        ("plotter_sectors_max", "0"),
        ("plotter_sectors_max", "65"),
        ("metrics", "here"),
    ] {
        let error = resolve(&file, &variant, &[(key, value)]).unwrap_err();
        assert!(matches!(error, ConfigurationError::Value { .. }), "{key}: {error}");
    }
}

#[test]
fn jobs_take_what_the_configuration_says() {
    let flags = [("worker_memory_mib", "512"), ("worker_jobs_max", "3"), ("threads", "1")];
    let worker = resolve(FILE, &[], &flags).unwrap().worker;
    let expected = WorkerSettings {
        threads: 1,
        memory_bytes: 512 << 20,
        jobs_max: 3,
        strategy: StrategySettings { claims_improvements: true, ..StrategySettings::default() },
    };
    assert_eq!(worker, expected);
    let (alone, folder) = WorkerSettings::resolve(None, [], pairs(&flags)).unwrap();
    assert_eq!((alone, folder), (expected, None));
    for (key, value) in [("worker_memory_mib", "0"), ("worker_jobs_max", "1025")] {
        let error = resolve(FILE, &[], &[(key, value)]).unwrap_err();
        assert!(matches!(error, ConfigurationError::Value { .. }), "{key}: {error}");
    }
}

#[test]
fn a_plotter_alone_needs_no_node() {
    let flags = [("plotter_nats", "nats://127.0.0.1:4222"), ("plotter_variant", "v1")];
    let alone = PlotterAlone::resolve(None, [], pairs(&flags)).unwrap();
    assert_eq!((alone.plotter.variant, alone.plotter.backend), (Variant::V1, DeviceChoice::AUTO));
    assert_eq!((alone.metrics, alone.threads), (None, 0));
    let error = PlotterAlone::resolve(None, [], pairs(&flags[1..])).unwrap_err();
    assert!(matches!(error, ConfigurationError::Missing { key: "plotter_nats", .. }), "{error}");
}

#[test]
fn contests_are_searched_over_as_the_owner_says() {
    let plain = resolve(FILE, &[], &[]).unwrap().worker.strategy;
    assert_eq!((plain.candidates, plain.claims_improvements), (1, true));
    let file = format!("{FILE}worker_strategy_candidates = 16\n");
    let found = resolve(&file, &[], &[("worker_strategy_seconds", "90")]).unwrap().worker.strategy;
    assert_eq!((found.candidates, found.seconds), (16, 90));
}

#[test]
fn trainings_have_processes_of_their_own_unless_the_file_says_otherwise() {
    let workplace = resolve(FILE, &[], &[]).unwrap().workplace;
    assert!(workplace.processes && workplace.remote.is_none());
    let file = format!("{FILE}worker_processes = false\n");
    assert!(!resolve(&file, &[], &[]).unwrap().workplace.processes);
    let refused = resolve(FILE, &[("AIPOT_WORKER_PROCESSES", "perhaps")], &[]).unwrap_err();
    assert!(refused.to_string().contains("true, false"), "{refused}");
}

#[test]
fn other_machines_are_asked_when_a_server_is_named() {
    let file = format!("{FILE}worker_nats = [\"nats://a:1\", \"tls://b:2\"]\n");
    let flags = [("worker_stream", "forge"), ("worker_credentials", "/secret")];
    let remote = resolve(&file, &[], &flags).unwrap().workplace.remote.unwrap();
    assert_eq!(remote.servers, ["nats://a:1", "tls://b:2"]);
    assert_eq!(remote.stream.to_string(), "forge");
    assert_eq!(remote.credentials, Some(PathBuf::from("/secret")));
    for stream in ["", "a.b", "a b", "a>", &"a".repeat(33)] {
        let refused = resolve(&file, &[], &[("worker_stream", stream)]).unwrap_err();
        assert!(refused.to_string().contains("1 to 32 letters"), "{refused}");
    }
    let refused = resolve(&file, &[], &[("worker_device", "cuda:1")]).unwrap_err();
    assert!(refused.to_string().contains("training runs on the processor"), "{refused}");
}

#[test]
fn a_worker_alone_needs_its_server() {
    let missing = WorkerAlone::resolve(None, [], []).unwrap_err();
    assert!(missing.to_string().contains("worker_nats"), "{missing}");
    let flags =
        pairs(&[("worker_nats", "nats://a:1"), ("worker_memory_mib", "64"), ("threads", "3")]);
    let alone = WorkerAlone::resolve(None, [], flags).unwrap();
    assert_eq!((alone.memory_bytes, alone.threads), (64 << 20, 3));
    assert_eq!(alone.folder, PathBuf::from("aipot-worker"));
}
