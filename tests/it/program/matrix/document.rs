//! Documents made from the schema: every field of a type at once, at the end of a path from the root.
//!
//! Whatever an argument needs comes from the tables here. What they do not know stops the test by its name, so that
//! whoever adds an argument says what to ask with.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::schema::{Argument, Choice, Field, Kind, Schema};

/// Ids by the kind of object.
pub type Ids = BTreeMap<&'static str, Value>;

/// Kinds that an id may be of where its name does not say so.
const IDS_BY_NAME: &[(&str, &[&str])] = &[
    ("pax8RecordIds", &["pax8_company", "pax8_product"]),
    ("psaRecordIds", &["psa_customer", "psa_product"]),
    ("subjectId", &["integration", "provider_account", "customer_mapping", "api_token"]),
];

/// What stands for a value of a required argument, by its name.
const VALUES: &[(&str, &str)] = &[("periodFrom", "\"2026-08\""), ("periodTo", "\"2026-10\""), ("floor", "\"1\"")];

/// A field to ask for, and what to ask of it.
#[derive(Clone)]
pub struct Asked {
    /// The type that has the field.
    pub on: String,
    pub field: Field,
    /// Name of the answer.
    pub alias: String,
    pub arguments: Vec<(String, Filled)>,
    /// Roles that the description of the field, or of what it is asked with, asks for; any will do.
    pub needed: Vec<&'static str>,
    /// Whether only objects of `on` have it here, because what is above may be another object too.
    pub is_conditional: bool,
    /// The kind of the id that it is asked with, where there are several.
    pub kind: Option<String>,
    /// Whether a list is narrowed by ids.
    pub is_narrowed: bool,
    /// Whether the answer has fields of its own.
    pub is_composite: bool,
    pub below: Vec<Asked>,
}

/// The value of an argument.
#[derive(Clone)]
pub enum Filled {
    /// As it stands.
    Text(String),
    /// What is asked for.
    Id(String),
    /// Everything with an id.
    EveryId,
    /// What a list is narrowed by: a field of an input with ids of some kinds.
    Filter { field: String, kinds: Vec<String>, is_list: bool },
}

/// The ids that a document is asked with.
#[derive(Clone, Copy)]
pub struct With<'a> {
    /// Objects that are asked for.
    pub asked: &'a Ids,
    /// Objects by which lists are narrowed.
    pub filters: &'a Ids,
}

