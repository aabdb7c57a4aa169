//! Expressions in CEL, as an API server evaluates those of a definition. The only place that names `cel`.
//!
//! Beside the language and its extensions for texts, lists and numbers there is Kubernetes' `quantity`. An
//! expression that asks for another function of Kubernetes has no answer here, which is told apart from a no.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::Context;
use cel::DeclarationError;
use cel::Env;
use cel::ExecutionError;
use cel::Program;
use cel::Value;
use cel::common::types::CelOptional;
use cel::extensions;
use cel::extractors::This;
use cel::objects::Key;
use cel::objects::Map;
use cel::objects::Opaque;
use serde_json::Value as Json;

use super::quantity;

/// Words that no field can have as its name in an expression (Kubernetes, `apiserver/schema/cel/model`).
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// What became of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is so.
    Yes,
    /// It is not so; also where an API server comes to no answer, such as for a key that is not there.
    No,
    /// It says this.
    Text(String),
    /// It cannot be evaluated here, and why.
    Unknown(String),
}

/// Evaluates expressions, each of which is read once.
pub(super) struct Engine {
    env: Arc<Env>,
    programs: BTreeMap<String, Result<Program, String>>,
}

/// The value that an expression calls `self`.
pub(super) struct Own(Value);

impl Engine {
    pub(super) fn new() -> Self {
        let mut env = Env::stdlib();
        for extension in [extensions::strings, extensions::lists, extensions::math] {
            // A library that were declared twice would be there all the same.
            drop(env.add_extension(extension));
        }
        Self { env: Arc::new(env), programs: BTreeMap::new() }
    }

    /// What an expression says of a value of an object that is made: `oldSelf` is there and empty.
    pub(super) fn ask(&mut self, expression: &str, own: &Own) -> Answer {
        let mut context = Context::with_env(self.env.clone());
        context.add_variable_from_value("self", own.0.clone());
        context.add_variable_as_val("oldSelf", Box::new(CelOptional::none()));
        if let Err(error) = amounts(&mut context) {
            return Answer::Unknown(error.to_string());
        }
        match self.program(expression).as_ref().map(|program| program.execute(&context)) {
            Ok(Ok(Value::Bool(true))) => Answer::Yes,
            Ok(Ok(Value::Bool(false))) => Answer::No,
            Ok(Ok(Value::String(text))) => Answer::Text(text.to_string()),
            Ok(Ok(_)) => Answer::Unknown("it is neither true nor false".to_owned()),
            Ok(Err(error)) if is_servers(&error) => Answer::No,
            Ok(Err(error)) => Answer::Unknown(error.to_string()),
            Err(reason) => Answer::Unknown(reason.clone()),
        }
    }

    /// Whether an expression is about the object as it was before.
    pub(super) fn looks_back(&mut self, expression: &str) -> bool {
        self.program(expression).as_ref().is_ok_and(|program| program.references().has_variable("oldSelf"))
    }

    fn program(&mut self, expression: &str) -> &Result<Program, String> {
        if !self.programs.contains_key(expression) {
            let program = self.env.compile(expression);
            let program =
                program.map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned());
            self.programs.insert(expression.to_owned(), program);
        }
        &self.programs[expression]
    }
}

/// Whether an API server would come to the same error: it takes a rule without an answer for a broken one.
const fn is_servers(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::NoSuchKey(_)
            | ExecutionError::IndexOutOfBounds(_)
            | ExecutionError::DivisionByZero(_)
            | ExecutionError::RemainderByZero(_)
            | ExecutionError::Overflow(..)
            | ExecutionError::FunctionError { .. }
    )
}

impl Own {
    /// A value as expressions see it: whole numbers are numbers with a fraction where the schema says `number`, fields
    /// have names that expressions can say, and what the schema does not name is not there.
    pub(super) fn of(schema: &Json, json: &Json) -> Self {
        Self(value(schema, json))
    }
}

fn value(schema: &Json, json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => match number.as_i64().filter(|_| schema["type"] != "number") {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => {
            Value::List(Arc::new(items.iter().map(|item| value(&schema["items"], item)).collect()))
        }
        Json::Object(fields) => {
            let (known, any) = (&schema["properties"], &schema["additionalProperties"]);
            let pairs = fields.iter().filter_map(|(name, inner)| match known.get(name) {
                Some(property) => Some((spoken(name), value(property, inner))),
                None if known.is_null() => Some((name.clone(), value(any, inner))),
                None => None,
            });
            let pairs = pairs.map(|(name, inner)| (Key::from(name), inner));
            Value::Map(Map { map: Arc::new(pairs.collect()) })
        }
    }
}

