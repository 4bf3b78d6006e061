//! Spoiled headers of models.

use pkggen::resolve::gguf;

use super::*;

#[path = "../common/gguf.rs"]
mod sample;

fn samples() -> Vec<Vec<u8>> {
    let [one, two] = [sample::tiny(1), sample::tiny(2)];
    let big = sample::Gguf { big: true, version: 2, ..two };
    let shard = sample::shards(3, 2).remove(1);
    [one, big, shard].iter().map(sample::Gguf::bytes).collect()
}

/// Spoils the header, seldom what is behind it.
fn spoiled(samples: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let sample = random.pick(samples);
    let header = sample.len().min(1600);
    let start = mutate(&sample[..header], random);
    if random.below(4) == 0 { start } else { [&start, &sample[header..]].concat() }
}

fn read(bytes: &[u8]) {
    match gguf::read(&mut Cursor::new(bytes), bytes.len() as u64) {
        Ok(header) => assert!(header.end.is_none_or(|end| end <= bytes.len() as u64)),
        Err(error) => drop(error.about("x.gguf")),
    }
}

#[test]
fn spoiled_models_are_refused_or_described() {
    let (samples, mut random) = (samples(), Random(11));
    for _ in 0..3000 {
        read(&spoiled(&samples, &mut random));
    }
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_models_are_refused_or_described_for_long() {
    let samples = samples();
    fuzz(
        "gguf",
        |random| spoiled(&samples, random),
        |bytes| {
            read(bytes);
            None
        },
    );
}
