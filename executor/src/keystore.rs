//! The node's one secret: a file of 32 bytes from which every key and salt is derived.
//!
//! The file is made on the first start and must be readable by its owner only. The secret never
//! leaves this room: others get signatures and values derived for one purpose.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aipot_domain_runtime::call::{Call, SignedCall};
use aipot_domain_runtime::primitives::{AccountId, GenesisHash, Salt};
use rand_core::{OsRng, RngCore};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};
use zeroize::{Zeroize, Zeroizing};

use crate::network::IdentitySeed;

/// Length of the seed in bytes, as sr25519 wants it.
pub const SEED_BYTES: usize = 32;

/// Permissions of the seed file: its owner reads and writes, nobody else does anything.
const SEED_MODE: u32 = 0o600;

/// Permission bits that concern anybody but the owner.
const OTHERS_MODE: u32 = 0o077;

/// Separates the identity in the network from the account.
const NETWORK_CONTEXT: &str = "aipot keystore network v1";
/// Separates salts from all other secrets.
const SALT_CONTEXT: &str = "aipot keystore salt v1";

/// Why the secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Others may read the secret.
    #[error(
        "key file {path} has permissions {mode:03o}, allowed 600: run `chmod 600 {path}`, and make \
         another key if somebody may have read this one",
        path = path.display()
    )]
    Permissions {
        /// The seed file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a seed.
    #[error("key file {} has {bytes} bytes, expected {SEED_BYTES}", path.display())]
    Length {
        /// The seed file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// The file holds another key than the one to be kept there.
    #[error("key file {} holds another key", path.display())]
    Occupied {
        /// The seed file.
        path: PathBuf,
    },
    /// The operating system has no randomness to give.
    #[error("no randomness for another key: {source}")]
    Randomness {
        /// What it said.
        source: rand_core::Error,
    },
    /// The file cannot be read or written.
    #[error("cannot {action} key file {}: {source}", path.display())]
    Disk {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The keys of one node.
#[derive(Clone)]
pub struct NodeKey {
    seed: Zeroizing<[u8; SEED_BYTES]>,
    // Erases itself when dropped.
    keypair: Keypair,
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NodeKey").field("account", &self.account()).finish_non_exhaustive()
    }
}

impl NodeKey {
    /// Reads the seed file at `path`, or makes one with a fresh seed.
    ///
    /// # Errors
    /// [`KeyError`], naming what to do about it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        if !path.try_exists().map_err(disk("look at", path))? {
            let mut seed = Zeroizing::new([0; SEED_BYTES]);
            let filled = OsRng.try_fill_bytes(seed.as_mut_slice());
            filled.map_err(|source| KeyError::Randomness { source })?;
            create(path, &seed)?;
        }
        Ok(Self::from_zeroizing(read(path)?))
    }

    /// The keys of a known seed.
    pub fn from_seed(seed: [u8; SEED_BYTES]) -> Self {
        Self::from_zeroizing(Zeroizing::new(seed))
    }

    /// Keeps the seed in a file at `path`, for [`NodeKey::open`]; keeping it there again changes nothing.
    ///
    /// # Errors
    /// [`KeyError::Occupied`] when another key is there, and whatever the disk says.
    pub fn keep(&self, path: impl AsRef<Path>) -> Result<(), KeyError> {
        let path = path.as_ref();
        if !path.try_exists().map_err(disk("look at", path))? {
            return create(path, &self.seed);
        }
        if read(path)? == self.seed {
            return Ok(());
        }
        Err(KeyError::Occupied { path: path.to_path_buf() })
    }

    fn from_zeroizing(seed: Zeroizing<[u8; SEED_BYTES]>) -> Self {
        let secret = MiniSecretKey::from_bytes(seed.as_slice()).expect("any 32 bytes are a seed");
        let keypair = secret.expand_to_keypair(ExpansionMode::Ed25519);
        Self { seed, keypair }
    }

    /// The account that these keys sign for.
    pub fn account(&self) -> AccountId {
        AccountId(self.keypair.public.to_bytes())
    }

    /// Signs `call` as the `nonce`-th call of the account; the same inputs give the same bytes.
    pub fn sign(&self, genesis: &GenesisHash, nonce: u64, call: Call) -> SignedCall {
        SignedCall::sign(&self.keypair, genesis, nonce, call)
    }

    /// The secret behind the node's name in the network.
    pub fn network_identity(&self) -> IdentitySeed {
        let mut derived = blake3::derive_key(NETWORK_CONTEXT, self.seed.as_slice());
        let identity = IdentitySeed::new(derived);
        derived.zeroize();
        identity
    }

    /// A secret for one purpose on one network: always the same, and unknown to everybody else.
    pub fn salt(&self, genesis: &GenesisHash, purpose: &str) -> Salt {
        let mut hasher = blake3::Hasher::new_derive_key(SALT_CONTEXT);
        // The first two have a fixed length, so that no two inputs run together.
        hasher.update(self.seed.as_slice()).update(&genesis.0).update(purpose.as_bytes());
        Salt(*hasher.finalize().as_bytes())
    }
}

/// Writes a seed beside `path`, makes it durable and gives it its name.
fn create(path: &Path, seed: &[u8; SEED_BYTES]) -> Result<(), KeyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(disk("create the folder of", path))?;
    let temporary = path.with_extension("unfinished");
    if let Err(error) = fs::remove_file(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(disk("remove the unfinished", &temporary)(error));
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(SEED_MODE);
    let mut file = options.open(&temporary).map_err(disk("create", &temporary))?;
    file.write_all(seed.as_slice()).map_err(disk("write", &temporary))?;
    file.sync_all().map_err(disk("make durable", &temporary))?;
    fs::rename(&temporary, path).map_err(disk("name", path))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk("make durable", path))
}

fn read(path: &Path) -> Result<Zeroizing<[u8; SEED_BYTES]>, KeyError> {
    let mut file = File::open(path).map_err(disk("open", path))?;
    let metadata = file.metadata().map_err(disk("look at", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & OTHERS_MODE != 0 {
        return Err(KeyError::Permissions { path: path.to_path_buf(), mode });
    }
    let bytes = metadata.len();
    if usize::try_from(bytes) != Ok(SEED_BYTES) {
        return Err(KeyError::Length { path: path.to_path_buf(), bytes });
    }
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    file.read_exact(seed.as_mut_slice()).map_err(disk("read", path))?;
    Ok(seed)
}

/// Attaches the action and the path to an error of the operating system.
fn disk<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> KeyError + 'a {
    move |source| KeyError::Disk { action, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests;
