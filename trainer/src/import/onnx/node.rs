//! A node of a graph: what it reads and how it is set.

use aipot_domain_runtime::order::ImageShape;
use aipot_domain_runtime::order::network::ValueShape;

use super::constant::Constant;
use super::graph::Graph;
use super::message::{Attribute, Node};
use crate::import::ImportError;

/// A node with its graph.
pub(super) struct Site<'graph> {
    pub(super) node: &'graph Node,
    place: usize,
    /// Version of the operators.
    pub(super) version: i64,
    pub(super) graph: &'graph mut Graph,
}

impl<'graph> Site<'graph> {
    pub(super) fn new(
        node: &'graph Node,
        place: usize,
        version: i64,
        graph: &'graph mut Graph,
    ) -> Self {
        Self { node, place, version, graph }
    }

    /// Its name, or its place where it has none.
    pub(super) fn name(&self) -> String {
        if self.node.name.is_empty() {
            format!("number {}", self.place)
        } else {
            self.node.name.clone()
        }
    }

    pub(super) fn refuse(
        &self,
        what: &'static str,
        found: impl Into<String>,
        allowed: &'static str,
    ) -> ImportError {
        let (node, operator, found) = (self.name(), self.node.operator.clone(), found.into());
        ImportError::Node { node, operator, what, found, allowed }
    }

    /// Refuses the node unless `is_allowed`.
    pub(super) fn demand(
        &self,
        is_allowed: bool,
        (what, found): (&'static str, String),
        allowed: &'static str,
    ) -> Result<(), ImportError> {
        if is_allowed { Ok(()) } else { Err(self.refuse(what, found, allowed)) }
    }

    pub(super) fn input_name(&self, place: usize) -> Option<&'graph str> {
        self.node.inputs.get(place).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The name of what it makes.
    pub(super) fn output_name(&self) -> Result<&'graph str, ImportError> {
        let found = self.node.outputs.first().map(String::as_str);
        found.ok_or_else(|| self.refuse("the number of outputs", "0", "1"))
    }

    /// The value that it reads, and its form.
    pub(super) fn value(&self, place: usize) -> Result<(usize, ValueShape), ImportError> {
        let name = self.input_name(place).unwrap_or_default();
        let value = self.graph.value(name);
        let found = value.and_then(|value| self.graph.shape(value).map(|shape| (value, shape)));
        found.ok_or_else(|| {
            let allowed = "a value that a node before it makes out of the data";
            self.refuse("an input", format!("{name:?}"), allowed)
        })
    }

    /// The tensor that it reads.
    pub(super) fn constant(&self, place: usize) -> Result<&Constant, ImportError> {
        let name = self.input_name(place).unwrap_or_default();
        self.graph
            .constant(name)
            .ok_or_else(|| self.refuse("an input", format!("{name:?}"), "a tensor of the file"))
    }

    /// The same where the input may be missing.
    pub(super) fn optional_constant(&self, place: usize) -> Result<Option<&Constant>, ImportError> {
        self.input_name(place).map(|_| self.constant(place)).transpose()
    }

    /// The image that it reads.
    pub(super) fn image(&self) -> Result<(usize, ImageShape), ImportError> {
        match self.value(0)? {
            (value, ValueShape::Image(image)) => Ok((value, image)),
            (_, other) => Err(self.refuse("the input", other.name(), "an image")),
        }
    }

    /// The rows of features that it reads.
    pub(super) fn features(&self) -> Result<(usize, usize), ImportError> {
        match self.value(0)? {
            (value, ValueShape::Features { width }) => {
                Ok((value, usize::try_from(width).unwrap_or(0)))
            }
            (_, other) => Err(self.refuse("the input", other.name(), "features")),
        }
    }

    fn attribute(&self, name: &str) -> Option<&'graph Attribute> {
        self.node.attributes.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn integer(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.integer)
    }

    pub(super) fn real(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |attribute| attribute.real)
    }

    pub(super) fn text(&self, name: &str, default: &str) -> String {
        self.attribute(name).map_or_else(
            || default.to_owned(),
            |attribute| String::from_utf8_lossy(&attribute.text).into_owned(),
        )
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&'graph super::message::Tensor> {
        self.attribute(name).and_then(|attribute| attribute.tensor.as_ref())
    }

    pub(super) fn integers(&self, name: &str) -> Option<&'graph [i64]> {
        self.attribute(name).map(|attribute| attribute.integers.as_slice())
    }

    /// An integer setting that must have one value.
    pub(super) fn only(
        &self,
        (name, default): (&'static str, i64),
        expected: i64,
        allowed: &'static str,
    ) -> Result<(), ImportError> {
        let found = self.integer(name, default);
        self.demand(found == expected, (name, found.to_string()), allowed)
    }

    /// The one number that all integers of a setting are.
    pub(super) fn uniform(&self, name: &'static str, default: i64) -> Result<u32, ImportError> {
        let found = self.integers(name).unwrap_or(&[]);
        let first = found.first().copied().unwrap_or(default);
        let is_uniform = found.iter().all(|one| *one == first);
        let value = u32::try_from(first).ok().filter(|_| is_uniform);
        value.ok_or_else(|| self.refuse(name, format!("{found:?}"), "the same number on all sides"))
    }
}
