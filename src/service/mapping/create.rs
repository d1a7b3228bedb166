//! Mapping by hand: a pair that a person chose.

use rust_decimal::Decimal;
use thiserror::Error;
use uuid::Uuid;

use super::{MappingService, floor, snapshot, withdrawal};
use crate::domain::access::{Caller, Forbidden, Role};
use crate::domain::audit::Change;
use crate::domain::id::{IntegrationId, MappingId};
use crate::domain::mapping::{
    Decision, Mapping, MappingKind, MappingOrigin, MappingRole, MappingScope, MappingState, MappingStatus, RecordKind,
};
use crate::domain::record::{BillingTerm, Known};
use crate::engine::matching::license::term;
use crate::service::{Internal, OrInternal as _};
use crate::storage::mapping::{self, PairKey, Withdrawal};
use crate::storage::record::{self, RecordOwner};
use crate::storage::{StorageError, Tx, integration};

/// A company and a customer that are the same.
#[derive(Debug, Clone)]
pub struct CreateCustomerMapping {
    /// Company at Pax8.
    pub company_id: Uuid,
    /// Customer at the PSA.
    pub customer_id: Uuid,
}

/// A product and an item that are the same.
#[derive(Debug, Clone)]
pub struct CreateProductMapping {
    /// Product at Pax8.
    pub pax8_product_id: Uuid,
    /// Item at the PSA.
    pub psa_product_id: Uuid,
    /// Billing term; `None` for every term.
    pub billing_term: Option<String>,
    /// Commitment; `None` for every commitment, and where there is none.
    pub commitment_term: Option<String>,
    /// Customer at the PSA that the mapping is limited to.
    pub customer_id: Option<Uuid>,
    /// Units of the item for one unit of the product; 1 when `None`.
    pub factor: Option<Decimal>,
    /// What the mapping means for billing.
    pub role: MappingRole,
}

/// An input value of a manual mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingField {
    /// Company or product at Pax8.
    Pax8Record,
    /// Customer or item at the PSA.
    PsaRecord,
    /// Customer that the mapping is limited to.
    Customer,
    /// Billing term.
    BillingTerm,
    /// Commitment.
    CommitmentTerm,
    /// Factor.
    Factor,
}

