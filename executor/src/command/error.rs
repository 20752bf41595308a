//! Why a command failed, and with which exit code it says so.

use std::path::PathBuf;

use aipot_domain_runtime::order::check::OrderError;
use aipot_domain_runtime::order::cost::Overflow;
use aipot_domain_runtime::program::ProgramError;
use aipot_kernels::plotting::{
    EncodeError, MetadataError, PieceError, PlanError, ReadError, SectorError,
};
use aipot_kernels::proof_of_space::ProofError;
use aipot_trainer::comparison::ComparisonError;
use aipot_trainer::dataset::{DatasetError, PrepareError, SplitError};
use aipot_trainer::engine::EngineError;
use aipot_trainer::memory::ProbeError;
use aipot_trainer::model_file::ModelError;
use aipot_trainer::parameters::ParametersError;
use aipot_trainer::recipe_run::RecipeError;
use aipot_trainer::run::TrainError;
use aipot_trainer::specification::SpecificationError;
use aipot_trainer::trace::file::{CorruptError, TraceFileError};
use aipot_trainer::trace::play::PlayError;
use aipot_trainer::trace::replay::ReplayError;
use aipot_validator::verdict::{InvalidModel, ValidateError};

use crate::backend::BackendError;
use crate::client::ClientError;
use crate::devnet::DevnetError;
use crate::plotter::PlotterError;
use crate::worker::process::serve::ServeError;
use crate::worker::remote::RemoteError;

use super::data::ImportingError;
use super::train::error::TrainCommandError;

