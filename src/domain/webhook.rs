//! Webhooks: where a provider tells us that something changed, and which lists are read again because of it.
//!
//! What a provider tells is a hint and never data: it is not signed, so everything is asked for again.
//!
//! What a message asks for is wanted until a run that began after it has read it. A run takes what is wanted when it is
//! made ([`Webhook::take`]); when it succeeds, that is done ([`Webhook::succeed`]). When it does not, what it had taken is
//! put off, and each further try of a list waits longer than the one before ([`Webhook::fail`]). When a single list was
//! refused, that one alone is put off, with those that are read for its rows, and tried apart from the others: one that is
//! refused for good keeps no other waiting.
//!
//! A message that looks like an earlier one is left out only where that loses nothing. While what it asks for is wanted,
//! it changes nothing anyway. Later it asks again, because the same change may have happened a second time (from five
//! seats to six, back to five, and to six again, or a topic whose messages tell no details), unless it is the same
//! delivery, told by the moment of sending ([`is_sent_again`]).

use chrono::{DateTime, TimeDelta, Utc};

use super::id::{IntegrationId, OrganizationId, ProviderAccountId, WebhookId};
use super::run::{Dataset, Datasets};

/// How far a webhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookStatus {
    /// The provider is being asked to send to it. It takes what comes all the same.
    Registering,
    /// The provider sends to it.
    Active,
}

/// Where a provider tells us of changes of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Id.
    pub id: WebhookId,
    /// Tenant.
    pub organization_id: OrganizationId,
    /// Integration that the account is a side of.
    pub integration_id: IntegrationId,
    /// Account.
    pub account_id: ProviderAccountId,
    /// State.
    pub status: WebhookStatus,
    /// Address with its secret part hidden.
    pub url: String,
    /// Whether a person set it up at the provider by hand.
    pub is_manual: bool,
    /// The provider's id of it; `None` for one that a person set up.
    pub external_id: Option<String>,
    /// Topics that it was registered for, in the provider's words; empty when a person chose them at the provider.
    pub topics: Vec<String>,
    /// Topics that came in and mean nothing to this version.
    pub unknown_topics: Vec<String>,
    /// Lists that wait to be read again as soon as they can be.
    pub wanted: Datasets,
    /// Since when they wait.
    pub wanted_since: Option<DateTime<Utc>>,
    /// Lists that the run under way has taken; should it not succeed, they wait again.
    pub reading: Datasets,
    /// Lists that could not be read, until they were; each once.
    pub put_off: Vec<PutOff>,
    /// Messages that came in, repeated ones included.
    pub delivery_count: i64,
    /// When the last one came in.
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// Grows by one with every change of its registration.
    pub version: i64,
}

/// A list that could not be read, and is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutOff {
    /// List.
    pub list: Dataset,
    /// Tries in a row that failed.
    pub failures: u32,
    /// Before which moment no run is made for it.
    pub retry_at: DateTime<Utc>,
}

/// How long to wait for more of the kind before a run begins: one change at a provider often makes several messages.
pub const SETTLE: TimeDelta = TimeDelta::seconds(1);

/// How many unknown topics are remembered.
const UNKNOWN_TOPICS: usize = 20;

/// Wait after the first run that failed; it doubles with each further one.
const FIRST_WAIT: TimeDelta = TimeDelta::minutes(1);

/// The wait does not grow beyond this: the schedule of an integration is seldom slower.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

