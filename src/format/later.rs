//! Formats that are planned: their tables are read and checked, asking for one is refused.

use std::collections::BTreeMap;

use crate::{
    compression,
    manifest::{
        Decode, Decoder, FileName, Line, MimeType, Node, Numbers, Path, RawTable, Scheme, Shape,
        Spanned, Url, Value,
    },
    package::{Os, PackageName},
    table, words,
};

/// A format that is planned.
#[derive(Clone, Copy, Debug)]
pub struct Later {
    /// The name in manifests and on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Systems it exists for.
    pub systems: &'static [Os],
}

/// All of them.
#[rustfmt::skip]
pub static LATER: &[Later] = &[
    Later { name: "appimage", about: "AppImage: one file that runs",     systems: &[Os::Linux] },
    Later { name: "app",      about: "macOS application bundle",         systems: &[Os::Macos] },
    Later { name: "dmg",      about: "macOS disk image",                 systems: &[Os::Macos] },
    Later { name: "pkg",      about: "macOS installer package",          systems: &[Os::Macos] },
    Later { name: "nsis",     about: "Windows installer (Setup.exe)",    systems: &[Os::Windows] },
    Later { name: "msi",      about: "Windows Installer database",       systems: &[Os::Windows] },
];

table! {
    /// macOS applications.
    pub struct AppOptions {
        /// Another package name, in applications only.
        name: Option<Spanned<PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<FileName>> => "`{{ title }}.app`",
        /// Category: `public.app-category.developer-tools`.
        category: Option<Spanned<Line>>,
        /// No Dock icon (`LSUIElement`).
        background: bool = false,
        /// Raw Info.plist keys, merged last.
        plist: RawTable,
        /// Schemes it opens.
        url_schemes: Vec<Spanned<Scheme>>,
        /// Documents it opens.
        document_types: Vec<Spanned<DocumentType>>,
    }
}

table! {
    /// A kind of document.
    pub struct DocumentType {
        /// What it is called.
        name: Spanned<Line>,
        /// Extensions, without dots.
        extensions: Vec<Spanned<Line>>,
        /// Its MIME types.
        mime_types: Vec<Spanned<MimeType>>,
        /// What the application does with it.
        role: DocumentRole = DocumentRole::Viewer => "viewer",
    }
}

/// What an application does with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words say it
pub enum DocumentRole {
    Viewer,
    Editor,
    None,
}

words! { DocumentRole {
    Viewer = "viewer": "shows it",
    Editor = "editor": "changes it",
    None = "none": "neither",
} }

table! {
    /// macOS disk images.
    pub struct DmgOptions {
        /// Another package name, in disk images only.
        name: Option<Spanned<PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<FileName>> => "`{{ title }}-{{ version }}-{{ shortarch }}.dmg`",
        /// A picture behind the icons.
        background: Option<Spanned<Path>>,
        /// Size of the window: `[660, 400]`.
        window: Option<Pair>,
        /// Where icons are, by name: `{ "Applications" = [480, 170] }`.
        icons: BTreeMap<String, Pair>,
        /// Name of the volume.
        volume_name: Option<Spanned<Line>> => "the title",
        /// A licence shown before it opens.
        license: Option<Spanned<Path>>,
        /// How it packs.
        compression: Option<Spanned<DmgCompression>> => "zlib",
    }
}

/// Two numbers: width and height, x and y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair(pub u32, pub u32);

impl Decode for Pair {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let Value::Array(items) = &node.value else {
            to.wrong_type(node, "a list of two integers");
            return None;
        };
        let [first, second] = items.as_slice() else {
            let message =
                format!("`{}` has {} numbers, and two are wanted", to.path(), items.len());
            to.note("manifest.value", message, node.place.as_ref());
            return None;
        };
        let first = to.within("[0]", |to| u32::decode(first, to));
        let second = to.within("[1]", |to| u32::decode(second, to));
        Some(Self(first?, second?))
    }

    fn shape() -> Shape {
        Shape::Pair
    }
}

