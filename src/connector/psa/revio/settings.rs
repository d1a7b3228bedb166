//! What a Rev.io account needs to be read. Everything that no public document confirms is a value here, never code.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::connector::address::{Network, Place, place_of_url};
use crate::connector::oauth::kept::TokenKeeper;
use crate::connector::setting::{LONGEST_SKEW_SECONDS, Manners, SettingError, between};

/// Requests a minute that Rev.io allows an account.
pub const REQUESTS_PER_MINUTE: u32 = 500;

/// Settings of a Rev.io account without its secrets; stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RevioSettings {
    /// Where an API key is exchanged for a token.
    pub auth_url: String,
    /// Field of the exchange that holds the key.
    pub auth_request_field: String,
    /// Where the token stands in the reply.
    pub auth_token_pointer: String,
    /// Address of the PSA surface.
    pub api_base: String,
    /// Other addresses for paths that begin so.
    pub api_base_by_prefix: BTreeMap<String, String>,
    /// Header that names the tenant.
    pub tenant_header: String,
    /// The tenant's web domain, such as `acme.psarev.io`.
    pub tenant: String,
    /// More headers for the PSA surface, none of them secret.
    pub extra_headers: BTreeMap<String, String>,
    /// Paths of the PSA surface.
    pub paths: Paths,
    /// Where a list stands in a reply, in the order of trying.
    pub list_pointers: Vec<String>,
    /// How lists of the PSA surface are read page by page.
    pub paging: Paging,
    /// Where each neutral field stands in a record.
    pub fields: Fields,
    /// The Billing surface behind the PSA; `None` when it is not used.
    pub billing: Option<BillingSettings>,
    /// Which surface serves which entity.
    pub entity_surface: EntitySurface,
    /// What `FOLLOW_BILL_PROFILE` means at this tenant.
    pub bill_profile_cycle: String,
    /// Limits of the account, over both surfaces.
    pub limits: Limits,
    /// How long before its end a token is replaced, in seconds.
    pub token_skew_seconds: u64,
    /// IANA time zone of the account: a moment becomes the day that it is there.
    pub time_zone: String,
    /// Where connections may go; the operator's word and not a setting of the account.
    #[serde(skip)]
    pub network: Network,
}

impl Default for RevioSettings {
    fn default() -> Self {
        let pointers = ["/data/items", "/data/records", "/data/results", "/data", "/items", "/records"];
        Self {
            auth_url: "https://api.psarev.io/api/v1/auth/api-key/exchange".to_owned(),
            auth_request_field: "apiKey".to_owned(),
            auth_token_pointer: "/data/token".to_owned(),
            api_base: "https://api.psarev.io".to_owned(),
            api_base_by_prefix: BTreeMap::from([(
                "/project-management".to_owned(),
                "https://apim.psarev.io".to_owned(),
            )]),
            tenant_header: "X-Revio-Host".to_owned(),
            tenant: String::new(),
            extra_headers: BTreeMap::new(),
            paths: Paths::default(),
            list_pointers: pointers.map(str::to_owned).to_vec(),
            paging: Paging::default(),
            fields: Fields::default(),
            billing: None,
            entity_surface: EntitySurface::default(),
            bill_profile_cycle: "Monthly".to_owned(),
            limits: Limits::default(),
            token_skew_seconds: 60,
            time_zone: "UTC".to_owned(),
            network: Network::default(),
        }
    }
}

impl RevioSettings {
    /// Whether the account is named and every number can be used.
    pub fn check(&self) -> Result<(), SettingError> {
        if self.tenant.trim().is_empty() {
            let message = "the tenant is empty; it is the web domain of the PSA, such as `acme.psarev.io`";
            return Err(SettingError::new("tenant", message));
        }
        let bases = self.billing.iter().map(|billing| &billing.base_url).chain([&self.api_base]);
        let is_on_this_machine =
            bases.filter_map(|base| Url::parse(base).ok()).all(|base| place_of_url(&base) == Some(Place::Loopback));
        let limits = &self.limits;
        let manners = Manners {
            requests_per_minute: limits.requests_per_minute.get(),
            documented_per_minute: REQUESTS_PER_MINUTE,
            concurrency: limits.concurrency,
            timeout_seconds: limits.timeout_seconds,
            max_tries: limits.max_tries,
            first_delay_milliseconds: limits.first_delay_milliseconds,
            max_retry_after_seconds: limits.max_retry_after_seconds,
        };
        manners.check("limits.", is_on_this_machine)?;
        between("token_skew_seconds", self.token_skew_seconds, (0, LONGEST_SKEW_SECONDS))?;
        between("paging.size", self.paging.size, (1, 500))?;
        between("paging.first_page", self.paging.first_page, (0, 1))?;
        if let Some(billing) = &self.billing {
            between("billing.page_size", billing.page_size, (1, 500))?;
            between("billing.bills_per_request", billing.bills_per_request, (1, 500))?;
        }
        Ok(())
    }
}