impl Webhook {
    /// One that the provider does not know yet, and over which nothing came in.
    pub fn registering(
        id: WebhookId,
        (organization_id, integration_id, account_id): (OrganizationId, IntegrationId, ProviderAccountId),
        url: String,
        created_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            organization_id,
            integration_id,
            account_id,
            status: WebhookStatus::Registering,
            url,
            is_manual: false,
            external_id: None,
            topics: Vec::new(),
            unknown_topics: Vec::new(),
            wanted: Datasets::NONE,
            wanted_since: None,
            reading: Datasets::NONE,
            put_off: Vec::new(),
            delivery_count: 0,
            last_delivered_at: None,
            created_at,
            version: 1,
        }
    }

    /// Lists are to be read again. What was put off stays put off, because a message does not make it readable; unless it is
    /// being tried at this moment, so that nobody knows whether the try has read what the message is about.
    pub fn want(&mut self, lists: Datasets, now: DateTime<Utc>) {
        let stays_put_off = self.put_off_lists().without(self.reading);
        self.wanted = self.wanted.with(lists.without(stays_put_off));
        self.wanted_since = self.wanted_since.or(Some(now)).filter(|_| !self.wanted.is_empty());
    }

    /// The lists that a run may be made for now; none when nothing waits, or not long enough. What was put off goes first,
    /// so that others that are wanted all the time do not keep it waiting, and alone, so that it takes none of them along
    /// should it fail again; but never before the lists for whose rows it is read, which would find nothing to read for.
    pub fn due(&self, now: DateTime<Utc>) -> Datasets {
        let tried = self.put_off_where(|put_off| put_off.retry_at <= now);
        let tried = self.after_parents(tried.with(parents_of(tried).and(self.wanted)));
        let is_settled = self.wanted_since.is_none_or(|since| since <= now - SETTLE);
        if !tried.is_empty() {
            tried
        } else if !self.wanted.is_empty() && is_settled {
            // With what a run had taken that nobody saw end.
            self.after_parents(self.wanted.with(self.reading))
        } else {
            Datasets::NONE
        }
    }

    /// These lists without those for which others have to be read first.
    fn after_parents(&self, lists: Datasets) -> Datasets {
        let unread = self.unread().without(lists);
        unread.iter().fold(lists, |lists, parent| lists.without(parent.dependents()))
    }

    /// When the first of what was put off is tried again; `None` when nothing was.
    pub fn retry_at(&self) -> Option<DateTime<Utc>> {
        self.put_off.iter().map(|put_off| put_off.retry_at).min()
    }

    /// What no run has read yet.
    pub fn unread(&self) -> Datasets {
        self.wanted.with(self.reading).with(self.put_off_lists())
    }

    /// A run that reads these lists is made. No other run works then, so that what one had taken that never came to an
    /// end waits again or is taken.
    pub fn take(&mut self, lists: Datasets) {
        let unread = self.unread();
        self.wanted = self.wanted.with(self.reading.without(self.put_off_lists())).without(lists);
        self.wanted_since = self.wanted_since.filter(|_| !self.wanted.is_empty());
        self.reading = unread.and(lists);
    }

    /// The run succeeded.
    pub fn succeed(&mut self) {
        let read = std::mem::replace(&mut self.reading, Datasets::NONE);
        self.put_off.retain(|put_off| !read.contains(put_off.list));
    }

    /// The run did not succeed: because of one list, or for a reason that holds for all of them.
    pub fn fail(&mut self, refused: Option<Dataset>, now: DateTime<Utc>) {
        let taken = std::mem::replace(&mut self.reading, Datasets::NONE);
        let failed = match refused {
            None => taken,
            Some(list) if taken.contains(list) => {
                // With what would find nothing to read for, and with what came for them while the run worked.
                Datasets::of(&[list]).with(list.dependents()).and(taken.with(self.wanted))
            }
            Some(_) => Datasets::NONE,
        };
        failed.iter().for_each(|list| self.put_off(list, now));
        self.wanted = self.wanted.without(failed);
        // What the run did not come to; what was put off before stays so, and is tried without this one.
        self.want(taken.without(failed), now);
    }

    /// Takes over what waits at a webhook that this one replaces.
    pub fn inherit(&mut self, old: &Self) {
        let known = self.put_off_lists();
        self.put_off.extend(old.put_off.iter().filter(|put_off| !known.contains(put_off.list)));
        self.wanted = self.wanted.with(old.wanted);
        self.wanted_since = self.wanted_since.into_iter().chain(old.wanted_since).min();
        self.reading = self.reading.with(old.reading);
    }

    fn put_off_where(&self, is_meant: impl Fn(&PutOff) -> bool) -> Datasets {
        let lists: Vec<Dataset> = self.put_off.iter().filter(|one| is_meant(one)).map(|one| one.list).collect();
        Datasets::of(&lists)
    }

    fn put_off_lists(&self) -> Datasets {
        self.put_off_where(|_| true)
    }

    fn put_off(&mut self, list: Dataset, now: DateTime<Utc>) {
        let before = self.put_off.iter().find(|put_off| put_off.list == list).map_or(0, |put_off| put_off.failures);
        // Few enough doublings that the wait fits, and enough to reach the longest one.
        let wait = (FIRST_WAIT * (1 << before.min(10))).min(LONGEST_WAIT);
        self.put_off.retain(|put_off| put_off.list != list);
        self.put_off.push(PutOff { list, failures: before.saturating_add(1), retry_at: now + wait });
    }

    /// Remembers a topic that this version does not know.
    pub fn note_unknown(&mut self, topic: &str) {
        if self.unknown_topics.len() < UNKNOWN_TOPICS && !self.unknown_topics.iter().any(|known| known == topic) {
            self.unknown_topics.push(topic.to_owned());
        }
    }
}

