//! The schema as the matrix reads it: types, fields, arguments, and the roles that descriptions ask for.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, EnumValueDefinition, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};

use crate::program::roles::named_in;

/// The exported schema.
pub struct Schema {
    types: BTreeMap<String, Kind>,
}

/// What a type is.
pub enum Kind {
    /// A scalar.
    Scalar,
    /// A choice of words.
    Enum(Vec<Choice>),
    /// An object.
    Object(Vec<Field>),
    /// An interface or a union, with the names of the objects that it may be.
    Abstract(Vec<String>),
    /// What a caller hands over.
    Input(Vec<Argument>),
}

/// A field of an object.
#[derive(Clone)]
pub struct Field {
    pub name: String,
    pub description: String,
    pub arguments: Vec<Argument>,
    /// Name of the type, without the marks of lists and of what is never null.
    pub type_name: String,
}

/// An argument, or a field of an input.
#[derive(Clone)]
pub struct Argument {
    pub name: String,
    pub description: String,
    pub type_name: String,
    pub is_required: bool,
    pub is_list: bool,
}

/// A value of an enum.
#[derive(Clone)]
pub struct Choice {
    pub name: String,
    pub description: String,
}

impl Field {
    /// The roles that the description asks for; any of them will do.
    pub fn needed(&self) -> Vec<&'static str> {
        named_in(&self.description)
    }
}

impl Schema {
    /// The schema that the program exports.
    pub fn exported() -> Self {
        let document = parse_schema(concord::graphql::sdl()).expect("the exported schema is a schema");
        let mut types = BTreeMap::new();
        let mut implementors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            let kind = match definition.node.kind {
                TypeKind::Scalar => Kind::Scalar,
                TypeKind::Enum(found) => Kind::Enum(found.values.into_iter().map(|value| choice(value.node)).collect()),
                TypeKind::Object(found) => {
                    for interface in found.implements {
                        implementors.entry(interface.node.to_string()).or_default().push(name.clone());
                    }
                    Kind::Object(found.fields.into_iter().map(|of| field(of.node)).collect())
                }
                TypeKind::Interface(_) => Kind::Abstract(Vec::new()),
                TypeKind::Union(found) => {
                    Kind::Abstract(found.members.into_iter().map(|member| member.node.to_string()).collect())
                }
                TypeKind::InputObject(found) => {
                    Kind::Input(found.fields.into_iter().map(|of| argument(of.node)).collect())
                }
            };
            types.insert(name, kind);
        }
        for (interface, objects) in implementors {
            types.insert(interface, Kind::Abstract(objects));
        }
        Self { types }
    }

    /// The type of this name; what the language itself knows is a scalar.
    pub fn kind(&self, name: &str) -> &Kind {
        self.types.get(name).unwrap_or(&Kind::Scalar)
    }

    /// The fields of an object.
    pub fn fields(&self, object: &str) -> &[Field] {
        match self.kind(object) {
            Kind::Object(fields) => fields,
            _ => panic!("`{object}` is an object of the schema"),
        }
    }

    /// The objects that a value of this type may be; none for what has no fields.
    pub fn objects(&self, name: &str) -> Vec<String> {
        match self.kind(name) {
            Kind::Object(_) => vec![name.to_owned()],
            Kind::Abstract(objects) => objects.clone(),
            Kind::Scalar | Kind::Enum(_) | Kind::Input(_) => Vec::new(),
        }
    }

    /// Names of all objects that can be reached from the fields of an object, with itself.
    pub fn reachable(&self, root: &str) -> Vec<String> {
        let mut found = vec![root.to_owned()];
        let mut at = 0;
        while at < found.len() {
            for field in self.fields(&found[at]) {
                for object in self.objects(&field.type_name) {
                    if !found.contains(&object) {
                        found.push(object);
                    }
                }
            }
            at += 1;
        }
        found
    }

    /// Every description that speaks of a role, by where it stands: `Type.field`, `Type.field(argument)`, `Enum.VALUE`.
    pub fn described(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (name, kind) in &self.types {
            match kind {
                Kind::Object(fields) => {
                    for field in fields {
                        all.insert(format!("{name}.{}", field.name), field.description.clone());
                        for argument in &field.arguments {
                            let place = format!("{name}.{}({})", field.name, argument.name);
                            all.insert(place, argument.description.clone());
                        }
                    }
                }
                Kind::Enum(choices) => {
                    let each = choices.iter();
                    all.extend(each.map(|choice| (format!("{name}.{}", choice.name), choice.description.clone())));
                }
                Kind::Input(fields) => {
                    let each = fields.iter();
                    all.extend(each.map(|field| (format!("{name}.{}", field.name), field.description.clone())));
                }
                Kind::Scalar | Kind::Abstract(_) => {}
            }
        }
        all.retain(|_, description| description.contains(" role ") || description.contains(" roles "));
        all
    }
}

fn text(description: Option<async_graphql::Positioned<String>>) -> String {
    let text = description.map(|text| text.node).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn field(of: FieldDefinition) -> Field {
    Field {
        name: of.name.node.to_string(),
        description: text(of.description),
        arguments: of.arguments.into_iter().map(|of| argument(of.node)).collect(),
        type_name: base(&of.ty.node).0,
    }
}

fn argument(of: InputValueDefinition) -> Argument {
    let (type_name, is_list) = base(&of.ty.node);
    Argument {
        name: of.name.node.to_string(),
        description: text(of.description),
        is_required: !of.ty.node.nullable && of.default_value.is_none(),
        type_name,
        is_list,
    }
}

fn choice(of: EnumValueDefinition) -> Choice {
    Choice { name: of.value.node.to_string(), description: text(of.description) }
}

/// The name inside a type, and whether there may be many.
fn base(of: &Type) -> (String, bool) {
    match &of.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(item) => (base(item).0, true),
    }
}
