//! GGUF files from bytes: tiny, useless, the same every time. Used by tests beside the code, too, so
//! it names nothing of the project.

#![allow(missing_docs, dead_code, unreachable_pub, clippy::unwrap_used)]

/// A value of the header.
#[derive(Clone)]
pub enum Value {
    U16(u16),
    U32(u32),
    I32(i32),
    U64(u64),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    Floats(Vec<f32>),
}

/// A file, part by part.
#[derive(Clone)]
pub struct Gguf {
    pub version: u32,
    pub big: bool,
    pub pairs: Vec<(String, Value)>,
    /// Name, dimensions with the fastest first, type, bytes.
    pub tensors: Vec<(String, Vec<u64>, u32, usize)>,
    pub align: usize,
    pub seed: u64,
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Two tensors of 64 x 32 numbers and a vocabulary of 40 words.
pub fn tiny(seed: u64) -> Gguf {
    let pairs = [
        ("general.architecture", text("llama")),
        ("general.name", text("tiny")),
        ("general.size_label", text("4K")),
        ("general.license", text("mit")),
        ("general.file_type", Value::U32(0)),
        ("general.quantization_version", Value::U32(2)),
        ("llama.context_length", Value::U32(256)),
        ("tokenizer.ggml.model", text("llama")),
        ("tokenizer.ggml.tokens", Value::Texts((0..40).map(|n| format!("t{n}")).collect())),
        ("tokenizer.ggml.scores", Value::Floats(vec![0.0; 40])),
        ("tokenizer.ggml.bos_token_id", Value::U32(1)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(true)),
    ];
    let tensor = |name: &str| (name.to_owned(), vec![64, 32], 0, 64 * 32 * 4);
    Gguf {
        version: 3,
        big: false,
        pairs: pairs.map(|(key, value)| (key.to_owned(), value)).into(),
        tensors: vec![tensor("token_embd.weight"), tensor("output.weight")],
        align: 32,
        seed,
    }
}

/// The same in parts: only the first has the metadata.
pub fn shards(seed: u64, count: u16) -> Vec<Gguf> {
    let whole = tiny(seed);
    let shard = |number: u16| {
        let mut pairs = if number == 0 { whole.pairs.clone() } else { Vec::new() };
        pairs.push(("split.no".into(), Value::U16(number)));
        pairs.push(("split.count".into(), Value::U16(count)));
        pairs.push(("split.tensors.count".into(), Value::I32(i32::from(count))));
        let name = format!("blk.{number}.weight");
        let tensors = vec![(name, vec![64, 32], 0, 64 * 32 * 4)];
        Gguf { pairs, tensors, seed: seed + u64::from(number), ..whole.clone() }
    };
    (0..count).map(shard).collect()
}

impl Gguf {
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.pairs.retain(|(known, _)| known != key);
        self.pairs.push((key.to_owned(), value));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Out { big: self.big, bytes: b"GGUF".to_vec() };
        out.u32(self.version);
        out.u64(self.tensors.len() as u64);
        out.u64(self.pairs.len() as u64);
        for (key, value) in &self.pairs {
            out.text(key);
            out.value(value);
        }
        let mut data = Vec::new();
        for (name, dims, kind, len) in &self.tensors {
            out.text(name);
            out.u32(u32::try_from(dims.len()).unwrap());
            for dim in dims {
                out.u64(*dim);
            }
            out.u32(*kind);
            out.u64(data.len() as u64);
            data.extend(noise(self.seed ^ data.len() as u64, *len));
            data.resize(data.len().next_multiple_of(self.align), 0);
        }
        let mut bytes = out.bytes;
        bytes.resize(bytes.len().next_multiple_of(self.align), 0);
        bytes.extend(data);
        bytes
    }
}

fn noise(seed: u64, len: usize) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    })
}

struct Out {
    big: bool,
    bytes: Vec<u8>,
}

impl Out {
    fn number<const N: usize>(&mut self, mut little: [u8; N]) {
        if self.big {
            little.reverse();
        }
        self.bytes.extend(little);
    }

    fn u32(&mut self, number: u32) {
        self.number(number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.number(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn array(&mut self, kind: u32, count: usize) {
        self.u32(9);
        self.u32(kind);
        self.u64(count as u64);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::U16(number) => {
                self.u32(2);
                self.number(number.to_le_bytes());
            }
            Value::U32(number) => {
                self.u32(4);
                self.u32(*number);
            }
            Value::I32(number) => {
                self.u32(5);
                self.number(number.to_le_bytes());
            }
            Value::U64(number) => {
                self.u32(10);
                self.u64(*number);
            }
            Value::Bool(truth) => {
                self.u32(7);
                self.bytes.push(u8::from(*truth));
            }
            Value::Text(text) => {
                self.u32(8);
                self.text(text);
            }
            Value::Texts(texts) => {
                self.array(8, texts.len());
                for text in texts {
                    self.text(text);
                }
            }
            Value::Floats(floats) => {
                self.array(6, floats.len());
                for float in floats {
                    self.number(float.to_le_bytes());
                }
            }
        }
    }
}
