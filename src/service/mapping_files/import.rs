//! Importing mappings and exclusions.

use std::collections::HashMap;

use thiserror::Error;
use uuid::Uuid;

use super::MappingFilesService;
use super::format::{self, CUSTOMERS, CustomerRow, FileError, Line, PRODUCTS, ProductRow, RejectedRow};
use super::plan::{ImportPlan, Precedence, Setting, WantedRow, plan};
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::{ExclusionId, IntegrationId};
use crate::domain::mapping::{Decision, ExclusionReason, MappingKind, MappingScope, MappingStatus, RecordKind};
use crate::domain::provider::ProviderAccount;
use crate::service::mapping::keep_floor;
use crate::service::mapping::term_scope;
use crate::service::{Internal, OrInternal as _};
use crate::storage::exclusion::{self, Exclusion};
use crate::storage::mapping::Withdrawal;
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::{self, SourceTable, Stored};
use crate::storage::{StorageError, Tx, account, integration, mapping};

/// Mapping files to import.
#[derive(Debug, Clone)]
pub struct ImportMappings {
    /// Integration.
    pub integration_id: IntegrationId,
    /// Text of `customer_mapping.csv`.
    pub customers: Option<String>,
    /// Text of `product_mapping.csv`.
    pub products: Option<String>,
    /// What wins when the file contradicts an earlier decision.
    pub precedence: Precedence,
}

/// What the import of one file did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportedFile {
    /// Rows that could be used.
    pub read: u64,
    /// Pairs that are confirmed now and were not before.
    pub confirmed: u64,
    /// Rows that say what was so already.
    pub unchanged: u64,
    /// Suggestions that were taken away.
    pub removed: u64,
    /// Earlier decisions that gave way to the file.
    pub replaced: u64,
    /// Records that are left out now and were not before.
    pub excluded: u64,
    /// Rows that could not be used, in whole or in part.
    pub rejected: Vec<RejectedRow>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportSummary {
    /// Customers; `None` when there was no file of them.
    pub customers: Option<ImportedFile>,
    /// Products; `None` when there was no file of them.
    pub products: Option<ImportedFile>,
}

/// Why nothing was imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// No such integration, as far as the caller may know.
    #[error("there is no such integration")]
    NotFound,
    /// A file cannot be read at all.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else changed the same mappings at the same moment.
    #[error("somebody else changed mappings at the same moment")]
    Busy,
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

/// An exclusion that a row asks for.
struct WantedExclusion {
    line: u64,
    record_id: Uuid,
    /// `None`: the row says that the record is billed.
    reason: Option<ExclusionReason>,
    /// Whether another reason that expects no billing will do as well.
    is_any_unbilled: bool,
    subject: String,
}

/// Rows with our ids.
struct Resolved {
    rows: Vec<WantedRow>,
    exclusions: Vec<WantedExclusion>,
    rejected: Vec<RejectedRow>,
    read: u64,
}

impl MappingFilesService {
    /// Imports mappings and exclusions, both files or neither. The same files again change nothing.
    pub async fn import(&self, caller: &Caller, command: ImportMappings) -> Result<ImportSummary, ImportError> {
        caller.require(Role::Operator)?;
        let core = &self.core;
        let (db, organization_id) = (core.store.read(), caller.organization_id);
        let found = integration::find(db, organization_id, command.integration_id).await.internal(caller)?;
        found.ok_or(ImportError::NotFound)?;
        let accounts = account::pair(db, organization_id, command.integration_id).await.internal(caller)?;
        let customers = match &command.customers {
            Some(text) => Some(self.resolve_customers(caller, &accounts, format::read_customers(text)?).await?),
            None => None,
        };
        let products = match &command.products {
            Some(text) => Some(self.resolve_products(caller, &accounts, format::read_products(text)?).await?),
            None => None,
        };
        let tx = core.store.begin().await.internal(caller)?;
        integration::hold(&tx, organization_id, command.integration_id).await.internal(caller)?;
        let outcome = async {
            let mut summary = ImportSummary::default();
            let mut rises = Vec::new();
            if let Some(rows) = customers {
                summary.customers = Some(self.apply(&tx, caller, &command, MappingKind::Customer, rows).await?);
            }
            if let Some(rows) = products {
                summary.products = Some(self.apply(&tx, caller, &command, MappingKind::Product, rows).await?);
            }
            for kind in [MappingKind::Customer, MappingKind::Product] {
                rises.extend(keep_floor(&tx, core, caller, command.integration_id, kind).await?);
            }
            Ok((summary, rises))
        }
        .await;
        let (summary, rises): (ImportSummary, Vec<Change>) = match outcome {
            Err(StorageError::Conflict(_)) => return Err(ImportError::Busy),
            other => other.internal(caller)?,
        };
        if [&summary.customers, &summary.products].into_iter().flatten().any(ImportedFile::has_changed_something) {
            let change = Change {
                action: "mapping.import",
                subject_kind: "integration",
                subject_id: Some(command.integration_id.0),
                before: None,
                after: Some(snapshot(&summary)),
                reason: None,
            };
            core.audit(&tx, caller, change).await.internal(caller)?;
        }
        for rise in rises {
            core.audit(&tx, caller, rise).await.internal(caller)?;
        }
        tx.commit().await.internal(caller)?;
        Ok(summary)
    }

