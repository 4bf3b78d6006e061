//! `repomd.xml`: the digest of every index.

use super::xml::{self, Child, DECLARATION, Writer};
use crate::{
    codec::Codec,
    digest::{Digest, Sha256Digest},
    publish::{Place, pack},
};

/// Most indexes of one repository.
const MAX_DATA: usize = 1000;

/// A repomd.xml.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repomd {
    /// `revision`, seconds since 1970 where we wrote it.
    pub revision: Option<u64>,
    /// Every index.
    pub data: Vec<Data>,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// `primary`, `filelists`, `other`, …
    pub kind: String,
    /// Where it is.
    pub place: Place,
    /// Length in bytes.
    pub len: u64,
    /// Digest as it is packed.
    pub sha256: Sha256Digest,
    /// Digest once it is unpacked.
    pub plain: Option<Sha256Digest>,
    /// Length once it is unpacked.
    pub plain_len: Option<u64>,
    /// `timestamp`.
    pub time: Option<u64>,
}

impl Data {
    /// How it is packed, as its name says; `None` for what is not read here.
    pub fn codec(&self) -> Option<Codec> {
        let (_, ending) = self.place.as_str().rsplit_once(".xml")?;
        Codec::ALL.into_iter().find(|codec| pack::ending(*codec) == ending)
    }

    fn parse(data: &Child<'_>) -> Result<Self, String> {
        let kind = data.attribute("type").ok_or("a <data> has no type")?.to_owned();
        let bad = |what: &str| format!("{what} of `{kind}` is malformed or not there");
        let sum = |element: &str| {
            let inner =
                data.inner(element).filter(|sum| sum.attribute("type") == Some("sha256"))?;
            Digest::parse(inner.text.trim())
        };
        let number = |element: &str| data.inner(element)?.text.trim().parse().ok();
        let location = data.inner("location").ok_or_else(|| bad("location"))?;
        if location.attribute("xml:base").is_some() {
            return Err(format!("`{kind}` is in another place: xml:base"));
        }
        let href = location.attribute("href").ok_or_else(|| bad("location"))?;
        Ok(Self {
            place: Place::parse(href)?,
            len: number("size").ok_or_else(|| bad("size"))?,
            sha256: sum("checksum").ok_or_else(|| bad("checksum (sha256)"))?,
            plain: sum("open-checksum"),
            plain_len: number("open-size"),
            time: number("timestamp"),
            kind,
        })
    }
}

impl Repomd {
    /// Reads the text that was signed. The error is the reason.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
        let mut repomd = Self::default();
        xml::children(text, "repomd", |child| {
            match child.name.as_str() {
                "data" if repomd.data.len() >= MAX_DATA => {
                    return Err(format!("it lists more than {MAX_DATA} indexes"));
                }
                "data" => repomd.data.push(Data::parse(&child)?),
                "revision" => {
                    let text = child.raw.trim_start_matches("<revision>");
                    repomd.revision = text.trim_end_matches("</revision>").trim().parse().ok();
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(repomd)
    }

    /// As a text.
    pub(super) fn text(&self) -> String {
        let mut xml = Writer::default();
        xml.open(
            "repomd",
            &[
                ("xmlns", "http://linux.duke.edu/metadata/repo"),
                ("xmlns:rpm", "http://linux.duke.edu/metadata/rpm"),
            ],
        );
        let number = |xml: &mut Writer, name: &str, number: Option<u64>| {
            if let Some(number) = number {
                xml.text(name, &[], &number.to_string());
            }
        };
        number(&mut xml, "revision", self.revision);
        for data in &self.data {
            let Data { kind, place, len, sha256, plain, plain_len, time } = data;
            xml.open("data", &[("type", kind)]);
            xml.text("checksum", &[("type", "sha256")], &sha256.to_string());
            if let Some(plain) = plain {
                xml.text("open-checksum", &[("type", "sha256")], &plain.to_string());
            }
            xml.empty("location", &[("href", place.as_str())]);
            number(&mut xml, "timestamp", *time);
            number(&mut xml, "size", Some(*len));
            number(&mut xml, "open-size", *plain_len);
            xml.close();
        }
        xml.close();
        DECLARATION.to_owned() + &xml.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256;

    fn sample() -> Repomd {
        let sha256 = sha256(b"x");
        let data = Data {
            kind: "primary".into(),
            place: Place::parse("repodata/x-primary.xml.gz").unwrap(),
            len: 1,
            sha256,
            plain: Some(sha256),
            plain_len: Some(2),
            time: Some(3),
        };
        Repomd { revision: Some(3), data: vec![data] }
    }

    #[test]
    fn it_comes_back_as_it_was() {
        let text = sample().text();
        assert_eq!(Repomd::parse(text.as_bytes()).unwrap(), sample());
        assert_eq!(sample().data[0].codec(), Some(Codec::Gzip));
    }

    #[test]
    fn indexes_outside_of_the_repository_and_weak_digests_are_refused() {
        let with = |from: &str, to: &str| {
            let text = sample().text();
            assert!(text.contains(from), "{from}");
            Repomd::parse(text.replace(from, to).as_bytes()).unwrap_err()
        };
        assert!(with("repodata/x", "../../x").contains("no path inside"));
        assert!(with("repodata/x", "https://example.org/x").contains("no path inside"));
        assert!(with("href=", "xml:base=\"http://x\" href=").contains("another place"));
        assert!(with("<checksum type=\"sha256\"", "<checksum type=\"md5\"").contains("checksum"));
        assert!(with("<size>1</size>", "<size>-1</size>").contains("size"));
    }
}
