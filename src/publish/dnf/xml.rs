//! XML as repositories have it: written by hand, read with limits.

use std::fmt::Write as _;

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

/// Most elements inside of one another.
const MAX_DEPTH: usize = 16;

/// What every document starts with.
pub(super) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Elements being written, two blanks deeper each.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Writer {
    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        write!(self.out, "{:1$}<{name}", "", self.open.len() * 2).expect("a string");
        for (key, value) in attributes {
            let value = escape(value).replace('"', "&quot;");
            write!(self.out, " {key}=\"{value}\"").expect("a string");
        }
    }

    /// `<name key="value">`
    pub(super) fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push_str(">\n");
        self.open.push(name);
    }

    /// `</name>`
    pub(super) fn close(&mut self) {
        let name = self.open.pop().expect("an open element");
        writeln!(self.out, "{:1$}</{name}>", "", self.open.len() * 2).expect("a string");
    }

    /// `<name key="value"/>`
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push_str("/>\n");
    }

    /// `<name key="value">text</name>`
    pub(super) fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.start(name, attributes);
        writeln!(self.out, ">{}</{name}>", escape(text)).expect("a string");
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// What XML takes for itself, escaped; what it cannot say, left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c < ' ' => {}
            c => out.push(c),
        }
    }
    out
}

/// One element below the root.
pub(super) struct Child<'a> {
    /// Its name with its prefix.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    /// As it is written, from `<` to `>`.
    pub(super) raw: &'a str,
    /// What is in it, one level deep: name, attributes, text.
    pub(super) inner: Vec<Inner>,
}

/// An element in a [`Child`].
pub(super) struct Inner {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) text: String,
}

fn find<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

impl Inner {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        find(&self.attributes, name)
    }
}

impl Child<'_> {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        find(&self.attributes, name)
    }

    /// The first element of that name in it.
    pub(super) fn inner(&self, name: &str) -> Option<&Inner> {
        self.inner.iter().find(|inner| inner.name == name)
    }
}

/// Reads a document with this root, child by child. The error is the reason, and where.
pub(super) fn children<'a>(
    text: &'a str,
    root: &str,
    mut each: impl FnMut(Child<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let mut walk = Walk { text, reader: Reader::from_str(text) };
    walk.root(root)?;
    while let Some(child) = walk.child(root)? {
        each(child).map_err(|why| walk.at(&why))?;
    }
    walk.end()
}

struct Walk<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
}

impl<'a> Walk<'a> {
    fn at(&self, why: &str) -> String {
        format!("near byte {}: {why}", self.reader.buffer_position())
    }

    fn next(&mut self) -> Result<Event<'a>, String> {
        let event = self.reader.read_event().map_err(|error| self.at(&error.to_string()))?;
        match event {
            // entities of its own are how a small document becomes a large one
            Event::DocType(_) => Err(self.at("it has a document type")),
            event => Ok(event),
        }
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn root(&mut self, root: &str) -> Result<(), String> {
        loop {
            match self.next()? {
                Event::Start(start) if start.name().as_ref() == root => return Ok(()),
                Event::Start(_) | Event::Empty(_) | Event::Eof => {
                    return Err(self.at(&format!("the root is not <{root}>")));
                }
                _ => {}
            }
        }
    }