    async fn by_external_ids<T: SourceTable>(
        &self,
        caller: &Caller,
        account: &ProviderAccount,
        ids: impl Iterator<Item = String>,
    ) -> Result<HashMap<String, Stored<T::Record>>, Internal> {
        let mut ids: Vec<String> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let db = self.core.store.read();
        let found =
            source::by_external_ids::<T>(db, caller.organization_id, account.id, &ids).await.internal(caller)?;
        Ok(found.into_iter().map(|stored| (stored.identity.external_id.clone(), stored)).collect())
    }

    async fn resolve_customers(
        &self,
        caller: &Caller,
        (pax8, psa): &(ProviderAccount, ProviderAccount),
        (lines, mut rejected): format::Rows<CustomerRow>,
    ) -> Result<Resolved, Internal> {
        let companies = lines.iter().map(|line| line.row.company.clone());
        let companies = self.by_external_ids::<CompanyTable>(caller, pax8, companies).await?;
        let customers = lines.iter().filter_map(|line| line.row.customer.clone());
        let customers = self.by_external_ids::<CustomerTable>(caller, psa, customers).await?;
        let (mut rows, mut exclusions, mut read) = (Vec::new(), Vec::new(), 0);
        for Line { line, row } in lines {
            let mut reject = |reason: String| rejected.push(RejectedRow { file: CUSTOMERS, line, reason });
            let Some(company) = companies.get(&row.company) else {
                reject(format!("Pax8 has no company `{}`, or it was not synced yet.", row.company));
                continue;
            };
            let customer = match row.customer.as_ref().map(|id| (id, customers.get(id))) {
                Some((id, None)) => {
                    reject(format!("The PSA has no customer `{id}`, or it was not synced yet."));
                    continue;
                }
                Some((_, Some(customer))) => Some(customer.identity.id),
                None => None,
            };
            read += 1;
            let subject = format!("company `{}`", company.record.name);
            if customer.is_some() || row.relation != super::export::UNDECIDED {
                rows.push(WantedRow {
                    line,
                    pax8_record_id: company.identity.id,
                    scope: MappingScope::default(),
                    psa_record_id: customer,
                    factor: None,
                    role: None,
                    subject: subject.clone(),
                });
            }
            let is_billed_by_pax8 = company.record.is_billed_by_pax8 == Some(true) || row.relation == "bill_on_behalf";
            let (reason, is_any_unbilled) = match (row.exclusion, row.is_billable) {
                (Some(reason), _) => (Some(reason), false),
                (None, Some(false)) if is_billed_by_pax8 => (Some(ExclusionReason::BilledByPax8), true),
                (None, Some(false)) => (Some(ExclusionReason::InternalUse), true),
                (None, Some(true)) => (None, false),
                (None, None) => continue,
            };
            let record_id = company.identity.id;
            exclusions.push(WantedExclusion { line, record_id, reason, is_any_unbilled, subject });
        }
        Ok(Resolved { rows, exclusions, rejected, read })
    }

