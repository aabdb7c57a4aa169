//! Unified diffs, as `diff -u` and Git write them: one file, text only.

use std::ops::Range;

use crate::recipe::error::Problem;
use crate::recipe::fault::Fault;

/// The hunks of one file, top first. Never empty.
#[derive(Debug)]
pub(super) struct Diff {
    pub(super) hunks: Vec<Hunk>,
}

/// One hunk.
#[derive(Debug)]
pub(super) struct Hunk {
    /// Line of its header in the diff, from 1.
    pub(super) line: usize,
    /// Lines of the file before it, as its header says: before and after the patch.
    pub(super) above: [usize; 2],
    pub(super) lines: Vec<Line>,
}

/// One line of a hunk, with its newline if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Context(String),
    Old(String),
    New(String),
}

/// Lines that say that the diff asks for more than a change of text.
const MORE: [(&str, &str); 9] = [
    ("--- /dev/null", "it makes a new file: use `write`"),
    ("+++ /dev/null", "it deletes the file: use `remove`"),
    ("new file mode", "it makes a new file: use `write`"),
    ("deleted file mode", "it deletes the file: use `remove`"),
    ("rename from", "it renames the file"),
    ("copy from", "it copies the file"),
    ("old mode", "it changes the file's mode"),
    ("GIT binary patch", "it is binary"),
    ("Binary files", "it is binary"),
];

/// Parses a diff. Line ends are `\n` in the result.
pub(super) fn parse(text: &str) -> Result<Diff, Problem> {
    let mut diff = Diff { hunks: Vec::new() };
    // Lines that the header of the last hunk still promises: old and new.
    let mut due = [0_usize; 2];
    let mut offset = 0;
    let mut files = 0;
    for (raw, number) in text.split_inclusive('\n').zip(1..) {
        let span = offset..offset + raw.trim_end().len();
        offset += raw.len();
        let line = raw.strip_suffix("\r\n").map_or_else(|| raw.to_owned(), |line| format!("{line}\n"));
        let wrong = |what| Problem::at(Fault::Diff(what), span.clone());
        if line.starts_with('\\') {
            without_newline(diff.hunks.last_mut()).ok_or_else(|| wrong("no line is before this one"))?;
        } else if due != [0, 0] {
            let parsed = body(&line).ok_or_else(|| wrong("a line of a hunk begins with ` `, `+` or `-`"))?;
            let counts = [!matches!(parsed, Line::New(_)), !matches!(parsed, Line::Old(_))];
            for (due, counts) in due.iter_mut().zip(counts) {
                let less = due.checked_sub(usize::from(counts));
                *due = less.ok_or_else(|| wrong("the hunk has more lines than its header says"))?;
            }
            diff.hunks.iter_mut().last().into_iter().for_each(|hunk| hunk.lines.push(parsed.clone()));
        } else if line.starts_with("@@") {
            let (above, promised) =
                header(&line).ok_or_else(|| wrong("a hunk begins with `@@ -LINE,COUNT +LINE,COUNT @@`"))?;
            due = promised;
            let (line, lines) = (number, Vec::new());
            diff.hunks.push(Hunk { line, above, lines });
        } else if let Some((_, why)) = MORE.iter().find(|(start, _)| line.starts_with(start)) {
            return Err(wrong(why));
        } else if line.starts_with("--- ") {
            files += 1;
            if files > 1 {
                return Err(wrong("it changes more than one file: make a diff of each"));
            }
        }
    }
    finished(diff, due, text.len())
}

fn finished(diff: Diff, due: [usize; 2], end: usize) -> Result<Diff, Problem> {
    let at: Range<usize> = end..end;
    if due != [0, 0] {
        return Err(Problem::at(Fault::Diff("the last hunk has fewer lines than its header says"), at));
    }
    if diff.hunks.is_empty() {
        return Err(Problem::at(Fault::Diff("it has no hunk"), at));
    }
    Ok(diff)
}

/// `@@ -12,7 +12,9 @@ anything`: lines above, and counts, before and after.
fn header(line: &str) -> Option<([usize; 2], [usize; 2])> {
    let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| -> Option<(usize, usize)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        let (start, count): (usize, usize) = (start.parse().ok()?, count.parse().ok()?);
        // A range of no lines names the line above it.
        Some((if count == 0 { start } else { start.checked_sub(1)? }, count))
    };
    let (old, new) = (range(old)?, range(new)?);
    Some(([old.0, new.0], [old.1, new.1]))
}

fn body(line: &str) -> Option<Line> {
    let rest = line.get(1..).unwrap_or_default().to_owned();
    match line.as_bytes().first()? {
        b' ' => Some(Line::Context(rest)),
        b'+' => Some(Line::New(rest)),
        b'-' => Some(Line::Old(rest)),
        // Editors take the blank of an empty line away.
        b'\n' => Some(Line::Context("\n".to_owned())),
        _ => None,
    }
}

/// `\ No newline at end of file`, about the line before.
fn without_newline(hunk: Option<&mut Hunk>) -> Option<()> {
    let (Line::Context(text) | Line::Old(text) | Line::New(text)) = hunk?.lines.last_mut()?;
    if text.ends_with('\n') {
        text.pop();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_applied_is_refused_with_its_line() {
        for (text, line, want) in [
            ("", 1, "it has no hunk"),
            ("hello\n", 2, "it has no hunk"),
            ("--- /dev/null\n+++ b\n@@ -0,0 +1 @@\n+a\n", 1, "it makes a new file"),
            ("--- a\n+++ b\n@@ -1 +1 @@\n-a\n", 5, "the last hunk has fewer lines"),
            ("--- a\n+++ b\n@@ -1 +1 @@\n-a\n-b\n", 5, "the hunk has more lines"),
            ("--- a\n+++ b\n@@ -1 @@\n", 3, "a hunk begins with"),
            ("--- a\n+++ b\n@@ -1 +1 @@\nxa\n", 4, "a line of a hunk begins with"),
            ("--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n--- c\n+++ d\n", 6, "it changes more than one file"),
            ("old mode 100644\nnew mode 100755\n", 1, "it changes the file's mode"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.fault.to_string().contains(want), "{text:?}: {}", problem.fault);
            let at = crate::recipe::error::spot("", text, problem.marks[0].span.start);
            assert_eq!(at.line, line, "{text:?}");
        }
    }

    #[test]
    fn a_trailer_of_git_is_no_part_of_a_hunk() {
        let diff = parse("From: x\n--- a/f\n+++ b/f\n@@ -1,2 +1 @@ f()\n-a\n b\n\\ No newline\n-- \n2.40\n")
            .unwrap();
        let lines = [Line::Old("a\n".into()), Line::Context("b".into())];
        assert_eq!(diff.hunks[0].lines, lines);
    }
}
