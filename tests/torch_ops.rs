//! Operators of torch: out of the bytes of libraries, out of Python, and held against each other.
#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a check that cannot run says so")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/skip.rs"]
mod skip;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use imgforge::elf;
use imgforge::python;
use imgforge::torch;
use imgforge::torch::Effect;
use imgforge::torch::Misfit;
use imgforge::torch::Scanner;
use proptest::prelude::*;
use walkdir::WalkDir;

#[test]
fn schemas_are_cut_out_of_bytes() {
    for (data, want) in [
        (&b"\0f(Tensor a) -> Tensor\0"[..], &["f(Tensor a) -> Tensor"][..]),
        (
            b"ns::f.out(Tensor a,\n  int b=1) -> (Tensor,\tint)\0",
            &["ns::f.out(Tensor a, int b=1) -> (Tensor, int)"],
        ),
        (b"g() -> int\0", &["g() -> int"]),
        // A piece without its last bytes, and the next at a multiple of 16.
        (b"f(Tensor abcdefghijk) -> T__g(int b) -> Tensor\0", &["f(Tensor abcdefghijk)"]),
        (b"f(Tensor abcdef) -> (Tenso--g_g(int b) -> ()\0", &["f(Tensor abcdef)"]),
        (
            b"f(Tensor abcdefghijklmn) -> Tensg_2(int b) -> ()\0",
            &["f(Tensor abcdefghijklmn)", "g_2(int b) -> ()"],
        ),
        // The last 16 bytes once more, from further left, and a path.
        (
            b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0loss(Tensor a, float clamp) clamp) -> Tensor/__w/x.cpp\0",
            &["loss(Tensor a, float clamp)"],
        ),
        (b"align(Tensor a, int blank) -> (Tenso(Tensor, Tensor)\0", &["align(Tensor a, int blank)"]),
        // What only looks like one.
        (b"void f(int, float) -> x\0", &[]),
        (b"use f(Tensor a) -> Tensor\0", &[]),
        (b"f(self: int) -> None\0", &[]),
        (b"f(Foo a) -> Tensor\0", &[]),
        (b"a->b\0)->\0->->->", &[]),
        (b"f(Tensor a)\0 -> Tensor\0", &[]),
    ] {
        assert_eq!(torch::scan(data), want, "{}", String::from_utf8_lossy(data));
    }
}

#[test]
fn a_literal_may_go_over_the_end_of_a_block() {
    let data = b"x\0name(Tensor(a!) x, int[2] y=[1, 2], *, str? z=None) -> ()\0pkg\0z(int a) -> ()\0\xff\0ns::q(int b) -> int";
    let mut whole = Scanner::default();
    whole.push(data);
    let whole = whole.finish();
    assert_eq!(whole.schemas.len(), 3);
    assert!(whole.names.contains(&"pkg".to_owned()));
    for length in [1, 2, 3, 7, 16, 31, 64] {
        let mut scanner = Scanner::default();
        data.chunks(length).for_each(|block| scanner.push(block));
        assert_eq!(scanner.finish(), whole, "{length}");
    }
    // What begins anew does not continue what was before.
    let mut scanner = Scanner::default();
    scanner.push(b"f(Tensor a");
    scanner.begin(64);
    scanner.push(b") -> Tensor\0");
    assert!(scanner.finish().schemas.is_empty());
}