    async fn resolve_products(
        &self,
        caller: &Caller,
        (pax8, psa): &(ProviderAccount, ProviderAccount),
        (lines, mut rejected): format::Rows<ProductRow>,
    ) -> Result<Resolved, Internal> {
        let products = lines.iter().map(|line| line.row.product.clone());
        let products = self.by_external_ids::<Pax8ProductTable>(caller, pax8, products).await?;
        let items = lines.iter().filter_map(|line| line.row.item.clone());
        let items = self.by_external_ids::<PsaProductTable>(caller, psa, items).await?;
        let limits = lines.iter().map(|line| line.row.customer_scope.clone()).filter(|id| !id.is_empty());
        let customers = self.by_external_ids::<CustomerTable>(caller, psa, limits).await?;
        let (mut rows, mut exclusions, mut read) = (Vec::new(), Vec::new(), 0);
        for Line { line, row } in lines {
            let mut reject = |reason: String| rejected.push(RejectedRow { file: PRODUCTS, line, reason });
            let Some(product) = products.get(&row.product) else {
                reject(format!("Pax8 has no product `{}`, or it was not synced yet.", row.product));
                continue;
            };
            let item = match row.item.as_ref().map(|id| (id, items.get(id))) {
                Some((id, None)) => {
                    reject(format!("The PSA has no product `{id}`, or it was not synced yet."));
                    continue;
                }
                Some((_, Some(item))) => Some(item.identity.id),
                None => None,
            };
            let mut scope = match term_scope(Some(&row.billing_term), Some(&row.commitment_term)) {
                Ok(scope) => scope,
                Err((_, sentence)) => {
                    reject(sentence);
                    continue;
                }
            };
            if !row.customer_scope.is_empty() && !customers.contains_key(&row.customer_scope) {
                reject(format!("The PSA has no customer `{}`, or it was not synced yet.", row.customer_scope));
                continue;
            }
            scope.customer.clone_from(&row.customer_scope);
            read += 1;
            let subject = match [row.billing_term.as_str(), row.commitment_term.as_str()].join(" / ").as_str() {
                " / " => format!("product `{}`", product.record.name),
                term => format!("product `{}` ({term})", product.record.name),
            };
            if let Some(reason) = row.exclusion {
                let (record_id, subject) = (product.identity.id, subject.clone());
                exclusions.push(WantedExclusion {
                    line,
                    record_id,
                    reason: Some(reason),
                    is_any_unbilled: false,
                    subject,
                });
            }
            if item.is_some() || row.relation != super::export::UNDECIDED {
                rows.push(WantedRow {
                    line,
                    pax8_record_id: product.identity.id,
                    scope,
                    psa_record_id: item,
                    factor: row.factor,
                    role: row.role,
                    subject,
                });
            }
        }
        Ok(Resolved { rows, exclusions, rejected, read })
    }

    async fn apply(
        &self,
        tx: &Tx,
        caller: &Caller,
        command: &ImportMappings,
        kind: MappingKind,
        resolved: Resolved,
    ) -> Result<ImportedFile, StorageError> {
        let now = self.core.clock.now();
        let (organization_id, integration_id) = (caller.organization_id, command.integration_id);
        let (file, record_kind) = match kind {
            MappingKind::Customer => (CUSTOMERS, RecordKind::Company),
            MappingKind::Product => (PRODUCTS, RecordKind::Pax8Product),
        };
        let decision = Decision {
            decided_by: caller.actor.name().to_owned(),
            decided_at: now,
            reason: Some(format!("Imported from {file}.")),
        };
        let all = [MappingStatus::Suggested, MappingStatus::Confirmed, MappingStatus::Rejected, MappingStatus::Removed];
        let mappings = mapping::all(&**tx, organization_id, integration_id, kind, &all).await?;
        let setting = Setting {
            file,
            kind,
            integration_id,
            organization_id,
            precedence: command.precedence,
            decision: decision.clone(),
            ids: &*self.core.ids,
        };
        let ImportPlan { removed, adopted, updated, inserted, confirmed, unchanged, replaced, rejected } =
            plan(&setting, mappings, resolved.rows);
        let mut imported = ImportedFile {
            read: resolved.read,
            confirmed,
            unchanged,
            replaced,
            rejected: resolved.rejected,
            ..ImportedFile::default()
        };
        imported.rejected.extend(rejected);
        let why = Withdrawal::Replaced;
        imported.removed = mapping::withdraw_suggestions(tx, organization_id, &removed, why, &decision).await?;
        let confirmed = mapping::adopt_suggestions(tx, organization_id, &adopted, &decision).await?;
        if confirmed < adopted.len() as u64 {
            return Err(StorageError::Conflict("a suggestion was decided in between".to_owned()));
        }
        for mapping in &updated {
            mapping::update(tx, mapping).await?;
        }
        mapping::insert_all(tx, &inserted).await?;

        let record = ExclusionRecord { integration_id, kind: record_kind, file, precedence: command.precedence };
        self.apply_exclusions(tx, caller, record, resolved.exclusions, &mut imported).await?;
        imported.rejected.sort_by_key(|row| row.line);
        Ok(imported)
    }

