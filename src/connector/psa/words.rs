//! The words that PSAs use for states and cycles, in one place for every connector.

use crate::domain::record::{BillCycle, CustomerStatus, PsaInvoiceStatus};

/// A customer's state by its folded word.
pub fn customer_status(word: &str) -> Option<CustomerStatus> {
    Some(match word {
        "active" | "open" | "current" => CustomerStatus::Active,
        "prospect" | "lead" => CustomerStatus::Prospect,
        "inactive" | "closed" | "former" | "disabled" => CustomerStatus::Inactive,
        "pending" => CustomerStatus::Pending,
        _ => return None,
    })
}

/// A bill cycle by its folded word.
pub fn bill_cycle(word: &str) -> Option<BillCycle> {
    Some(match word {
        "monthly" | "month" | "1month" | "onemonth" => BillCycle::Monthly,
        "annual" | "annually" | "yearly" | "year" | "1year" | "oneyear" => BillCycle::Annual,
        "onetime" | "once" | "1time" => BillCycle::OneTime,
        "usage" | "metered" => BillCycle::Usage,
        _ => return None,
    })
}

/// An invoice's state by its folded word.
pub fn invoice_status(word: &str) -> Option<PsaInvoiceStatus> {
    Some(match word {
        "draft" | "new" | "unposted" => PsaInvoiceStatus::Draft,
        "open" | "sent" | "unpaid" | "posted" | "overdue" | "partiallypaid" => PsaInvoiceStatus::Open,
        "paid" | "closed" => PsaInvoiceStatus::Paid,
        "void" | "voided" | "cancelled" | "canceled" => PsaInvoiceStatus::Void,
        "credited" => PsaInvoiceStatus::Credited,
        _ => return None,
    })
}

/// Whether a word of billing says that the customer is billed.
pub fn is_billable(word: &str) -> Option<bool> {
    Some(match word {
        "billable" | "bill" | "true" | "yes" | "1" => true,
        "donotbill" | "nocharge" | "notbillable" | "nonbillable" | "false" | "no" | "0" => false,
        _ => return None,
    })
}

/// Whether a word of timing says that the service is billed after it was given.
pub fn is_arrears(word: &str) -> Option<bool> {
    Some(match word {
        "arrears" | "inarrears" | "true" | "yes" | "1" => true,
        "advance" | "inadvance" | "current" | "false" | "no" | "0" => false,
        _ => return None,
    })
}
