//! Where a run stands: which lists are done, and where the one in hand goes on.

use serde::{Deserialize, Serialize};

use crate::connector::Cursor;
use crate::domain::run::{Dataset, Datasets};
use crate::storage::StorageError;
use crate::storage::text::Word as _;

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// The provider's next page.
    pub cursor: Option<Cursor>,
    /// For lists that are read record by record: the last record that is done.
    pub parent: Option<String>,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Checkpoint {
    /// Lists that are done.
    pub done: Vec<Dataset>,
    /// The place in the list in hand.
    pub place: Place,
}

#[derive(Serialize, Deserialize, Default)]
struct Row {
    #[serde(default)]
    done: Vec<String>,
    #[serde(default)]
    cursor: Option<String>,
    #[serde(default)]
    parent: Option<String>,
}

impl Checkpoint {
    /// Reads the column.
    pub fn read(text: &str) -> Result<Self, StorageError> {
        let row: Row = serde_json::from_str(text)
            .map_err(|error| StorageError::Corrupt(format!("the checkpoint of a sync run: {error}")))?;
        Ok(Self {
            done: row.done.iter().map(|word| Dataset::read(word)).collect::<Result<_, _>>()?,
            place: Place { cursor: row.cursor.map(Cursor), parent: row.parent },
        })
    }

    /// Writes the column.
    pub fn write(&self) -> String {
        let row = Row {
            done: self.done.iter().map(|dataset| dataset.word().to_owned()).collect(),
            cursor: self.place.cursor.as_ref().map(|cursor| cursor.0.clone()),
            parent: self.place.parent.clone(),
        };
        serde_json::to_string(&row).expect("texts are always JSON")
    }

    /// The list in hand, of those that the run reads.
    pub fn current(&self, wanted: Datasets) -> Option<Dataset> {
        wanted.iter().find(|dataset| !self.done.contains(dataset))
    }

    /// Goes on at a place, or to the next list.
    pub fn advance(&mut self, dataset: Dataset, next: Option<Place>) {
        match next {
            Some(place) => self.place = place,
            None => {
                self.done.push(dataset);
                self.place = Place::default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_reads_back_and_walks_through_every_list() {
        let mut checkpoint = Checkpoint::read("{}").expect("a new run has an empty checkpoint");
        checkpoint.advance(Dataset::Companies, Some(Place { cursor: Some(Cursor("2".into())), parent: None }));
        assert_eq!(Checkpoint::read(&checkpoint.write()).expect("our own text"), checkpoint);
        let walk = |mut checkpoint: Checkpoint, wanted: Datasets| {
            let mut seen = Vec::new();
            while let Some(dataset) = checkpoint.current(wanted) {
                seen.push(dataset);
                checkpoint.advance(dataset, None);
            }
            seen
        };
        assert_eq!(walk(checkpoint.clone(), Datasets::ALL), Dataset::ALL);
        let some = [Dataset::Companies, Dataset::VendorPrices];
        assert_eq!(walk(checkpoint, Datasets::of(&some)), some, "lists that the run does not read are passed over");
    }
}
