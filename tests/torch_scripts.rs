//! What Python files say of operators and variables.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use imgforge::oci::ImagePath;
use imgforge::python;
use imgforge::python::Kind;
use imgforge::python::Modules;
use imgforge::python::Script;

/// `ns::op[.overload](positional+keywords)[*] guard`, for every call.
fn calls(text: &str) -> Vec<String> {
    let script = python::script(&format!("import torch\n{text}\n"));
    let short = |call: &python::OpCall| {
        let overload = call.overload.as_ref().map(|name| format!(".{name}")).unwrap_or_default();
        let names: Vec<&str> = call.call.keywords.iter().map(|(name, _)| name.as_str()).collect();
        let open = if call.call.open { "*" } else { "" };
        let guard = call.guard.as_ref().map(|guard| format!(" {guard}")).unwrap_or_default();
        let (namespace, operator, count) = (&call.namespace, &call.operator, call.call.positional.len());
        format!(
            "{namespace}::{operator}{overload}({count}{}){open}{guard}",
            names.iter().map(|n| format!(" {n}")).collect::<String>()
        )
    };
    script.calls.iter().map(short).collect()
}

#[test]
fn calls_are_found_by_every_name() {
    for (text, want) in [
        ("torch.ops.a.f(x, 1, k=2)", "a::f(2 k)"),
        ("torch.ops.a.f.default(x)", "a::f.default(1)"),
        ("torch.ops.a.f(*x, y, **z)", "a::f(1)*"),
        ("x = torch.ops.a\nx.f()", "a::f(0)"),
        ("op = torch.ops.a.f.default\ndef g():\n    return op(1)", "a::f.default(1)"),
        ("from torch import ops\nops.a.f()", "a::f(0)"),
        ("from torch.ops import a\na.f()", "a::f(0)"),
        ("import torch as th\nth.ops.a.f()", "a::f(0)"),
        ("import torch.ops as o\no.a.f()", "a::f(0)"),
        ("torch._ops.ops.a.f()", "a::f(0)"),
        ("getattr(torch.ops.a, 'f')(1)", "a::f(1)"),
        (
            "class A:\n    def __init__(self):\n        self.op = torch.ops.a.f\n    def g(self):\n        self.op(1, 2)",
            "a::f(2)",
        ),
        ("class A:\n    op = torch.ops.a.f.default\n    def g(self):\n        self.op(1)", "a::f.default(1)"),
        ("op = torch._dynamo.disallow_in_graph(torch.ops.a.f.default)\nop(1, 2)", "a::f.default(2)"),
        ("op = torch.ops.a.f\nop.out(1)", "a::f.out(1)"),
        ("auto_functionalized(torch.ops.a.f.default, k=1, l=2)", "a::f.default(0 k l)"),
        ("partial(torch.ops.a.f, 1)", "a::f(1)*"),
        ("h = lambda q: torch.ops.a.f(q)", "a::f(1)"),
        // What is no call of an operator that can be named.
        ("torch.ops.load_library('x')", ""),
        ("torch.ops.a.f", ""),
        ("torch.ops.a.f.default.redispatch(1)", ""),
        ("def g(torch):\n    torch.ops.a.f()", ""),
        ("op = torch.ops.a.f\nop = other\nop()", ""),
        ("if c:\n    op = torch.ops.a.f\nelse:\n    op = torch.ops.a.g\nop()", ""),
        ("for op in x:\n    op()", ""),
    ] {
        assert_eq!(calls(text).join("; "), want, "{text}");
    }
}

/// `ns::op[.overload] [at import]` for every operator that is named and not called.
fn named(text: &str) -> Vec<String> {
    let script = python::script(&format!("import torch\n{text}\n"));
    let short = |one: &python::OpCall| {
        let overload = one.overload.as_ref().map(|name| format!(".{name}")).unwrap_or_default();
        let when = if one.at_import { " at import" } else { "" };
        let guard = one.guard.as_ref().map(|guard| format!(" {guard}")).unwrap_or_default();
        format!("{}::{}{overload}{when}{guard}", one.namespace, one.operator)
    };
    script.named.iter().map(short).collect()
}

