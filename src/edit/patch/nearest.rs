//! What in a file comes nearest to a text that is not in it.

use std::collections::BTreeMap;

use crate::edit::patch::Nearest;

/// How many windows are compared exactly, after a cheap first look at all.
const FINALISTS: usize = 8;
/// Texts below this likeness are not worth showing.
const ENOUGH: f32 = 0.5;
/// Bytes of the wanted text, and of each window, that are compared.
const MOST: usize = 4096;

/// The lines of `text` that are most like `wanted`, if any are like it at all.
///
/// Takes time in proportion to the text, whatever its size, and a bounded time for the comparison.
pub(super) fn nearest(text: &str, wanted: &str) -> Option<Nearest> {
    let wanted = wanted.trim_matches('\n');
    let height = wanted.lines().count().max(1);
    let lines: Vec<&str> = text.lines().collect();
    let mut letters = Letters::new(wanted);
    let mut scored: Vec<(i64, usize)> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        letters.add(line, 1);
        if number >= height {
            letters.add(lines[number - height], -1);
        }
        if number + 1 >= height.min(lines.len()) {
            scored.push((letters.distance, (number + 1).saturating_sub(height)));
        }
    }
    scored.sort_unstable();
    let mut best: Option<Nearest> = None;
    for (_, start) in scored.into_iter().take(FINALISTS) {
        let window = lines[start..(start + height).min(lines.len())].join("\n");
        let ratio = likeness(&window, wanted);
        if ratio >= ENOUGH && best.as_ref().is_none_or(|best| ratio > best.ratio) {
            best = Some(Nearest {
                line: start + 1,
                only_blanks: window.split_whitespace().eq(wanted.split_whitespace()),
                text: window,
                ratio,
            });
        }
    }
    best
}

fn likeness(one: &str, other: &str) -> f32 {
    let head = |text: &str| text.bytes().take(MOST).collect::<Vec<u8>>();
    let (one, other) = (head(one.trim()), head(other.trim()));
    similar::capture_diff_slices(similar::Algorithm::Myers, &one, &other)
        .iter()
        .map(|op| match op {
            similar::DiffOp::Equal { len, .. } => *len,
            _ => 0,
        })
        .sum::<usize>() as f32
        * 2.0
        / (one.len() + other.len()).max(1) as f32
}

/// How far the pairs of letters of a sliding window are from those of the wanted text.
struct Letters {
    surplus: BTreeMap<(u8, u8), i64>,
    distance: i64,
}

impl Letters {
    fn new(wanted: &str) -> Self {
        let mut letters = Self { surplus: BTreeMap::new(), distance: 0 };
        wanted.lines().for_each(|line| letters.add(line, -1));
        letters
    }

    fn add(&mut self, line: &str, count: i64) {
        let bytes = line.trim().as_bytes();
        for pair in bytes.windows(2) {
            let surplus = self.surplus.entry((pair[0], pair[1])).or_default();
            self.distance -= surplus.abs();
            *surplus += count;
            self.distance += surplus.abs();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_was_meant_is_found() {
        let text = "import os\n\nclass A:\n    def f(self):\n        self._nixl = api.agent(self._name)\n";
        let found = nearest(text, "        self._nixl = api.agent(self._worker_id)").unwrap();
        assert_eq!((found.line, found.only_blanks), (5, false));
        let found = nearest(text, "class A:\n  def f(self):\n").unwrap();
        assert_eq!((found.line, found.only_blanks), (3, true));
        assert_eq!(nearest(text, "zzzz qqqq"), None);
        assert_eq!(nearest("", "x"), None);
        assert_eq!(nearest("short", "a\nb\nc\nd"), None);
    }
}