/// The word in the ids of a type: `Pax8Company` has `pax8_company`.
pub fn kind_word(type_name: &str) -> String {
    let mut word = String::new();
    for letter in type_name.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// The kinds of what an argument names, when it is an id.
fn kinds_of(schema: &Schema, argument: &Argument, returned: &str) -> Vec<String> {
    let name = argument.name.as_str();
    if let Some((_, kinds)) = IDS_BY_NAME.iter().find(|(known, _)| *known == name) {
        return kinds.iter().map(|kind| (*kind).to_owned()).collect();
    }
    if name == "id" || name == "ids" {
        return schema.objects(returned).iter().map(|object| kind_word(object)).collect();
    }
    let stem = name.strip_suffix("Ids").or_else(|| name.strip_suffix("Id"));
    vec![kind_word(stem.unwrap_or_else(|| panic!("nobody says what the id `{name}` is of: add it to IDS_BY_NAME")))]
}

/// What is different from one way of asking for a field to the next.
struct Way {
    alias: String,
    arguments: Vec<(String, Filled)>,
    needed: Vec<&'static str>,
    kind: Option<String>,
    is_narrowed: bool,
}

/// Every way to ask for a field: with each kind of id, each word of an enum it needs, and each id of its filters.
pub fn ways(schema: &Schema, on: &str, field: &Field) -> Vec<Asked> {
    let mut ways = vec![Way {
        alias: field.name.clone(),
        arguments: Vec::new(),
        needed: field.needed(),
        kind: None,
        is_narrowed: false,
    }];
    for argument in &field.arguments {
        let at = format!("{on}.{}({})", field.name, argument.name);
        let fillings: Vec<(Option<String>, Filled, Vec<&'static str>)> = match schema.kind(&argument.type_name) {
            _ if argument.name == "ids" => vec![(None, Filled::EveryId, Vec::new())],
            _ if argument.type_name == "ID" => {
                let kinds = kinds_of(schema, argument, &field.type_name);
                let is_only = kinds.len() == 1;
                let each = kinds.into_iter();
                each.map(|kind| ((!is_only).then(|| kind.clone()), Filled::Id(kind), Vec::new())).collect()
            }
            Kind::Enum(choices) if argument.is_required => choices.iter().map(chosen).collect(),
            _ if argument.is_required => vec![(None, Filled::Text(value_of(argument, &at)), Vec::new())],
            _ => continue,
        };
        ways = ways.iter().flat_map(|way| fillings.iter().map(|filling| way.with(argument, filling))).collect();
    }
    let filters: Vec<Way> = field.arguments.iter().flat_map(|argument| narrowed(schema, argument, &ways[0])).collect();
    ways.extend(filters);
    let is_composite = !schema.objects(&field.type_name).is_empty();
    ways.into_iter().map(|way| Asked { is_composite, ..way.of(on, field) }).collect()
}

fn chosen(choice: &Choice) -> (Option<String>, Filled, Vec<&'static str>) {
    let needed = crate::program::roles::named_in(&choice.description);
    (Some(choice.name.clone()), Filled::Text(choice.name.clone()), needed)
}

fn value_of(argument: &Argument, at: &str) -> String {
    let found = VALUES.iter().find(|(name, _)| *name == argument.name);
    found.unwrap_or_else(|| panic!("nobody says what to ask `{at}` with: add it to VALUES")).1.to_owned()
}

/// The ways to narrow a list by ids.
fn narrowed(schema: &Schema, argument: &Argument, way: &Way) -> Vec<Way> {
    let Kind::Input(fields) = schema.kind(&argument.type_name) else { return Vec::new() };
    let ids = fields.iter().filter(|field| field.type_name == "ID");
    let filters = ids.flat_map(|field| {
        let kinds = kinds_of(schema, field, "");
        let groups: Vec<Vec<String>> =
            if field.is_list { vec![kinds] } else { kinds.into_iter().map(|kind| vec![kind]).collect() };
        groups.into_iter().map(|kinds| {
            let name = format!("{}_{}", field.name, kinds.join("_"));
            (name, Filled::Filter { field: field.name.clone(), kinds, is_list: field.is_list })
        })
    });
    filters
        .map(|(name, filter)| Way { is_narrowed: true, ..way.with(argument, &(Some(name), filter, Vec::new())) })
        .collect()
}

impl Way {
    fn with(
        &self,
        argument: &Argument,
        (suffix, filled, needed): &(Option<String>, Filled, Vec<&'static str>),
    ) -> Self {
        let mut arguments = self.arguments.clone();
        arguments.push((argument.name.clone(), filled.clone()));
        let alias = suffix.as_ref().map_or_else(|| self.alias.clone(), |suffix| format!("{}_{suffix}", self.alias));
        let needed = if needed.is_empty() { self.needed.clone() } else { needed.clone() };
        let kind = match filled {
            Filled::Id(kind) if suffix.is_some() => Some(kind.clone()),
            _ => self.kind.clone(),
        };
        Self { alias, arguments, needed, kind, is_narrowed: self.is_narrowed }
    }

    fn of(self, on: &str, field: &Field) -> Asked {
        let Self { alias, arguments, needed, kind, is_narrowed } = self;
        Asked {
            on: on.to_owned(),
            field: field.clone(),
            alias,
            arguments,
            needed,
            kind,
            is_narrowed,
            is_conditional: false,
            is_composite: false,
            below: Vec::new(),
        }
    }
}

/// Every field of an object, and of what a field leads to as much as tells which object it is.
pub fn everything(schema: &Schema, object: &str) -> Vec<Asked> {
    let fields = schema.fields(object).iter();
    fields
        .flat_map(|field| ways(schema, object, field))
        .map(|asked| Asked { below: identity(schema, &asked.field.type_name), ..asked })
        .collect()
}

/// What tells which objects these are.
fn identity(schema: &Schema, type_name: &str) -> Vec<Asked> {
    let Kind::Object(fields) = schema.kind(type_name) else { return Vec::new() };
    let told = fields.iter().filter(|field| matches!(field.name.as_str(), "id" | "totalCount" | "nodes"));
    told.flat_map(|field| ways(schema, type_name, field))
        .map(|asked| Asked { below: identity(schema, &asked.field.type_name), ..asked })
        .collect()
}

/// Every field of an object, and of what it leads to as long as `is_own` says that it is looked at here.
pub fn all_of(schema: &Schema, object: &str, is_own: &dyn Fn(&str) -> bool) -> Vec<Asked> {
    let is_conditional = matches!(schema.kind(object), Kind::Abstract(_));
    let mut asked: Vec<Asked> = Vec::new();
    for name in &schema.objects(object) {
        for field in schema.fields(name) {
            let below = if schema.objects(&field.type_name).iter().any(|object| is_own(object)) {
                all_of(schema, &field.type_name, is_own)
            } else {
                identity(schema, &field.type_name)
            };
            let each = ways(schema, name, field).into_iter();
            asked.extend(each.map(|way| Asked { below: below.clone(), is_conditional, ..way }));
        }
    }
    asked
}

/// A question: every field of an object at the end of a path.
#[derive(Clone)]
pub struct Document {
    pub object: String,
    pub asked: Vec<Asked>,
    /// Names of the answers on the way.
    path: Vec<String>,
}

impl Document {
    /// Asks for every field of an object at the end of a path.
    pub fn at(schema: &Schema, path: &[Asked], object: &str) -> Self {
        let mut asked = everything(schema, object);
        for step in path.iter().rev() {
            if matches!(schema.kind(&step.field.type_name), Kind::Abstract(_)) {
                asked.iter_mut().for_each(|asked| asked.is_conditional = true);
            }
            asked = vec![Asked { below: asked, ..step.clone() }];
        }
        let path = path.iter().map(|step| step.alias.clone()).collect();
        Self { object: object.to_owned(), asked, path }
    }

    /// Asks for these fields of the root.
    pub fn of(asked: Vec<Asked>) -> Self {
        Self { object: String::new(), asked, path: Vec::new() }
    }

    /// The text of a subscription, asked with these ids; it has one field and nothing else.
    pub fn subscription(&self, with: With<'_>) -> String {
        let [field] = &self.asked[..] else { panic!("a subscription has one field") };
        format!("subscription {{ {} }}", field.text(with))
    }

    /// Whether some list is narrowed by ids.
    pub fn is_narrowed(&self) -> bool {
        fn is_any_narrowed(asked: &[Asked]) -> bool {
            asked.iter().any(|one| one.is_narrowed || is_any_narrowed(&one.below))
        }
        is_any_narrowed(&self.asked)
    }

    /// The text, asked with these ids.
    pub fn text(&self, with: With<'_>) -> String {
        selection(&self.asked, with)
    }

    /// How many objects of the type an answer has at the end of the path.
    pub fn found(&self, data: &Value) -> usize {
        let mut reached = vec![data];
        for name in &self.path {
            reached = reached.into_iter().map(|value| &value[name]).flat_map(items).collect();
        }
        reached.into_iter().filter(|value| value["__typename"] == self.object.as_str()).count()
    }
}

/// The value, or what is in the list, however deep.
fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().flat_map(items).collect(),
        _ => vec![value],
    }
}

