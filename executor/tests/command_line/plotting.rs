//! `aipot plot` as a farmer meets it: the numbers of the reference vectors, and a sentence for what is wrong.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Desk;

/// Answers of the reference implementations; their origin stands beside them.
const VECTORS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../kernels/tests/vectors/proof_of_space");
const PUBLIC_KEY: &str = "4242424242424242424242424242424242424242424242424242424242424242";
const PROOF_BYTES: usize = 160;

fn vectors(file: &str) -> Value {
    let bytes = std::fs::read(Path::new(VECTORS).join(file)).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn text<'value>(value: &'value Value, key: &str) -> &'value str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}"))
}

/// The value whose key begins so; some keys of the vectors explain themselves.
fn beginning<'value>(value: &'value Value, key: &str) -> &'value Value {
    let mut entries = value.as_object().unwrap().iter();
    entries.find(|(name, _)| name.starts_with(key)).unwrap_or_else(|| panic!("{key}")).1
}

/// A piece as the vectors describe it.
fn synthetic_piece(index: u64) -> Vec<u8> {
    let mut piece = Vec::new();
    for chunk in 0_u32..32_768 {
        let seed = [&b"piece-chunk"[..], &index.to_le_bytes(), &chunk.to_le_bytes()].concat();
        piece.push(0);
        piece.extend_from_slice(&blake3::hash(&seed).as_bytes()[..31]);
    }
    for name in ["commitment", "witness"] {
        let mut bytes = [0; 48];
        let seed = [name.as_bytes(), &index.to_le_bytes()].concat();
        blake3::Hasher::new().update(&seed).finalize_xof().fill(&mut bytes);
        piece.extend_from_slice(&bytes);
    }
    piece
}

/// A desk with the pieces of a sector of the vectors, and the words that plot it.
struct Farm {
    desk: Desk,
    sector: Value,
    variant: &'static str,
}

impl Farm {
    fn new(variant: &'static str, sector: usize) -> Self {
        let sector = vectors(&format!("{variant}_sector.json"))["sectors"][sector].clone();
        let desk = Desk::new();
        std::fs::create_dir(desk.path("pieces")).unwrap();
        let farm = Self { desk, sector, variant };
        for index in farm.sector["piece_indexes"].as_array().unwrap() {
            let index = index.as_u64().unwrap();
            std::fs::write(farm.piece(index), synthetic_piece(index)).unwrap();
        }
        farm
    }

    fn piece(&self, index: u64) -> PathBuf {
        self.desk.path("pieces").join(index.to_string())
    }

    /// The words of `plot sector`, with some of them replaced.
    fn words(&self, replaced: &[(&str, &str)]) -> Vec<String> {
        let pieces = self.sector["pieces_in_sector"].to_string();
        let words = [
            ("--pieces", "pieces"),
            ("--public-key", PUBLIC_KEY),
            ("--sector-index", "7"),
            ("--protocol-info", text(&self.sector, "farmer_protocol_info_scale")),
            ("--pieces-in-sector", &pieces),
            ("--variant", self.variant),
            ("--out", "sector"),
        ];
        let words = words.into_iter().flat_map(|(flag, value)| {
            let other = replaced.iter().find(|(replaced, _)| *replaced == flag);
            [flag.to_owned(), other.map_or(value, |(_, value)| value).to_owned()]
        });
        ["plot", "sector"].map(str::to_owned).into_iter().chain(words).collect()
    }

    fn plot(&self) -> Value {
        let words = self.words(&[]);
        self.desk.json(&words.iter().map(String::as_str).collect::<Vec<_>>(), 0)
    }