/// GCC copies literals into `std::string` by 16 bytes: no NUL, no last odd bytes.
#[test]
fn what_a_compiler_makes_of_literals_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("ops.cpp");
    // No two have 16 bytes in common: GCC would keep those once, and the second schema would have a hole.
    let word =
        |n: u64, salt: u64| format!("{:09x}", (n * 8 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 28);
    let schema = |n: u64| {
        let [a, b, c, d] = [1, 2, 3, 4].map(|salt| word(n, salt));
        let alias = ["", "(a!)", "?"][usize::try_from(n % 3).unwrap()];
        let long = "x".repeat(usize::try_from(n % 8).unwrap());
        format!("op_{a}{long}(Tensor{alias} t_{b}, int i_{c}{long}, float f_{d}=1) -> Tensor")
    };
    let schemas: Vec<String> = (0..24).map(schema).collect();
    let registered: String =
        schemas.iter().map(|schema| format!("take(std::string(\"{schema}\"));\n")).collect();
    fs::write(
        &source,
        format!("#include <string>\nvoid take(std::string);\nvoid all() {{\n{registered}}}\n"),
    )
    .unwrap();
    for level in ["-O0", "-O2", "-O3"] {
        let library = directory.path().join("libops.so");
        let made =
            Command::new("g++").args(["-shared", "-fPIC", level, "-o"]).arg(&library).arg(&source).status();
        if !made.is_ok_and(|status| status.success()) {
            skip::skipped("no g++");
            return;
        }
        let bytes = fs::read(&library).unwrap();
        let study = elf::study(&mut std::io::Cursor::new(&bytes), bytes.len() as u64).unwrap().unwrap();
        let found = study.traits.texts.schemas;
        let read = |schema: &&String| {
            let want = torch::parse(schema).unwrap();
            let own = |text: &&String| torch::parse(text).is_ok_and(|schema| schema.name == want.name);
            let arguments = |text: &String| torch::parse(text).unwrap().arguments.len();
            found.iter().find(own).is_some_and(|text| arguments(text) == want.arguments.len())
        };
        let count = schemas.iter().filter(read).count();
        // Of those that are copied, some lose their end.
        let least = if level == "-O0" { schemas.len() } else { schemas.len() * 2 / 3 };
        assert!(
            count >= least && found.len() <= schemas.len(),
            "{level}: {count} of {}: {found:#?}",
            schemas.len()
        );
    }
}

#[test]
fn the_grammar_of_schemas() {
    for (text, arguments, required) in [
        ("f() -> ()", 0, 0),
        ("f(Tensor(a!) x, Tensor! y, Tensor(a -> *)[] z) -> Tensor(a!)", 3, 3),
        ("f(int[3] a=0, int[] b=[], int[2] c=[1, -1], SymInt[1]? d=None) -> (Tensor out, int)", 4, 0),
        ("f(str a=\"it's (not)\", str b='\\'', float c=-1.5e-05, float d=inf, bool e=True) -> ...", 5, 0),
        (
            "f(Dict(str, Tensor[]) a, (int, Tensor)[] b, __torch__.torch.classes.x.Y c, *, Device? d) -> ()",
            4,
            4,
        ),
        (
            "f(ScalarType dtype=float, MemoryFormat m=contiguous_format, Layout l=torch.strided, Scalar s=1) -> ()",
            4,
            0,
        ),
        ("f(t[] a, t b, number c, Generator? d=None, complex e=1j, Stream f) -> t", 6, 4),
        ("aten::f.Tensor_out(Tensor self, *, Tensor(a!) out) -> Tensor(a!)", 2, 2),
        ("f(Tensor ? x, Tensor a) -> Tensor", 2, 2),
    ] {
        let schema = torch::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((schema.arguments.len(), schema.arity().0), (arguments, required), "{text}");
        assert!(schema.returns.is_some(), "{text}");
    }
    let torn = torch::parse("f(Tensor a, int b)").unwrap();
    assert_eq!((torn.arguments.len(), torn.returns), (2, None));
    for text in [
        "",
        "f",
        "f(",
        "f(Tensor)",
        "f(Tensor a",
        "f(Tensor a b)",
        "f(Foo a) -> ()",
        "f(Tensor a) -> Foo",
        "f(int a=) -> ()",
        "f(Tensor a) -> Tensor x y",
        "f(Tensor a,) -> ()x",
        "1f() -> ()",
        "f(Tensor[x] a) -> ()",
        "f(str a='x) -> ()",
    ] {
        assert!(torch::parse(text).is_err(), "{text}");
    }
}

