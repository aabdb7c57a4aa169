//! x86-64 instructions between a constant and the call that it is for: enough of them to know their lengths.

/// Whether `code` is a row of known instructions that leave `%esi` alone, the last of them complete. A prefix of
/// the call itself may stand at the end.
pub(super) fn keep_size(code: &[u8]) -> bool {
    let mut rest = code;
    while !rest.is_empty() {
        if matches!(rest, [0xf2 | 0x67 | 0x3e] | [0x48]) {
            return true;
        }
        match step(rest).and_then(|length| rest.get(length..)) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    true
}

/// Length of an instruction; `None`: not known, or it writes `%rsi`.
fn step(code: &[u8]) -> Option<usize> {
    const RSI: u8 = 6;
    let mut at = 0;
    while matches!(code.get(at)?, 0x66 | 0xf2 | 0xf3) {
        at += 1;
    }
    let rex = *code.get(at)?;
    let rex = if rex & 0xf0 == 0x40 {
        at += 1;
        rex
    } else {
        0
    };
    let opcode = *code.get(at)?;
    at += 1;
    let (register_high, base_high) = (rex & 4 != 0, rex & 1 != 0);
    match opcode {
        // push; pop
        0x50..=0x57 | 0x90 | 0xc9 => Some(at),
        0x58..=0x5f => (base_high || opcode & 7 != RSI).then_some(at),
        // mov $N,R
        0xb8..=0xbf if rex & 8 == 0 => (base_high || opcode & 7 != RSI).then_some(at + 4),
        0x0f => {
            let second = *code.get(at)?;
            let operand = operand(code, at + 1)?;
            let writes = matches!(second, 0xb6 | 0xb7 | 0xbe | 0xbf | 0x40..=0x4f)
                && operand.register == RSI
                && !register_high;
            let known = matches!(
                second,
                0x10 | 0x11 | 0x16 | 0x17 | 0x1e | 0x1f | 0x28 | 0x29 | 0x40
                    ..=0x4f | 0x57 | 0x6e | 0x6f | 0x7e | 0x7f | 0xb6 | 0xb7 | 0xbe | 0xbf | 0xd6 | 0xef
            );
            (known && !writes).then_some(at + 1 + operand.length)
        }
        _ => {
            let operand = operand(code, at)?;
            let to_register = operand.register == RSI && !register_high;
            let to_base = operand.direct && operand.base == RSI && !base_high;
            let (writes, more) = match opcode {
                0x03 | 0x0b | 0x23 | 0x2b | 0x33 | 0x63 | 0x8b | 0x8d => (to_register, 0),
                0x01 | 0x09 | 0x21 | 0x29 | 0x31 | 0x88 | 0x89 => (to_base, 0),
                0x38 | 0x39 | 0x3b | 0x84 | 0x85 => (false, 0),
                0x80 | 0x83 | 0xc1 | 0xc6 => (to_base, 1),
                0x81 | 0xc7 => (to_base, 4),
                _ => return None,
            };
            (!writes).then_some(at + operand.length + more)
        }
    }
}

/// A register and what a ModR/M byte with all that follows it names.
struct Operand {
    register: u8,
    base: u8,
    /// The second is a register too.
    direct: bool,
    length: usize,
}

fn operand(code: &[u8], at: usize) -> Option<Operand> {
    let byte = *code.get(at)?;
    let (mode, register, base) = (byte >> 6, byte >> 3 & 7, byte & 7);
    let scaled = mode != 3 && base == 4;
    let scale = if scaled { code.get(at + 1)? & 7 } else { base };
    let displacement = match mode {
        0 if scale == 5 => 4,
        1 => 1,
        2 => 4,
        _ => 0,
    };
    Some(Operand { register, base, direct: mode == 3, length: 1 + usize::from(scaled) + displacement })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between() {
        for (what, code, want) in [
            ("nothing", &[][..], true),
            ("pop %rbx", &[0x5b], true),
            ("pop %rsi", &[0x5e], false),
            ("pop %r14", &[0x41, 0x5e], true),
            ("mov %rbx,%rdi", &[0x48, 0x89, 0xdf], true),
            ("mov %rax,%rsi", &[0x48, 0x89, 0xc6], false),
            ("mov %rsi,0x8(%rsp)", &[0x48, 0x89, 0x74, 0x24, 0x08], true),
            ("mov 0x8(%rsp),%rsi", &[0x48, 0x8b, 0x74, 0x24, 0x08], false),
            ("add $8,%rsp; pop %rbp", &[0x48, 0x83, 0xc4, 0x08, 0x5d], true),
            ("mov $64,%edx, then bnd of the jump", &[0xba, 0x40, 0, 0, 0, 0xf2], true),
            ("lea 0x0(%rip),%rax", &[0x48, 0x8d, 0x05, 0, 0, 0, 0], true),
            ("cut off", &[0x48, 0x8d, 0x05, 0], false),
            ("movups %xmm0,(%rbx)", &[0x0f, 0x11, 0x03], true),
            ("call", &[0xe8, 0, 0, 0, 0], false),
        ] {
            assert_eq!(keep_size(code), want, "{what}");
        }
    }
}
