//! Spoiled headers of models.

use pkggen::resolve::{gguf, huggingface, ollama};

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

/// What a store says of a model.
fn texts() -> Vec<Vec<u8>> {
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let layer = format!(
        "{{\"mediaType\":\"application/vnd.ollama.image.model\",\"digest\":\"{digest}\",\"size\":7}}"
    );
    let manifest =
        format!("{{\"schemaVersion\":2,\"config\":{layer},\"layers\":[{layer},{layer}]}}");
    let config =
        "{\"model_format\":\"gguf\",\"requires\":\"0.12\",\"remote_host\":\"https://h:443\"}";
    let names = ["localhost:5000/team/x:3b", "org/repo@main/q4/x.gguf"];
    let texts = [&*manifest, config].into_iter().chain(names);
    texts.map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn spoiled_manifests_and_names_are_refused_or_read() {
    let (samples, mut random) = (texts(), Random(13));
    for _ in 0..5000 {
        let bytes = mutate(random.pick(&samples).clone().as_slice(), &mut random);
        if let Ok(manifest) = ollama::Manifest::parse(&bytes) {
            let _ = (manifest.blobs(), manifest.len());
        }
        let _ = ollama::Config::parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(name) = ollama::Name::parse(&text) {
            assert!(name.parts().iter().all(|part| !part.is_empty() && !part.starts_with('.')));
            assert!(ollama::Name::parse(&name.to_string()).is_ok_and(|again| again == name));
        }
        if let Ok(name) = huggingface::Name::parse(&text) {
            assert!(name.file.split('/').all(|part| !part.is_empty() && part != ".."));
        }
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