/// The misfits of one call, in short.
fn misfits(schema: &str, call: &str) -> Vec<String> {
    let text = format!(
        "import torch\ndef f(n: int, r: float, t: torch.Tensor, *a, **k):\n    torch.ops.ns.f{call}\n"
    );
    let script = python::script(&text);
    let [one] = script.calls.as_slice() else { panic!("{call}: {script:?}") };
    let short = |misfit: Misfit| match misfit {
        Misfit::TooMany { at_most } => format!("at most {at_most}"),
        Misfit::TooManyPositional { at_most } => format!("at most {at_most} by place"),
        Misfit::Missing { argument, .. } => format!("no {argument}"),
        Misfit::Unknown { keyword } => format!("unknown {keyword}"),
        Misfit::Twice { keyword } => format!("twice {keyword}"),
        Misfit::Kind { argument, .. } => format!("kind {}", argument.name),
    };
    torch::fit(&torch::parse(schema).unwrap(), &one.call).into_iter().map(short).collect()
}

#[test]
fn calls_fit_as_pytorch_says() {
    let two = "f(Tensor a, int b=1, *, str c, str? d=None) -> ()";
    for (schema, call, want) in [
        (two, "(x, c='')", &[][..]),
        (two, "(x, 2, c='', d=None)", &[]),
        (two, "(*x)", &[]),
        (two, "(x, **k)", &[]),
        (two, "(x)", &["no c"]),
        (two, "(x, 1, '')", &["at most 2 by place", "no d"][..1]),
        (two, "(x, 1, 2, 3, 4)", &["at most 4"]),
        (two, "(x, c='', e=1)", &["unknown e"]),
        (two, "(x, a=x, c='')", &["twice a"]),
        (two, "(c='')", &["no a"]),
        ("f(Tensor? a) -> ()", "()", &["no a"]),
        ("f(...) -> ...", "(1, 2, 3)", &[]),
        ("f(Tensor a, float b, int c, str d) -> ()", "(None, 1, True, '')", &[]),
        (
            "f(Tensor a, float b, int c, str d) -> ()",
            "(1, '', 1.0, 1)",
            &["kind a", "kind b", "kind c", "kind d"],
        ),
        ("f(int[] a, int[2] b, Tensor[] c) -> ()", "((1,), 1, [x])", &[]),
        ("f(int[] a, int[2] b) -> ()", "(1, 'x')", &["kind a", "kind b"]),
        ("f(bool a, bool b, Device c, ScalarType d) -> ()", "(1, None, 'cuda', torch.float)", &[]),
        ("f(float a, Tensor b) -> ()", "(t, r)", &["kind b"]),
        ("f(int a, float b) -> ()", "(n, n)", &[]),
        ("f(int? a, int b) -> ()", "(None, None)", &["kind b"]),
        ("f(float a) -> ()", "(-1)", &[]),
    ] {
        let found = misfits(schema, call);
        assert_eq!(found[..found.len().min(want.len().max(1))], *want, "{schema} {call}: {found:?}");
    }
}

