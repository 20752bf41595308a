//! Tensors of a safetensors file become tensors of a base.

use std::collections::{BTreeMap, BTreeSet};

use safetensors::{Dtype, SafeTensors};

use crate::import::ImportError;
use crate::import::onnx::{brain, half};

/// Parts of published models that an order has no use for: heads of other tasks, and tables that follow
/// from the configuration.
const UNUSED: &[&str] =
    &["pooler.", "cls.", "classifier.", "dropout.", "embeddings.position_ids", "lm_head."];
const UNUSED_ENDS: &[&str] = &["rotary_emb.inv_freq"];

/// Tensors that are read, and those that are made of them.
#[derive(Debug)]
pub(super) struct Weights<'bytes> {
    file: SafeTensors<'bytes>,
    read: BTreeSet<String>,
    made: BTreeMap<String, Vec<f32>>,
    /// What stands before the names of the body.
    pub(super) prefix: &'static str,
}

impl<'bytes> Weights<'bytes> {
    pub(super) fn new(bytes: &'bytes [u8]) -> Result<Self, ImportError> {
        let file = SafeTensors::deserialize(bytes)?;
        Ok(Self { file, read: BTreeSet::new(), made: BTreeMap::new(), prefix: "" })
    }

    /// Whether there is a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok()
    }

    /// A tensor of the body, as f32.
    pub(super) fn take(&mut self, name: &str, sides: &[u32]) -> Result<Vec<f32>, ImportError> {
        let name = format!("{}{name}", self.prefix);
        self.take_whole(&name, sides)
    }

    /// A tensor by its whole name.
    pub(super) fn take_whole(
        &mut self,
        name: &str,
        sides: &[u32],
    ) -> Result<Vec<f32>, ImportError> {
        let view = self.file.tensor(name);
        let view = view.map_err(|_| ImportError::Missing { name: name.to_owned() })?;
        let wrong = |what, found: String, allowed: String| ImportError::Tensor {
            name: name.to_owned(),
            what,
            found,
            allowed,
        };
        let is_fitting = view.shape().len() == sides.len()
            && view
                .shape()
                .iter()
                .zip(sides)
                .all(|(found, side)| u32::try_from(*found) == Ok(*side));
        if !is_fitting {
            let (found, allowed) = (format!("{:?}", view.shape()), format!("{sides:?}"));
            return Err(wrong("the shape", found, allowed));
        }
        let values = match view.dtype() {
            Dtype::F32 => words(view.data(), |word| f32::from_le_bytes(*word)),
            Dtype::F16 => words(view.data(), |word| half(u16::from_le_bytes(*word))),
            Dtype::BF16 => words(view.data(), |word| brain(u16::from_le_bytes(*word))),
            other => {
                let allowed = "F32, F16 or BF16".to_owned();
                return Err(wrong("the type", format!("{other:?}"), allowed));
            }
        };
        self.read.insert(name.to_owned());
        Ok(values)
    }

    /// Gives a tensor of the base its values.
    pub(super) fn put(&mut self, name: &str, values: Vec<f32>) {
        self.made.insert(name.to_owned(), values);
    }

    /// A tensor that is only called otherwise.
    pub(super) fn rename(
        &mut self,
        (from, to): (&str, &str),
        sides: &[u32],
    ) -> Result<(), ImportError> {
        let values = self.take(from, sides)?;
        self.put(to, values);
        Ok(())
    }

    /// Bias and weight of a linear layer or a norm that are only called otherwise.
    pub(super) fn rename_both(
        &mut self,
        (from, to): (&str, &str),
        sides: &[u32],
    ) -> Result<(), ImportError> {
        let first = sides.get(..1).unwrap_or_default();
        self.rename((&format!("{from}.bias"), &format!("{to}.bias")), first)?;
        self.rename((&format!("{from}.weight"), &format!("{to}.weight")), sides)
    }

    /// The tensors of the base, if nothing of the file is left that could matter.
    pub(super) fn finish(self) -> Result<BTreeMap<String, Vec<f32>>, ImportError> {
        let is_known = |name: &str| {
            let body = name.strip_prefix(self.prefix).unwrap_or(name);
            self.read.contains(name)
                || UNUSED.iter().any(|part| body.starts_with(part) || name.starts_with(part))
                || UNUSED_ENDS.iter().any(|end| name.ends_with(end))
        };
        match self.file.names().into_iter().find(|name| !is_known(name)) {
            Some(name) => Err(ImportError::Unused { name: name.to_owned() }),
            None => Ok(self.made),
        }
    }
}

fn words<const BYTES: usize>(bytes: &[u8], read: impl Fn(&[u8; BYTES]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<BYTES>().0.iter().map(read).collect()
}
