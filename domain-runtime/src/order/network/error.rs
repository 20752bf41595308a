//! Why layers are no network.

/// Why layers are no network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// No layers, or too many.
    #[error("the network has {found} layers, allowed 1 to {max}")]
    LayerCount {
        /// Layers given.
        found: usize,
        /// What is allowed.
        max: usize,
    },
    /// More blocks than any network has.
    #[error("the network has {found} blocks, allowed at most {max}")]
    BlockCount {
        /// Blocks asked for.
        found: u32,
        /// What is allowed.
        max: u32,
    },
    /// A layer reads what is not made before it.
    #[error("layer {layer} reads value {value}, allowed 0 to {layer}")]
    NoSuchValue {
        /// The layer, from 0.
        layer: usize,
        /// What it reads.
        value: usize,
    },
    /// A layer reads too few or too many values.
    #[error("layer {layer} ({name}) reads {found} values, allowed {min} to {max}")]
    InputCount {
        /// The layer, from 0.
        layer: usize,
        /// What it is.
        name: &'static str,
        /// Values given.
        found: usize,
        /// Least allowed.
        min: usize,
        /// Most allowed.
        max: usize,
    },
    /// A layer reads another kind of value than it takes.
    #[error("layer {layer} ({name}) reads {found}, it takes {expected}")]
    Kind {
        /// The layer, from 0.
        layer: usize,
        /// What it is.
        name: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it reads.
        found: &'static str,
    },
    /// Two values that are joined have different sizes.
    #[error("layer {layer} ({name}) joins values of {first} and {second} numbers")]
    Unequal {
        /// The layer, from 0.
        layer: usize,
        /// What it is.
        name: &'static str,
        /// Numbers of the first.
        first: u64,
        /// Numbers of the second.
        second: u64,
    },
    /// A number of a layer is outside what is allowed.
    #[error("layer {layer} ({name}): {field} is {value}, allowed {allowed}")]
    Number {
        /// The layer, from 0.
        layer: usize,
        /// What it is.
        name: &'static str,
        /// Which number.
        field: &'static str,
        /// Its value.
        value: u32,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The examples of the data are not what the network takes.
    #[error("the data has {found} features, the network takes {expected}")]
    Features {
        /// What the network takes.
        expected: u64,
        /// What the data has.
        found: u32,
    },
    /// The last layer gives no logits for the classes of the data.
    #[error(
        "the network gives {found} with {width} numbers, the data needs {expected} with {classes}"
    )]
    Output {
        /// What the network gives.
        found: &'static str,
        /// Numbers of a row of it.
        width: u32,
        /// What the data needs.
        expected: &'static str,
        /// Classes of the data.
        classes: u32,
    },
    /// Nobody reads what a layer makes, so nothing in it would be trained.
    #[error("layer {layer} is read by no other")]
    Unused {
        /// The layer, from 0.
        layer: usize,
    },
    /// Adapters have no place.
    #[error("the targets of the adapters name nothing that the base has")]
    NoTarget,
}
