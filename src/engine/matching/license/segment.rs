//! Market segments: who may buy a license. A name that says nothing means everyone.

use std::collections::BTreeSet;

/// A group of buyers with prices of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Schools and universities, nothing more said.
    Education,
    /// Their staff.
    Faculty,
    /// Their students.
    Student,
    /// Charities.
    Nonprofit,
    /// Government, also the American community cloud.
    Government,
    /// The stricter American community cloud.
    GovernmentHigh,
    /// The American department of defense.
    Defense,
}

impl Segment {
    /// The segment as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Education => "education",
            Self::Faculty => "faculty",
            Self::Student => "student",
            Self::Nonprofit => "nonprofit",
            Self::Government => "government",
            Self::GovernmentHigh => "government high",
            Self::Defense => "defense",
        }
    }
}

/// Takes the words of segments out of the tokens of a name.
pub(super) fn take_segments(tokens: &mut Vec<String>, segments: &mut BTreeSet<Segment>) {
    let mut rest: Vec<String> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let next = tokens.get(at + 1).map(String::as_str);
        let (segment, length) = match (tokens[at].as_str(), next) {
            ("gcc" | "gcch", Some("high")) => (Some(Segment::GovernmentHigh), 2),
            ("gcch", _) => (Some(Segment::GovernmentHigh), 1),
            ("gcc" | "gov" | "government" | "govt", _) => (Some(Segment::Government), 1),
            ("dod", _) => (Some(Segment::Defense), 1),
            ("edu" | "education" | "educational" | "academic", _) => (Some(Segment::Education), 1),
            ("faculty" | "fac" | "teacher" | "teachers", _) => (Some(Segment::Faculty), 1),
            ("student" | "students" | "stu", _) => (Some(Segment::Student), 1),
            ("nonprofit" | "nonprofits" | "charity" | "charities" | "npo" | "ngo", _) => (Some(Segment::Nonprofit), 1),
            ("non" | "not", Some("profit")) => (Some(Segment::Nonprofit), 2),
            ("not", Some("for")) if tokens.get(at + 2).is_some_and(|word| word == "profit") => {
                (Some(Segment::Nonprofit), 3)
            }
            // Said in price lists beside a segment; says nothing by itself.
            ("staff", Some("pricing" | "price")) => (Some(Segment::Nonprofit), 2),
            ("pricing" | "price" | "commercial" | "corporate", _) => (None, 1),
            _ => {
                rest.push(tokens[at].clone());
                at += 1;
                continue;
            }
        };
        segments.extend(segment);
        at += length;
    }
    // Faculty and students are education; the special one counts.
    if segments.contains(&Segment::Faculty) || segments.contains(&Segment::Student) {
        segments.remove(&Segment::Education);
    }
    if segments.contains(&Segment::GovernmentHigh) || segments.contains(&Segment::Defense) {
        segments.remove(&Segment::Government);
    }
    *tokens = rest;
}
