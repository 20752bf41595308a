//! Why a model is not imported.

use aipot_domain_runtime::order::cost::Overflow;
use aipot_domain_runtime::order::network::NetworkError;
use thiserror::Error;

use crate::base_file::BaseError;
use crate::specification::SpecificationError;

/// Why a model is not imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is more of something than is read.
    #[error("there are {found} {what}, allowed at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: u64,
        /// How many are read.
        max: u64,
    },
    /// Bytes are no message of the protocol.
    #[error("{what} is no message of ONNX")]
    Message {
        /// What was read.
        what: &'static str,
        /// What the decoder says.
        source: prost::DecodeError,
    },
    /// A file is no JSON.
    #[error("{file} is no JSON of this kind")]
    Json {
        /// The file.
        file: &'static str,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A file is no safetensors file.
    #[error("the weights are no safetensors file")]
    Safetensors(#[from] safetensors::SafeTensorError),
    /// An operator that no order can say.
    #[error("node {node} is of the operator {operator}, allowed are {allowed}")]
    Operator {
        /// Name of the node.
        node: String,
        /// Its operator.
        operator: String,
        /// Operators that are read.
        allowed: String,
    },
    /// A node does something that no order can say.
    #[error("{what} of node {node} ({operator}) is {found}, allowed: {allowed}")]
    Node {
        /// Name of the node.
        node: String,
        /// Its operator.
        operator: String,
        /// Of what.
        what: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Something of the whole graph that no order can say.
    #[error("{what} of the graph is {found}, allowed: {allowed}")]
    Graph {
        /// Of what.
        what: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A tensor that is not read.
    #[error("{what} of tensor {name} is {found}, allowed: {allowed}")]
    Tensor {
        /// The tensor.
        name: String,
        /// Of what.
        what: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: String,
    },
    /// A tensor is missing.
    #[error("tensor {name} is missing")]
    Missing {
        /// The tensor.
        name: String,
    },
    /// A tensor that the model does not have.
    #[error("tensor {name} is not of the model")]
    Unused {
        /// The tensor.
        name: String,
    },
    /// A configuration that no order can say.
    #[error("{field} in config.json is {found}, allowed: {allowed}")]
    Configuration {
        /// The key.
        field: &'static str,
        /// Its value.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The layers do not fit each other.
    #[error("the layers do not fit each other: {0}")]
    Network(#[from] NetworkError),
    /// The weights do not fit the layers.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// Sizes are too large.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The order is not well formed.
    #[error(transparent)]
    Specification(#[from] SpecificationError),
}
