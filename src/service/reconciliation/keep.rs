//! Storing a report: its row first, then its lines and discrepancies in small transactions, and last the word that it
//! is complete.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::execute::{Stop, finish, held};
use super::{ReconciliationService, comparison, settle};
use crate::domain::closing::BillingPeriod;
use crate::domain::decision::DiscrepancyState;
use crate::domain::discrepancy::{DiscrepancyType, Severity};
use crate::domain::id::{DiscrepancyId, ReportId, SuppressionRuleId};
use crate::domain::money::Currency;
use crate::domain::period::Period;
use crate::domain::run::{ReconciliationRun, RunStatus};
use crate::report::document::{Document, Finding, Key, Summary};
use crate::storage::discrepancy::{self, Occurrence, StoredDiscrepancy};
use crate::storage::job::{self, Claim};
use crate::storage::report::{self, BATCH, ReportLine, Sources, StoredReport};
use crate::storage::text::Word;
use crate::storage::{StorageError, Tx, total};

/// Batches of one transaction: some thousand rows, a fraction of a second.
const BATCHES: usize = 4;

/// A report that is to be kept.
pub(super) struct Kept {
    pub(super) document: Document,
    pub(super) packed: Vec<u8>,
    pub(super) read_at: DateTime<Utc>,
}

impl ReconciliationService {
    /// Stores a report and ends the run; an equal report that is there already is the run's.
    pub(super) async fn keep(&self, claim: &Claim, run: &ReconciliationRun, kept: Kept) -> Result<(), Stop> {
        let core = &self.core;
        let Kept { document, packed, read_at } = kept;
        let summary = &document.summary;
        let tx = core.store.begin().await?;
        let mut present = held(core, &tx, claim).await?;
        let organization = run.organization_id;
        if let Some(equal) = report::equal(&*tx, organization, run.integration_id, &summary.fingerprint).await? {
            let months = settle::hold(&tx, &present).await?;
            self.conclude(&tx, claim, (&mut present, months), (equal.id, read_at), summary).await?;
            tx.commit().await?;
            return Ok(());
        }
        let id = ReportId(core.ids.next());
        let stored = StoredReport {
            id,
            organization_id: organization,
            integration_id: run.integration_id,
            run_id: run.id,
            period_from: run.period_from,
            period_to: run.period_to,
            as_of: run.as_of,
            fingerprint: summary.fingerprint.clone(),
            engine_version: summary.engine_version.to_string(),
            verdict: Word::read(&summary.verdict)?,
            is_provisional: !summary.provisional.is_empty(),
            summary: serde_json::to_string(summary).expect("a summary of texts and numbers is always JSON"),
            read_at,
            created_at: core.clock.now(),
            policy_version: run.policy_version,
        };
        report::insert(&tx, &stored, packed).await?;
        tx.commit().await?;

        for (chunk, at) in document.keys.chunks(BATCH * BATCHES).zip((0_i32..).step_by(BATCH * BATCHES)) {
            let tx = self.own(claim).await?;
            let lines = chunk.iter().zip(at..).map(line).collect::<Result<Vec<_>, _>>()?;
            for batch in lines.chunks(BATCH) {
                report::insert_lines(&tx, organization, id, batch).await?;
            }
            tx.commit().await?;
        }
        let lines_of = lines_of(&document);
        let mut numbered = document.discrepancies.iter().zip(&lines_of).zip(0_i32..);
        loop {
            let chunk: Vec<_> = numbered.by_ref().take(BATCH * BATCHES).collect();
            if chunk.is_empty() {
                break;
            }
            let tx = self.own(claim).await?;
            let now = core.clock.now();
            for batch in chunk.chunks(BATCH) {
                let mut found = Vec::with_capacity(batch.len());
                let mut occurrences = Vec::with_capacity(batch.len());
                for ((finding, line), position) in batch {
                    found.push(identity(finding, run, now)?);
                    occurrences.push(occurrence(finding, id, *position, **line)?);
                }
                // One statement cannot add a row twice; the months of one discrepancy stand close together.
                found.sort_unstable_by_key(|discrepancy| discrepancy.id);
                found.dedup_by_key(|discrepancy| discrepancy.id);
                discrepancy::insert_new(&tx, organization, &found).await?;
                discrepancy::insert_occurrences(&tx, organization, &occurrences).await?;
            }
            tx.commit().await?;
        }
        for (chunk, at) in document.groups.chunks(BATCH * BATCHES).zip((0_i32..).step_by(BATCH * BATCHES)) {
            let tx = self.own(claim).await?;
            total::insert(&tx, organization, id, at, chunk).await?;
            tx.commit().await?;
        }
        self.complete(claim, run, (id, read_at), summary).await
    }

