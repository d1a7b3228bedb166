//! Global ids: opaque to clients, `type:uuid` inside.

use async_graphql::ID;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// Type of an object that has a global id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// An integration.
    Integration,
    /// A provider account.
    ProviderAccount,
    /// A sync run.
    SyncRun,
    /// A company at Pax8.
    Pax8Company,
    /// A product at Pax8.
    Pax8Product,
    /// A subscription at Pax8.
    Pax8Subscription,
    /// A customer at the PSA.
    PsaCustomer,
    /// An item at the PSA.
    PsaProduct,
    /// A mapping of customers.
    CustomerMapping,
    /// A mapping of products.
    ProductMapping,
    /// An exclusion.
    Exclusion,
    /// A reconciliation run.
    ReconciliationRun,
    /// A report.
    ReconciliationReport,
    /// A discrepancy.
    Discrepancy,
    /// A rule that hides discrepancies.
    SuppressionRule,
    /// An audit event.
    AuditEvent,
    /// An API token.
    ApiToken,
}

const WORDS: &[(NodeKind, &str)] = &[
    (NodeKind::Integration, "integration"),
    (NodeKind::ProviderAccount, "provider_account"),
    (NodeKind::SyncRun, "sync_run"),
    (NodeKind::Pax8Company, "pax8_company"),
    (NodeKind::Pax8Product, "pax8_product"),
    (NodeKind::Pax8Subscription, "pax8_subscription"),
    (NodeKind::PsaCustomer, "psa_customer"),
    (NodeKind::PsaProduct, "psa_product"),
    (NodeKind::CustomerMapping, "customer_mapping"),
    (NodeKind::ProductMapping, "product_mapping"),
    (NodeKind::Exclusion, "exclusion"),
    (NodeKind::ReconciliationRun, "reconciliation_run"),
    (NodeKind::ReconciliationReport, "reconciliation_report"),
    (NodeKind::Discrepancy, "discrepancy"),
    (NodeKind::SuppressionRule, "suppression_rule"),
    (NodeKind::AuditEvent, "audit_event"),
    (NodeKind::ApiToken, "api_token"),
];

/// The global id of an object.
pub fn encode(kind: NodeKind, id: Uuid) -> ID {
    let word = WORDS.iter().find(|(known, _)| *known == kind).map(|(_, word)| *word).expect("every kind has a word");
    ID(URL_SAFE_NO_PAD.encode(format!("{word}:{id}")))
}

/// The object that a global id names; `None` when it is no id of ours.
pub fn decode(id: &ID) -> Option<(NodeKind, Uuid)> {
    let bytes = URL_SAFE_NO_PAD.decode(id.as_bytes()).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let (word, id) = text.split_once(':')?;
    let kind = WORDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)?;
    Some((kind, Uuid::try_parse(id).ok()?))
}

/// The id inside, when the object is of this type. Anything else is answered as an object that does not exist.
pub fn decode_as(id: &ID, kind: NodeKind) -> Option<Uuid> {
    decode(id).filter(|(found, _)| *found == kind).map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_type_and_nothing_else_is_one() {
        let uuid = Uuid::from_u128(7);
        for (kind, _) in WORDS {
            assert_eq!(decode(&encode(*kind, uuid)), Some((*kind, uuid)));
        }
        let integration = encode(NodeKind::Integration, uuid);
        assert_eq!(decode_as(&integration, NodeKind::SyncRun), None);
        for text in ["", "1", "not base64!", "aW50ZWdyYXRpb246MQ"] {
            assert_eq!(decode(&ID(text.into())), None, "{text}");
        }
    }
}