    async fn apply_exclusions(
        &self,
        tx: &Tx,
        caller: &Caller,
        record: ExclusionRecord,
        wanted: Vec<WantedExclusion>,
        imported: &mut ImportedFile,
    ) -> Result<(), StorageError> {
        let now = self.core.clock.now();
        let held = exclusion::all(&**tx, caller.organization_id, record.integration_id).await?;
        let mut held: HashMap<Uuid, Exclusion> = held
            .into_iter()
            .filter(|exclusion| exclusion.record_kind == record.kind)
            .map(|exclusion| (exclusion.record_id, exclusion))
            .collect();
        let mut created = Vec::new();
        for wanted in wanted {
            let existing = held.get(&wanted.record_id);
            let is_so = match (existing, wanted.reason) {
                (None, None) => true,
                (Some(existing), None) => !existing.reason.expects_no_billing(),
                (Some(existing), Some(reason)) => {
                    existing.reason == reason || (wanted.is_any_unbilled && existing.reason.expects_no_billing())
                }
                (None, Some(_)) => false,
            };
            if is_so {
                continue;
            }
            if let Some(existing) = existing {
                if record.precedence == Precedence::Earlier {
                    let reason = format!(
                        "The mapping was imported, but the {} stays left out as {}, as {} said. Bring it back first, \
                         or import with the file taking precedence.",
                        wanted.subject,
                        crate::storage::text::Word::word(existing.reason),
                        existing.created_by,
                    );
                    imported.rejected.push(RejectedRow { file: record.file, line: wanted.line, reason });
                    continue;
                }
                imported.replaced += 1;
                exclusion::end(tx, caller.organization_id, existing.id, caller.actor.name(), now).await?;
            }
            held.remove(&wanted.record_id);
            let Some(reason) = wanted.reason else { continue };
            let exclusion = Exclusion {
                id: ExclusionId(self.core.ids.next()),
                organization_id: caller.organization_id,
                integration_id: record.integration_id,
                record_kind: record.kind,
                record_id: wanted.record_id,
                reason,
                note: None,
                created_by: caller.actor.name().to_owned(),
                created_at: now,
                ended_at: None,
                ended_by: None,
            };
            held.insert(wanted.record_id, exclusion.clone());
            created.push(exclusion);
            imported.excluded += 1;
        }
        exclusion::insert(tx, &created).await
    }
}

/// Which records exclusions are about.
struct ExclusionRecord {
    integration_id: IntegrationId,
    kind: RecordKind,
    file: &'static str,
    precedence: Precedence,
}

impl ImportedFile {
    fn has_changed_something(&self) -> bool {
        self.confirmed + self.removed + self.replaced + self.excluded > 0
    }
}

fn snapshot(summary: &ImportSummary) -> String {
    let file = |file: &Option<ImportedFile>| {
        file.as_ref().map(|file| {
            serde_json::json!({
                "confirmed": file.confirmed,
                "unchanged": file.unchanged,
                "removed": file.removed,
                "replaced": file.replaced,
                "excluded": file.excluded,
                "rejected": file.rejected.len(),
            })
        })
    };
    serde_json::json!({ "customers": file(&summary.customers), "products": file(&summary.products) }).to_string()
}