/// A field's name as expressions write it.
fn spoken(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    let name = name.replace("__", "__underscores__");
    name.replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__")
}

/// An amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quantity(i128);

impl Opaque for Quantity {
    fn runtime_type_name(&self) -> &str {
        "kubernetes.Quantity"
    }
}

/// What Kubernetes knows of amounts.
fn amounts(context: &mut Context<'_, '_>) -> Result<(), DeclarationError> {
    context.add_function("quantity", |text: Arc<String>| match quantity::nano(&text) {
        Some(amount) => Ok(Value::Opaque(Arc::new(Quantity(amount)))),
        None => Err(ExecutionError::function_error("quantity", format!("`{text}` is no amount"))),
    })?;
    context.add_function("isQuantity", |text: Arc<String>| quantity::nano(&text).is_some())?;
    let both = |name: &'static str, one: &Value, other: &Value| match (amount(one), amount(other)) {
        (Some(one), Some(other)) => Ok((one, other)),
        _ => Err(ExecutionError::UndeclaredReference(Arc::new(name.to_owned()))),
    };
    context.add_function("isGreaterThan", move |This(one): This<Value>, other: Value| {
        both("isGreaterThan", &one, &other).map(|(one, other)| one > other)
    })?;
    context.add_function("isLessThan", move |This(one): This<Value>, other: Value| {
        both("isLessThan", &one, &other).map(|(one, other)| one < other)
    })?;
    context.add_function("compareTo", move |This(one): This<Value>, other: Value| {
        both("compareTo", &one, &other).map(|(one, other)| one.cmp(&other) as i64)
    })
}

fn amount(value: &Value) -> Option<i128> {
    match value {
        Value::Opaque(opaque) => opaque.downcast_ref::<Quantity>().map(|amount| amount.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn expressions_are_answered_as_a_server_answers_them() {
        let schema = json!({"properties": {"a": {"type": "integer"}, "n": {"type": "number"}, "name": {},
            "list": {"items": {"properties": {"name": {}}}}, "a-b": {}, "namespace": {}}});
        let own = json!({"a": 2, "n": 1, "name": "MAIN", "size": "1Gi", "a-b": "x", "namespace": "y",
            "list": [{"name": "x"}, {"name": "X"}]});
        let own = Own::of(&schema, &own);
        let mut engine = Engine::new();
        for (expression, want) in [
            ("self.a == 2 && self.n < 1.5", Answer::Yes),
            ("has(self.b) || self.a < 2", Answer::No),
            ("!has(self.size)", Answer::Yes),
            ("self.a__dash__b == 'x' && self.__namespace__ == 'y'", Answer::Yes),
            (
                "self.list.all(c, self.list.filter(d, d.name.lowerAscii() == c.name.lowerAscii()).size() == 1)",
                Answer::No,
            ),
            ("self.name.lowerAscii() in ['mp', 'main']", Answer::Yes),
            ("self.name.split('A')[0].size() <= 1", Answer::Yes),
            ("self.name.matches('^M.*N$')", Answer::Yes),
            ("oldSelf.hasValue() || !has(self.b)", Answer::Yes),
            ("quantity('1Gi').isGreaterThan(quantity('1G'))", Answer::Yes),
            (
                "quantity('500m').compareTo(quantity('0.5')) == 0 && quantity('1k') == quantity('1000')",
                Answer::Yes,
            ),
            ("isQuantity('much')", Answer::No),
            // A server comes to an error as well, and refuses.
            ("self.b == 1", Answer::No),
            ("quantity('much').isLessThan(quantity('1'))", Answer::No),
            ("'name: ' + self.name", Answer::Text("name: MAIN".to_owned())),
        ] {
            assert_eq!(engine.ask(expression, &own), want, "{expression}");
        }
        for unknown in ["isURL(self.name)", "self.name.find('x') == ''", "self.a +", "self.a"] {
            assert!(matches!(engine.ask(unknown, &own), Answer::Unknown(_)), "{unknown}");
        }
        assert!(engine.looks_back("has(oldSelf.a)") && !engine.looks_back("has(self.a)"));
    }
}
