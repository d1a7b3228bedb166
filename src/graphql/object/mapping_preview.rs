//! The floor of automatic mapping, what another one would do, and what decisions taught.

use async_graphql::{Context, Object, SimpleObject};
use rust_decimal::Decimal as Number;

use super::company::Pax8CompanyObject;
use super::customer::PsaCustomerObject;
use super::explanation::{MatchConfidence, MatchExplanation, MatchSignalKind};
use super::mapping::{Mapping, MappingKind};
use super::mapping_list::millionths;
use super::node::Node;
use super::pax8_product::Pax8ProductObject;
use super::psa_product::PsaProductObject;
use crate::domain::integration::Integration;
use crate::domain::mapping::MappingKind as Kind;
use crate::engine::matching::{Confidence, Lessons};
use crate::graphql::context::{caller, services};
use crate::graphql::cost;
use crate::graphql::error::Failure;
use crate::graphql::loader_mapping::{CompanyKey, CustomerKey, Pax8ProductKey, PsaProductKey, load_referred};
use crate::graphql::scalar::Decimal;
use crate::service::mapping::{GuardedFloor, Preview, PreviewPair, PreviewPairs, Replay, explanation};

fn decimal(confidence: Confidence) -> Decimal {
    Decimal::of_millionths(confidence.millionths())
}

/// The confidence from which pairs of a kind are mapped by themselves, as reviews leave it.
#[derive(Debug, Clone, SimpleObject)]
pub struct MappingFloor {
    /// Confidence from `0` to `1` that the settings of the integration ask for.
    pub chosen: Decimal,
    /// Confidence that holds; above the chosen one after mistakes, until reviews support it again.
    pub in_force: Decimal,
    /// Why it is where it is.
    pub explanation: String,
    /// Automatic mappings at or above the chosen floor that a person has reviewed.
    pub reviewed_count: u64,
    /// Those of them that were rejected, or replaced by another pair.
    pub wrong_count: u64,
    /// Precision that the reviewed mappings at or above the floor in force show at least, with 95 % certainty; null where
    /// none was reviewed.
    pub precision_at_least: Option<Decimal>,
    /// The wrong mapping that the matching was surest of; null while none was wrong.
    pub mistake: Option<Mapping>,
}

impl From<GuardedFloor> for MappingFloor {
    fn from(guarded: GuardedFloor) -> Self {
        let explanation = guarded.sentence();
        let floor = guarded.floor;
        Self {
            chosen: decimal(floor.chosen),
            in_force: decimal(floor.in_force),
            explanation,
            reviewed_count: floor.reviewed,
            wrong_count: floor.wrong,
            precision_at_least: floor.precision_at_least.map(decimal),
            mistake: guarded.mistake.map(Mapping::from),
        }
    }
}

/// Words of the two sides that mean the same in an integration.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct LearnedAlias {
    /// Words at Pax8; empty where those at the PSA are of no account.
    pub pax8_words: String,
    /// Words at the PSA; empty where those at Pax8 are of no account.
    pub psa_words: String,
    /// Confirmed pairs of different records that show it.
    pub confirmed_count: u64,
}

/// How far a kind of evidence is trusted in an integration.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct LearnedWeight {
    /// Kind of evidence.
    pub kind: MatchSignalKind,
    /// What its bits are multiplied by; `1` as shipped.
    pub factor: Decimal,
}

/// What the decisions of an integration taught its matching. Follows from the decisions alone: taken back, they are
/// forgotten.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct MatchLessons {
    /// Words that mean the same.
    #[graphql(complexity = "cost::list(child_complexity)")]
    pub aliases: Vec<LearnedAlias>,
    /// Kinds of evidence that weigh more or less than shipped.
    #[graphql(complexity = "cost::list(child_complexity)")]
    pub weights: Vec<LearnedWeight>,
}

impl From<Lessons> for MatchLessons {
    fn from(lessons: Lessons) -> Self {
        let aliases = lessons.aliases.into_iter().map(|alias| LearnedAlias {
            pax8_words: alias.pax8.join(" "),
            psa_words: alias.psa.join(" "),
            confirmed_count: alias.confirmed as u64,
        });
        let weights = lessons.factors.into_iter().map(|(kind, thousandths)| LearnedWeight {
            kind: MatchSignalKind::of_word(explanation::word(kind)),
            factor: Decimal(Number::new(i64::from(thousandths), 3).normalize()),
        });
        Self { aliases: aliases.collect(), weights: weights.collect() }
    }
}

/// A pair that a floor would map, or no longer map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingPreviewPair {
    kind: Kind,
    pair: PreviewPair,
}

/// A pair that a floor would map, or no longer map.
#[Object]
impl MappingPreviewPair {
    /// Company or product at Pax8.
    async fn pax8_record(&self, ctx: &Context<'_>) -> Result<Node, Failure> {
        let id = self.pair.pax8_record_id;
        Ok(match self.kind {
            Kind::Customer => {
                Pax8CompanyObject(load_referred(ctx, "company", |organization| CompanyKey(organization, id)).await?)
                    .into()
            }
            Kind::Product => {
                Pax8ProductObject(load_referred(ctx, "product", |organization| Pax8ProductKey(organization, id)).await?)
                    .into()
            }
        })
    }

