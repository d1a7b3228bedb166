//! A discrepancy in one month, as one report found it.

use sea_orm::entity::prelude::*;

use crate::value::{ExactDecimal, Micros};

/// A discrepancy in one month, as one report found it.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "discrepancy_occurrence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub report_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    pub discrepancy_id: Uuid,
    pub report_line_position: Option<i32>,
    pub period: String,
    pub severity: i32,
    pub effect_severity: i32,
    pub expected_quantity: Option<ExactDecimal>,
    pub actual_quantity: Option<ExactDecimal>,
    pub expected: Micros,
    pub actual: Micros,
    pub effect: Micros,
    pub effect_size: Micros,
    pub cost_effect: Micros,
    pub magnitude: Micros,
    pub sentence: String,
    pub cost_sentence: Option<String>,
    pub pair: Option<i32>,
    pub is_on_suggested_mapping: bool,
    pub sources: String,
    pub root_cause: Option<String>,
    pub suppression_rule_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::discrepancy::Entity",
        from = "(Column::OrganizationId, Column::DiscrepancyId)",
        to = "(super::discrepancy::Column::OrganizationId, super::discrepancy::Column::Id)"
    )]
    Discrepancy,
    #[sea_orm(
        belongs_to = "super::report::Entity",
        from = "(Column::OrganizationId, Column::ReportId)",
        to = "(super::report::Column::OrganizationId, super::report::Column::Id)"
    )]
    Report,
}

impl ActiveModelBehavior for ActiveModel {}
