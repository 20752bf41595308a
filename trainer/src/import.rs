//! Models from elsewhere: an order's model, and its base file with their weights.
//!
//! [`read_onnx`] makes a `graph` of a network in ONNX; [`Folder`] adapters, or a network of its own, of a
//! folder as Hugging Face's libraries write it. What cannot be said in an order is refused by name.

mod error;
mod hugging_face;
mod onnx;

pub use error::ImportError;
pub use hugging_face::{Family, Folder, Purpose};
pub use onnx::{OPERATORS, read_onnx};

use std::collections::BTreeMap;

use aipot_domain_runtime::order::network::network;
use aipot_domain_runtime::order::tensors::base_tensors;
use aipot_domain_runtime::order::{
    Architecture, DataFile, DataFormat, ModelSpecification, OrderSpecification,
};

use crate::base_file::write_base;
use crate::dataset::data_file;
use crate::specification::{model_toml, parse_order_toml};

/// Name of the base file beside the order.
pub const BASE_NAME: &str = "base.safetensors";

/// An order of which everything but model and data is as it happens to be.
const TEMPLATE: &str = "version = 1\n[model]\narchitecture = \"mlp\"\nhidden = []\n[data]\nfeatures = 1\n\
    classes = 2\ntrain_examples = 1\ntest_examples = 1\n\
    test_commitment = \"blake3:0000000000000000000000000000000000000000000000000000000000000000\"\n\
    [data.train]\nbytes = 1\nformat = \"floats\"\n\
    blob = \"blake3:0000000000000000000000000000000000000000000000000000000000000000\"\n\
    [train]\nloss = \"cross_entropy\"\nmetric = \"accuracy\"\nparameters_max = 1\nrecipe = \"free\"\n\
    [pay]\nreward = \"100\"\nmetric_min = 0.5\n";

/// A model from elsewhere.
#[derive(Clone, PartialEq, Debug)]
pub struct Imported {
    /// What an order says of it.
    pub architecture: Architecture,
    /// Numbers, or tokens, of an example.
    pub feature_count: u32,
    /// Classes, or tokens of the vocabulary.
    pub class_count: u32,
    /// How data for it is written.
    pub format: DataFormat,
    /// Its weights by the names of the base file.
    tensors: BTreeMap<String, Vec<f32>>,
}

/// What is written of an imported model.
#[derive(Clone, PartialEq, Debug)]
pub struct Written {
    /// The order as far as it follows from the model; data, pay and training are the client's choice.
    pub order: String,
    /// The base file, which lies beside the order as [`BASE_NAME`].
    pub base: Vec<u8>,
    /// The order with which the base was checked.
    pub specification: OrderSpecification,
}

impl Imported {
    /// Writes the model's part of an order, and its base.
    ///
    /// # Errors
    /// [`ImportError::Network`] when the layers do not fit each other, [`ImportError::Missing`] and
    /// [`ImportError::Base`] when the weights do not fit the layers.
    pub fn write(mut self) -> Result<Written, ImportError> {
        let mut specification = self.specification()?;
        network(&specification)?;
        let mut values = Vec::new();
        for tensor in base_tensors(&specification)? {
            let found = self.tensors.remove(&tensor.name);
            values.push(found.ok_or(ImportError::Missing { name: tensor.name })?);
        }
        if let Some((name, _)) = self.tensors.pop_first() {
            return Err(ImportError::Unused { name });
        }
        let base = write_base(&specification, &values)?;
        specification.model.base = Some(data_file(&base));
        Ok(Written { order: order_text(&specification), base, specification })
    }

    fn specification(&self) -> Result<OrderSpecification, ImportError> {
        let mut specification = parse_order_toml(TEMPLATE)?.complete(None, None)?;
        specification.model = ModelSpecification {
            architecture: self.architecture.clone(),
            initial_seed: 0,
            base: Some(DataFile { root: specification.data.train.root, byte_count: 1 }),
        };
        let data = &mut specification.data;
        (data.feature_count, data.class_count) = (self.feature_count, self.class_count);
        data.format = self.format;
        Ok(specification)
    }
}

/// The order as a client goes on with it.
fn order_text(specification: &OrderSpecification) -> String {
    let model = model_toml(&specification.model);
    let model = model.replace("base = {", &format!("base = {{ path = \"{BASE_NAME}\","));
    let data = &specification.data;
    let format = match data.format {
        DataFormat::Records { value_bytes } => {
            format!("format = \"records\"\nvalue_bytes = {value_bytes}")
        }
        DataFormat::Tokens { value_bytes } => {
            format!("format = \"tokens\"\nvalue_bytes = {value_bytes}")
        }
        DataFormat::Text => "format = \"text\"".to_owned(),
        DataFormat::Floats => "format = \"floats\"".to_owned(),
    };
    format!(
        "version = 1\n{model}[data]\nfeatures = {}\nclasses = {}\n[data.train]\npath = \"train.bin\"\n\
         {format}\n[data.test]\npath = \"test.bin\"\n[train]\nloss = \"cross_entropy\"\n\
         metric = \"accuracy\"\nparameters_max = 1_000_000_000\nrecipe = \"free\"\n[pay]\n\
         reward = \"100\"\nmetric_min = 0.5\n",
        data.feature_count, data.class_count
    )
}

/// Refuses more than `max` of something.
fn bounded(what: &'static str, found: usize, max: usize) -> Result<(), ImportError> {
    if found <= max {
        return Ok(());
    }
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Err(ImportError::TooMany { what, found: count(found), max: count(max) })
}
