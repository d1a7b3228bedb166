//! Texts become small numbers: ids of records once per record, ids of lines in one block of memory.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

macro_rules! references {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(super) u32);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Reference for $name {
            fn from_index(index: u32) -> Self {
                Self(index)
            }
            fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

references! {
    /// A company of an [`super::Input`].
    CompanyRef,
    /// A customer of an [`super::Input`].
    CustomerRef,
    /// A Pax8 product of an [`super::Input`].
    ProductRef,
    /// A PSA item of an [`super::Input`].
    ItemRef,
    /// A subscription of an [`super::Input`].
    SubscriptionRef,
    /// An agreement of an [`super::Input`].
    AgreementRef,
    /// An agreement line of an [`super::Input`].
    AgreementLineRef,
    /// A vendor invoice of an [`super::Input`].
    VendorInvoiceRef,
    /// A PSA invoice of an [`super::Input`].
    PsaInvoiceRef,
    /// A vendor invoice line of an [`super::Input`].
    VendorLineRef,
    /// A PSA invoice line of an [`super::Input`].
    PsaLineRef,
}

/// A number that stands for a record of the input.
pub(super) trait Reference: Copy {
    fn from_index(index: u32) -> Self;
    fn index(self) -> usize;
}

/// Records by id, while they come in. A record may be named before it is known, and come more than once.
pub(super) struct Table<R, T> {
    index: HashMap<Box<str>, u32>,
    rows: Vec<(u32, T)>,
    reference: std::marker::PhantomData<R>,
}

impl<R, T> Default for Table<R, T> {
    fn default() -> Self {
        Self { index: HashMap::new(), rows: Vec::new(), reference: std::marker::PhantomData }
    }
}

impl<R: Reference, T: Ord> Table<R, T> {
    pub(super) fn name(&mut self, id: &str) -> R {
        if let Some(&at) = self.index.get(id) {
            return R::from_index(at);
        }
        let at = u32::try_from(self.index.len()).expect("a run has fewer than four billion records of a kind");
        self.index.insert(id.into(), at);
        R::from_index(at)
    }

    pub(super) fn put(&mut self, id: &str, row: T) {
        let reference = self.name(id);
        self.rows.push((reference.index() as u32, row));
    }

    /// Numbers the records in the order of their ids. The second part says which number each one has now; what the
    /// records themselves refer to has to be renumbered before they are settled.
    pub(super) fn numbered(self) -> (Numbered<T>, Renumbering) {
        let mut ids: Vec<(Box<str>, u32)> = self.index.into_iter().collect();
        ids.sort_unstable();
        let mut renumbering = vec![0_u32; ids.len()];
        for (new, (_, old)) in (0_u32..).zip(&ids) {
            renumbering[*old as usize] = new;
        }
        let mut rows = self.rows;
        for (at, _) in &mut rows {
            *at = renumbering[*at as usize];
        }
        (Numbered { ids: ids.into_iter().map(|(id, _)| id).collect(), rows }, Renumbering(renumbering))
    }
}

/// Records with their final numbers, some perhaps more than once.
pub(super) struct Numbered<T> {
    ids: Vec<Box<str>>,
    rows: Vec<(u32, T)>,
}

impl<T: Ord> Numbered<T> {
    pub(super) fn records(&mut self) -> impl Iterator<Item = &mut T> {
        self.rows.iter_mut().map(|(_, row)| row)
    }

    /// Keeps the greatest of several records with one id, so that the order in which they came does not matter.
    pub(super) fn settle(self) -> Sealed<T> {
        self.gather(|rows| rows.into_iter().next_back().expect("a group has a record"))
    }

    /// Makes one of all records with one id, which come in their own order, each once.
    pub(super) fn gather<U>(self, one: impl Fn(Vec<T>) -> U) -> Sealed<U> {
        let mut rows = self.rows;
        rows.sort_unstable();
        rows.dedup();
        let mut sealed: Vec<Option<U>> = self.ids.iter().map(|_| None).collect();
        let mut group: Vec<T> = Vec::new();
        let mut rows = rows.into_iter().peekable();
        while let Some((at, row)) = rows.next() {
            group.push(row);
            if rows.peek().is_none_or(|(next, _)| *next != at) {
                sealed[at as usize] = Some(one(std::mem::take(&mut group)));
            }
        }
        Sealed { ids: self.ids, rows: sealed }
    }
}

/// The new number of each record.
pub(super) struct Renumbering(Vec<u32>);

impl Renumbering {
    pub(super) fn apply<R: Reference>(&self, reference: R) -> R {
        R::from_index(self.0[reference.index()])
    }

    pub(super) fn apply_to<R: Reference>(&self, reference: &mut R) {
        *reference = self.apply(*reference);
    }

    pub(super) fn apply_to_some<R: Reference>(&self, reference: &mut Option<R>) {
        if let Some(reference) = reference {
            self.apply_to(reference);
        }
    }
}

/// Records in the order of their ids.
pub(super) struct Sealed<T> {
    pub(super) ids: Vec<Box<str>>,
    pub(super) rows: Vec<Option<T>>,
}

impl<T> Sealed<T> {
    pub(super) fn id(&self, reference: impl Reference) -> &str {
        &self.ids[reference.index()]
    }

    pub(super) fn get(&self, reference: impl Reference) -> Option<&T> {
        self.rows[reference.index()].as_ref()
    }
}

/// Many short texts in one block.
#[derive(Default)]
pub(super) struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn get(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    /// The first sixteen bytes as a number that sorts like the text.
    pub(super) fn prefix(&self, at: usize) -> u128 {
        let mut prefix = [0_u8; 16];
        for (slot, byte) in prefix.iter_mut().zip(self.get(at).bytes()) {
            *slot = byte;
        }
        u128::from_be_bytes(prefix)
    }
}

/// A hash for keys that are numbers already; the standard one guards against an attacker, which costs half the time.
#[derive(Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

/// A map whose keys are references.
pub(super) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;