/// Why a pair was not mapped.
#[derive(Debug, Error)]
pub enum CreateMappingError {
    /// No such record, as far as the caller may know.
    #[error("there is no such record")]
    NotFound(MappingField),
    /// A value cannot be used; the text is a sentence.
    #[error("{1}")]
    Input(MappingField, String),
    /// Another mapping of the record holds; `None` when it has gone again since.
    #[error("another mapping of the record holds")]
    Conflict(Option<Box<Mapping>>),
    /// The caller lacks a role.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Our fault.
    #[error(transparent)]
    Internal(#[from] Internal),
}

/// A mapping as it shall be.
pub(in crate::service) struct Wanted {
    pub integration_id: IntegrationId,
    pub pair: PairKey,
    pub factor: Decimal,
    pub role: MappingRole,
}

/// What became of a wanted mapping.
pub(in crate::service) enum Placed {
    /// It holds now; the state before, where there was a row.
    Changed(Box<Mapping>, Option<Box<Mapping>>),
    /// It held before, exactly so.
    Unchanged(Box<Mapping>),
    /// Another one stands in the way.
    Blocked(Box<Mapping>),
}

/// Puts a chosen pair in place. The machine's suggestion for the same charges ends; what a person confirmed stays.
pub(in crate::service) async fn place(
    tx: &Tx,
    caller: &Caller,
    core: &crate::service::Core,
    wanted: Wanted,
    decision: Decision,
) -> Result<Placed, StorageError> {
    let now = decision.decided_at;
    let organization_id = caller.organization_id;
    let existing = mapping::lock_pair(tx, organization_id, wanted.integration_id, &wanted.pair).await?;
    let mut new = match &existing {
        Some(old) if old.state.status() == MappingStatus::Confirmed => {
            let is_same = old.factor == wanted.factor && old.role == wanted.role;
            let old = Box::new(old.clone());
            return Ok(if is_same { Placed::Unchanged(old) } else { Placed::Blocked(old) });
        }
        Some(old) => Mapping {
            // What was waiting for a decision is confirmed now; anything else is a choice of the person's own.
            origin: match old.state.status() {
                MappingStatus::Suggested => old.origin,
                _ => MappingOrigin::Manual,
            },
            version: old.version + 1,
            updated_at: now,
            ..old.clone()
        },
        None => Mapping {
            id: MappingId(core.ids.next()),
            organization_id,
            integration_id: wanted.integration_id,
            kind: wanted.pair.kind,
            pax8_record_id: wanted.pair.pax8_record_id,
            psa_record_id: wanted.pair.psa_record_id,
            scope: wanted.pair.scope.clone(),
            state: MappingState::Confirmed { evidence: None, decision: decision.clone() },
            origin: MappingOrigin::Manual,
            factor: wanted.factor,
            role: wanted.role,
            version: 1,
            created_at: now,
            updated_at: now,
        },
    };
    (new.factor, new.role) = (wanted.factor, wanted.role);
    new.state = new.state.confirm(decision);
    if let Some(rival) = mapping::rival(&**tx, &new).await? {
        if rival.state.status() == MappingStatus::Confirmed {
            return Ok(Placed::Blocked(Box::new(rival)));
        }
        let withdrawal = withdrawal(now, "Another pair was chosen.");
        let why = Withdrawal::Replaced;
        mapping::withdraw_suggestions(tx, organization_id, &[rival.id.0], why, &withdrawal).await?;
    }
    match &existing {
        Some(_) => mapping::update(tx, &new).await?,
        None => mapping::insert(tx, &new).await?,
    }
    Ok(Placed::Changed(Box::new(new), existing.map(Box::new)))
}

impl MappingService {
    /// Maps a company to a customer.
    pub async fn create_customer_mapping(
        &self,
        caller: &Caller,
        command: CreateCustomerMapping,
    ) -> Result<Mapping, CreateMappingError> {
        caller.require(Role::Operator)?;
        let company = self.record(caller, RecordKind::Company, command.company_id, MappingField::Pax8Record).await?;
        let customer = self.record(caller, RecordKind::Customer, command.customer_id, MappingField::PsaRecord).await?;
        let pair = PairKey {
            kind: MappingKind::Customer,
            pax8_record_id: company.id,
            psa_record_id: customer.id,
            scope: MappingScope::default(),
        };
        same_integration(&company, &customer, MappingField::PsaRecord)?;
        let wanted =
            Wanted { integration_id: company.integration_id, pair, factor: Decimal::ONE, role: MappingRole::Billed };
        self.create(caller, wanted).await
    }

    /// Maps a product, or one of its terms, to an item.
    pub async fn create_product_mapping(
        &self,
        caller: &Caller,
        command: CreateProductMapping,
    ) -> Result<Mapping, CreateMappingError> {
        caller.require(Role::Operator)?;
        let factor = command.factor.unwrap_or(Decimal::ONE);
        if factor <= Decimal::ZERO {
            let sentence = "The factor must be greater than zero.".to_owned();
            return Err(CreateMappingError::Input(MappingField::Factor, sentence));
        }
        let mut scope = term_scope(command.billing_term.as_deref(), command.commitment_term.as_deref())
            .map_err(|(field, sentence)| CreateMappingError::Input(field, sentence))?;
        let product = self.record(caller, RecordKind::Pax8Product, command.pax8_product_id, MappingField::Pax8Record);
        let product = product.await?;
        let item = self.record(caller, RecordKind::PsaProduct, command.psa_product_id, MappingField::PsaRecord).await?;
        same_integration(&product, &item, MappingField::PsaRecord)?;
        if let Some(customer_id) = command.customer_id {
            let customer = self.record(caller, RecordKind::Customer, customer_id, MappingField::Customer).await?;
            same_integration(&product, &customer, MappingField::Customer)?;
            scope.customer = customer.external_id;
        }
        let pair = PairKey { kind: MappingKind::Product, pax8_record_id: product.id, psa_record_id: item.id, scope };
        self.create(caller, Wanted { integration_id: product.integration_id, pair, factor, role: command.role }).await
    }

