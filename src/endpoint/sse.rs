//! Server-sent events (WHATWG HTML, 9.2.6) as bytes arrive: pieces may end anywhere, in the middle of a character or
//! between `\r` and `\n`.

/// The most bytes that an event may have, and a line of it. Real ones have a few hundred.
pub const MAX_EVENT: usize = 1 << 20;

/// One event that carries data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its `event` field; empty for a plain message. Undecodable bytes are replaced.
    pub name: String,
    /// Its `data` lines, joined by line feeds; not yet known to be UTF-8.
    pub data: Vec<u8>,
}

/// An event or line of more than [`MAX_EVENT`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Reads a stream piece by piece. Holds at most two events' worth of bytes.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    data: Vec<u8>,
    name: Vec<u8>,
    has_data: bool,
    after_return: bool,
    lines: u64,
}

impl Decoder {
    /// Takes in `bytes` and appends the events that end in them. An event that the stream's end cuts is never told.
    ///
    /// # Errors
    /// [`TooLong`]; the stream cannot be read on after it.
    pub fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => self.end_line(events)?,
                _ if self.line.len() == MAX_EVENT => return Err(TooLong),
                byte => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), TooLong> {
        let mut line = std::mem::take(&mut self.line);
        if self.lines == 0 && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        self.lines += 1;
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            let name = String::from_utf8_lossy(&std::mem::take(&mut self.name)).into_owned();
            if std::mem::take(&mut self.has_data) {
                events.push(Event { name, data });
            }
            return Ok(());
        }
        // A line that begins with a colon has an empty field name: a comment.
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (&line[..], &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" if self.data.len() + value.len() >= MAX_EVENT => return Err(TooLong),
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => self.name = value.to_vec(),
            _ => {}
        }
        // The buffer is used again: most lines of a stream are of one length.
        line.clear();
        self.line = line;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.feed(piece, &mut events).unwrap();
        }
        events.into_iter().map(|event| (event.name, String::from_utf8(event.data).unwrap())).collect()
    }

    #[test]
    fn the_grammar() {
        for (text, want) in [
            ("data: a\n\n", &[("", "a")][..]),
            ("data:a\r\n\r\ndata: b\r\rdata: c\n\n", &[("", "a"), ("", "b"), ("", "c")]),
            (": ping\n\ndata: a\n: in between\ndata: b\n\n", &[("", "a\nb")]),
            ("event: error\ndata: x\n\n", &[("error", "x")]),
            ("event: lonely\n\ndata\n\n", &[("", "")]),
            ("\u{feff}data: a\nid: 7\nretry: 5\nother: x\n\n", &[("", "a")]),
            ("data:  two\n\n", &[("", " two")]),
            ("data: cut\n", &[]),
        ] {
            let want: Vec<(String, String)> =
                want.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect();
            assert_eq!(read(&[text.as_bytes()]), want, "{text:?}");
        }
    }

    /// However the bytes are cut, the events are the same.
    #[test]
    fn pieces_may_end_anywhere() {
        let text =
            ": c\r\ndata: {\"t\":\"grüße 🦀\"}\r\n\r\nevent: e\r\ndata: a\r\ndata: b\r\n\r\n".as_bytes();
        let whole = read(&[text]);
        assert_eq!(whole.len(), 2);
        for cut in 0..=text.len() {
            assert_eq!(read(&[&text[..cut], &text[cut..]]), whole, "cut at {cut}");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(read(&single), whole);
    }

    #[test]
    fn a_line_or_event_without_end_is_refused() {
        let line = vec![b'x'; MAX_EVENT + 1];
        assert_eq!(Decoder::default().feed(&line, &mut Vec::new()), Err(TooLong));
        let many = b"data: 0123456789\n".repeat(MAX_EVENT / 10);
        assert_eq!(Decoder::default().feed(&many, &mut Vec::new()), Err(TooLong));
    }
}
