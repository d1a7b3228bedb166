//! The least that a run costs: its source rows read and its report's rows written, in the same batches and transactions,
//! without anything computed between.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::lines;
use super::tenant::Tenant;
use crate::domain::id::{DiscrepancyId, OrganizationId, ProviderAccountId, ReconciliationRunId, ReportId};
use crate::domain::run::ReconciliationRun;
use crate::service::Core;
use crate::storage::billing::{LineWindow, psa_lines, vendor_lines};
use crate::storage::discrepancy::{
    self, Occurrence, OccurrenceFilter, OccurrenceOrder, StoredDiscrepancy, occurrence_page,
};
use crate::storage::page::Window;
use crate::storage::report::{self, BATCH, ReportLine, StoredReport};
use crate::storage::source::company::CompanyTable;
use crate::storage::source::customer::CustomerTable;
use crate::storage::source::pax8_product::Pax8ProductTable;
use crate::storage::source::psa_invoice::PsaInvoiceTable;
use crate::storage::source::psa_product::PsaProductTable;
use crate::storage::source::vendor_invoice::VendorInvoiceTable;
use crate::storage::source::{Presence, SourceTable, Stored, batch};
use crate::storage::{StorageError, reconciliation};

/// Records read at once, as a run does.
const RECORDS: u64 = 2_000;

/// Batches of one transaction, as in a run.
const BATCHES: usize = 4;

/// The rows of a report.
struct Rows {
    report: StoredReport,
    document: Vec<u8>,
    lines: Vec<ReportLine>,
    found: Vec<StoredDiscrepancy>,
    occurrences: Vec<Occurrence>,
}

/// How long reading the tenant's records and writing a copy of its report takes.
pub(super) async fn measure(core: &Core, tenant: &Tenant, report_id: ReportId) -> Result<Duration, StorageError> {
    let rows = copy(core, tenant, report_id).await?;
    let started = Instant::now();
    read(core, tenant).await?;
    write(core, tenant, rows).await?;
    Ok(started.elapsed())
}

async fn read(core: &Core, tenant: &Tenant) -> Result<(), StorageError> {
    let organization_id = tenant.caller.organization_id;
    let db = reconciliation::snapshot(&core.store).await?;
    each::<CompanyTable>(&db, organization_id, tenant.pax8).await?;
    each::<Pax8ProductTable>(&db, organization_id, tenant.pax8).await?;
    each::<VendorInvoiceTable>(&db, organization_id, tenant.pax8).await?;
    each::<CustomerTable>(&db, organization_id, tenant.psa).await?;
    each::<PsaProductTable>(&db, organization_id, tenant.psa).await?;
    each::<PsaInvoiceTable>(&db, organization_id, tenant.psa).await?;
    let months = Some((lines::month(), lines::month()));
    let mut after = None;
    loop {
        let window = LineWindow { organization_id, account_id: tenant.pax8, months };
        let next = last_id(&vendor_lines(&db, &window, after.as_deref(), RECORDS).await?);
        if next.is_none() {
            break;
        }
        after = next;
    }
    let mut after = None;
    loop {
        let window = LineWindow { organization_id, account_id: tenant.psa, months };
        let next = last_id(&psa_lines(&db, &window, after.as_deref(), RECORDS).await?);
        if next.is_none() {
            return Ok(());
        }
        after = next;
    }
}

async fn each<T: SourceTable>(
    db: &impl sea_orm::ConnectionTrait,
    organization_id: OrganizationId,
    account_id: ProviderAccountId,
) -> Result<(), StorageError> {
    let mut after = None;
    loop {
        let records =
            batch::<T>(db, organization_id, account_id, Presence::Everything, after.as_deref(), RECORDS).await?;
        let next = last_id(&records);
        if next.is_none() {
            return Ok(());
        }
        after = next;
    }
}

/// From where to read on; `None` when this was the end.
fn last_id<R>(records: &[Stored<R>]) -> Option<String> {
    let is_full = records.len() as u64 == RECORDS;
    records.last().filter(|_| is_full).map(|stored| stored.identity.external_id.clone())
}

