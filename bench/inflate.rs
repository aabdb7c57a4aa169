//! How fast gzip files are inflated here, beside a library and the tools that are there: seconds per GB of output.
//!
//!     cargo bench --bench inflate -- FILE.gz…
//!
//! All of them inflate into nothing on one thread, three times, of which the best counts.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::fs;
use std::io;
use std::io::Read;
use std::process::Command;
use std::process::Stdio;
use std::time::Instant;

use imgforge::deflate::Gunzip;

const TOOLS: [&[&str]; 4] =
    [&["igzip", "-dc"], &["libdeflate-gunzip", "-c"], &["pigz", "-dc", "-p1"], &["gzip", "-dc"]];

fn main() {
    for file in std::env::args().skip(1).filter(|word| !word.starts_with("--")) {
        let bytes = fs::read(&file).unwrap();
        let size = io::copy(&mut Gunzip::new(bytes.as_slice()), &mut io::sink()).unwrap();
        println!("{file}: {} bytes, {size} inflated", bytes.len());
        let own = best(size, &mut || drain(&mut Gunzip::new(bytes.as_slice())));
        tell("imgforge", own, own);
        tell(
            "flate2",
            best(size, &mut || drain(&mut flate2::read::MultiGzDecoder::new(bytes.as_slice()))),
            own,
        );
        for tool in TOOLS {
            let run = || {
                let input = fs::File::open(&file).unwrap();
                Command::new(tool[0]).args(&tool[1..]).stdin(input).stdout(Stdio::null()).status()
            };
            match run() {
                Ok(_) => tell(tool[0], best(size, &mut || assert!(run().unwrap().success())), own),
                Err(why) => println!("  {:18} SKIPPED: {why}", tool[0]),
            }
        }
    }
}

fn drain(reader: &mut dyn Read) {
    let mut buffer = vec![0; 256 << 10];
    while reader.read(&mut buffer).unwrap() > 0 {}
}

/// Seconds per GB.
fn best(size: u64, run: &mut dyn FnMut()) -> f64 {
    let once = |_| {
        let begun = Instant::now();
        run();
        begun.elapsed().as_secs_f64()
    };
    (0..3).map(once).fold(f64::INFINITY, f64::min) / (size as f64 / 1e9)
}

fn tell(name: &str, seconds: f64, own: f64) {
    println!("  {name:18} {seconds:6.2} s a GB  {:5.2} x", seconds / own);
}
