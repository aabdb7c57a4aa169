//! Text with its line ends set aside, so that anchors match whatever they are.

use std::ops::Range;

/// A file's text with every `\r\n` as `\n`, and the way back to its own bytes.
#[derive(Debug)]
pub(super) struct Normal {
    /// What anchors are compared with.
    pub(super) text: String,
    /// Offsets in `text` of the newlines that had a `\r` before them, ascending.
    returns: Vec<usize>,
}

/// One stretch of a [`Normal`] text and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Bytes of the normal text.
    pub(super) span: Range<usize>,
    /// With `\n` at the ends of lines.
    pub(super) new: String,
}

impl Normal {
    /// Sets the line ends aside. The error is the line of the first byte that is not UTF-8.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, usize> {
        let original = std::str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            before.iter().filter(|b| **b == b'\n').count() + 1
        })?;
        let mut text = String::with_capacity(original.len());
        let mut returns = Vec::new();
        for line in original.split_inclusive('\n') {
            match line.strip_suffix("\r\n") {
                Some(content) => {
                    text.push_str(content);
                    returns.push(text.len());
                    text.push('\n');
                }
                None => text.push_str(line),
            }
        }
        Ok(Self { text, returns })
    }

    /// The line of an offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }

    /// The lines, each with its newline.
    pub(super) fn lines(&self) -> Vec<&str> {
        self.text.split_inclusive('\n').collect()
    }

    /// The file's own bytes with `changes` made; these must be in order and apart.
    pub(super) fn with(&self, changes: &[Change]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.text.len() + self.returns.len());
        let mut done = 0;
        for change in changes {
            self.copy(done..change.span.start, &mut bytes);
            if self.ends_with_return(change.span.start) {
                bytes.extend_from_slice(change.new.replace('\n', "\r\n").as_bytes());
            } else {
                bytes.extend_from_slice(change.new.as_bytes());
            }
            done = change.span.end;
        }
        self.copy(done..self.text.len(), &mut bytes);
        bytes
    }

    fn copy(&self, span: Range<usize>, bytes: &mut Vec<u8>) {
        let mut done = span.start;
        let first = self.returns.partition_point(|at| *at < span.start);
        for at in self.returns[first..].iter().take_while(|at| **at < span.end) {
            bytes.extend_from_slice(&self.text.as_bytes()[done..*at]);
            bytes.extend_from_slice(b"\r\n");
            done = at + 1;
        }
        bytes.extend_from_slice(&self.text.as_bytes()[done.min(span.end)..span.end]);
    }

    /// How the line of `offset` ends; the last line as the one before it.
    fn ends_with_return(&self, offset: usize) -> bool {
        let next = self.text[offset..].find('\n').map(|found| offset + found);
        let newline = next.or_else(|| self.text[..offset].rfind('\n'));
        newline.is_some_and(|at| self.returns.binary_search(&at).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untouched_bytes_stay_and_new_lines_end_as_their_neighbours() {
        let change = |start: usize, end: usize, new: &str| Change { span: start..end, new: new.to_owned() };
        for (bytes, changes, want) in [
            ("a\r\nb\n\r\rc", vec![], "a\r\nb\n\r\rc"),
            ("a\r\nb\r\n", vec![change(2, 2, "x\ny\n")], "a\r\nx\r\ny\r\nb\r\n"),
            ("a\r\nb\n", vec![change(2, 3, "x\ny")], "a\r\nx\ny\n"),
            ("a\nb\r\nc", vec![change(5, 5, "\nd")], "a\nb\r\nc\r\nd"),
            ("a\r\nb", vec![change(1, 2, "")], "ab"),
            ("", vec![change(0, 0, "x\n")], "x\n"),
        ] {
            let normal = Normal::new(bytes.as_bytes()).unwrap();
            let got = String::from_utf8(normal.with(&changes)).unwrap();
            assert_eq!(got, want, "{bytes:?}");
        }
        assert_eq!(Normal::new(b"a\nb\xff").unwrap_err(), 2);
    }
}