    /// Customer or product at the PSA.
    async fn psa_record(&self, ctx: &Context<'_>) -> Result<Node, Failure> {
        let id = self.pair.psa_record_id;
        Ok(match self.kind {
            Kind::Customer => {
                PsaCustomerObject(load_referred(ctx, "customer", |organization| CustomerKey(organization, id)).await?)
                    .into()
            }
            Kind::Product => {
                PsaProductObject(load_referred(ctx, "item", |organization| PsaProductKey(organization, id)).await?)
                    .into()
            }
        })
    }

    /// Billing term, such as `Monthly`; null for customers and for the whole product.
    async fn billing_term(&self) -> Option<&str> {
        Some(self.pair.scope.billing_term.as_str()).filter(|term| !term.is_empty())
    }

    /// Commitment, such as `1-Year`; null for customers and for the whole product.
    async fn commitment_term(&self) -> Option<&str> {
        Some(self.pair.scope.commitment_term.as_str()).filter(|term| !term.is_empty())
    }

    /// How sure the matching is.
    async fn confidence(&self) -> MatchConfidence {
        MatchConfidence::of_millionths(self.pair.evidence.confidence)
    }

    /// Why.
    async fn explanation(&self) -> Option<MatchExplanation> {
        MatchExplanation::of_evidence(&self.pair.evidence)
    }
}

/// What a floor would have done with what people decided, had nobody decided and nothing been taught.
#[derive(Debug, Clone, SimpleObject)]
pub struct MappingReplay {
    /// Records and terms with a confirmed pair that it would have mapped so.
    pub right_count: u64,
    /// Those that it would have mapped otherwise, and rejected pairs that it would have mapped.
    pub wrong_count: u64,
    /// Those with a confirmed pair that it would have left to people.
    pub open_count: u64,
    /// Precision that this shows at least, with 95 % certainty; null where it would have mapped nothing.
    pub precision_at_least: Option<Decimal>,
    /// The wrong ones, the least sure first, at most 100.
    #[graphql(complexity = "cost::each(100, child_complexity)")]
    pub wrong: Vec<MappingPreviewPair>,
}

/// What another floor would do for mappings of one kind. Nothing is changed.
#[derive(Debug, Clone, SimpleObject)]
pub struct MappingPreview {
    /// Floor that was asked about.
    pub floor: Decimal,
    /// Floor that holds.
    pub floor_in_force: Decimal,
    /// Undecided pairs that it would map by itself.
    pub mapped_count: u64,
    /// Pairs that it would map beyond those of the floor in force.
    pub gained_count: u64,
    /// Those pairs, the least sure first, at most 100.
    #[graphql(complexity = "cost::each(100, child_complexity)")]
    pub gained: Vec<MappingPreviewPair>,
    /// Pairs of the floor in force that it would leave to people.
    pub lost_count: u64,
    /// Those pairs, the least sure first, at most 100.
    #[graphql(complexity = "cost::each(100, child_complexity)")]
    pub lost: Vec<MappingPreviewPair>,
    /// Past decisions, replayed.
    pub replay: MappingReplay,
    /// What the decisions taught.
    pub lessons: MatchLessons,
}

impl MappingPreview {
    fn of(kind: Kind, preview: Preview) -> Self {
        let pairs = |list: PreviewPairs| list.pairs.into_iter().map(|pair| MappingPreviewPair { kind, pair }).collect();
        let Preview { floor, in_force, mapped, gained, lost, replay, lessons } = preview;
        let Replay { right, wrong, open, precision_at_least } = replay;
        Self {
            floor: decimal(floor),
            floor_in_force: decimal(in_force),
            mapped_count: mapped,
            gained_count: gained.count,
            gained: pairs(gained),
            lost_count: lost.count,
            lost: pairs(lost),
            replay: MappingReplay {
                right_count: right,
                wrong_count: wrong.count,
                open_count: open,
                precision_at_least: precision_at_least.map(decimal),
                wrong: pairs(wrong),
            },
            lessons: lessons.into(),
        }
    }
}

/// What another floor would do.
pub async fn preview(
    ctx: &Context<'_>,
    integration: &Integration,
    kind: MappingKind,
    floor: Decimal,
) -> Result<MappingPreview, Failure> {
    let (caller, kind) = (caller(ctx), Kind::from(kind));
    let floor = Confidence::from_millionths(millionths(floor, "floor")?);
    let preview = services(ctx).mapping.preview(caller, integration.id, kind, floor).await?;
    let missing = || Failure::Internal { correlation_id: caller.correlation_id.clone() };
    Ok(MappingPreview::of(kind, preview.ok_or_else(missing)?))
}

/// The floor for mappings of one kind.
pub async fn floor(ctx: &Context<'_>, integration: &Integration, kind: Kind) -> Result<MappingFloor, Failure> {
    let caller = caller(ctx);
    let guarded = services(ctx).mapping.floor(caller, integration.id, kind).await?;
    let missing = || Failure::Internal { correlation_id: caller.correlation_id.clone() };
    Ok(guarded.ok_or_else(missing)?.into())
}