    /// A transaction of a worker that still holds the job.
    async fn own(&self, claim: &Claim) -> Result<Tx, Stop> {
        let tx = self.core.store.begin().await?;
        job::hold(&tx, claim, self.core.clock.now()).await?;
        Ok(tx)
    }

    async fn complete(
        &self,
        claim: &Claim,
        run: &ReconciliationRun,
        (id, read_at): (ReportId, DateTime<Utc>),
        summary: &Summary,
    ) -> Result<(), Stop> {
        let (core, organization) = (&self.core, run.organization_id);
        let tx = core.store.begin().await?;
        let mut present = held(core, &tx, claim).await?;
        let months = settle::hold(&tx, &present).await?;
        match report::complete(&tx, organization, id).await {
            Ok(()) => self.conclude(&tx, claim, (&mut present, months), (id, read_at), summary).await?,
            Err(StorageError::Conflict(_)) => {
                // Another run stored the same report in the meantime.
                drop(tx);
                let tx = core.store.begin().await?;
                let mut present = held(core, &tx, claim).await?;
                let months = settle::hold(&tx, &present).await?;
                let found = report::equal(&*tx, organization, run.integration_id, &summary.fingerprint).await?;
                let equal = found.ok_or_else(|| StorageError::Corrupt("an equal report vanished".to_owned()))?;
                report::discard(&tx, organization, run.id).await?;
                self.conclude(&tx, claim, (&mut present, months), (equal.id, read_at), summary).await?;
                tx.commit().await?;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        tx.commit().await?;
        Ok(())
    }

    /// Says what is new since the run before, lets the report speak for its months, and ends the run.
    async fn conclude(
        &self,
        tx: &Tx,
        claim: &Claim,
        (run, months): (&mut ReconciliationRun, Vec<BillingPeriod>),
        (report_id, read_at): (ReportId, DateTime<Utc>),
        summary: &Summary,
    ) -> Result<(), Stop> {
        let core = &self.core;
        let mut findings = comparison::Findings::new(tx, run.organization_id);
        run.previous_report_id = comparison::record(&mut findings, run, report_id).await?;
        settle::settle(core, tx, run, (report_id, read_at), months, &mut findings).await?;
        finish(core, tx, claim, run, (outcome(summary), Some(report_id), None)).await?;
        Ok(())
    }
}

fn outcome(summary: &Summary) -> RunStatus {
    if summary.left_out.is_empty() { RunStatus::Succeeded } else { RunStatus::SucceededWithIssues }
}

/// The place of the key of each discrepancy.
fn lines_of(document: &Document) -> Vec<Option<i32>> {
    let mut lines = vec![None; document.discrepancies.len()];
    for (key, place) in document.keys.iter().zip(0_i32..) {
        for at in &key.discrepancies {
            lines[*at as usize] = Some(place);
        }
    }
    lines
}

fn corrupt(what: &str, text: &str) -> StorageError {
    StorageError::Corrupt(format!("`{text}` is not a {what}"))
}

fn period(text: &str) -> Result<Period, StorageError> {
    Period::parse(text).map_err(|_| corrupt("month", text))
}

fn currency(text: &str) -> Result<Currency, StorageError> {
    Currency::parse(text).map_err(|_| corrupt("currency", text))
}

fn line((key, position): (&Key, i32)) -> Result<ReportLine, StorageError> {
    Ok(ReportLine {
        position,
        period: period(&key.period)?,
        currency: currency(&key.currency)?,
        customer_external_id: key.customer_id.clone(),
        company_external_ids: key.company_ids.clone(),
        psa_product_external_id: key.item_id.clone(),
        pax8_product_external_ids: key.product_ids.clone(),
        class: Word::read(&key.class)?,
        reason: key.reason.as_deref().map(Word::read).transpose()?,
        cost: key.cost,
        expected: key.expected,
        billed: key.billed,
        difference: key.difference,
        margin: key.margin,
        subscribed_quantity: key.subscribed_quantity,
        charged_quantity: key.charged_quantity,
        billed_quantity: key.billed_quantity,
        is_on_suggested_mapping: key.rests_on_suggested,
        is_provisional: key.is_provisional,
        sources: Sources { vendor: key.vendor_line_ids.clone(), psa: key.psa_line_ids.clone() },
    })
}

fn identity(found: &Finding, run: &ReconciliationRun, now: DateTime<Utc>) -> Result<StoredDiscrepancy, StorageError> {
    let period = period(&found.period)?;
    Ok(StoredDiscrepancy {
        id: DiscrepancyId(Uuid::try_parse(&found.id).map_err(|_| corrupt("discrepancy id", &found.id))?),
        integration_id: run.integration_id,
        kind: DiscrepancyType::parse(&found.kind).ok_or_else(|| corrupt("type of discrepancy", &found.kind))?,
        customer_external_id: found.customer_id.clone(),
        company_external_id: found.company_id.clone(),
        psa_product_external_id: found.item_id.clone(),
        pax8_product_external_id: found.product_id.clone(),
        currency: currency(&found.currency)?,
        subscription_external_id: found.subscription_id.clone(),
        agreement_line_external_id: found.agreement_line_id.clone(),
        state: DiscrepancyState::Open,
        assignee: None,
        due_on: None,
        first_period: period,
        last_period: period,
        version: 1,
        created_at: now,
        updated_at: now,
    })
}

fn severity(word: &str) -> Result<Severity, StorageError> {
    match word {
        "INFO" => Ok(Severity::Info),
        "WARNING" => Ok(Severity::Warning),
        "CRITICAL" => Ok(Severity::Critical),
        other => Err(corrupt("severity", other)),
    }
}

fn occurrence(
    found: &Finding,
    report_id: ReportId,
    position: i32,
    report_line_position: Option<i32>,
) -> Result<Occurrence, StorageError> {
    Ok(Occurrence {
        report_id,
        position,
        discrepancy_id: DiscrepancyId(Uuid::try_parse(&found.id).map_err(|_| corrupt("discrepancy id", &found.id))?),
        report_line_position,
        period: period(&found.period)?,
        severity: severity(&found.severity)?,
        effect_severity: severity(&found.effect_severity)?,
        expected_quantity: found.expected_quantity,
        actual_quantity: found.actual_quantity,
        expected: found.expected,
        actual: found.actual,
        effect: found.effect,
        cost_effect: found.cost_effect,
        sentence: found.sentence.clone(),
        cost_sentence: found.cost_sentence.clone(),
        root_cause: found.root_cause.clone(),
        pair: found.pair.and_then(|pair| i32::try_from(pair).ok()),
        is_on_suggested_mapping: found.rests_on_suggested,
        sources: Sources { vendor: found.vendor_line_ids.clone(), psa: found.psa_line_ids.clone() },
        suppressed_by: found.hidden_by.as_deref().map(rule).transpose()?,
    })
}

fn rule(text: &str) -> Result<SuppressionRuleId, StorageError> {
    Uuid::try_parse(text).map(SuppressionRuleId).map_err(|_| corrupt("rule id", text))
}