/// Exit code of a command that failed.
const FAILED: u8 = 1;
/// Exit code of wrong usage or input.
const WRONG_INPUT: u8 = 2;
/// Exit code of something that the network refused.
const REFUSED: u8 = 3;
/// Exit code when nobody could be reached.
const UNREACHABLE: u8 = 4;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The filter of `--log` is not one.
    #[error("--log is {value:?}, allowed is a level or a list of target=level")]
    LogFilter {
        /// What was given.
        value: String,
        /// Why it is not a filter.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A number on the command line is outside what is allowed.
    #[error("{field} is {value}, allowed {min} to {max}")]
    OutOfRange {
        /// The argument.
        field: &'static str,
        /// What was given.
        value: u64,
        /// Least allowed.
        min: u64,
        /// Largest allowed.
        max: u64,
    },
    /// A text on the command line has another form.
    #[error("{field} is {value:?}, expected {expected}")]
    Malformed {
        /// The argument.
        field: &'static str,
        /// What was given.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// Bytes on the command line are too few or too many.
    #[error("{field} has {found} bytes, expected {expected}")]
    WrongLength {
        /// The argument.
        field: &'static str,
        /// How many bytes it has.
        found: usize,
        /// How many it must have.
        expected: usize,
    },
    /// A file could not be read.
    #[error("reading {path} failed")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("writing {path} failed")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no room for a file.
    #[error(
        "the disk of {path} is full: the file needs {needed_bytes} bytes; free some space or write elsewhere"
    )]
    DiskFull {
        /// Which file.
        path: PathBuf,
        /// Bytes of the whole file.
        needed_bytes: u64,
        /// What the operating system said, if it was asked to write.
        source: Option<std::io::Error>,
    },
    /// A piece of the sector is not in the folder.
    #[error("piece {piece_index} of the sector is missing: there is no file {path}")]
    NoPiece {
        /// Where it should be.
        path: PathBuf,
        /// Which piece.
        piece_index: u64,
    },
    /// A file is no piece.
    #[error("{path} is no piece")]
    Piece {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: PieceError,
    },
    /// There is no such sector.
    #[error("the sector cannot be planned")]
    Plan {
        /// Why.
        #[from]
        source: PlanError,
    },
    /// Nothing says which sector a file is.
    #[error(
        "nothing says which sector it is: there is no {metadata}, and --public-key, --sector-index, \
         --protocol-info and --pieces-in-sector are not all given"
    )]
    NoPlan {
        /// Where the metadata should be.
        metadata: PathBuf,
    },
    /// A file is no metadata of a sector.
    #[error("{path} is no metadata of a sector")]
    SectorMetadata {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: MetadataError,
    },
    /// It is another sector than expected.
    #[error("the metadata is of sector {found}, expected {expected}")]
    OtherSector {
        /// What was expected.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A file is no sector.
    #[error(transparent)]
    ReadSector(#[from] ReadError),
    /// A sector was not plotted.
    #[error("plotting failed")]
    Sector {
        /// Why.
        #[from]
        source: SectorError,
    },
    /// A sector was to be written before all its records were encoded.
    #[error("only {done_count} records of the sector are encoded")]
    Unfinished {
        /// How many are.
        done_count: usize,
    },
    /// Records were not encoded.
    #[error("encoding failed")]
    Encode {
        /// Why.
        #[from]
        source: EncodeError,
    },
    /// A file is larger than anything of its kind.
    #[error("{path} is too large, allowed at most {max} bytes")]
    FileTooLarge {
        /// Which file.
        path: PathBuf,
        /// Bytes allowed.
        max: u64,
    },
    /// A file that should be text is not.
    #[error("{path} is not text in UTF-8")]
    NotText {
        /// Which file.
        path: PathBuf,
        /// Where it stops being text.
        source: std::string::FromUtf8Error,
    },
    /// The order is not written as one.
    #[error(transparent)]
    Specification(#[from] SpecificationError),
    /// The order breaks a rule of the network.
    #[error("the order would be refused")]
    Order {
        /// Which rule.
        #[from]
        source: OrderError,
    },
    /// A size of the order does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// Nothing says where a data file is.
    #[error("there is no data: give {option}, or {field} or data.synthetic in the order")]
    NoData {
        /// The argument that would name the file.
        option: &'static str,
        /// The field that would name it.
        field: &'static str,
    },
    /// A data file cannot be packed for the order.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Files of a client cannot be made into those of an order.
    #[error(transparent)]
    Importing(#[from] ImportingError),
    /// A data file is not what the order says.
    #[error("the data does not fit")]
    Data {
        /// Why.
        #[from]
        source: DatasetError,
    },
    /// A data file cannot be split.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A model file is not one of the order.
    #[error("the file is no model of this order")]
    Model {
        /// Why.
        #[from]
        source: ModelError,
    },
    /// The model is another than expected.
    #[error("the model is blake3:{found}, expected blake3:{expected}")]
    WrongRoot {
        /// What was expected.
        expected: String,
        /// What the file is.
        found: String,
    },
    /// Training failed.
    #[error("training failed")]
    Train {
        /// Why.
        #[from]
        source: TrainError,
    },
    /// A local run does not start, or cannot be kept.
    #[error(transparent)]
    LocalRun(#[from] TrainCommandError),
    /// A file is not the trace of a run.
    #[error("{path} is not usable")]
    Trace {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: TraceFileError,
    },
    /// Two traces are not of the same order.
    #[error("{left} and {right} are traces of different orders")]
    OtherOrder {
        /// One file.
        left: PathBuf,
        /// The other.
        right: PathBuf,
    },
    /// The order has no exact procedure.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The recipe cannot be followed with this data.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The run of the recipe does not go on.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A run cannot be forged as wanted.
    #[error("the trace cannot be forged so")]
    Corrupt {
        /// Why.
        #[from]
        source: CorruptError,
    },
    /// A dispute did not come to its end.
    #[error("the dispute did not come to its end")]
    Dispute {
        /// Why.
        #[from]
        source: PlayError,
    },
    /// The weights of a run are not those of the order's model.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// A run of a recipe failed.
    #[error("the run failed")]
    Replay {
        /// Why.
        #[from]
        source: ReplayError,
    },
    /// The evaluation failed.
    #[error("the evaluation failed")]
    Evaluate {
        /// Why.
        #[from]
        source: ValidateError,
    },
    /// The file is no model of the order.
    #[error("the file is no model of the order")]
    NoModel {
        /// Why.
        #[source]
        reason: InvalidModel,
    },
    /// The speed of this machine could not be measured.
    #[error("measuring the speed of this machine failed")]
    Probe {
        /// Why.
        #[from]
        source: ProbeError,
    },
    /// Two ways to multiply could not be compared.
    #[error("comparing products failed")]
    Comparison {
        /// Why.
        #[from]
        source: ComparisonError,
    },
    /// A process of its own, for measuring, did not answer.
    #[error("measuring on {threads} threads in a process of its own failed")]
    MeasureApart {
        /// How many threads.
        threads: u64,
        /// Why.
        source: std::io::Error,
    },
    /// The threads of a computation could not be started.
    #[error("starting {count} threads failed")]
    Threads {
        /// How many.
        count: usize,
        /// Why.
        source: rayon::ThreadPoolBuildError,
    },
    /// The client's side of an order failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A development network failed.
    #[error(transparent)]
    Devnet(#[from] DevnetError),
    /// A node did not start.
    #[error("the node did not start")]
    Node {
        /// Why.
        #[from]
        source: crate::node::StartError,
    },
    /// The configuration is not usable.
    #[error(transparent)]
    Configuration(#[from] crate::configuration::ConfigurationError),
    /// The genesis file is not usable.
    #[error(transparent)]
    Genesis(#[from] crate::genesis_file::GenesisFileError),
    /// The consensus chain could not be reached.
    #[error(transparent)]
    Chain(#[from] crate::chain::ChainError),
    /// A node could not be asked.
    #[error(transparent)]
    Ask(#[from] crate::domain_rpc::client::DomainClientError),
    /// The node stopped acting.
    #[error("the node stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
    /// The node does not know the order.
    #[error("order {order} is unknown to the node at {url}")]
    UnknownOrder {
        /// Which order.
        order: String,
        /// Which node.
        url: String,
    },
    /// A device computes no plots.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A plotter does not serve its cluster.
    #[error(transparent)]
    Plotter(#[from] PlotterError),
    /// A plotter ended without saying why.
    #[error("the plotter broke off")]
    PlotterDied,
    /// A worker cannot reach its provider.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A worker is not understood by its node.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A worker ended without saying why.
    #[error("the worker broke off")]
    WorkerDied,
    /// The page of metrics is not shown.
    #[error(transparent)]
    Metrics(#[from] crate::metrics::MetricsError),
    /// Proofs could not be found.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The asynchronous runtime did not start.
    #[error("starting the runtime failed")]
    Runtime {
        /// Why.
        source: std::io::Error,
    },
    /// Standard output is closed.
    #[error("printing failed")]
    Print {
        /// Why.
        source: std::io::Error,
    },
}

impl CommandError {
    /// The code with which the program ends.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::LogFilter { .. }
            | Self::OutOfRange { .. }
            | Self::Malformed { .. }
            | Self::WrongLength { .. }
            | Self::NoPiece { .. }
            | Self::Proof(ProofError::UnsupportedK { .. })
            | Self::Backend(
                BackendError::Proof(ProofError::UnsupportedK { .. }) | BackendError::NoCuda,
            )
            | Self::Piece { .. }
            | Self::Plan { .. }
            | Self::NoPlan { .. }
            | Self::SectorMetadata { .. }
            | Self::OtherSector { .. }
            | Self::ReadSector(_)
            | Self::Read { .. }
            | Self::FileTooLarge { .. }
            | Self::NotText { .. }
            | Self::Specification(_)
            | Self::Order { .. }
            | Self::Overflow(_)
            | Self::NoData { .. }
            | Self::Prepare(_)
            | Self::Importing(_)
            | Self::Data { .. }
            | Self::Split(_)
            | Self::Model { .. }
            | Self::Train { source: TrainError::Options(_) }
            | Self::Configuration(_)
            | Self::Plotter(
                PlotterError::Setting { .. }
                | PlotterError::Credentials { .. }
                | PlotterError::PayloadLimit { .. },
            )
            | Self::Remote(RemoteError::NoServer | RemoteError::Credentials { .. })
            | Self::Genesis(_)
            | Self::Trace { .. }
            | Self::OtherOrder { .. }
            | Self::Program(_)
            | Self::Corrupt { .. }
            | Self::WrongRoot { .. } => WRONG_INPUT,
            Self::LocalRun(error) if error.is_wrong_input() => WRONG_INPUT,
            Self::Client(ClientError::Refused { .. }) | Self::UnknownOrder { .. } => REFUSED,
            Self::Ask(_)
            | Self::Chain(_)
            | Self::Plotter(PlotterError::Connect { .. })
            | Self::Remote(RemoteError::Connect { .. }) => UNREACHABLE,
            _ => FAILED,
        }
    }

    /// One word for machines.
    pub fn kind(&self) -> &'static str {
        match self.exit_code() {
            WRONG_INPUT => "input",
            REFUSED => "refused",
            UNREACHABLE => "unreachable",
            _ => "failed",
        }
    }
}
