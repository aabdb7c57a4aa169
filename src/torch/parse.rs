//! From text to schema.

use super::Argument;
use super::Schema;
use super::Type;
use super::cursor::Cursor;
use super::value;

/// Why a text is no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It does not begin with a name and a bracket.
    #[error("no name of an operator and `(` at the start")]
    Name,
    /// An argument is none.
    #[error("`{found}` is no argument")]
    Argument {
        /// The text from there, shortened.
        found: String,
    },
    /// Something stands behind it.
    #[error("`{found}` is not what an operator returns")]
    Returns {
        /// The text from there, shortened.
        found: String,
    },
}

/// Reads `ns::name.overload(Tensor a, int b=1, *, str? c=None) -> Tensor`; all behind `)` may be absent.
///
/// # Errors
/// The text is no schema by the grammar of PyTorch, or names a type that PyTorch does not know.
pub fn parse(text: &str) -> Result<Schema, SchemaError> {
    let mut cursor = Cursor::new(text);
    let mut schema = head(&mut cursor).ok_or(SchemaError::Name)?;
    arguments(&mut cursor, &mut schema).map_err(|rest| SchemaError::Argument { found: short(rest) })?;
    if cursor.peek().is_none() {
        return Ok(schema);
    }
    let start = cursor;
    let read = if cursor.eat("->") { returns(&mut cursor) } else { None };
    match read {
        Some(returns) if cursor.peek().is_none() => Ok(Schema { returns: Some(returns), ..schema }),
        _ => Err(SchemaError::Returns { found: short(start.rest()) }),
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// `ns::name.overload(`
pub(super) fn head(cursor: &mut Cursor<'_>) -> Option<Schema> {
    let mut name = cursor.word(false)?;
    let mut namespace = None;
    if cursor.rest().starts_with("::") {
        cursor.eat("::");
        namespace = Some(name.to_owned());
        name = cursor.word(false)?;
    }
    let mut overload = None;
    if cursor.rest().starts_with('.') {
        cursor.eat(".");
        overload = Some(cursor.word(false)?.to_owned());
    }
    let name = name.to_owned();
    let schema = Schema { namespace, name, overload, arguments: Vec::new(), variadic: false, returns: None };
    cursor.eat("(").then_some(schema)
}

/// Everything up to and with `)`. On failure, the text where no argument was found.
pub(super) fn arguments<'a>(cursor: &mut Cursor<'a>, schema: &mut Schema) -> Result<(), &'a str> {
    let mut keyword_only = false;
    let mut first = true;
    while !cursor.eat(")") {
        let rest = cursor.rest();
        if !first && !cursor.eat(",") {
            return Err(rest);
        }
        first = false;
        if cursor.eat("...") {
            schema.variadic = true;
        } else if cursor.peek() == Some('*') {
            cursor.eat("*");
            keyword_only = true;
        } else {
            let argument = argument(cursor, keyword_only).ok_or(rest)?;
            // PyTorch refuses a name that stands twice; a compiler's copy of a literal may have its end twice.
            if schema.arguments.iter().any(|known| known.name == argument.name) {
                return Err(rest);
            }
            schema.arguments.push(argument);
        }
    }
    Ok(())
}

fn argument(cursor: &mut Cursor<'_>, keyword_only: bool) -> Option<Argument> {
    cursor.peek();
    let start = *cursor;
    let (kind, alias) = Type::read(cursor)?;
    // PyTorch would take `Tensor(a)x`, but nobody writes it: a compiler has left out a piece that it has elsewhere.
    cursor.peek();
    cursor.since(&start).ends_with(char::is_whitespace).then_some(())?;
    let name = cursor.word(false)?.to_owned();
    let default = if cursor.eat("=") { Some(value::read(cursor)?.to_owned()) } else { None };
    Some(Argument { kind, alias, name, default, keyword_only })
}

/// What stands behind `->`, as written.
pub(super) fn returns(cursor: &mut Cursor<'_>) -> Option<String> {
    cursor.peek();
    let start = *cursor;
    if !cursor.eat("...") {
        Type::read(cursor)?;
        // A single result may have a name.
        cursor.word(false);
    }
    Some(cursor.since(&start).trim().to_owned())
}
