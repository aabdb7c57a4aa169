//! From the parser's events to trees.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use granit_parser::Event;
use granit_parser::Parser;
use granit_parser::ScalarStyle;

use super::Key;
use super::Node;
use super::Value;
use super::scalar;
use crate::deploy::Problem;

/// Deepest nesting.
const DEEPEST: usize = 64;
/// Most parts of all documents, with each alias counted as what it stands for.
const MOST_PARTS: usize = 200_000;

/// A list or map whose end has not come.
enum Open {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, seen: BTreeSet<String>, key: Option<Key> },
}

struct Builder {
    documents: Vec<Node>,
    open: Vec<(Open, usize, usize)>,
    anchors: BTreeMap<usize, (Node, usize)>,
    parts: usize,
}

pub(super) fn documents(text: &str) -> Result<Vec<Node>, Problem> {
    let mut builder = Builder { documents: Vec::new(), open: Vec::new(), anchors: BTreeMap::new(), parts: 0 };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let said = error.to_string();
            let said = said.split(" at ").next().unwrap_or(&said).to_lowercase();
            let line = error.marker().line().max(1);
            tabbed(text, line).unwrap_or_else(|| Problem { line, message: format!("is not YAML: {said}") })
        })?;
        builder.event(event, span.start.line().max(1))?;
    }
    Ok(builder.documents)
}

/// A tab at the beginning of the line that cannot be read, or of the one before: parsers have odd words for it.
fn tabbed(text: &str, line: usize) -> Option<Problem> {
    let near = text.lines().enumerate().take(line).skip(line.saturating_sub(2));
    let tab = |line: &str| line.trim_start_matches(' ').starts_with('\t') && !line.trim().is_empty();
    let found = near.into_iter().find(|(_, line)| tab(line));
    let message = "is indented with a tab, and YAML takes spaces".to_owned();
    found.map(|(number, _)| Problem { line: number + 1, message })
}

impl Builder {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = match style {
                    ScalarStyle::Plain if tag.is_none() => scalar::plain(&text),
                    _ => Value::Text(text.into_owned()),
                };
                let block = style == ScalarStyle::Literal;
                self.put(Node { line, block, value }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.open(Open::List(Vec::new()), anchor, line),
            Event::MappingStart(_, anchor, _) => {
                let map = Open::Map { entries: Vec::new(), seen: BTreeSet::new(), key: None };
                self.open(map, anchor, line)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let stands_for = self.anchors.get(&anchor).cloned();
                let inside = || Problem { line, message: "refers to a part that it is itself in".to_owned() };
                let (node, parts) = stands_for.ok_or_else(inside)?;
                self.put(node, 0, parts)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, what: Open, anchor: usize, line: usize) -> Result<(), Problem> {
        if self.open.len() >= DEEPEST {
            return Err(Problem { line, message: format!("is nested deeper than {DEEPEST}") });
        }
        // A list or map is put together at its end; its anchor and line wait here.
        self.open.push((what, anchor, line));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        let Some((what, anchor, line)) = self.open.pop() else {
            return Ok(());
        };
        let value = match what {
            Open::List(items) => Value::List(items),
            Open::Map { entries, .. } => Value::Map(entries),
        };
        self.put(Node { line, block: false, value }, anchor, 1)
    }

    fn put(&mut self, node: Node, anchor: usize, parts: usize) -> Result<(), Problem> {
        self.parts += parts;
        if self.parts > MOST_PARTS {
            return Err(Problem { line: node.line, message: format!("has more than {MOST_PARTS} parts") });
        }
        if anchor != 0 {
            let parts = count(&node);
            self.anchors.insert(anchor, (node.clone(), parts));
        }
        match self.open.last_mut() {
            None => {
                self.documents.extend(Some(node).filter(|node| node.value != Value::Null));
            }
            Some((Open::List(items), ..)) => items.push(node),
            Some((Open::Map { entries, seen, key }, ..)) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let line = node.line;
                    let text = match node.value {
                        Value::List(_) | Value::Map(_) => {
                            return Err(Problem { line, message: "has a key that is no string".to_owned() });
                        }
                        _ => node.shown(),
                    };
                    if !seen.insert(text.clone()) {
                        return Err(Problem { line, message: format!("says `{text}` twice in one object") });
                    }
                    *key = Some(Key { text, line });
                }
            },
        }
        Ok(())
    }
}

/// Parts of a tree. Its depth is bounded.
fn count(node: &Node) -> usize {
    let inner: usize = match &node.value {
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|(_, node)| count(node)).sum(),
        _ => 0,
    };
    1 + inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_knows_its_line() {
        let text =
            "# a comment\na: 1\nb:\n- x\n- c: |\n    first\n    second\n---\nd: {e: [yes, 'yes']}\n---\n";
        let documents = documents(text).unwrap();
        assert_eq!(documents.len(), 2);
        let item = &documents[0].get("b").unwrap().items()[1];
        let block = item.get("c").unwrap();
        assert_eq!(item.line, 5);
        assert_eq!(block.lines().collect::<Vec<_>>(), [("first", 6), ("second", 7)]);
        assert_eq!(documents[1].json(), serde_json::json!({"d": {"e": [true, "yes"]}}));
        assert_eq!(documents[1].entries()[0].0.line, 9);
    }

    #[test]
    fn what_is_hostile_is_refused_with_its_line() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let inner = format!("*a{}, ", n - 1).repeat(10);
            bomb.push_str(&format!("a{n}: &a{n} [{inner}]\n"));
        }
        for (text, line, said) in [
            ("a: 1\na: 2\n", 2, "twice"),
            ("a: [\n", 2, "not YAML"),
            ("a:\n\tb: 1\n", 2, "tab"),
            ("? [x]\n: y\n", 1, "no string"),
            (&deep, 1, "nested deeper"),
            (&bomb, 5, "parts"),
        ] {
            let problem = documents(text).unwrap_err();
            assert!(problem.message.contains(said), "{text}: {}", problem.message);
            assert!(problem.line.abs_diff(line) <= 1, "{text}: {}", problem.line);
        }
    }

    #[test]
    fn aliases_are_what_they_stand_for() {
        let documents = documents("a: &x {k: 1}\nb: *x\n").unwrap();
        assert_eq!(documents[0].json(), serde_json::json!({"a": {"k": 1}, "b": {"k": 1}}));
    }
}