#[test]
fn changes_are_judged_for_callers() {
    for (old, new, want) in [
        ("f(Tensor a)", "f(Tensor a)", None),
        ("f(Tensor a)", "f(Tensor a, int b)", Some(Effect::Breaking)),
        ("f(Tensor a)", "f(Tensor a, int b=1)", Some(Effect::Compatible)),
        ("f(Tensor a, float k_scale)", "f(Tensor a, Tensor k_scale)", Some(Effect::Breaking)),
        ("f(Tensor a)", "f(Tensor(a!) a)", Some(Effect::Note)),
        ("f(Tensor a, int b)", "f(Tensor a, SymInt b)", Some(Effect::Note)),
        ("f(Tensor a)", "f(Tensor? a)", Some(Effect::Compatible)),
        ("f(Tensor a)", "f(Tensor b)", Some(Effect::Breaking)),
        ("f(Tensor a, int b)", "f(Tensor a)", Some(Effect::Breaking)),
        ("f(int a, int b)", "f(int b, int a)", Some(Effect::Breaking)),
        ("f(Tensor a, int b=1)", "f(Tensor a, int b=2)", Some(Effect::Note)),
        ("f(Tensor a, int b=1)", "f(Tensor a, int b)", Some(Effect::Breaking)),
        ("f(Tensor a, int b)", "f(Tensor a, *, int b)", Some(Effect::Breaking)),
        ("f(Tensor a)", "g(Tensor a)", Some(Effect::Breaking)),
    ] {
        let schema = |text: &str| torch::parse(&format!("{text} -> ()")).unwrap();
        let changes = torch::compare(&[schema(old)], &[schema(new)]);
        assert_eq!(changes.first().map(|change| change.effect), want, "{old} → {new}: {changes:?}");
    }
}

#[test]
fn no_text_takes_long_or_breaks_anything() {
    let start = Instant::now();
    for (piece, times) in [
        ("f(Tensor a, ", 400_000),
        (")->", 1_000_000),
        ("a(int b='", 400_000),
        ("Dict(", 500_000),
        ("(", 2_000_000),
        ("f(Tensor a) -> T", 200_000),
        ("x", 4_000_000),
        ("f(int[", 400_000),
        ("f(int a=[[", 300_000),
    ] {
        let text = piece.repeat(times);
        let _ = torch::scan(text.as_bytes());
        let _ = torch::scan(format!("{text}) -> Tensor").as_bytes());
        let _ = torch::parse(&text);
    }
    for (piece, times) in [
        ("-", 200_000),
        ("a.", 200_000),
        ("a+", 200_000),
        ("(", 100_000),
        ("lambda:", 50_000),
        ("a if b else ", 50_000),
        ("f(", 50_000),
    ] {
        let _ = python::script(&format!("torch.ops.a.b()\n{}1", piece.repeat(times)));
        let _ = python::script(&format!("torch.ops.a.b()\nx = {}1", piece.repeat(times)));
    }
    let _ = python::script(&format!(
        "torch.ops.a.b()\n{}",
        (0..2000).map(|n| format!("{}if a:\n", " ".repeat(n))).collect::<String>()
            + &" ".repeat(2000)
            + "b\n"
    ));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(90), "{took:?}");
}

proptest! {
    #[test]
    fn scanning_and_parsing_never_panic(data in proptest::collection::vec(any::<u8>(), 0..400), text in "[a-z(),:=\\-> \\[\\]*?!'\"0-9Tensorintfloat\n]{0,200}") {
        let _ = torch::scan(&data);
        for schema in torch::scan(text.as_bytes()) {
            prop_assert!(torch::parse(&schema).is_ok(), "{schema}");
        }
        let _ = torch::parse(&text);
        let _ = python::script(&format!("torch.ops.x.y({text}"));
        let _ = python::script(&format!("torch.ops.x.y({text})"));
    }
}

/// For `make torch-ops`: how many schemas and calls a tree has.
#[test]
#[ignore = "reads the tree that TORCH_TREE names"]
fn counts() {
    let tree = std::env::var_os("TORCH_TREE").unwrap();
    let (mut schemas, mut calls) = (BTreeSet::new(), 0);
    for entry in
        WalkDir::new(tree).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file())
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".py") {
            calls += fs::read_to_string(entry.path()).map_or(0, |text| python::script(&text).calls.len());
        } else if name.ends_with(".so") {
            let mut file = fs::File::open(entry.path()).unwrap();
            let size = file.metadata().unwrap().len();
            if let Ok(Some(study)) = elf::study(&mut file, size) {
                schemas.extend(study.traits.texts.schemas);
            }
        }
    }
    println!("{}", serde_json::json!({ "schemas": schemas, "calls": calls }));
}
