//! Reading what a reconciliation looks at, batch by batch, into the engine's input.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::execute::{Pulse, Stop};
use super::intake::{Intake, ProductRule, exclusion_reason};
use crate::domain::id::{ExternalId, OrganizationId, ProviderAccountId};
use crate::domain::mapping::{Mapping, MappingKind, MappingStatus, RecordKind};
use crate::domain::period::Period;
use crate::domain::provider::ProviderAccount;
use crate::domain::record::{Known, VendorInvoiceStatus};
use crate::domain::run::ReconciliationRun;
use crate::engine::billing::{CompanyMapping, InputError, PeriodRule, Policy, Standing};
use crate::storage::billing::{LineWindow, psa_lines, vendor_lines};
use crate::storage::source::agreement_line::AgreementLineTable;
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::price_book_entry::PriceBookEntryTable;
use crate::storage::source::psa_invoice::PsaInvoiceTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::subscription::SubscriptionRevisionTable;
use crate::storage::source::subscription::SubscriptionTable;
use crate::storage::source::vendor_invoice::VendorInvoiceTable;
use crate::storage::source::vendor_price::VendorPriceTable;
use crate::storage::source::{Identity, Presence, SourceTable, Stored, batch};
use crate::storage::{account, exclusion, mapping, reconciliation, suppression};

/// Records read at once.
const BATCH: u64 = 2_000;

/// Everything that was read.
pub(super) struct Loaded {
    pub(super) intake: Intake,
    /// When it was read.
    pub(super) read_at: DateTime<Utc>,
}

struct Loader<'a> {
    db: &'a DatabaseTransaction,
    organization_id: OrganizationId,
    pulse: &'a mut Pulse,
    loaded: Loaded,
    /// External ids of records that mappings and exclusions name by our ids.
    external_ids: HashMap<Uuid, ExternalId>,
}

/// Reads everything as it is at this moment, whatever is synced meanwhile.
pub(super) async fn load(pulse: &mut Pulse, run: &ReconciliationRun, policy: &Policy) -> Result<Loaded, Stop> {
    let core = pulse.core().clone();
    let db = reconciliation::snapshot(&core.store).await?;
    let organization_id = run.organization_id;
    let (pax8, psa) = account::pair(&db, organization_id, run.integration_id).await?;
    let mut loader = Loader {
        db: &db,
        organization_id,
        pulse,
        loaded: Loaded { intake: Intake::default(), read_at: core.clock.now() },
        external_ids: HashMap::new(),
    };
    loader.pax8_records(&pax8, run).await?;
    loader.psa_records(&psa).await?;
    loader.decisions(run).await?;
    loader.lines(invoice_months(policy, run), pax8.id, psa.id).await?;
    Ok(loader.loaded)
}