#[test]
fn operators_that_are_only_named_are_found() {
    for (text, want) in [
        ("x = torch.ops.a.f.default", "a::f.default at import"),
        ("x = torch._dynamo.disallow_in_graph(\n    torch.ops.a.f.default\n)", "a::f.default at import"),
        ("class A:\n    op = torch.ops.a.f", "a::f at import"),
        ("with torch.no_grad():\n    x = torch.ops.a.f", "a::f at import"),
        ("try:\n    x = torch.ops.a.f\nexcept ImportError:\n    y = torch.ops.a.g", "a::f at import; a::g"),
        ("def g():\n    return torch.ops.a.f", "a::f"),
        ("def g(op=torch.ops.a.f):\n    op(1)", "a::f at import"),
        ("g = lambda: torch.ops.a.f", "a::f"),
        ("if fast:\n    x = torch.ops.a.f", "a::f"),
        ("for x in y:\n    z[x] = torch.ops.a.f", "a::f"),
        ("x = fast and torch.ops.a.f", "a::f"),
        ("x = hasattr(torch.ops.a, 'f') and torch.ops.a.f", "a::f only where `hasattr` finds it"),
        ("x = getattr(torch.ops.a, 'f')", "a::f at import"),
        ("torch.ops.a.f.default.redispatch(1)", "a::f.default at import"),
        ("torch.ops.a.f.overloads()", "a::f at import"),
        // Told once, with the call or where a name got its meaning.
        ("torch.ops.a.f(torch.ops.a.g)", "a::g at import"),
        ("partial(torch.ops.a.f, 1)", ""),
        ("op = torch.ops.a.f\nop(1)\nuse(op)", "a::f at import"),
        ("getattr(torch.ops.a, 'f')(1)", ""),
        // What looks no operator up.
        ("x = getattr(torch.ops.a, 'f', None)", ""),
        ("hasattr(torch.ops.a, 'f')", ""),
        ("torch.ops.a.f = other", ""),
        ("torch.ops.load_library('x')", ""),
    ] {
        assert_eq!(named(text).join("; "), want, "{text}");
    }
}

#[test]
fn guards_are_seen() {
    for (text, want) in [
        ("if torch.version.hip is not None:\n    CALL", "only with `hip`"),
        ("if torch.version.hip is None:\n    CALL", ""),
        ("if torch.version.hip is None:\n    pass\nelse:\n    CALL", "only with `hip`"),
        ("if current_platform.is_rocm():\n    CALL\n", "only with `rocm`"),
        ("if not _is_npu:\n    CALL\n", ""),
        ("if not _is_cuda:\n    CALL\n", "only without `cuda`"),
        ("if is_cuda():\n    pass\nelif x:\n    CALL\n", "only without `cuda`"),
        ("if sys.platform == 'win32':\n    CALL\n", "only with `win32`"),
        ("if sys.platform != 'win32':\n    CALL\n", ""),
        ("if is_cuda() or is_hip():\n    CALL\n", ""),
        ("if a and is_xpu():\n    CALL\n", "only with `xpu`"),
        ("y = CALL if is_hip() else 1", "only with `hip`"),
        ("if hasattr(torch.ops.a, 'f'):\n    CALL\n", "only where `hasattr` finds it"),
        ("def forward_hip(self):\n    CALL\n", "only with `hip`"),
        ("try:\n    CALL\nexcept RuntimeError:\n    pass\n", "`RuntimeError` is caught"),
        (
            "try:\n    CALL\nexcept (ImportError, AttributeError) as e:\n    pass\n",
            "`AttributeError` is caught",
        ),
        ("try:\n    CALL\nexcept Exception as e:\n    raise X from e\n", ""),
        ("try:\n    CALL\nexcept ImportError:\n    pass\n", ""),
        ("try:\n    def g():\n        CALL\nexcept Exception:\n    pass\n", ""),
        ("if is_hip():\n    def g():\n        CALL\n", "only with `hip`"),
        ("if fast:\n    CALL\n", ""),
    ] {
        let found = calls(&text.replace("CALL", "torch.ops.a.f(1)"));
        let want = if want.is_empty() { "a::f(1)".to_owned() } else { format!("a::f(1) {want}") };
        assert_eq!(found, [want], "{text}");
    }
}

