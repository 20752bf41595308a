//! Folders of models as Hugging Face's libraries write them: `config.json` and `model.safetensors`.
//!
//! The families `bert` and `llama` are read. Their weights become the base of an order: adapters are
//! trained on it, or the whole network goes on from it.

mod bert;
mod configuration;
mod llama;
mod weights;

use aipot_domain_runtime::order::{
    Architecture, DataFormat, LORA_TARGETS_MAX, LoraBase, LoraShape, LoraTarget,
};

use self::configuration::Configuration;
use self::weights::Weights;
use super::{ImportError, Imported, bounded};

/// Longest configuration that is read.
const CONFIGURATION_BYTES_MAX: usize = 1 << 20;
/// Largest vocabulary whose tokens two bytes hold.
const TWO_BYTES: u32 = 1 << 16;

/// What is read of a folder.
#[derive(Clone, Copy, Debug)]
pub struct Folder<'bytes> {
    /// `config.json`.
    pub configuration: &'bytes [u8],
    /// `model.safetensors`.
    pub weights: &'bytes [u8],
}

/// Families that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Encoders over tokens.
    Bert,
    /// Decoders over tokens.
    Llama,
}

/// What the order trains.
#[derive(Clone, PartialEq, Debug)]
pub enum Purpose {
    /// Adapters beside layers of the network, which stays as it is; an encoder gets a head. Without
    /// targets the head alone is trained.
    Adapters {
        /// Rank of the adapters.
        rank: u32,
        /// Their scale is this over the rank.
        alpha: f32,
        /// The layers that get one.
        targets: Vec<LoraTarget>,
    },
    /// All of it.
    Whole,
}

impl Folder<'_> {
    /// The family of the model.
    ///
    /// # Errors
    /// [`ImportError::Configuration`] for every other than those of [`Family`].
    pub fn family(&self) -> Result<Family, ImportError> {
        self.configuration()?.family()
    }

    /// Reads the model for examples of `tokens`; an encoder tells `classes` apart, a decoder the tokens of
    /// its vocabulary.
    ///
    /// # Errors
    /// [`ImportError`] naming the key of the configuration or the tensor.
    pub fn read(
        &self,
        purpose: &Purpose,
        (tokens, classes): (u32, u32),
    ) -> Result<Imported, ImportError> {
        let configuration = self.configuration()?;
        let mut weights = Weights::new(self.weights)?;
        let is_whole = *purpose == Purpose::Whole;
        let (base, vocabulary) = match configuration.family()? {
            Family::Bert => {
                let shape = bert::read(&configuration, &mut weights)?;
                if is_whole {
                    bert::add_head(&mut weights, (shape.width, classes));
                }
                (LoraBase::Bert(shape), shape.vocabulary)
            }
            Family::Llama => {
                let shape = llama::read(&configuration, &mut weights)?;
                (LoraBase::Llama(shape), configuration.vocabulary)
            }
        };
        let value_bytes = if vocabulary <= TWO_BYTES { 2 } else { 4 };
        let (class_count, format) = match base {
            LoraBase::Bert(_) => (classes, DataFormat::Records { value_bytes }),
            LoraBase::Llama(_) => (vocabulary, DataFormat::Tokens { value_bytes }),
        };
        let architecture = architecture(base, purpose)?;
        let tensors = weights.finish()?;
        Ok(Imported { architecture, feature_count: tokens, class_count, format, tensors })
    }

    fn configuration(&self) -> Result<Configuration, ImportError> {
        bounded("bytes of config.json", self.configuration.len(), CONFIGURATION_BYTES_MAX)?;
        serde_json::from_slice(self.configuration)
            .map_err(|source| ImportError::Json { file: "config.json", source })
    }
}

fn architecture(base: LoraBase, purpose: &Purpose) -> Result<Architecture, ImportError> {
    let Purpose::Adapters { rank, alpha, targets } = purpose else {
        return Ok(match base {
            LoraBase::Bert(shape) => Architecture::Bert(shape),
            LoraBase::Llama(shape) => Architecture::Llama(shape),
        });
    };
    bounded("targets", targets.len(), LORA_TARGETS_MAX)?;
    let targets = targets.clone().try_into().unwrap_or_default();
    Ok(Architecture::Lora(LoraShape { base, rank: *rank, alpha: alpha.to_bits(), targets }))
}

#[cfg(test)]
mod tests;