/// The lists for whose rows some of these are read.
fn parents_of(lists: Datasets) -> Datasets {
    let parents: Vec<Dataset> =
        Dataset::ALL.into_iter().filter(|parent| !parent.dependents().and(lists).is_empty()).collect();
    Datasets::of(&parents)
}

/// How long the provider waits for an answer before it sends again. Its moment of sending may be told in whole seconds,
/// so that an equal text that comes sooner is taken for another message of the same second.
const SENDS_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(10);

/// Whether a delivery whose text, moment of sending included, first came in at a moment is that one sent again: because
/// no answer reached the provider, or by somebody who has kept it. What it asked for was wanted then and is not lost.
pub fn is_sent_again(first: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - first >= SENDS_AGAIN_AFTER
}

/// The lists that a topic is about; `None` for one that this version does not know.
///
/// The provider publishes its topics by an API alone, and its pages have spelled them differently (`SUBSCRIPTION`,
/// `subscription/create`), so that the first word that says what it is about decides.
pub fn lists_of(topic: &str) -> Option<Datasets> {
    topic.split(|character: char| !character.is_ascii_alphanumeric()).find_map(|word| {
        let lists: &[Dataset] = match word.to_ascii_uppercase().as_str() {
            "INVOICE" | "INVOICES" => &[Dataset::VendorInvoices, Dataset::VendorInvoiceLines, Dataset::DraftInvoices],
            // An order or a provisioning that ends is a subscription that begins or changes.
            "SUBSCRIPTION" | "SUBSCRIPTIONS" | "ORDER" | "ORDERS" | "PROVISIONING" => {
                &[Dataset::Subscriptions, Dataset::SubscriptionHistory, Dataset::VendorPrices]
            }
            "PRODUCT" | "PRODUCTS" => &[Dataset::Pax8Products],
            "COMPANY" | "COMPANIES" | "CLIENT" | "CLIENTS" => &[Dataset::Companies],
            _ => return None,
        };
        Some(Datasets::of(lists))
    })
}

