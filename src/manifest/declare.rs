//! Declarations: one place says what a table is in Rust, in errors, in the schema and in the docs.

/// Declares a table of the manifest: a struct, how it is read, and what the docs say of it.
///
/// Keys are the fields' names in kebab-case. A field is required unless its type has a value for
/// absence (`Option`, `Vec`, `BTreeMap`, tables of such), or a default follows after `=`. The text
/// after `=>` is what the docs call the default.
#[macro_export]
macro_rules! table {
    (
        $(#[doc = $doc:literal])*
        $(#[check($check:path)])?
        pub struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $field:ident : $type:ty $(= $default:expr)? $(=> $words:literal)?
            ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $field_doc])* pub $field: $type, )*
        }

        impl $crate::manifest::Decode for $name {
            fn decode(
                node: &$crate::manifest::Node,
                to: &mut $crate::manifest::Decoder,
            ) -> Option<Self> {
                if node.as_table().is_none() {
                    to.wrong_type(node, "a table");
                    return None;
                }
                to.unknown_keys(node, &[$($crate::manifest::kebab(stringify!($field))),*]);
                $(
                    let $field: Option<$type> =
                        $crate::table!(@read node, to, $field, $type $(, $default)?);
                )*
                let value = Self { $($field: $field?),* };
                $( $check(&value, node, to); )?
                Some(value)
            }

            fn shape() -> $crate::manifest::Shape {
                $crate::manifest::Shape::Table(
                    <Self as $crate::manifest::DecodeTable>::table_shape(),
                )
            }

            fn absent() -> Option<Self> {
                Some(Self { $($field: $crate::table!(@absent $type $(, $default)?)?),* })
            }
        }

        impl $crate::manifest::DecodeTable for $name {
            fn table_shape() -> $crate::manifest::TableShape {
                $crate::manifest::TableShape {
                    name: stringify!($name),
                    doc: concat!($($doc, "\n"),*),
                    fields: vec![$(
                        $crate::manifest::Field {
                            key: $crate::manifest::kebab(stringify!($field)),
                            doc: concat!($($field_doc, "\n"),*),
                            shape: <$type as $crate::manifest::Decode>::shape(),
                            required: $crate::table!(@absent $type $(, $default)?).is_none(),
                            default: $crate::table!(@words $(= $default)? $(=> $words)?),
                        }
                    ),*],
                    layer: false,
                }
            }
        }
    };
    (@read $node:ident, $to:ident, $field:ident, $type:ty) => {
        $to.field::<$type>($node, &$crate::manifest::kebab(stringify!($field)))
    };
    (@read $node:ident, $to:ident, $field:ident, $type:ty, $default:expr) => {
        $to.field_or::<$type>($node, &$crate::manifest::kebab(stringify!($field)), $default)
    };
    (@absent $type:ty) => { <$type as $crate::manifest::Decode>::absent() };
    (@absent $type:ty, $default:expr) => { Some::<$type>($default) };
    (@words) => { None };
    (@words = $default:expr) => { Some(stringify!($default)) };
    (@words $(= $default:expr)? => $words:literal) => { Some($words) };
}

/// Says how the words of an enum are written in the manifest and what each means.
#[macro_export]
macro_rules! words {
    ($type:ty { $( $variant:ident = $word:literal : $doc:literal ),* $(,)? }) => {
        impl $type {
            /// The word of the manifest.
            pub fn as_word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            /// The words of the manifest and what each means.
            pub const WORDS: &'static [(Self, &'static str, &'static str)] =
                &[$((Self::$variant, $word, $doc)),*];
        }

        impl $crate::manifest::Decode for $type {
            fn decode(
                node: &$crate::manifest::Node,
                to: &mut $crate::manifest::Decoder,
            ) -> Option<Self> {
                to.word(node, Self::WORDS)
            }

            fn shape() -> $crate::manifest::Shape {
                let words = Self::WORDS.iter().map(|(_, word, doc)| (*word, *doc));
                $crate::manifest::Shape::Words(words.collect())
            }
        }
    };
}

/// Lets the words of an enum be keys of a map.
#[macro_export]
macro_rules! word_keys {
    ($type:ty, $what:literal) => {
        impl $crate::manifest::DecodeKey for $type {
            const WHAT: &'static str = $what;

            fn decode_key(key: &str) -> Result<Self, $crate::manifest::Problem> {
                $crate::manifest::word_key(key, $what, Self::WORDS)
            }
        }
    };
}

/// Declares a text with rules of its own. What is still to be expanded is not judged.
#[macro_export]
macro_rules! text {
    ($(#[doc = $doc:literal])* pub struct $name:ident($what:literal, $check:expr);) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub String);

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl $name {
            /// Whether a text follows the rules.
            pub fn check(text: &str) -> Result<(), $crate::manifest::Problem> {
                let check: fn(&str) -> Result<(), $crate::manifest::Problem> = $check;
                check(text)
            }
        }

        impl $crate::manifest::Decode for $name {
            fn decode(
                node: &$crate::manifest::Node,
                to: &mut $crate::manifest::Decoder,
            ) -> Option<Self> {
                to.checked(node, Self::check).map(Self)
            }

            fn shape() -> $crate::manifest::Shape {
                $crate::manifest::Shape::Text($what)
            }
        }

        impl $crate::manifest::DecodeKey for $name {
            const WHAT: &'static str = $what;

            fn decode_key(key: &str) -> Result<Self, $crate::manifest::Problem> {
                Self::check(key).map(|()| Self(key.to_owned()))
            }
        }
    };
}

/// `multi_arch` is `multi-arch`, `r#type` is `type`.
pub fn kebab(field: &str) -> String {
    field.trim_start_matches("r#").replace('_', "-")
}