#[test]
fn definitions_are_found() {
    for (text, want) in [
        ("torch.library.define('a::f', '(Tensor x) -> Tensor')", "a::f f(Tensor x) -> Tensor"),
        (
            "lib = torch.library.Library('a', 'DEF')\nlib.define('f(Tensor x, int n=1) -> Tensor')",
            "a::f f(Tensor x, int n=1) -> Tensor",
        ),
        (
            "from torch.library import Library\nlib = Library('a', 'FRAGMENT')\nlib.define('f.out(Tensor x) -> Tensor')",
            "a::f f.out(Tensor x) -> Tensor",
        ),
        ("self.lib.define('f(Tensor x) -> ()')", "?::f f(Tensor x) -> ()"),
        (
            "@torch.library.custom_op('a::f', mutates_args=())\ndef f(x: torch.Tensor, n: int = 1, *, s: Optional[str] = None) -> torch.Tensor:\n    pass",
            "a::f f(Tensor x, int n=None, *, str? s=None) -> Any",
        ),
        (
            "@torch.library.register_fake('a::f')\ndef _(x, n: 'int'):\n    pass",
            "a::f f(Any x, int n) -> Any fake",
        ),
        (
            "def f(x: torch.Tensor) -> None:\n    pass\ndirect_register_custom_op(op_name='f', op_func=f, mutates_args=[])",
            "?::f f(Tensor x) -> Any",
        ),
        ("@torch.library.impl('a::f', 'CUDA')\ndef f(x):\n    pass", ""),
        ("torch.library.register_autograd('a::f', back)", ""),
    ] {
        let script = python::script(&format!("import torch.library\n{text}\n"));
        let short = |one: &python::OpDefinition| {
            let namespace = one.namespace.as_deref().unwrap_or("?");
            let schema = one.schema.as_deref().unwrap_or("-");
            format!("{namespace}::{} {schema}{}", one.operator, if one.fake { " fake" } else { "" })
        };
        assert_eq!(script.defined.iter().map(short).collect::<Vec<_>>().join("; "), want, "{text}");
    }
}

#[test]
fn variables_are_found() {
    let text = "import os\nfrom os import environ, getenv\nos.environ['A']\nos.environ.get('B', '')\nos.getenv('C')\n\
        environ.get('D')\ngetenv('E')\n'F' in os.environ\nNAME = 'G'\nos.environ.get(NAME)\nget_bool_env_var('H', 'false')\n\
        os.environ.setdefault('I', '1')\nos.getenv('not a name')\nos.environ[x]\nd['J']\n";
    assert_eq!(python::script(text).env, ["A", "B", "C", "D", "E", "F", "G", "H", "I"]);
}

#[test]
fn calls_carry_their_place_and_text() {
    let text =
        "import torch\n\n\ndef f(a):\n    return torch.ops.a.f(\n        a,  # first\n        1,\n    )\n";
    let script = python::script(text);
    let call = script.calls.first().unwrap();
    assert_eq!((call.line, call.end, call.text.as_str()), (5, 8, "torch.ops.a.f(a, 1)"));
    assert!(python::script("torch.ops.a.f(").is_empty());
    assert!(python::script("x = 1").is_empty());
}

