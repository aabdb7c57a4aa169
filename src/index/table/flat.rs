//! Reading FlatBuffers that may be hostile: every offset is checked, and no more is handed out than was sent.
//!
//! Source: the format's own description, flatbuffers.dev "FlatBuffers Internals": offsets are little-endian and relative
//! to where they stand; a table begins with the way back to its list of fields.

use std::cell::Cell;

/// A buffer, and how many bytes of texts and elements of vectors may still be handed out: many offsets can lead to one.
pub(super) struct Buffer<'a> {
    bytes: &'a [u8],
    left: Cell<usize>,
}

/// A table of the buffer.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a Buffer<'a>,
    at: usize,
}

impl<'a> Buffer<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, left: Cell::new(bytes.len().saturating_mul(4)) }
    }

    /// The table that the buffer begins with. `None`, here and below: there is none.
    pub(super) fn root(&'a self) -> Option<Table<'a>> {
        Some(Table { buffer: self, at: self.follow(0)? })
    }

    fn get<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    /// Where the offset at `at` leads.
    fn follow(&self, at: usize) -> Option<usize> {
        at.checked_add(usize::try_from(u32::from_le_bytes(self.get(at)?)).ok()?)
    }

    /// The place and the number of a vector's elements.
    fn vector(&self, at: usize) -> Option<(usize, usize)> {
        let at = self.follow(at)?;
        Some((at.checked_add(4)?, usize::try_from(u32::from_le_bytes(self.get(at)?)).ok()?))
    }
}

impl<'a> Table<'a> {
    /// Where a field is; the inner `None`: the table lacks it.
    fn field(&self, number: usize) -> Option<Option<usize>> {
        let back = i64::from(i32::from_le_bytes(self.buffer.get(self.at)?));
        let list = usize::try_from(i64::try_from(self.at).ok()?.checked_sub(back)?).ok()?;
        let length = usize::from(u16::from_le_bytes(self.buffer.get(list)?));
        let place = 4 + 2 * number;
        if place + 2 > length {
            return Some(None);
        }
        match u16::from_le_bytes(self.buffer.get(list.checked_add(place)?)?) {
            0 => Some(None),
            offset => Some(Some(self.at.checked_add(usize::from(offset))?)),
        }
    }

    /// A number of 64 bits that is not negative; 0 where it lacks.
    pub(super) fn long(&self, number: usize) -> Option<u64> {
        let Some(at) = self.field(number)? else { return Some(0) };
        u64::try_from(i64::from_le_bytes(self.buffer.get(at)?)).ok()
    }

    /// A number of 32 bits; 0 where it lacks.
    pub(super) fn int(&self, number: usize) -> Option<u32> {
        let Some(at) = self.field(number)? else { return Some(0) };
        self.buffer.get(at).map(u32::from_le_bytes)
    }

    /// A byte.
    pub(super) fn byte(&self, number: usize, otherwise: u8) -> Option<u8> {
        let Some(at) = self.field(number)? else { return Some(otherwise) };
        self.buffer.get::<1>(at).map(|[byte]| byte)
    }

    /// A text or a vector of bytes; nothing where it lacks.
    pub(super) fn bytes(&self, number: usize) -> Option<&'a [u8]> {
        let Some(at) = self.field(number)? else { return Some(&[]) };
        let (at, length) = self.buffer.vector(at)?;
        self.buffer.left.set(self.buffer.left.get().checked_sub(length)?);
        self.buffer.bytes.get(at..at.checked_add(length)?)
    }

    /// A table; it must be there.
    pub(super) fn table(&self, number: usize) -> Option<Self> {
        Some(Self { buffer: self.buffer, at: self.buffer.follow(self.field(number)??)? })
    }

    /// A vector of tables; none where it lacks. Each may still prove to be none.
    pub(super) fn tables(&self, number: usize) -> Option<impl Iterator<Item = Option<Self>> + use<'a>> {
        let (at, count) = match self.field(number)? {
            Some(at) => self.buffer.vector(at)?,
            None => (0, 0),
        };
        let buffer = self.buffer;
        buffer.left.set(buffer.left.get().checked_sub(count)?);
        let end = count.checked_mul(4).and_then(|length| at.checked_add(length));
        let places = (at..end.filter(|end| *end <= buffer.bytes.len())?).step_by(4);
        Some(places.map(move |place| Some(Self { buffer, at: buffer.follow(place)? })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_vector_is_not_handed_out_for_ever() {
        // A list of one field, a table with it, and a vector of two tables.
        let list = [6_u16, 8, 4, 0].map(u16::to_le_bytes).concat();
        let rest = [8_u32, 4, 2, 0, 0].map(u32::to_le_bytes).concat();
        let bytes = [12_u32.to_le_bytes().to_vec(), list, rest].concat();
        let buffer = Buffer::new(&bytes);
        let root = buffer.root().unwrap();
        assert_eq!(root.tables(0).unwrap().count(), 2);
        let handed = std::iter::repeat_with(|| root.tables(0)).take(1000).map_while(|all| all).count();
        assert_eq!(handed + 1, bytes.len() * 4 / 2);
    }
}