async fn write(core: &Core, tenant: &Tenant, rows: Rows) -> Result<(), StorageError> {
    let organization_id = tenant.caller.organization_id;
    let Rows { report, document, lines, found, occurrences } = rows;
    let tx = core.store.begin().await?;
    report::insert(&tx, &report, document).await?;
    tx.commit().await?;
    for chunk in lines.chunks(BATCH * BATCHES) {
        let tx = core.store.begin().await?;
        for batch in chunk.chunks(BATCH) {
            report::insert_lines(&tx, organization_id, report.id, batch).await?;
        }
        tx.commit().await?;
    }
    for (found, occurrences) in found.chunks(BATCH * BATCHES).zip(occurrences.chunks(BATCH * BATCHES)) {
        let tx = core.store.begin().await?;
        for (found, occurrences) in found.chunks(BATCH).zip(occurrences.chunks(BATCH)) {
            discrepancy::insert_new(&tx, organization_id, found).await?;
            discrepancy::insert_occurrences(&tx, organization_id, occurrences).await?;
        }
        tx.commit().await?;
    }
    let tx = core.store.begin().await?;
    report::complete(&tx, organization_id, report.id).await?;
    tx.commit().await
}

/// A run for the copy, because a run has one report.
async fn run_of(
    core: &Core,
    tenant: &Tenant,
    run_id: ReconciliationRunId,
) -> Result<ReconciliationRunId, StorageError> {
    let found = reconciliation::find(core.store.read(), tenant.caller.organization_id, run_id).await?;
    let original = found.ok_or_else(|| StorageError::Corrupt("the run vanished".to_owned()))?;
    let run = ReconciliationRun { id: ReconciliationRunId(core.ids.next()), ..original };
    let tx = core.store.begin().await?;
    reconciliation::insert(&tx, &run).await?;
    tx.commit().await?;
    Ok(run.id)
}

/// The rows of a report under new ids.
async fn copy(core: &Core, tenant: &Tenant, report_id: ReportId) -> Result<Rows, StorageError> {
    let (db, organization_id) = (core.store.read(), tenant.caller.organization_id);
    let missing = || StorageError::Corrupt("the report of the run vanished".to_owned());
    let original = report::find(db, organization_id, report_id).await?.ok_or_else(missing)?;
    let document = report::document(db, organization_id, report_id).await?.ok_or_else(missing)?;
    let id = ReportId(core.ids.next());
    let run_id = run_of(core, tenant, original.run_id).await?;
    let report = StoredReport { id, run_id, fingerprint: "the same rows once more".to_owned(), ..original };
    let mut lines = Vec::new();
    loop {
        let next: Vec<i32> = (lines.len() as i32..).take(BATCH).collect();
        let found = report::lines_at(db, organization_id, report_id, &next).await?;
        if found.is_empty() {
            break;
        }
        lines.extend(found);
    }
    let (filter, order) = (OccurrenceFilter::default(), (OccurrenceOrder::Key, false));
    let (mut found, mut occurrences): (Vec<StoredDiscrepancy>, Vec<Occurrence>) = (Vec::new(), Vec::new());
    let mut window = Window::first(BATCH as u64);
    loop {
        let page = occurrence_page(db, organization_id, report_id, &filter, order, &window).await?;
        window.after = page.items.last().map(|(position, _)| position.clone());
        let ids: Vec<DiscrepancyId> = page.items.iter().map(|(_, occurrence)| occurrence.discrepancy_id).collect();
        found.extend(discrepancy::by_ids(db, organization_id, &ids).await?);
        occurrences.extend(page.items.into_iter().map(|(_, occurrence)| occurrence));
        if !page.has_next {
            break;
        }
    }
    // A discrepancy that is there is not written, so each gets another id. Its order in the index stays as random.
    let other = |id: DiscrepancyId| DiscrepancyId(Uuid::from_u128(!id.0.as_u128()));
    for discrepancy in &mut found {
        discrepancy.id = other(discrepancy.id);
    }
    for occurrence in &mut occurrences {
        occurrence.discrepancy_id = other(occurrence.discrepancy_id);
        occurrence.report_id = id;
    }
    Ok(Rows { report, document, lines, found, occurrences })
}
