//! Values that need no declaration: strings, numbers, lists, maps.

use std::collections::BTreeMap;

use super::{Decode, DecodeKey, Decoder, Node, Problem, Shape, Spanned};

impl Decode for Node {
    fn decode(node: &Node, _to: &mut Decoder) -> Option<Self> {
        Some(node.clone())
    }

    fn shape() -> Shape {
        Shape::Any
    }
}

impl Decode for String {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let text = node.as_str();
        if text.is_none() {
            to.wrong_type(node, "a string");
        }
        text.map(str::to_owned)
    }

    fn shape() -> Shape {
        Shape::Text("text")
    }
}

impl Decode for bool {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let truth = node.as_bool();
        if truth.is_none() {
            to.wrong_type(node, "a boolean");
        }
        truth
    }

    fn shape() -> Shape {
        Shape::Bool
    }
}

impl Decode for u32 {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let Some(number) = node.as_integer() else {
            to.wrong_type(node, "an integer");
            return None;
        };
        to.bounded(node, number, 0, Self::MAX)
    }

    fn shape() -> Shape {
        Shape::Integer(0, Self::MAX.into())
    }
}

impl Decode for u64 {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let Some(number) = node.as_integer() else {
            to.wrong_type(node, "an integer");
            return None;
        };
        let fits = Self::try_from(number).ok();
        if fits.is_none() {
            let message = format!("`{}` is {number}, which is negative", to.path());
            to.note("manifest.value", message, node.place.as_ref());
        }
        fits
    }

    fn shape() -> Shape {
        Shape::Integer(0, i64::MAX)
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        T::decode(node, to).map(Some)
    }

    fn shape() -> Shape {
        T::shape()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        T::decode(node, to).map(|value| Self { value, place: node.place.clone() })
    }

    fn shape() -> Shape {
        T::shape()
    }

    fn absent() -> Option<Self> {
        T::absent().map(|value| Self { value, place: None })
    }
}

/// Wrong items are noted and left out.
impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let Some(items) = node.as_array() else {
            to.wrong_type(node, &Self::shape().wanted());
            let strings = matches!(T::shape(), Shape::Text(_) | Shape::Words(_));
            let hint = node.as_str().filter(|text| strings && text.len() <= 40);
            let hint = hint.filter(|_| !to.near_secrets());
            if let (Some(text), Some(error)) = (hint, to.found.errors.last_mut()) {
                error.hint = Some(format!("a list is written [{text:?}]"));
            }
            return None;
        };
        let items = items.iter().enumerate();
        Some(
            items
                .filter_map(|(at, item)| to.within(&format!("[{at}]"), |to| T::decode(item, to)))
                .collect(),
        )
    }

    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// Wrong rows are noted and left out.
impl<K: DecodeKey, T: Decode> Decode for BTreeMap<K, T> {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let Some(table) = node.as_table() else {
            to.wrong_type(node, "a table");
            return None;
        };
        let mut map = Self::new();
        for (key, node) in table.iter() {
            let value = to.within(&key.name, |to| T::decode(node, to));
            match K::decode_key(&key.name) {
                Ok(key) => {
                    value.and_then(|value| map.insert(key, value));
                }
                Err(problem) => to.problem(problem, key.place.as_ref()),
            }
        }
        Some(map)
    }

    fn shape() -> Shape {
        Shape::Map(K::WHAT, Box::new(T::shape()))
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl DecodeKey for String {
    const WHAT: &'static str = "a name";

    fn decode_key(key: &str) -> Result<Self, Problem> {
        Ok(key.to_owned())
    }
}
