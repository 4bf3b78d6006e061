//! `rpm-rs-peer LEVEL FOLDER FILE`: FOLDER as it stands becomes an rpm at FILE, its payload packed by
//! zstd of that level, or not at all for 0.

use std::{env, error::Error, fs, process::ExitCode};

use rpm::{BuildConfig, CompressionWithLevel, PackageBuilder};

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    let [level, folder, file] = &words[..] else {
        eprintln!("usage: rpm-rs-peer LEVEL FOLDER FILE");
        return ExitCode::from(2);
    };
    match build(level, folder, file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rpm-rs-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build(level: &str, folder: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let packing = match level.parse()? {
        0 => CompressionWithLevel::None,
        level => CompressionWithLevel::Zstd(level),
    };
    let config = BuildConfig::v4().compression(packing).source_date(1_700_000_000_u32);
    let mut builder = PackageBuilder::new("novahub", "1.0.0", "MIT", "x86_64", "benchmark");
    builder.using_config(config);
    for top in fs::read_dir(folder)? {
        let top = top?;
        let place = format!("/{}", top.file_name().display());
        builder.with_dir(top.path(), place, |options| options)?;
    }
    builder.build()?.write_file(file)?;
    Ok(())
}