/// The lists that are read again for a topic that this version does not know: those that money hangs on.
pub fn lists_of_unknown() -> Datasets {
    Datasets::of(&[
        Dataset::Subscriptions,
        Dataset::SubscriptionHistory,
        Dataset::VendorInvoices,
        Dataset::VendorInvoiceLines,
    ])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(topic: &str) -> Option<Vec<&'static str>> {
        lists_of(topic).map(|lists| lists.iter().map(Dataset::as_str).collect())
    }

    fn webhook() -> Webhook {
        let id = uuid::Uuid::from_u128;
        let owner = (OrganizationId(id(2)), IntegrationId(id(3)), ProviderAccountId(id(4)));
        let new = Webhook::registering(WebhookId(id(1)), owner, String::new(), DateTime::UNIX_EPOCH);
        Webhook { status: WebhookStatus::Active, ..new }
    }

    fn lists<const N: usize>(lists: [Dataset; N]) -> [Datasets; N] {
        lists.map(|list| Datasets::of(&[list]))
    }

    #[test]
    fn what_is_wanted_stays_wanted_until_it_was_read() {
        let now = DateTime::UNIX_EPOCH;
        let [one, two, three] = lists([Dataset::Companies, Dataset::Subscriptions, Dataset::VendorInvoices]);
        let mut webhook = webhook();
        webhook.want(one, now);
        webhook.want(one.with(two), now + TimeDelta::seconds(1));
        assert_eq!((webhook.wanted, webhook.wanted_since), (one.with(two), Some(now)));
        webhook.take(one.with(three));
        assert_eq!((webhook.wanted, webhook.reading), (two, one), "a run takes what it reads");
        webhook.want(one, now);
        webhook.succeed();
        assert_eq!((webhook.wanted, webhook.reading), (one.with(two), Datasets::NONE), "it came after the run began");
        // A run that nobody saw end is made up for by the next one.
        webhook.take(Datasets::ALL);
        assert_eq!((webhook.wanted, webhook.wanted_since), (Datasets::NONE, None));
        webhook.take(one);
        assert_eq!((webhook.wanted, webhook.reading), (two, one));
        let mut new = Webhook { reading: Datasets::NONE, ..self::webhook() };
        new.inherit(&webhook);
        assert_eq!(new.unread(), one.with(two), "a webhook that is replaced loses nothing");
    }

    #[test]
    fn each_failure_is_waited_for_longer_up_to_a_limit() {
        let (now, companies) = (DateTime::UNIX_EPOCH, Datasets::of(&[Dataset::Companies]));
        let mut webhook = webhook();
        webhook.fail(None, now);
        assert_eq!(webhook.put_off, [], "it had taken nothing");
        webhook.want(companies, now);
        assert_eq!((webhook.due(now), webhook.due(now + SETTLE)), (Datasets::NONE, companies), "more may come");
        let mut waits = Vec::new();
        for _ in 0..100 {
            assert_eq!(webhook.due(webhook.retry_at().unwrap_or(now + SETTLE)), companies);
            webhook.take(companies);
            webhook.fail(None, now);
            webhook.want(companies, now);
            assert_eq!(
                (webhook.wanted, webhook.unread()),
                (Datasets::NONE, companies),
                "a message makes nothing readable"
            );
            assert_eq!(webhook.due(now + SETTLE), Datasets::NONE);
            waits.push(webhook.retry_at().map(|at| (at - now).num_minutes()));
        }
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60].map(Some));
        assert_eq!(waits[99], Some(60));
        webhook.take(companies);
        // A message for it comes while it is tried.
        webhook.want(companies, now);
        webhook.succeed();
        assert_eq!(
            (webhook.due(now + SETTLE), webhook.put_off.len()),
            (companies, 0),
            "a success forgets the failures"
        );
    }

    #[test]
    fn a_list_that_was_refused_is_tried_apart_from_the_others() {
        let now = DateTime::UNIX_EPOCH;
        let later = |seconds| now + TimeDelta::seconds(seconds);
        let [one, two, three] = lists([Dataset::Companies, Dataset::Pax8Products, Dataset::VendorInvoices]);
        let mut webhook = webhook();
        webhook.want(one.with(two), now);
        webhook.take(one.with(two));
        // A message for the refused one came while the run worked.
        webhook.want(one.with(three), now);
        webhook.fail(Some(Dataset::Companies), now);
        assert_eq!((webhook.wanted, webhook.put_off_lists()), (two.with(three), one));
        assert_eq!(webhook.due(now + SETTLE), two.with(three));
        // A success of the others does not shorten its wait.
        webhook.take(two.with(three));
        webhook.succeed();
        assert_eq!((webhook.due(later(59)), webhook.due(later(60))), (Datasets::NONE, one));
        // Others that are wanted all the time do not keep it waiting, nor do their failures.
        webhook.want(two, now);
        assert_eq!((webhook.due(later(59)), webhook.due(later(60))), (two, one));
        webhook.take(two);
        webhook.fail(Some(Dataset::Pax8Products), later(30));
        assert_eq!((webhook.due(later(60)), webhook.due(later(90))), (one, one.with(two)));
        // Of two that are tried together, the one that fails does not put the other off again.
        webhook.take(one.with(two));
        webhook.fail(Some(Dataset::Companies), later(90));
        assert_eq!(webhook.due(later(91)), two);
        // A list that nothing was wanted of puts nothing off.
        webhook.take(two);
        webhook.succeed();
        webhook.want(three, later(100));
        webhook.take(three);
        webhook.fail(Some(Dataset::Customers), later(100));
        assert_eq!((webhook.wanted, webhook.put_off_lists()), (three, one));
        let mut new = self::webhook();
        new.want(two, now);
        new.inherit(&webhook);
        assert_eq!((new.wanted, &new.put_off), (two.with(three), &webhook.put_off), "a replaced one hands it on");
    }

    #[test]
    fn what_is_read_for_the_rows_of_a_refused_list_waits_with_it() {
        let now = DateTime::UNIX_EPOCH;
        for topic in ["SUBSCRIPTION", "INVOICE"] {
            let wanted = lists_of(topic).expect("it is known");
            let first = wanted.iter().next().expect("there is one");
            let mut webhook = webhook();
            webhook.want(wanted, now);
            webhook.take(wanted);
            webhook.fail(Some(first), now);
            let free = if topic == "INVOICE" { Datasets::of(&[Dataset::DraftInvoices]) } else { Datasets::NONE };
            assert_eq!((webhook.wanted, webhook.put_off_lists()), (free, wanted.without(free)), "{topic}");
            webhook.want(wanted, now);
            assert_eq!(webhook.wanted, free, "{topic}: also what comes later");
        }
    }

    #[test]
    fn lines_that_were_put_off_before_their_invoices_are_read_after_them() {
        let now = DateTime::UNIX_EPOCH;
        let [invoices, lines] = lists([Dataset::VendorInvoices, Dataset::VendorInvoiceLines]);
        let mut webhook = webhook();
        webhook.want(lines, now);
        webhook.take(lines);
        webhook.fail(None, now);
        let later = now + TimeDelta::seconds(30);
        webhook.want(invoices, later);
        // Together, when the invoices are only wanted.
        assert_eq!(webhook.due(now + TimeDelta::seconds(60)), invoices.with(lines));
        webhook.take(invoices);
        webhook.fail(Some(Dataset::VendorInvoices), later);
        assert_eq!(webhook.due(now + TimeDelta::seconds(60)), Datasets::NONE, "the invoices have to wait");
        assert_eq!(webhook.due(now + TimeDelta::seconds(90)), invoices.with(lines));
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Told(Dataset),
        Begun,
        FullRun,
        Succeeded,
        Failed(Option<Dataset>),
    }

    fn step() -> impl Strategy<Value = Step> {
        let list = || prop::sample::select(Dataset::ALL.to_vec());
        prop_oneof![
            3 => list().prop_map(Step::Told),
            3 => Just(Step::Begun),
            1 => Just(Step::FullRun),
            2 => Just(Step::Succeeded),
            2 => prop::option::of(list()).prop_map(Step::Failed),
        ]
    }

    proptest! {
        /// Whatever happens, runs that nobody saw end included, what was told of is unread until a run that began after it
        /// has succeeded, and in the end it is tried.
        #[test]
        fn nothing_that_was_told_of_is_forgotten(steps in prop::collection::vec((step(), 0_i64..90), 1..80)) {
            let mut webhook = webhook();
            let mut now = DateTime::UNIX_EPOCH;
            // What is owed, and what of it the run under way began after.
            let (mut owed, mut begun) = (Datasets::NONE, Datasets::NONE);
            for (step, seconds) in steps {
                now += TimeDelta::seconds(seconds);
                match step {
                    Step::Told(list) => {
                        owed = owed.with(Datasets::of(&[list]));
                        begun = begun.without(Datasets::of(&[list]));
                        webhook.want(Datasets::of(&[list]), now);
                    }
                    Step::Begun | Step::FullRun => {
                        let lists = if matches!(step, Step::Begun) { webhook.due(now) } else { Datasets::ALL };
                        for parent in webhook.unread().without(lists).iter() {
                            prop_assert_eq!(parent.dependents().and(lists), Datasets::NONE, "before {:?}", parent);
                        }
                        webhook.take(lists);
                        begun = owed.and(lists);
                    }
                    Step::Succeeded => {
                        webhook.succeed();
                        owed = owed.without(begun);
                        begun = Datasets::NONE;
                    }
                    Step::Failed(refused) => {
                        webhook.fail(refused, now);
                        begun = Datasets::NONE;
                    }
                }
                prop_assert_eq!(owed.without(webhook.unread()), Datasets::NONE);
                prop_assert_eq!(webhook.put_off.len(), webhook.put_off_lists().iter().count(), "each once");
            }
            // A run whose end was not seen is followed by another one.
            webhook.fail(None, now);
            let mut read = Datasets::NONE;
            for _ in 0..3 {
                now += LONGEST_WAIT;
                let lists = webhook.due(now);
                webhook.take(lists);
                webhook.succeed();
                read = read.with(lists);
            }
            prop_assert_eq!(owed.without(read), Datasets::NONE);
            prop_assert_eq!(webhook.unread(), Datasets::NONE);
        }
    }

    #[test]
    fn a_topic_says_which_lists_are_read_again() {
        let invoices = vec!["vendor_invoices", "vendor_invoice_lines", "draft_invoices"];
        let subscriptions = vec!["subscriptions", "subscription_history", "vendor_prices"];
        for (topic, lists) in [
            ("INVOICE", Some(invoices)),
            ("SUBSCRIPTION", Some(subscriptions.clone())),
            ("subscription/create", Some(subscriptions.clone())),
            ("SUBSCRIPTION_COMPLETED", Some(subscriptions.clone())),
            ("PROVISIONING", Some(subscriptions)),
            ("PRODUCT", Some(vec!["pax8_products"])),
            ("CLIENT", Some(vec!["companies"])),
            ("Company.Updated", Some(vec!["companies"])),
            ("QUOTE", None),
            ("", None),
            ("SUBSCRIPTIONLIKE", None),
        ] {
            assert_eq!(words(topic), lists, "{topic}");
        }
    }
}