compression! {
    /// What macOS reads.
    pub struct DmgCompression {
        "zlib": 1, 9;
        "lzfse": 0, 0;
        "lzma": 0, 9;
        "none": 0, 0;
    }
}

table! {
    /// macOS installer packages.
    pub struct PkgOptions {
        /// Another package name, in installer packages only.
        name: Option<Spanned<PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<FileName>> => "`{{ title }}-{{ version }}-{{ shortarch }}.pkg`",
        /// Text of the first page.
        welcome: Option<Spanned<Path>>,
        /// Text of the second page.
        readme: Option<Spanned<Path>>,
        /// A licence the user has to accept.
        license: Option<Spanned<Path>>,
        /// A picture behind the pages.
        background: Option<Spanned<Path>>,
        /// Whether the user may choose components.
        choices: bool = true => "true when there are optional components",
        /// Where it may be installed.
        domains: Vec<PkgDomain> => "system",
    }
}

/// Where a .pkg may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Apple's words
pub enum PkgDomain {
    System,
    User,
}

words! { PkgDomain {
    System = "system": "for everybody",
    User = "user": "in the user's home",
} }

table! {
    /// Windows installers.
    pub struct NsisOptions {
        /// Another package name, in installers only.
        name: Option<Spanned<PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<FileName>> => "`{{ title }}Setup-{{ version }}-{{ shortarch }}.exe`",
        /// Appends what does not fit into the installer to its file, up to 4 GiB.
        single_exe: bool = false,
        /// Languages of the pages.
        languages: Vec<Spanned<Line>> => "English",
        /// A licence the user has to accept.
        license: Option<Spanned<Path>>,
        /// A picture at the top of the pages.
        header: Option<Spanned<Path>>,
        /// A picture beside the first and the last page.
        sidebar: Option<Spanned<Path>>,
        /// How it packs.
        compression: Option<Spanned<NsisCompression>> => "lzma",
    }
}

compression! {
    /// What NSIS packs with.
    pub struct NsisCompression {
        "lzma": 0, 9;
        "zlib": 1, 9;
        "none": 0, 0;
    }
}

table! {
    /// Windows Installer databases.
    pub struct MsiOptions {
        /// Another package name, in databases only.
        name: Option<Spanned<PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<FileName>> => "`{{ title }}-{{ version }}-{{ shortarch }}.msi`",
        /// A licence the user has to accept.
        license: Option<Spanned<Path>>,
        /// Where the files are.
        cabinets: Cabinets = Cabinets::Embed => "embed",
        /// How it packs.
        compression: Option<Spanned<MsiCompression>> => "mszip",
    }
}

/// Where the files of an MSI are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words say it
pub enum Cabinets {
    Embed,
    External,
}

words! { Cabinets {
    Embed = "embed": "in the database",
    External = "external": "beside it",
} }

compression! {
    /// What cabinets pack with.
    pub struct MsiCompression {
        "mszip": 1, 9;
        "none": 0, 0;
    }
}

table! {
    /// AppImages.
    pub struct AppimageOptions {
        /// Another package name, in AppImages only.
        name: Option<Spanned<PackageName>> => "the package's",
        /// Another file name.
        file_name: Option<Spanned<FileName>> => "`{{ title }}-{{ version }}-{{ arch }}.AppImage`",
        /// The newest glibc its programs may need: `2.31`.
        max_glibc: Option<Spanned<Numbers>>,
        /// Also write the MD5 digest that old update tools ask for.
        digest_md5: bool = false,
        /// Libraries that may come from the system.
        allow_libraries: Vec<Spanned<Line>>,
        /// Where updates are: an address of a .zsync file.
        update: Option<Spanned<Url>>,
        /// How it packs.
        compression: Option<Spanned<AppimageCompression>> => "zstd:3",
    }
}

compression! {
    /// What SquashFS packs with.
    pub struct AppimageCompression {
        "zstd": 1, 22;
        "gzip": 1, 9;
        "xz": 0, 9;
        "lz4": 0, 12;
        "none": 0, 0;
    }
}
