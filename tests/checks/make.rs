//! The libraries of a fixture, compiled in a scratch directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::format::File;
use crate::format::Kind;
use crate::format::Make;

/// What the compiler made, by name.
pub(crate) struct Workshop {
    directory: tempfile::TempDir,
    made: BTreeMap<String, PathBuf>,
}

impl Workshop {
    /// Makes everything, in order.
    pub(crate) fn new(makes: &[Make]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut shop = Self { directory, made: BTreeMap::new() };
        for make in makes {
            let out = shop.compile(make);
            assert!(shop.made.insert(make.name.clone(), out).is_none(), "`{}` is made twice", make.name);
        }
        shop
    }

    fn compile(&self, make: &Make) -> PathBuf {
        let out = self.directory.path().join("out").join(&make.name);
        fs::create_dir_all(out.parent().unwrap()).unwrap();
        let (compiler, name, source) = match (&make.c, &make.cpp) {
            (Some(source), None) => ("gcc", "source.c", source),
            (None, Some(source)) => ("g++", "source.cc", source),
            _ => panic!("`{}` needs `c` or `cpp`", make.name),
        };
        let input = self.directory.path().join(name);
        fs::write(&input, source).unwrap();
        let mut command = Command::new(compiler);
        command.args(["-fPIC", "-o"]).arg(&out).arg(&input);
        match make.kind {
            Kind::Library => drop(command.arg("-shared")),
            Kind::Object => drop(command.arg("-c")),
            Kind::Program => {}
        }
        if let Some(soname) = soname(make, &out) {
            command.arg(format!("-Wl,-soname,{soname}"));
        }
        if let Some(versions) = &make.versions {
            let script = self.directory.path().join("versions.map");
            fs::write(&script, versions).unwrap();
            command.arg(format!("-Wl,--version-script={}", script.display()));
        }
        command.args(make.flags.iter().map(|flag| self.put_in(flag)));
        let result = command.output().unwrap();
        let said = String::from_utf8_lossy(&result.stderr);
        assert!(result.status.success(), "cannot make `{}`: {said}", make.name);
        poke(&out, &make.poke);
        out
    }

    /// `{name}` of what is made, and `{dir}`.
    fn put_in(&self, flag: &str) -> String {
        let mut text = flag.replace("{dir}", self.directory.path().to_str().unwrap());
        for (name, path) in &self.made {
            text = text.replace(&format!("{{{name}}}"), path.to_str().unwrap());
        }
        text
    }

    /// The bytes of a file; `None` for a link.
    pub(crate) fn bytes(&self, file: &File) -> Option<Vec<u8>> {
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        match file {
            File::Made(name) => {
                let made = self.made.get(name).unwrap_or_else(|| panic!("nothing makes `{name}`"));
                Some(fs::read(made).unwrap())
            }
            File::Text(text) => Some(text.clone().into_bytes()),
            File::Hex(hex) => Some(hex.as_bytes().chunks(2).map(pair).collect()),
            File::Link(_) | File::Hardlink(_) => None,
        }
    }
}

/// The SONAME asked for; without a word of it, a library that is called like one gets its file's name.
fn soname(make: &Make, out: &Path) -> Option<String> {
    let name = out.file_name().unwrap().to_str().unwrap();
    let by_name = make.kind == Kind::Library && name.starts_with("lib");
    match &make.soname {
        Some(soname) => (!soname.is_empty()).then(|| soname.clone()),
        None => by_name.then(|| name.to_owned()),
    }
}

fn poke(file: &Path, bytes: &[(usize, u8)]) {
    if bytes.is_empty() {
        return;
    }
    let mut content = fs::read(file).unwrap();
    for (offset, value) in bytes {
        content[*offset] = *value;
    }
    fs::write(file, content).unwrap();
}