    /// How `plot sector` is refused; nothing may be written.
    fn refusal(&self, replaced: &[(&str, &str)]) -> String {
        let words = self.words(replaced);
        let sentence = self.desk.refusal(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let left: Vec<_> = std::fs::read_dir(self.desk.path("")).unwrap().collect();
        assert_eq!(left.len(), 2, "{left:?} after: {sentence}");
        sentence
    }
}

#[test]
fn a_table_has_the_numbers_of_the_vectors() {
    let desk = Desk::new();
    let vector = &vectors("v1_k20.json")["vectors"][0];
    let words = ["plot", "table", "--variant", "v1", "--threads", "1", "--seed"];
    let value = desk.json(&[&words[..], &[text(vector, "seed"), "--out", "proofs"]].concat(), 0);
    let entries = vector["tables"].as_array().unwrap().iter();
    let entries: Vec<_> = entries.map(|table| table["entries"].clone()).collect();
    assert_eq!(value["entries"], json!(entries));
    assert_eq!(value["proof_count"], vector["s_buckets_with_proof"]);
    for key in ["found_bitmap_blake3", "all_proofs_blake3", "all_proof_hashes_blake3"] {
        assert_eq!(value[key], *beginning(vector, key), "{key}");
    }
    assert!(value["cpu_ms"].as_f64().unwrap() > 0.0 && value["wall_ms"].as_f64().unwrap() > 0.0);
    let written = std::fs::read(desk.path("proofs")).unwrap();
    let proofs = blake3::hash(&written[8192..]).to_hex();
    assert_eq!(value["all_proofs_blake3"], proofs.as_str());
}

#[test]
fn v2_stops_when_a_record_is_full() {
    let vector = &vectors("v2_k20.json")["vectors"][0];
    let words = ["plot", "table", "--variant", "v2", "--seed", text(vector, "seed")];
    let value = Desk::new().json(&words, 0);
    assert_eq!(value["proof_count"], 32_768);
    for key in ["found_bitmap_blake3", "all_proofs_blake3", "all_proof_hashes_blake3"] {
        assert_eq!(value[key], vector[key], "{key}");
    }
}

#[test]
fn a_proof_is_made_and_verified_and_an_altered_one_is_not_valid() {
    let desk = Desk::new();
    let vector = &vectors("v1_k20.json")["vectors"][0];
    let seed = text(vector, "seed");
    let prove = |s_bucket: &str| {
        let words = ["plot", "prove", "--variant", "v1", "--seed", seed, "--s-bucket", s_bucket];
        desk.json(&words, 0)["proof"].clone()
    };
    assert_eq!(prove("65535"), Value::Null);
    let proof = prove("5");
    assert_eq!(proof, vector["proofs"]["5"]);
    let verify = |s_bucket: &str, proof: &str, code: i32| {
        let words = ["plot", "verify-proof", "--seed", seed, "--s-bucket", s_bucket, "--proof"];
        desk.json(&[&words[..], &[proof]].concat(), code)["valid"].as_bool().unwrap()
    };
    let proof = proof.as_str().unwrap();
    assert!(verify("5", proof, 0));
    assert!(!verify("6", proof, 1));
    let last = if proof.ends_with('0') { "1" } else { "0" };
    assert!(!verify("5", &format!("{}{last}", &proof[..2 * PROOF_BYTES - 1]), 1));
}

#[test]
fn wrong_words_are_refused_by_name() {
    let desk = Desk::new();
    let (seed, proof) = ("01".repeat(32), "00".repeat(PROOF_BYTES - 1));
    let table = |seed: &str, variant: &str, more: &[&str]| {
        let words = ["plot", "table", "--seed", seed, "--variant", variant];
        desk.refusal(&[&words[..], more].concat())
    };
    for (sentence, said) in [
        (table("01", "v1", &[]), ["--seed", "1 bytes", "32"]),
        (table(&"01".repeat(33), "v1", &[]), ["--seed", "33 bytes", "32"]),
        (table("no", "v1", &[]), ["--seed", "no", "hexadecimal"]),
        (table(&seed, "v3", &[]), ["--variant", "v3", "v1 or v2"]),
        (table(&seed, "v1", &["--backend", "abacus"]), ["--backend", "abacus", "wgpu"]),
        (table(&seed, "v1", &["--threads", "100000"]), ["--threads", "100000", "1024"]),
        (table(&seed, "v1", &["--k", "21"]), ["k", "21", "16 to 20"]),
        (
            desk.refusal(&[
                "plot",
                "prove",
                "--seed",
                &seed,
                "--variant",
                "v1",
                "--s-bucket",
                "65536",
            ]),
            ["--s-bucket", "65536", "65535"],
        ),
        (
            desk.refusal(&[
                "plot",
                "verify-proof",
                "--seed",
                &seed,
                "--s-bucket",
                "1",
                "--proof",
                &proof,
            ]),
            ["--proof", "159 bytes", "160"],
        ),
        (
            desk.refusal(&["plot", "bench", "--plot-size", "a lot"]),
            ["--plot-size", "a lot", "4TiB"],
        ),
    ] {
        assert!(said.iter().all(|part| sentence.contains(part)), "{said:?}: {sentence}");
    }
    // Without a variant nothing is guessed.
    let output = desk.run(&["plot", "table", "--seed", &seed]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--variant"));
}

#[test]
fn a_sector_has_the_regions_of_the_vectors() {
    for variant in ["v1", "v2"] {
        let farm = Farm::new(variant, 1);
        let value = farm.plot();
        for key in [
            "sector_id",
            "piece_indexes",
            "pos_seeds",
            "contents_map_len",
            "contents_map_blake3",
            "s_buckets_len",
            "s_buckets_blake3",
            "record_metadata_blake3",
            "sector_len",
            "sector_blake3",
            "sector_metadata_checksummed_scale_len",
            "sector_metadata_checksummed_scale_blake3",
            "plotted_sector_scale_len",
            "plotted_sector_scale_blake3",
        ] {
            assert_eq!(value[key], farm.sector[key], "{variant} {key}");
        }
        let sector = std::fs::read(farm.desk.path("sector")).unwrap();
        assert_eq!(value["sector_blake3"], blake3::hash(&sector).to_hex().as_str());
        let metadata = std::fs::read(farm.desk.path("sector.metadata")).unwrap();
        let hash = blake3::hash(&metadata).to_hex();
        assert_eq!(value["plotted_sector_scale_blake3"], hash.as_str());
    }
}

#[test]
fn a_sector_is_verified_and_every_damage_is_found() {
    let farm = Farm::new("v1", 0);
    farm.plot();
    let verify = |more: &[&str], code| {
        farm.desk.json(&[&["plot", "verify", "sector"][..], more].concat(), code)
    };
    for more in [&[][..], &["--variant", "v1", "--all", "--pieces", "pieces"]] {
        let value = verify(more, 0);
        assert_eq!((&value["valid"], &value["variant"]), (&json!(true), &json!("v1")), "{value}");
        assert_eq!(value["records_read"], json!([0]));
    }
    assert_eq!(verify(&["--variant", "v2"], 1)["valid"], false);
    let sector = std::fs::read(farm.desk.path("sector")).unwrap();
    let damage = |place: usize, words: &[&str]| {
        let mut damaged = sector.clone();
        damaged[place] ^= 4;
        std::fs::write(farm.desk.path("sector"), damaged).unwrap();
        verify(words, 1)["faults"].to_string()
    };
    // Contents map, its hash, chunks, record metadata, and the last hash.
    let last = sector.len() - 1;
    for place in [5, 8200, 8224 + 77, last - 99, last] {
        let faults = damage(place, &["--records", "0"]);
        assert!(faults.contains("not what their hash says"), "byte {place}: {faults}");
    }
    let faults = damage(8224 + 77, &["--variant", "v1"]);
    assert!(faults.contains("record 0"), "{faults}");
    std::fs::write(farm.desk.path("sector"), &sector[1..]).unwrap();
    assert!(farm.desk.refusal(&["plot", "verify", "sector"]).contains("bytes"));
}

#[test]
fn wrong_sectors_are_refused_and_leave_nothing_behind() {
    let farm = Farm::new("v1", 0);
    let protocol_info = text(&farm.sector, "farmer_protocol_info_scale");
    let no_history = format!("{}{}", "00".repeat(8), &protocol_info[16..]);
    for (flag, value, said) in [
        ("--public-key", "42", "32"),
        ("--protocol-info", "0100", "--protocol-info"),
        ("--protocol-info", &no_history, "history"),
        ("--pieces-in-sector", "0", "pieces"),
        ("--pieces-in-sector", "2", "pieces"),
        ("--sector-index", "65536", "65535"),
        ("--variant", "v7", "v1 or v2"),
        ("--pieces", "nowhere", "nowhere"),
    ] {
        let sentence = farm.refusal(&[(flag, value)]);
        assert!(sentence.contains(said), "{flag} {value}: {sentence}");
    }
    let path = farm.piece(227);
    let piece = std::fs::read(&path).unwrap();
    std::fs::write(&path, &piece[1..]).unwrap();
    assert!(farm.refusal(&[]).contains("1048671"));
    // A scalar as large as can be is above the order of the curve.
    let mut large = piece.clone();
    large[32 * 9..32 * 10].fill(0xff);
    std::fs::write(&path, &large).unwrap();
    let sentence = farm.refusal(&[]);
    assert!(sentence.contains("227") && sentence.contains('9'), "{sentence}");
    std::fs::remove_file(&path).unwrap();
    let sentence = farm.refusal(&[]);
    assert!(sentence.contains("227") && sentence.contains("missing"), "{sentence}");
}

#[test]
fn a_full_disk_is_named_with_the_bytes_that_are_needed() {
    let farm = Farm::new("v1", 0);
    // A limit on the size of files stops a write as a full disk does, once its signal is ignored.
    let limited = "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_aipot")]).args(farm.words(&[])).arg("--json");
    let output = command.current_dir(farm.desk.path("")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sentence = text(&value, "error");
    let needed = farm.sector["sector_len"].to_string();
    assert!(sentence.contains("sector") && sentence.contains(&needed), "{sentence}");
    let left: Vec<_> = std::fs::read_dir(farm.desk.path("")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_plotter_says_what_it_needs() {
    let desk = Desk::new();
    let server = "nats://127.0.0.1:1";
    for (words, said) in [
        (&["plotter", "--variant", "v1"][..], "plotter_nats"),
        (&["plotter", "--nats", server], "plotter_variant"),
        (&["plotter", "--nats", server, "--variant", "v3"], "v1, v2"),
        (&["plotter", "--nats", server, "--variant", "v1", "--sectors-max", "0"], "from 1 to"),
        (&["plotter", "--nats", server, "--variant", "v1", "--backend", "abacus"], "wgpu"),
        (&["plotter", "--nats", server, "--variant", "v1", "--metrics", "here"], "127.0.0.1"),
        (&["plotter", "--nats", server, "--variant", "v1", "--credentials", "no"], "no"),
    ] {
        let sentence = desk.refusal(words);
        assert!(sentence.contains(said), "{words:?}: {sentence}");
    }
}

#[test]
fn a_cluster_that_does_not_answer_has_its_own_exit_code() {
    let words = ["plotter", "--nats", "nats://127.0.0.1:1", "--variant", "v1", "--backend", "cpu"];
    let output = Desk::new().run(&[&words[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let value: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(value["kind"], "unreachable");
    assert!(text.contains("127.0.0.1:1"), "{text}");
}

#[test]
fn wgpu_gives_the_numbers_of_the_processor() {
    let (desk, seed) = (Desk::new(), "07".repeat(32));
    let table = |variant: &str, backend: &str| {
        let words = ["plot", "table", "--seed", &seed, "--k", "16", "--variant", variant];
        desk.json(&[&words[..], &["--backend", backend]].concat(), 0)
    };
    for variant in ["v1", "v2"] {
        let (wgpu, processor) = (table(variant, "wgpu"), table(variant, "cpu"));
        for key in ["entries", "proof_count", "found_bitmap_blake3", "all_proofs_blake3"] {
            assert_eq!(wgpu[key], processor[key], "{variant} {key}");
        }
    }
}

#[test]
fn a_bench_recommends_what_it_has_measured() {
    let words = ["plot", "bench", "--backend", "cpu", "--records", "1", "--plot-size", "1TiB"];
    let value = Desk::new().json(&words, 0);
    let devices = value["devices"].as_array().unwrap();
    assert_eq!((&devices[0]["threads"], &devices[0]["ratio"]), (&json!(1), &json!(1.0)));
    for device in devices {
        for figure in ["table_ms", "record_ms", "sectors_per_hour", "ratio"] {
            assert!(device[figure].as_f64().unwrap() > 0.0, "{figure} of {device}");
        }
    }
    assert_eq!(value["recommended_backend"], "cpu");
    assert_eq!(value["estimate"]["sectors"], (1_u64 << 40) / 1_056_896_064);
    assert!(value["estimate"]["hours"].as_f64().unwrap() > 0.0);
}