/// A selection with its brackets; which object it is comes first.
pub fn selection(asked: &[Asked], with: With<'_>) -> String {
    let mut text = "{ __typename".to_owned();
    for one in asked {
        let (on, field) = (&one.on, one.text(with));
        let _ = if one.is_conditional { write!(text, " ... on {on} {{ {field} }}") } else { write!(text, " {field}") };
    }
    text + " }"
}

impl Asked {
    fn text(&self, with: With<'_>) -> String {
        let (alias, name) = (&self.alias, &self.field.name);
        let mut text = if alias == name { name.clone() } else { format!("{alias}: {name}") };
        let filled: Vec<String> =
            self.arguments.iter().map(|(name, filled)| format!("{name}: {}", filled.text(with))).collect();
        if !filled.is_empty() {
            let _ = write!(text, "({})", filled.join(", "));
        }
        // What has fields of its own says at least which object it is.
        if self.is_composite {
            let _ = write!(text, " {}", selection(&self.below, with));
        }
        text
    }
}

impl Filled {
    fn text(&self, with: With<'_>) -> String {
        let id = |ids: &Ids, kind: &str| {
            let found = ids.get(kind).unwrap_or_else(|| panic!("the world has no `{kind}`: give it one"));
            found.to_string()
        };
        match self {
            Self::Text(text) => text.clone(),
            Self::Id(kind) => id(with.asked, kind),
            Self::EveryId => Value::from_iter(with.asked.values().cloned()).to_string(),
            Self::Filter { field, kinds, is_list } => {
                let ids: Vec<String> = kinds.iter().map(|kind| id(with.filters, kind)).collect();
                let ids = ids.join(", ");
                if *is_list { format!("{{ {field}: [{ids}] }}") } else { format!("{{ {field}: {ids} }}") }
            }
        }
    }
}