    async fn record(
        &self,
        caller: &Caller,
        kind: RecordKind,
        id: Uuid,
        field: MappingField,
    ) -> Result<RecordOwner, CreateMappingError> {
        let db = self.core.store.read();
        let found = record::owner(db, caller.organization_id, kind, id).await.internal(caller)?;
        found.ok_or(CreateMappingError::NotFound(field))
    }

    async fn create(&self, caller: &Caller, wanted: Wanted) -> Result<Mapping, CreateMappingError> {
        let core = &self.core;
        let decision =
            Decision { decided_by: caller.actor.name().to_owned(), decided_at: core.clock.now(), reason: None };
        let (integration_id, pair) = (wanted.integration_id, wanted.pair.clone());
        let tx = core.store.begin().await.internal(caller)?;
        integration::hold(&tx, caller.organization_id, integration_id).await.internal(caller)?;
        let (new, old) = match place(&tx, caller, core, wanted, decision).await {
            Ok(Placed::Changed(new, old)) => (new, old),
            Ok(Placed::Unchanged(mapping)) => return Ok(*mapping),
            Ok(Placed::Blocked(rival)) => return Err(CreateMappingError::Conflict(Some(rival))),
            Err(StorageError::Conflict(_)) => {
                // Somebody else mapped the record at the same moment and was first.
                drop(tx);
                let db = core.store.read();
                let holder = mapping::holder(db, caller.organization_id, integration_id, &pair);
                return Err(CreateMappingError::Conflict(holder.await.internal(caller)?.map(Box::new)));
            }
            Err(error) => return Err(Internal::log(&caller.correlation_id, &error).into()),
        };
        let risen = floor::keep(&tx, core, caller, new.integration_id, new.kind).await.internal(caller)?;
        let change = Change {
            action: "mapping.create",
            subject_kind: "mapping",
            subject_id: Some(new.id.0),
            before: old.as_deref().map(snapshot),
            after: Some(snapshot(&new)),
            reason: None,
        };
        core.audit(&tx, caller, change).await.internal(caller)?;
        if let Some(rise) = risen {
            core.audit(&tx, caller, rise).await.internal(caller)?;
        }
        tx.commit().await.internal(caller)?;
        Ok(*new)
    }
}

fn same_integration(a: &RecordOwner, b: &RecordOwner, field: MappingField) -> Result<(), CreateMappingError> {
    if a.integration_id == b.integration_id {
        return Ok(());
    }
    let sentence = "The two records belong to different integrations. Choose records of one integration.".to_owned();
    Err(CreateMappingError::Input(field, sentence))
}

/// The scope of terms that a person wrote; words that are no terms are refused with a sentence. A commitment that is left
/// out means every commitment.
pub(in crate::service) fn term_scope(
    billing: Option<&str>,
    commitment: Option<&str>,
) -> Result<MappingScope, (MappingField, String)> {
    let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let (billing, commitment) = (given(billing), given(commitment));
    let refuse = |field, text: &str, examples: &str| {
        let text: String = text.chars().take(40).collect();
        Err((field, format!("`{text}` is not a term. Write {examples}, or leave it out.")))
    };
    let billing_term = match billing.as_deref().map(BillingTerm::parse) {
        Some(Known::Unrecognized(text)) => {
            return refuse(MappingField::BillingTerm, &text, "Monthly, Annual, 2-Year, 3-Year, One-Time or Arrears");
        }
        other => other,
    };
    if let Some(text) = &commitment
        && BillingTerm::parse(text).known().is_none()
        && term::months(text).is_none()
    {
        return refuse(MappingField::CommitmentTerm, text, "Monthly, 1-Year, 2-Year, 3-Year or One-Time");
    }
    let mut scope = MappingScope::of_term(billing_term.as_ref(), commitment.as_deref());
    if commitment.is_none() {
        scope.commitment_term = String::new();
    }
    Ok(scope)
}
