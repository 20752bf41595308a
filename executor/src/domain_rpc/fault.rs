//! How failures of the node are told.

use jsonrpsee::types::ErrorObjectOwned;

use super::wire::{CODE_CALL_NOT_TAKEN, CODE_MISMATCH, CODE_NOT_FOUND, CODE_UNAVAILABLE};
use crate::intake::ledger::LedgerError;
use crate::network::FetchError;
use crate::pool::admission::AdmissionError;
use crate::store::artefacts::{ArtefactError, ContentHash};
use crate::store::{DatabaseError, StoreError};
use aipot_domain_runtime::state::Fault;

/// Why a well-formed request was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Call(#[from] AdmissionError),
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("upload {upload} is unknown: it is finished, or was given up for a later one")]
    UnknownUpload { upload: u64 },
    #[error("upload {upload} has hash {found}, expected {expected}; it is removed")]
    UploadMismatch { upload: u64, expected: ContentHash, found: ContentHash },
    #[error("upload {upload} has {received_bytes} of its {total_bytes} bytes")]
    UploadIncomplete { upload: u64, received_bytes: u64, total_bytes: u64 },
    #[error("the state changes too fast to be proven just now")]
    Moving,
}

impl RequestError {
    fn code(&self) -> i32 {
        match self {
            Self::Call(AdmissionError::Fault(_)) => CODE_UNAVAILABLE,
            Self::Call(_) => CODE_CALL_NOT_TAKEN,
            Self::UnknownUpload { .. }
            | Self::Artefact(ArtefactError::NotFound { .. })
            | Self::Fetch(FetchError::NotFound { .. }) => CODE_NOT_FOUND,
            Self::UploadMismatch { .. } | Self::UploadIncomplete { .. } => CODE_MISMATCH,
            _ => CODE_UNAVAILABLE,
        }
    }
}

impl From<RequestError> for ErrorObjectOwned {
    fn from(error: RequestError) -> Self {
        Self::owned(error.code(), error.to_string(), None::<()>)
    }
}