    fn child(&mut self, root: &str) -> Result<Option<Child<'a>>, String> {
        loop {
            let start = self.position();
            match self.next()? {
                Event::Start(tag) => return self.element(&tag, start, false).map(Some),
                Event::Empty(tag) => return self.element(&tag, start, true).map(Some),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err(self.at(&format!("<{root}> is not closed"))),
                _ => {}
            }
        }
    }

    fn element(
        &mut self,
        tag: &BytesStart<'_>,
        start: usize,
        empty: bool,
    ) -> Result<Child<'a>, String> {
        let (name, attributes) = self.tag(tag)?;
        let inner = if empty { Vec::new() } else { self.inner(&name)? };
        Ok(Child { name, attributes, raw: &self.text[start..self.position()], inner })
    }

    /// What is in an element, up to its end.
    fn inner(&mut self, name: &str) -> Result<Vec<Inner>, String> {
        let mut all: Vec<Inner> = Vec::new();
        let mut depth = 0;
        let mut text_from = 0;
        loop {
            let before = self.position();
            match self.next()? {
                Event::Start(tag) if depth == 0 => {
                    all.push(self.inner_tag(&tag)?);
                    depth = 1;
                    text_from = self.position();
                }
                Event::Empty(tag) if depth == 0 => all.push(self.inner_tag(&tag)?),
                Event::Start(_) => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(self.at("elements are too deep inside of one another"));
                    }
                }
                Event::End(_) if depth == 0 => return Ok(all),
                Event::End(_) => {
                    depth -= 1;
                    if let (0, Some(last)) = (depth, all.last_mut()) {
                        last.text = unescaped(&self.text[text_from..before])
                            .ok_or_else(|| self.at("an entity is not known"))?;
                    }
                }
                Event::Eof => return Err(self.at(&format!("<{name}> is not closed"))),
                _ => {}
            }
        }
    }

    fn inner_tag(&self, tag: &BytesStart<'_>) -> Result<Inner, String> {
        let (name, attributes) = self.tag(tag)?;
        Ok(Inner { name, attributes, text: String::new() })
    }

    fn tag(&self, tag: &BytesStart<'_>) -> Result<(String, Vec<(String, String)>), String> {
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| self.at(&error.to_string()))?;
            let value =
                unescaped(&attribute.value).ok_or_else(|| self.at("an entity is not known"))?;
            attributes.push((attribute.key.as_ref().to_owned(), value));
        }
        Ok((tag.name().as_ref().to_owned(), attributes))
    }

    /// Nothing may follow the root.
    fn end(&mut self) -> Result<(), String> {
        loop {
            match self.next()? {
                Event::Eof => return Ok(()),
                Event::Start(_) | Event::Empty(_) => return Err(self.at("a second root follows")),
                _ => {}
            }
        }
    }
}

fn unescaped(raw: &str) -> Option<String> {
    quick_xml::escape::unescape(raw).ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let mut all = Vec::new();
        children(text, "r", |child| {
            let inner = child.inner.iter();
            let inner =
                inner.map(|i| format!("{}={}:{}", i.name, i.attribute("k").unwrap_or(""), i.text));
            all.push((child.raw.to_owned(), inner.collect::<Vec<_>>().join(",")));
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn awkward_text_is_written_and_read_again() {
        let awkward = "O'Brien & \"Söhne\" <x>\u{1}\n100% ]]>";
        let mut xml = Writer::default();
        xml.open("r", &[]);
        xml.open("p", &[("a", awkward)]);
        xml.text("t", &[("k", awkward)], awkward);
        xml.close();
        xml.close();
        let text = xml.finish();
        let clean = awkward.replace('\u{1}', "");
        assert_eq!(read(&text).unwrap()[0].1, format!("t={clean}:{clean}"));
    }

    #[test]
    fn children_are_cut_out_as_they_are_written() {
        let all = read(
            "<?xml version=\"1.0\"?>\n<r>\n <p><n>1</n><e k=\"2\"/><f><g/></f></p>\n <q/></r>\n",
        );
        let all = all.unwrap();
        assert_eq!(all[0].0, "<p><n>1</n><e k=\"2\"/><f><g/></f></p>");
        assert_eq!(all[0].1, "n=:1,e=2:,f=:<g/>");
        assert_eq!(all[1].0, "<q/>");
    }

    #[test]
    fn bombs_and_broken_documents_are_refused() {
        let bomb =
            "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><r><p><n>&b;</n></p></r>";
        assert!(read(bomb).unwrap_err().contains("document type"));
        assert!(read("<r><p><n>&b;</n></p></r>").unwrap_err().contains("entity"));
        let deep = format!("<r>{}{}</r>", "<p>".repeat(100_000), "</p>".repeat(100_000));
        assert!(read(&deep).unwrap_err().contains("too deep"));
        for broken in ["", "<x/>", "<r>", "<r><p>", "<r><p></r>", "<r></r><r></r>", "<r a=1/>"] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