/// Secrets of a Rev.io account.
#[derive(Clone, Default)]
pub struct RevioSecrets {
    /// API key of the PSA surface.
    pub api_key: Option<SecretString>,
    /// The consent of a person, in place of the key.
    pub consent: Option<Arc<dyn TokenKeeper>>,
    /// Password of the Billing surface.
    pub billing_password: Option<SecretString>,
    /// Subscription key of the Billing surface, where the tenant needs one.
    pub subscription_key: Option<SecretString>,
}

/// Paths of the PSA surface; what is not set is not read, and said to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paths {
    /// List of customers.
    pub customers: Option<String>,
    /// List of contacts, filtered by customer.
    pub contacts: Option<String>,
    /// List of items.
    pub products: Option<String>,
    /// List of agreements.
    pub recurring_services: Option<String>,
    /// List of recurring lines.
    pub contract_lines: Option<String>,
    /// List of invoices with their lines inside.
    pub invoices: Option<String>,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            customers: Some("/billing/api/v1/customers".to_owned()),
            contacts: Some("/billing/api/v1/contacts".to_owned()),
            products: None,
            recurring_services: None,
            contract_lines: None,
            invoices: None,
        }
    }
}

/// How lists of the PSA surface are read page by page; a page that is not full is the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paging {
    /// Parameter with the page.
    pub page_param: String,
    /// Number of the first page.
    pub first_page: u64,
    /// Parameter with the number of records.
    pub size_param: String,
    /// Records asked for at a time.
    pub size: u32,
    /// Parameter that limits contacts to a customer.
    pub customer_param: String,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            page_param: "page".to_owned(),
            first_page: 1,
            size_param: "perPage".to_owned(),
            size: 100,
            customer_param: "customerId".to_owned(),
        }
    }
}

/// The Billing surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BillingSettings {
    /// Address.
    pub base_url: String,
    /// User as `username@clientcode`.
    pub user: String,
    /// Records asked for at a time, at most 500.
    pub page_size: u32,
    /// Bills whose lines are asked for in one request.
    pub bills_per_request: usize,
}

impl Default for BillingSettings {
    fn default() -> Self {
        Self {
            base_url: "https://restapi.rev.io/v1".to_owned(),
            user: String::new(),
            page_size: 500,
            bills_per_request: 50,
        }
    }
}

/// A surface of Rev.io.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// The PSA.
    Psa,
    /// Billing.
    Billing,
}

/// Which surface serves which entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntitySurface {
    /// Customers and their contacts.
    pub customers: Surface,
    /// Items of the catalog.
    pub products: Surface,
    /// Agreements and their lines.
    pub agreements: Surface,
    /// Invoices and their lines.
    pub invoices: Surface,
}

impl Default for EntitySurface {
    fn default() -> Self {
        Self {
            customers: Surface::Psa,
            products: Surface::Billing,
            agreements: Surface::Billing,
            invoices: Surface::Billing,
        }
    }
}

/// Limits of the account and the manners towards it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Rate budget; Rev.io allows 500 requests a minute.
    pub requests_per_minute: NonZeroU32,
    /// Requests under way at the same time.
    pub concurrency: usize,
    /// Time for one request, in seconds.
    pub timeout_seconds: u64,
    /// How often a read is tried, the first time included.
    pub max_tries: usize,
    /// Wait before the second try, in milliseconds; it doubles from try to try.
    pub first_delay_milliseconds: u64,
    /// Longest wait that Rev.io may ask for, in seconds.
    pub max_retry_after_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_minute: NonZeroU32::new(450).expect("450 is not zero"),
            concurrency: 4,
            timeout_seconds: 60,
            max_tries: 5,
            first_delay_milliseconds: 500,
            max_retry_after_seconds: 120,
        }
    }
}

/// Declares where the fields of a record stand, with the defaults.
macro_rules! field_maps {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: [$($pointer:literal),* $(,)?]),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[expect(missing_docs, reason = "each is the list of pointers for the neutral field of that name")]
        pub struct $name {
            $(pub $field: Vec<String>,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: [$($pointer),*].map(str::to_owned).to_vec(),)* }
            }
        }
    )*};
}

