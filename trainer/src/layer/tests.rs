//! Layers against PyTorch.

mod images;