impl Loader<'_> {
    /// Takes every record of a list.
    async fn each<T: SourceTable>(
        &mut self,
        account_id: ProviderAccountId,
        presence: Presence,
        mut take: impl FnMut(&mut Self, Identity, T::Record),
    ) -> Result<(), Stop> {
        let mut after: Option<String> = None;
        loop {
            let records =
                batch::<T>(self.db, self.organization_id, account_id, presence, after.as_deref(), BATCH).await?;
            let is_last = (records.len() as u64) < BATCH;
            after = records.last().map(|stored| stored.identity.external_id.clone()).or(after);
            for Stored { identity, record } in records {
                take(self, identity, record);
            }
            if is_last {
                return Ok(());
            }
            self.pulse.beat().await?;
        }
    }

    fn intake(&mut self) -> &mut Intake {
        &mut self.loaded.intake
    }

    fn check(&mut self, taken: Result<(), InputError>) {
        self.intake().check(taken);
    }

    // Names, states and prices of the past are needed for past months, so records that are gone count as well.
    async fn pax8_records(&mut self, pax8: &ProviderAccount, run: &ReconciliationRun) -> Result<(), Stop> {
        self.each::<CompanyTable>(pax8.id, Presence::Everything, |loader, identity, company| {
            loader.external_ids.insert(identity.id, company.external_id.clone());
            loader.intake().builder.add_company(&company);
        })
        .await?;
        self.each::<Pax8ProductTable>(pax8.id, Presence::Everything, |loader, identity, product| {
            loader.external_ids.insert(identity.id, product.external_id.clone());
            loader.intake().add_product(&product);
        })
        .await?;
        self.each::<SubscriptionTable>(pax8.id, Presence::Everything, |loader, identity, mut subscription| {
            if identity.gone_at.is_some() && subscription.end_date.is_none() {
                // Nobody will ever tell when it ended; the last day on which it was there is the latest that is known.
                subscription.end_date = Some(identity.last_seen_at.with_timezone(&pax8.time_zone).date_naive());
            }
            let taken = loader.intake().builder.add_subscription(&subscription);
            loader.check(taken);
        })
        .await?;
        self.each::<SubscriptionRevisionTable>(pax8.id, Presence::Present, |loader, _, state| {
            let taken = loader.intake().builder.add_subscription(&state);
            loader.check(taken);
        })
        .await?;
        self.each::<VendorPriceTable>(pax8.id, Presence::Present, |loader, _, price| {
            let taken = loader.intake().builder.add_vendor_price(&price);
            loader.check(taken);
        })
        .await?;
        let months = invoice_months(&Policy::default(), run);
        self.each::<VendorInvoiceTable>(pax8.id, Presence::Present, |loader, _, invoice| {
            // The draft of a month that is not looked at changes nothing here, its fingerprint included.
            let is_draft = invoice.status == Some(Known::Known(VendorInvoiceStatus::Draft));
            let month = Period::of(invoice.invoice_date);
            if is_draft && months.is_some_and(|(first, last)| month < first || last < month) {
                return;
            }
            let taken = loader.intake().builder.add_vendor_invoice(&invoice);
            loader.check(taken);
        })
        .await
    }

    async fn psa_records(&mut self, psa: &ProviderAccount) -> Result<(), Stop> {
        self.each::<CustomerTable>(psa.id, Presence::Everything, |loader, identity, customer| {
            loader.external_ids.insert(identity.id, customer.external_id.clone());
            loader.intake().builder.add_customer(&customer);
        })
        .await?;
        self.each::<PsaProductTable>(psa.id, Presence::Everything, |loader, identity, item| {
            loader.external_ids.insert(identity.id, item.external_id.clone());
            loader.intake().add_item(&item);
        })
        .await?;
        self.each::<AgreementLineTable>(psa.id, Presence::Everything, |loader, identity, mut line| {
            if identity.gone_at.is_some() && line.effective_to.is_none() {
                line.effective_to = Some(identity.last_seen_at.with_timezone(&psa.time_zone).date_naive());
            }
            let taken = loader.intake().builder.add_agreement_line(&line);
            loader.check(taken);
        })
        .await?;
        self.each::<PriceBookEntryTable>(psa.id, Presence::Present, |loader, _, entry| {
            let taken = loader.intake().builder.add_book_price(&entry);
            loader.check(taken);
        })
        .await?;
        self.each::<PsaInvoiceTable>(psa.id, Presence::Present, |loader, _, invoice| {
            loader.intake().builder.add_psa_invoice(&invoice);
        })
        .await
    }

    async fn decisions(&mut self, run: &ReconciliationRun) -> Result<(), Stop> {
        let active = [MappingStatus::Suggested, MappingStatus::Confirmed];
        for kind in [MappingKind::Customer, MappingKind::Product] {
            let mappings = mapping::all(self.db, self.organization_id, run.integration_id, kind, &active).await?;
            for mapping in mappings {
                self.mapping(&mapping);
            }
            self.pulse.beat().await?;
        }
        self.loaded.intake.rules =
            suppression::holding_on(self.db, self.organization_id, run.integration_id, run.as_of).await?;
        for exclusion in exclusion::all(self.db, self.organization_id, run.integration_id).await? {
            let Some(record) = self.external_ids.get(&exclusion.record_id) else { continue };
            let (builder, reason) = (&mut self.loaded.intake.builder, exclusion_reason(exclusion.reason));
            match exclusion.record_kind {
                RecordKind::Company => builder.exclude_company(record, reason),
                RecordKind::Customer => builder.exclude_customer(record, reason),
                RecordKind::Pax8Product => builder.exclude_product(record, reason),
                // What is billed on an item of the MSP's own is left out of the comparison already.
                RecordKind::PsaProduct => {}
            }
        }
        Ok(())
    }

    fn mapping(&mut self, mapping: &Mapping) {
        let ends = (self.external_ids.get(&mapping.pax8_record_id), self.external_ids.get(&mapping.psa_record_id));
        let (Some(pax8), Some(psa)) = ends else {
            let missing = "one of its records is not there any more".to_owned();
            return self.intake().leave_out("mapping", mapping.id.to_string(), missing);
        };
        let standing = match mapping.state.status() {
            MappingStatus::Confirmed => Standing::Confirmed,
            MappingStatus::Suggested => Standing::Suggested,
            MappingStatus::Rejected | MappingStatus::Removed => return,
        };
        if mapping.kind == MappingKind::Customer {
            let builder = &mut self.loaded.intake.builder;
            return builder.map_company(CompanyMapping { company: pax8, customer: psa, standing });
        }
        let rule = ProductRule {
            product: pax8,
            scope: &mapping.scope,
            item: psa,
            factor: mapping.factor,
            role: mapping.role,
            standing,
        };
        if let Err(reason) = self.loaded.intake.map_product(&rule) {
            self.intake().leave_out("mapping", mapping.id.to_string(), reason);
        }
    }

    async fn lines(
        &mut self,
        months: Option<(Period, Period)>,
        pax8: ProviderAccountId,
        psa: ProviderAccountId,
    ) -> Result<(), Stop> {
        let organization_id = self.organization_id;
        let mut after: Option<String> = None;
        loop {
            let window = LineWindow { organization_id, account_id: pax8, months };
            let lines = vendor_lines(self.db, &window, after.as_deref(), BATCH).await?;
            let is_last = (lines.len() as u64) < BATCH;
            after = lines.last().map(|stored| stored.identity.external_id.clone());
            self.pulse.lines += lines.len() as u64;
            for stored in lines {
                let taken = self.intake().builder.add_vendor_line(&stored.record);
                self.check(taken);
            }
            self.pulse.beat().await?;
            if is_last {
                break;
            }
        }
        let mut after: Option<String> = None;
        loop {
            let window = LineWindow { organization_id, account_id: psa, months };
            let lines = psa_lines(self.db, &window, after.as_deref(), BATCH).await?;
            let is_last = (lines.len() as u64) < BATCH;
            after = lines.last().map(|stored| stored.identity.external_id.clone());
            self.pulse.lines += lines.len() as u64;
            for stored in lines {
                let taken = self.intake().builder.add_psa_line(&stored.record);
                self.check(taken);
            }
            self.pulse.beat().await?;
            if is_last {
                return Ok(());
            }
        }
    }
}

/// The months of the invoices whose lines a policy looks at; `None` when it goes by something else than their dates.
fn invoice_months(policy: &Policy, run: &ReconciliationRun) -> Option<(Period, Period)> {
    let by_date = PeriodRule::default();
    let is_by_date =
        policy.vendor_period == by_date && policy.psa_period == by_date && policy.arrears_shift_months == 0;
    is_by_date.then_some((run.period_from, run.period_to))
}
