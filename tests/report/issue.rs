//! Bug reports: the words of those who fail, both declarations, the bytes, and how to see it.

use imgforge::report::Report;
use imgforge::report::issue;

use crate::markdown::check;
use crate::sample;

#[test]
fn a_report_of_an_operator_that_changed() {
    let mut report = sample::report();
    report.findings.retain(|finding| finding.check == "torch-op-arity");
    let text = sample::text(|out| issue::write(out, &report));
    let (image, library) = ("d".repeat(64), "b".repeat(64));
    let want = format!(
        "# `moe.py` calls `trtllm::fused_qk_norm_rope` with 3 arguments, it takes 4

## What happens

`/opt/venv/site-packages/trtllm/moe.py:271` calls `trtllm::fused_qk_norm_rope` with 3 arguments, it takes 4.

At run time:

```
RuntimeError: trtllm::fused_qk_norm_rope() is missing value for argument 'is_qk_norm'. Declaration: trtllm::fused_qk_norm_rope(Tensor(a!) qkv, int heads, float eps, bool is_qk_norm) -> ()
```

## Both sides

The library declares:

```cpp
fused_qk_norm_rope(Tensor(a!) qkv, int heads, float eps, bool is_qk_norm) -> ()
```

The caller was written for:

```cpp
fused_qk_norm_rope(Tensor(a!) qkv, int heads, float eps) -> ()
```

The call:

```python
torch.ops.trtllm.fused_qk_norm_rope(qkv, heads, eps)
```

## Evidence

- symbol: `trtllm::fused_qk_norm_rope`
- library: `/opt/venv/site-packages/trtllm/libs/libth_common.so`
- introduced by: `recipes/a b.toml:12:9`
- what helps: graft `moe.py` too

## Versions

- imgforge {}
- image: `docker://r.example/i:1` `sha256:{image}` linux/amd64
- `/opt/venv/site-packages/trtllm/libs/libth_common.so`: `sha256:{library}`, build-id `c0ffee`, 1234 bytes

## Reproduce

Nothing of the image is run:

```sh
imgforge audit docker://r.example/i:1 --env 'A=b c'
imgforge explain torch-op-arity
```

The environment that the loader was modelled with:

```sh
LD_LIBRARY_PATH=/opt/b
```
",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(text, want);
}

#[test]
fn only_what_is_new_and_not_allowed_is_reported() {
    let text = sample::text(|out| issue::write(out, &sample::report()));
    let titles: Vec<&str> = text.lines().filter(|line| line.starts_with("# ")).collect();
    assert_eq!(titles.len(), 3, "{titles:?}");
    assert!(titles[1].contains("`liba.so.1` wants `f()@V_2`"));
    assert!(text.contains("/opt/b/liba.so.1: undefined symbol: _Z1fv, version V_2"));
    assert!(text.contains("- identical copies: `/usr/lib/liba.so.1`"));
    check(&text);
    let nothing = sample::text(|out| issue::write(out, &Report::new("s", Vec::new())));
    assert_eq!(nothing, "s: nothing to report: no error or warning is new.\n");
    let many = sample::text(|out| issue::write(out, &sample::many(50)));
    assert!(many.contains("30 more problems are left out."));
}
