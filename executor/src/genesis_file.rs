//! The genesis of a network as a file that people can read and write.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use aipot_domain_runtime::bounded::{BoundedBytes, BoundedVec, TooLong};
use aipot_domain_runtime::genesis::{Genesis, GenesisAccount, Parameters};
use aipot_domain_runtime::operator::Roles;
use aipot_domain_runtime::order::check::OrderLimits;
use aipot_domain_runtime::primitives::{AccountId, Amount};
use serde::{Deserialize, Serialize};

/// Longest genesis file: the most accounts at some 300 bytes each.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Why a genesis file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisFileError {
    /// The file cannot be read.
    #[error("reading the genesis {path} failed")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("writing the genesis {path} failed")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is too long.
    #[error("the genesis {path} is longer than the allowed {max} bytes")]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// Bytes allowed.
        max: u64,
    },
    /// The file is no genesis.
    #[error("the genesis {path} does not parse")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A value of the file is not allowed.
    #[error("the genesis {path}: {field} is {value:?}, expected {expected}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which value.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// A list of the file is too long.
    #[error("the genesis {path}: {field} is too long")]
    Bound {
        /// Which file.
        path: PathBuf,
        /// Which list.
        field: &'static str,
        /// By how much.
        source: TooLong,
    },
}

/// The file. Amounts are decimal text in smallest units, accounts are hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisFile {
    name: String,
    parameters: ParametersTable,
    accounts: Vec<AccountTable>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParametersTable {
    window_min_blocks: u32,
    window_max_blocks: u32,
    settlement_max_blocks: u32,
    move_window_blocks: u32,
    reward_min: String,
    training_price: String,
    evaluation_price: String,
    orders_per_block_max: u32,
    base_fee: String,
    byte_fee: String,
    account_deposit_min: String,
    operator_stake_min: String,
    stake_withdrawal_blocks: u32,
    claim_deposit: String,
    challenge_bond: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountTable {
    account: String,
    free: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operator: Option<OperatorTable>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorTable {
    stake: String,
    provider: bool,
    validator: bool,
}

/// Reads a genesis.
///
/// # Errors
/// [`GenesisFileError`] naming the file, the value and what is allowed.
pub fn read(path: &Path) -> Result<Genesis, GenesisFileError> {
    let failed = |source| GenesisFileError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(GenesisFileError::TooLong { path: path.to_owned(), max: FILE_BYTES_MAX });
    }
    let parse = |source| GenesisFileError::Parse { path: path.to_owned(), source };
    let file: GenesisFile = serde_json::from_str(&text).map_err(parse)?;
    Reader { path }.genesis(file)
}

/// Writes a genesis.
///
/// # Errors
/// [`GenesisFileError::Write`] when the disk refuses.
pub fn write(path: &Path, genesis: &Genesis) -> Result<(), GenesisFileError> {
    let failed = |source| GenesisFileError::Write { path: path.to_owned(), source };
    let file = GenesisFile {
        name: String::from_utf8_lossy(&genesis.name).into_owned(),
        parameters: parameters_table(&genesis.parameters),
        accounts: genesis.accounts.iter().map(account_table).collect(),
    };
    let text = serde_json::to_string_pretty(&file).map_err(|source| failed(source.into()))?;
    std::fs::write(path, text + "\n").map_err(failed)
}

fn parameters_table(parameters: &Parameters) -> ParametersTable {
    let limits = &parameters.order_limits;
    ParametersTable {
        window_min_blocks: limits.window_min_blocks,
        window_max_blocks: limits.window_max_blocks,
        settlement_max_blocks: limits.settlement_max_blocks,
        move_window_blocks: limits.move_window_blocks,
        reward_min: limits.reward_min.to_string(),
        training_price: limits.training_price.to_string(),
        evaluation_price: limits.evaluation_price.to_string(),
        orders_per_block_max: parameters.orders_per_block_max,
        base_fee: parameters.base_fee.to_string(),
        byte_fee: parameters.byte_fee.to_string(),
        account_deposit_min: parameters.account_deposit_min.to_string(),
        operator_stake_min: parameters.operator_stake_min.to_string(),
        stake_withdrawal_blocks: parameters.stake_withdrawal_blocks,
        claim_deposit: parameters.claim_deposit.to_string(),
        challenge_bond: parameters.challenge_bond.to_string(),
    }
}

fn account_table(account: &GenesisAccount) -> AccountTable {
    AccountTable {
        account: account.id.to_string(),
        free: account.free.to_string(),
        operator: account.operator.map(|(stake, roles)| OperatorTable {
            stake: stake.to_string(),
            provider: roles.provider,
            validator: roles.validator,
        }),
    }
}

/// Turns tables into types, knowing the file for its errors.
struct Reader<'path> {
    path: &'path Path,
}