/// `FILE:LINE ns::op[.overload](count) < MODULE`, for every call of these files that goes through another module.
/// Files are told apart by lines `== PATH`; those that are no Python count only as being there.
fn followed(tree: &str) -> Vec<String> {
    let path = |text: &str| ImagePath::absolute(&format!("/site-packages/{text}")).unwrap();
    let files: BTreeMap<ImagePath, &str> = tree
        .split("== ")
        .skip(1)
        .map(|file| file.split_once('\n').unwrap())
        .map(|(name, text)| (path(name), text))
        .collect();
    let facts: BTreeMap<&ImagePath, Arc<Script>> = files
        .iter()
        .filter(|(path, _)| path.name().ends_with(b".py"))
        .map(|(path, text)| (path, Arc::new(python::script_at(path, text))))
        .filter(|(_, script)| !script.is_empty())
        .collect();
    let directories: BTreeSet<ImagePath> = files.keys().flat_map(ImagePath::ancestors).collect();
    let kind = |path: &ImagePath| match files.contains_key(path) {
        true => Some(Kind::File),
        false => directories.contains(path).then_some(Kind::Directory),
    };
    let libraries = files.keys().filter(|path| path.name().ends_with(b".so"));
    let stem = |path: &ImagePath| {
        let name = String::from_utf8_lossy(path.name()).into_owned();
        path.parent().unwrap().join(name.split('.').next().unwrap()).unwrap()
    };
    let modules = Modules { kind: &kind, extensions: libraries.map(stem).collect() };
    let short = |path: &ImagePath| path.to_string().trim_start_matches("/site-packages/").to_owned();
    let mut found = Vec::new();
    for (path, script) in python::follow(facts.into_iter().collect(), &modules) {
        for call in &script.calls {
            if let Some(module) = &call.bound_in {
                let overload = call.overload.as_ref().map(|name| format!(".{name}")).unwrap_or_default();
                let (namespace, name, count) = (&call.namespace, &call.operator, call.call.count());
                let (file, line, module) = (short(path), call.line, short(module));
                found.push(format!("{file}:{line} {namespace}::{name}{overload}({count}) < {module}"));
            }
        }
    }
    found
}

/// A module that has names for operators.
const CORE: &str = "== p/__init__.py\n== p/_core.py\nimport torch\nop = torch.ops.a.f\nops = torch.ops.a\n";

#[test]
fn names_are_followed_into_other_modules() {
    for (files, want) in [
        ("== p/u.py\nfrom ._core import op\ndef g(x):\n    return op(x, 1)\n", "p/u.py:3 a::f(2)"),
        ("== p/u.py\nfrom p._core import op as q\nq.default(1)\n", "p/u.py:2 a::f.default(1)"),
        ("== p/u.py\nfrom p import _core\n_core.ops.g(1)\n", "p/u.py:2 a::g(1)"),
        ("== p/u.py\nimport p._core as core\ncore.ops.g.out(1)\n", "p/u.py:2 a::g.out(1)"),
        ("== p/u.py\nimport p._core\np._core.op()\n", "p/u.py:2 a::f(0)"),
        ("== p/q/u.py\nfrom .. import _core as core\nx = core.ops\nx.g()\n", "p/q/u.py:3 a::g(0)"),
        ("== p/q/u.py\nfrom .._core import ops\nops.g()\n", "p/q/u.py:2 a::g(0)"),
        ("== p/u.py\ndef g():\n    from ._core import op\n    op()\n", "p/u.py:3 a::f(0)"),
        (
            "== p/u.py\nfrom functools import partial\nfrom ._core import op\npartial(op, 1)\n",
            "p/u.py:3 a::f(1)",
        ),
        (
            "== p/u.py\nfrom . import _core\nclass A:\n    def __init__(self):\n        self.op = _core.op\n    def g(self):\n        self.op(1)\n",
            "p/u.py:6 a::f(1)",
        ),
        // Another package, and modules that pass a name on.
        ("== main.py\nfrom p._core import op\nop()\n", "main.py:2 a::f(0)"),
        (
            "== r/__init__.py\nfrom p._core import op\n== r/u.py\nfrom . import op  # torch\nop()\n",
            "r/u.py:2 a::f(0)",
        ),
        ("== r/__init__.py\nfrom p._core import *\n== r/u.py\nimport torch, r\nr.op()\n", "r/u.py:2 a::f(0)"),
        (
            "== r/a_ops.py\nfrom p._core import op as two\nthree = two\n== r/u.py\nfrom .a_ops import three  # torch\nthree()\n",
            "r/u.py:2 a::f(0)",
        ),
        // A name of the package that was a module of it before.
        (
            "== r/__init__.py\nfrom .f_ops import f_ops\n== r/f_ops.py\nfrom p._core import op as f_ops\n== r/u.py\nfrom r import f_ops  # torch\nf_ops()\n",
            "r/u.py:2 a::f(0)",
        ),
    ] {
        assert_eq!(followed(&format!("{CORE}{files}")), [format!("{want} < p/_core.py")], "{files}");
    }
}

