//! `aipot doctor`: what is missing on this machine, and how to mend it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use aipot_kernels::gpu::list_adapters;
use aipot_kernels::self_check::self_check;
use clap::Args;
use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use super::{CommandError, Output};
use crate::backend::{SOFTWARE, cuda_devices};

/// Space that a provider needs for data, models and checkpoints of a few orders.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// Messages that a farming cluster needs: a piece is a little over 1 MiB.
///
/// # Source
/// `subspace-farmer` refuses a server that allows less.
const NATS_PAYLOAD_BYTES_MIN: usize = 2 << 20;
/// How long a server may take to answer.
const NATS_PATIENCE: Duration = Duration::from_secs(5);
/// Open files of a node with many peers.
const OPEN_FILES_MIN: u64 = 1024;

/// Arguments of `aipot doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Example: aipot doctor --folder ~/aipot --chain ws://127.0.0.1:9944")]
pub(super) struct DoctorArguments {
    /// The folder of the node.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// The chain that the node would follow.
    #[arg(long)]
    chain: Option<String>,
    /// The NATS server of the farming cluster that it would plot for.
    #[arg(long)]
    nats: Option<String>,
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Condition {
    /// As it should be.
    Good,
    /// Works, but not as well as it could.
    Limited,
    /// Does not work.
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    condition: Condition,
    found: String,
    mend: Option<String>,
}

/// Looks at everything and fails when something is broken.
pub(super) fn run(arguments: &DoctorArguments, output: Output) -> Result<ExitCode, CommandError> {
    let mut findings =
        vec![processors(), arithmetic(), graphics(), cuda(), disk(&arguments.folder), open_files()];
    if let Some(url) = &arguments.chain {
        findings.push(super::runtime()?.block_on(chain(url)));
    }
    if let Some(url) = &arguments.nats {
        findings.push(super::runtime()?.block_on(nats(url)));
    }
    let lines: Vec<String> = findings.iter().map(line).collect();
    output.result(&findings, &lines.join("\n"))?;
    let is_broken = findings.iter().any(|finding| finding.condition == Condition::Broken);
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn line(finding: &Finding) -> String {
    let mark = match finding.condition {
        Condition::Good => "ok     ",
        Condition::Limited => "limited",
        Condition::Broken => "broken ",
    };
    let mend = finding.mend.as_ref().map(|mend| format!("\n          -> {mend}"));
    format!("{mark} {:<12} {}{}", finding.what, finding.found, mend.unwrap_or_default())
}

fn processors() -> Finding {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    Finding {
        what: "processors",
        condition: Condition::Good,
        found: format!("{count} threads"),
        mend: None,
    }
}

fn arithmetic() -> Finding {
    let what = "arithmetic";
    match self_check() {
        Ok(()) => {
            Finding { what, condition: Condition::Good, found: "bit-exact".to_owned(), mend: None }
        }
        Err(error) => Finding {
            what,
            condition: Condition::Broken,
            found: error.to_string(),
            mend: Some(
                "do not train or validate here: results would differ from everybody's".to_owned(),
            ),
        },
    }
}

fn graphics() -> Finding {
    let adapters = list_adapters();
    if adapters.is_empty() {
        return Finding {
            what: "gpu",
            condition: Condition::Limited,
            found: "no adapter; work runs on the processor".to_owned(),
            mend: Some(
                "install a Vulkan driver, e.g. apt-get install mesa-vulkan-drivers".to_owned(),
            ),
        };
    }
    let names: Vec<&str> = adapters.iter().map(|adapter| adapter.name.as_str()).collect();
    let is_software = adapters.iter().all(|adapter| adapter.kind == SOFTWARE);
    Finding {
        what: "gpu",
        condition: if is_software { Condition::Limited } else { Condition::Good },
        found: names.join(", "),
        mend: is_software.then(|| {
            "these compute on the processor; if there is a GPU, install its Vulkan driver"
                .to_owned()
        }),
    }
}

fn cuda() -> Finding {
    let what = "cuda";
    match cuda_devices() {
        Ok(devices) => {
            Finding { what, condition: Condition::Good, found: devices.join(", "), mend: None }
        }
        // Most machines have none, and nothing needs it.
        Err(error) => Finding {
            what,
            condition: Condition::Good,
            found: format!("not used: {error}"),
            mend: None,
        },
    }
}

fn disk(folder: &PathBuf) -> Finding {
    let what = "disk";
    match statvfs(folder) {
        Ok(space) => {
            let free_bytes = space.f_bavail.saturating_mul(space.f_frsize);
            let is_enough = free_bytes >= FREE_BYTES_MIN;
            Finding {
                what,
                condition: if is_enough { Condition::Good } else { Condition::Limited },
                found: format!("{} MiB free in {}", free_bytes >> 20, folder.display()),
                mend: (!is_enough).then(|| "free some space or choose another --folder".to_owned()),
            }
        }
        Err(error) => Finding {
            what,
            condition: Condition::Broken,
            found: format!("{}: {error}", folder.display()),
            mend: Some("create the folder or choose another with --folder".to_owned()),
        },
    }
}

fn open_files() -> Finding {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let is_enough = limit >= OPEN_FILES_MIN;
    Finding {
        what: "open files",
        condition: if is_enough { Condition::Good } else { Condition::Limited },
        found: format!("up to {limit}"),
        mend: (!is_enough).then(|| format!("ulimit -n {OPEN_FILES_MIN}")),
    }
}

async fn chain(url: &str) -> Finding {
    use crate::chain::Chain;
    use crate::chain::remote::RemoteChain;

    let what = "chain";
    let head = match RemoteChain::connect(url).await {
        Ok(chain) => chain.head().await,
        Err(error) => Err(error),
    };
    match head {
        Ok(head) => Finding {
            what,
            condition: Condition::Good,
            found: format!("{url} at block {}", head.best.0),
            mend: None,
        },
        Err(error) => Finding {
            what,
            condition: Condition::Broken,
            found: error.to_string(),
            mend: Some("check the address, and that the chain runs there".to_owned()),
        },
    }
}

async fn nats(url: &str) -> Finding {
    let connecting =
        async_nats::ConnectOptions::new().connection_timeout(NATS_PATIENCE).connect(url);
    match connecting.await {
        Ok(client) => payload(url, client.server_info().max_payload),
        Err(error) => Finding {
            what: "nats",
            condition: Condition::Broken,
            found: format!("{url}: {error}"),
            mend: Some("check the address, and that nats-server runs there".to_owned()),
        },
    }
}

/// Whether the messages of a server are large enough for a farming cluster.
fn payload(url: &str, max_payload: usize) -> Finding {
    let is_enough = max_payload >= NATS_PAYLOAD_BYTES_MIN;
    Finding {
        what: "nats",
        condition: if is_enough { Condition::Good } else { Condition::Broken },
        found: format!("{url} with messages of up to {max_payload} bytes"),
        mend: (!is_enough)
            .then(|| "set max_payload: 2MB in the configuration of nats-server".to_owned()),
    }
}