field_maps! {
    /// Where the fields of a customer stand.
    CustomerFields {
        id: ["/customerId", "/id", "/customer_id"],
        name: [
            "/customerName", "/companyName", "/name", "/businessName", "/accountName", "/displayName",
            "/billing_address/company_name", "/service_address/company_name", "/listing_address/company_name",
        ],
        first_name: ["/firstName", "/billing_address/first_name"],
        last_name: ["/lastName", "/billing_address/last_name"],
        identifier: ["/identifier", "/customerCode"],
        status: ["/status", "/customerStatus"],
        kind: ["/type", "/types", "/customerType"],
        street: ["/address1", "/addressLine1", "/billing_address/line_1"],
        street2: ["/address2", "/addressLine2", "/billing_address/line_2"],
        city: ["/city", "/billing_address/city"],
        region: ["/state", "/billing_address/state_or_province"],
        postal_code: ["/postalCode", "/zip", "/billing_address/postal_code"],
        country: ["/country"],
        phone: ["/primaryPhone", "/phoneNumber", "/phone"],
        website: ["/website"],
        email: ["/billingEmail", "/email"],
        account_number: ["/accountNumber", "/account_number"],
        currency: ["/currencyCode", "/currency"],
        parent: ["/parentCustomerId", "/parentId", "/parent_customer_id"],
        is_deleted: ["/deletedFlag", "/isDeleted"],
        updated_at: ["/modifiedDate"],
    }

    /// Where the fields of a contact stand.
    ContactFields {
        id: ["/contactId", "/id", "/contact_id"],
        first_name: ["/firstName", "/first_name"],
        last_name: ["/lastName", "/last_name"],
        name: ["/name", "/contactName"],
        email: ["/email"],
        phone: ["/phone"],
        is_primary: ["/primary", "/isPrimary"],
    }

    /// Where the fields of an item stand.
    ProductFields {
        id: ["/product_id", "/id"],
        name: ["/description", "/name"],
        identifier: ["/code_1", "/identifier"],
        sku: ["/sku"],
        vendor_sku: ["/code_2", "/manufacturer_part_number"],
        vendor_name: ["/provider_name", "/vendor_name"],
        category: ["/product_type", "/category"],
        unit_price: ["/rate"],
        unit_cost: ["/cost", "/buy_rate"],
        currency: ["/currency_code"],
        bill_cycle: ["/bill_cycle", "/bill_every"],
        markup_percent: ["/markup_percent"],
        is_active: ["/active"],
        bills_in_arrears: ["/bills_in_arrears"],
        updated_at: ["/modified_date"],
    }

    /// Where the fields of an agreement (a service) stand.
    AgreementFields {
        id: ["/service_id", "/id"],
        customer: ["/customer_id"],
        name: ["/description", "/number", "/name"],
        end: ["/disconnected_date", "/end_date"],
        currency: ["/currency_code"],
        bill_cycle: ["/bill_cycle", "/bill_every"],
        bills_in_arrears: ["/bills_in_arrears"],
    }

    /// Where the fields of a recurring line (a service product) stand.
    AgreementLineFields {
        id: ["/service_product_id", "/id"],
        agreement: ["/service_id"],
        product: ["/product_id"],
        customer: ["/customer_id"],
        description: ["/description"],
        quantity: ["/quantity"],
        included_quantity: ["/included_quantity", "/less_included"],
        unit_price: ["/rate"],
        unit_cost: ["/cost"],
        currency: ["/currency_code"],
        bill_cycle: ["/bill_cycle", "/bill_every"],
        bills_in_arrears: ["/bills_in_arrears"],
        effective_from: ["/activated_date"],
        effective_to: ["/canceled_date"],
        status: ["/status"],
        status_date: ["/status_date"],
        is_billable: ["/billable", "/bill_customer"],
    }

    /// Where the fields of an invoice (a bill) stand.
    InvoiceFields {
        id: ["/bill_id", "/id"],
        number: ["/bill_number", "/number"],
        customer: ["/customer_id"],
        date: ["/bill_date", "/cycle_date", "/created_date"],
        total: ["/total", "/amount_due", "/amount"],
        currency: ["/currency_code"],
        status: ["/status"],
        lines: ["/lines", "/items"],
    }

    /// Where the fields of a line of an invoice (a charge or a credit) stand.
    InvoiceLineFields {
        id: ["/charge_id", "/credit_id", "/id"],
        invoice: ["/bill_id"],
        agreement_line: ["/service_product_id"],
        product: ["/product_id"],
        description: ["/description"],
        quantity: ["/quantity"],
        unit_price: ["/rate"],
        amount: ["/amount", "/product_amount"],
        period_start: ["/start_date"],
        period_end: ["/end_date"],
    }
}

/// Where each neutral field stands: ordered lists of JSON pointers, the first that says something counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// Customers.
    pub customer: CustomerFields,
    /// Contacts.
    pub contact: ContactFields,
    /// Items.
    pub product: ProductFields,
    /// Agreements.
    pub agreement: AgreementFields,
    /// Recurring lines.
    pub agreement_line: AgreementLineFields,
    /// Invoices.
    pub invoice: InvoiceFields,
    /// Lines of invoices.
    pub invoice_line: InvoiceLineFields,
}
