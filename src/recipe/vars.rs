//! Variables: `{name}` in every string but those under `[vars]`; `{{` and `}}` are literal braces.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::recipe::error::Problem;
use crate::recipe::fault::Fault;

/// Puts the variables of a document in, in place, and gives the values that were used.
///
/// `given` (`--var`) goes before `[vars]`. `text` is the document's text: it says where in a string a name stands.
pub(super) fn put_in(
    document: &mut DeTable<'_>,
    text: &str,
    given: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let (mut values, places) = declared(document);
    let known: Vec<String> = values.keys().cloned().collect();
    for (name, value) in given {
        if values.insert(name.clone(), value.clone()).is_none() {
            let fault = Fault::UnknownOption { name: name.clone(), known: known.clone() };
            let marks = Vec::new();
            problems.push(Problem { fault, marks });
            values.remove(name);
        }
    }
    let mut pass = Pass { text, values: &values, used: BTreeSet::new(), problems };
    for (key, value) in document.iter_mut() {
        if key.get_ref() != "vars" {
            pass.value(value);
        }
    }
    let used = pass.used;
    for (name, span) in places.into_iter().filter(|(name, _)| !used.contains(name)) {
        problems.push(Problem::at(Fault::UnusedVariable(name), span));
    }
    values
}

type Places = BTreeMap<String, Range<usize>>;

fn declared(document: &DeTable<'_>) -> (BTreeMap<String, String>, Places) {
    let table = document.get("vars").and_then(|vars| vars.get_ref().as_table());
    let pairs = table.into_iter().flatten().filter_map(|(name, value)| {
        let value = value.get_ref().as_str()?.to_owned();
        let span = name.span();
        let name = name.get_ref().to_string();
        Some(((name.clone(), value), (name, span)))
    });
    pairs.unzip()
}

struct Pass<'a> {
    text: &'a str,
    values: &'a BTreeMap<String, String>,
    used: BTreeSet<String>,
    problems: &'a mut Vec<Problem>,
}

impl Pass<'_> {
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>) {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(string) if string.contains(['{', '}']) => {
                *string = self.string(string, &span).into();
            }
            DeValue::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            DeValue::Table(table) => table.iter_mut().for_each(|(_, inner)| self.value(inner)),
            _ => {}
        }
    }

    fn string(&mut self, string: &str, span: &Range<usize>) -> String {
        let mut done = String::with_capacity(string.len());
        let mut rest = string;
        while let Some(at) = rest.find(['{', '}']) {
            done.push_str(&rest[..at]);
            let brace = if rest[at..].starts_with('{') { '{' } else { '}' };
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                done.push(brace);
                rest = after;
                continue;
            }
            let name = rest.split_once('}').filter(|(name, _)| is_name(name));
            let Some((name, after)) = name.filter(|_| brace == '{') else {
                self.problems.push(Problem::at(Fault::Brace(brace), span.clone()));
                continue;
            };
            rest = after;
            match self.values.get(name) {
                Some(value) => {
                    done.push_str(value);
                    self.used.insert(name.to_owned());
                }
                None => self.unknown(name, span),
            }
        }
        done.push_str(rest);
        done
    }

    fn unknown(&mut self, name: &str, span: &Range<usize>) {
        let written = format!("{{{name}}}");
        let found = self.text.get(span.clone()).and_then(|text| text.find(&written));
        let exact = found.map_or(span.clone(), |at| span.start + at..span.start + at + written.len());
        let fault =
            Fault::UnknownVariable { name: name.to_owned(), known: self.values.keys().cloned().collect() };
        self.problems.push(Problem::at(fault, exact));
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(string: &str) -> (String, Vec<String>) {
        let values = BTreeMap::from([("py".to_owned(), "3.12".to_owned())]);
        let mut problems = Vec::new();
        let mut pass = Pass { text: string, values: &values, used: BTreeSet::new(), problems: &mut problems };
        let done = pass.string(string, &(0..string.len()));
        (done, problems.iter().map(|p| p.fault.to_string()).collect())
    }

    #[test]
    fn names_are_replaced_and_doubled_braces_are_literal() {
        for (string, want) in [
            ("/lib/python{py}/x", "/lib/python3.12/x"),
            ("{py}{py}", "3.123.12"),
            ("{{py}}", "{py}"),
            ("{{{py}}}", "{3.12}"),
            ("a}}b{{c", "a}b{c"),
            ("", ""),
        ] {
            assert_eq!(put(string), (want.to_owned(), vec![]), "{string}");
        }
    }

    #[test]
    fn braces_that_mean_nothing_are_problems() {
        for (string, want) in [
            ("{no}", "unknown variable `no`"),
            ("{a,b}", "a single `{` in a string"),
            ("{", "a single `{` in a string"),
            ("x}", "a single `}` in a string"),
            ("{}", "a single `{` in a string"),
        ] {
            assert_eq!(put(string).1[0], want, "{string}");
        }
    }
}