#[test]
fn a_name_that_may_be_something_else_is_not_followed() {
    let user = "== p/u.py\nfrom ._core import op\ndef g(x):\n    return op(x, 1)\n";
    assert_eq!(followed(&format!("{CORE}{user}")).len(), 1);
    for rest in [
        // In the module that gives it.
        "op = wrap(op)\n",
        "def op(x):\n    pass\n",
        "class op:\n    pass\n",
        "del op\n",
        "if fast:\n    op = torch.ops.a.g\n",
        "def set():\n    global op\n    op = slow\n",
        "for op in ():\n    pass\n",
        "(op := slow)\n",
        "match x:\n    case [op]:\n        pass\n",
        "try:\n    pass\nexcept Exception as op:\n    pass\n",
        "if is_hip():\n    op = torch.ops.a.f\n",
        "globals().update(slow)\n",
        // In the file that has it.
        "== p/u.py\nfrom ._core import op\ndef g(x):\n    return op(x, 1)\nop = slow\n",
        "== p/u.py\nfrom ._core import op\ndef g(op):\n    return op(1)\n",
        "== p/u.py\nfrom ._core import op\nx = [op() for op in ()]\n",
        "== p/u.py\ntry:\n    from ._core import op\nexcept ImportError:\n    op = slow\nop()\n",
        "== p/u.py\nif is_hip():\n    from ._core import op\ndef g():\n    op()\n",
        "== p/u.py\nfrom ._core import op\ndef s():\n    global op\n    op = slow\ndef g():\n    op()\n",
        // In another file.
        "== p/v.py\nfrom p import _core  # torch\n_core.op = slow\n",
        "== p/v.py\nimport p._core as c  # torch\nsetattr(c, 'op', slow)\n",
        "== p/_core/__init__.py\n",
        "== p/_core.abi3.so\n",
    ] {
        let rest = if rest.starts_with("==") { rest.to_owned() } else { format!("{CORE}{rest}") };
        assert_eq!(followed(&format!("{CORE}{user}{rest}")), [""; 0], "{rest}");
    }
}

#[test]
fn a_module_that_is_not_sure_to_be_meant_is_not_followed() {
    for files in [
        // Two directories that could be on the path, and none.
        "== q/p/__init__.py\n== q/p/_core.py\n== q/u.py\nfrom p._core import op\nop()\n",
        "== u.py\nfrom torch_p._core import op\nop()\n",
        "== p/u.py\nfrom ......_core import op\nop()\n",
        // One of two stars; a name that no star gives; a name that is also a module; one that a function makes.
        "== r/__init__.py\nfrom p._core import *\nfrom os.path import *\n== r/u.py\nfrom . import op  # torch\nop()\n",
        "== r/__init__.py\nfrom p._core import *\nfrom p._core import op as _op\n== r/u.py\nfrom r import _ops  # torch\n_ops.f()\n",
        "== r/__init__.py\nfrom p._core import op\n== r/op.py\n== r/u.py\nfrom . import op  # torch\nop()\n",
        "== r/__init__.py\nfrom p._core import *\ndef op():\n    pass\n== r/u.py\nfrom . import op  # torch\nop()\n",
        "== r/__init__.py\ndef __getattr__(name):\n    import torch\n== r/ops.py\nfrom p._core import op\n== r/u.py\nimport torch\nfrom . import ops\nops.op()\n",
        // In a circle, and too far.
        "== r/a_ops.py\nfrom .b_ops import x\n== r/b_ops.py\nfrom .a_ops import x\n== r/u.py\nfrom .a_ops import x\nx()\n",
        // No calls of operators.
        "== p/u.py\nfrom ._core import op, ops\nops(1)\nop.default.redispatch(1)\nuse(op)\n",
        "== p/u.py\nfrom ._core import nothing\nnothing(1)\n",
    ] {
        assert_eq!(followed(&format!("{CORE}{files}")), [""; 0], "{files}");
    }
    let far: String = (0..40)
        .map(|n| format!("== r/ops_{n}.py\nfrom .ops_{} import op  # torch\n", n + 1))
        .chain(["== r/ops_40.py\nfrom p._core import op\n== r/u.py\nfrom .ops_0 import op  # torch\nop()\n"
            .to_owned()])
        .collect();
    assert_eq!(followed(&format!("{CORE}{far}")), [""; 0]);
}