impl Reader<'_> {
    fn genesis(&self, file: GenesisFile) -> Result<Genesis, GenesisFileError> {
        let accounts = file.accounts.iter().map(|account| self.account(account));
        let accounts = accounts.collect::<Result<Vec<_>, _>>()?;
        Ok(Genesis {
            name: BoundedBytes::try_from(file.name.into_bytes()).map_err(self.bound("name"))?,
            parameters: self.parameters(&file.parameters)?,
            accounts: BoundedVec::try_from(accounts).map_err(self.bound("accounts"))?,
        })
    }

    fn parameters(&self, table: &ParametersTable) -> Result<Parameters, GenesisFileError> {
        Ok(Parameters {
            order_limits: OrderLimits {
                window_min_blocks: table.window_min_blocks,
                window_max_blocks: table.window_max_blocks,
                settlement_max_blocks: table.settlement_max_blocks,
                move_window_blocks: table.move_window_blocks,
                reward_min: self.amount("reward_min", &table.reward_min)?,
                training_price: self.amount("training_price", &table.training_price)?,
                evaluation_price: self.amount("evaluation_price", &table.evaluation_price)?,
            },
            orders_per_block_max: table.orders_per_block_max,
            base_fee: self.amount("base_fee", &table.base_fee)?,
            byte_fee: self.amount("byte_fee", &table.byte_fee)?,
            account_deposit_min: self.amount("account_deposit_min", &table.account_deposit_min)?,
            operator_stake_min: self.amount("operator_stake_min", &table.operator_stake_min)?,
            stake_withdrawal_blocks: table.stake_withdrawal_blocks,
            claim_deposit: self.amount("claim_deposit", &table.claim_deposit)?,
            challenge_bond: self.amount("challenge_bond", &table.challenge_bond)?,
        })
    }

    fn account(&self, table: &AccountTable) -> Result<GenesisAccount, GenesisFileError> {
        let expected = "64 hexadecimal digits";
        let id = AccountId::from_hex(&table.account);
        let id = id.ok_or_else(|| self.value("account", &table.account, expected))?;
        let operator = match &table.operator {
            Some(operator) => {
                let roles = Roles { provider: operator.provider, validator: operator.validator };
                Some((self.amount("stake", &operator.stake)?, roles))
            }
            None => None,
        };
        Ok(GenesisAccount { id, free: self.amount("free", &table.free)?, operator })
    }

    fn amount(&self, field: &'static str, text: &str) -> Result<Amount, GenesisFileError> {
        let expected = "a whole number of smallest units, as text";
        text.parse().map(Amount).map_err(|_| self.value(field, text, expected))
    }

    fn value(&self, field: &'static str, text: &str, expected: &'static str) -> GenesisFileError {
        let value = text.chars().take(80).collect();
        GenesisFileError::Value { path: self.path.to_owned(), field, value, expected }
    }

    fn bound(&self, field: &'static str) -> impl Fn(TooLong) -> GenesisFileError {
        let path = self.path.to_owned();
        move |source| GenesisFileError::Bound { path: path.clone(), field, source }
    }
}

#[cfg(test)]
mod tests;
