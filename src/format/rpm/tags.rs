//! The tags of rpm headers: number, name and type side by side, and the flags some of them hold.
//!
//! Format: rpm `include/rpm/rpmtag.h`, `rpmfiles.h`, `rpmds.h`; docs/formats/rpm.md. The numbers of
//! the signature header overlap with those of the main header and stand in [`signature`].

use super::header::Type;

/// A tag: its number, rpm's name for it, the type rpm writes it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub tag: u32,
    /// rpm's name, in capitals.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Type,
}

/// Declares one constant per tag and the table of all of them.
macro_rules! tags {
    ($($name:ident = $tag:literal $kind:ident;)*) => {
        $(
            #[doc = concat!("Tag ", stringify!($tag), ", `", stringify!($kind), "`.")]
            pub const $name: u32 = $tag;
        )*

        /// All of them, ascending.
        pub static ALL: &[Row] =
            &[$(Row { tag: $name, name: stringify!($name), kind: Type::$kind },)*];
    };
}

#[rustfmt::skip]
tags! {
    HEADERSIGNATURES      = 62   Bin;
    HEADERIMMUTABLE       = 63   Bin;
    HEADERI18NTABLE       = 100  Texts;
    SIGMD5                = 261  Bin;
    NAME                  = 1000 Text;
    VERSION               = 1001 Text;
    RELEASE               = 1002 Text;
    EPOCH                 = 1003 Int32;
    SUMMARY               = 1004 I18n;
    DESCRIPTION           = 1005 I18n;
    BUILDTIME             = 1006 Int32;
    BUILDHOST             = 1007 Text;
    INSTALLTIME           = 1008 Int32;
    SIZE                  = 1009 Int32;
    DISTRIBUTION          = 1010 Text;
    VENDOR                = 1011 Text;
    GIF                   = 1012 Bin;
    XPM                   = 1013 Bin;
    LICENSE               = 1014 Text;
    PACKAGER              = 1015 Text;
    GROUP                 = 1016 I18n;
    SOURCE                = 1018 Texts;
    PATCH                 = 1019 Texts;
    URL                   = 1020 Text;
    OS                    = 1021 Text;
    ARCH                  = 1022 Text;
    PREIN                 = 1023 Text;
    POSTIN                = 1024 Text;
    PREUN                 = 1025 Text;
    POSTUN                = 1026 Text;
    OLDFILENAMES          = 1027 Texts;
    FILESIZES             = 1028 Int32;
    FILESTATES            = 1029 Char;
    FILEMODES             = 1030 Int16;
    FILERDEVS             = 1033 Int16;
    FILEMTIMES            = 1034 Int32;
    FILEDIGESTS           = 1035 Texts;
    FILELINKTOS           = 1036 Texts;
    FILEFLAGS             = 1037 Int32;
    FILEUSERNAME          = 1039 Texts;
    FILEGROUPNAME         = 1040 Texts;
    ICON                  = 1043 Bin;
    SOURCERPM             = 1044 Text;
    FILEVERIFYFLAGS       = 1045 Int32;
    ARCHIVESIZE           = 1046 Int32;
    PROVIDENAME           = 1047 Texts;
    REQUIREFLAGS          = 1048 Int32;
    REQUIRENAME           = 1049 Texts;
    REQUIREVERSION        = 1050 Texts;
    NOSOURCE              = 1051 Int32;
    NOPATCH               = 1052 Int32;
    CONFLICTFLAGS         = 1053 Int32;
    CONFLICTNAME          = 1054 Texts;
    CONFLICTVERSION       = 1055 Texts;
    EXCLUDEARCH           = 1059 Texts;
    EXCLUDEOS             = 1060 Texts;
    EXCLUSIVEARCH         = 1061 Texts;
    EXCLUSIVEOS           = 1062 Texts;
    RPMVERSION            = 1064 Text;
    TRIGGERSCRIPTS        = 1065 Texts;
    TRIGGERNAME           = 1066 Texts;
    TRIGGERVERSION        = 1067 Texts;
    TRIGGERFLAGS          = 1068 Int32;
    TRIGGERINDEX          = 1069 Int32;
    VERIFYSCRIPT          = 1079 Text;
    CHANGELOGTIME         = 1080 Int32;
    CHANGELOGNAME         = 1081 Texts;
    CHANGELOGTEXT         = 1082 Texts;
    PREINPROG             = 1085 Texts;
    POSTINPROG            = 1086 Texts;
    PREUNPROG             = 1087 Texts;
    POSTUNPROG            = 1088 Texts;
    BUILDARCHS            = 1089 Texts;
    OBSOLETENAME          = 1090 Texts;
    VERIFYSCRIPTPROG      = 1091 Texts;
    TRIGGERSCRIPTPROG     = 1092 Texts;
    COOKIE                = 1094 Text;
    FILEDEVICES           = 1095 Int32;
    FILEINODES            = 1096 Int32;
    FILELANGS             = 1097 Texts;
    PREFIXES              = 1098 Texts;
    INSTPREFIXES          = 1099 Texts;
    SOURCEPACKAGE         = 1106 Int32;
    PROVIDEFLAGS          = 1112 Int32;
    PROVIDEVERSION        = 1113 Texts;
    OBSOLETEFLAGS         = 1114 Int32;
    OBSOLETEVERSION       = 1115 Texts;
    DIRINDEXES            = 1116 Int32;
    BASENAMES             = 1117 Texts;
    DIRNAMES              = 1118 Texts;
    OPTFLAGS              = 1122 Text;
    DISTURL               = 1123 Text;
    PAYLOADFORMAT         = 1124 Text;
    PAYLOADCOMPRESSOR     = 1125 Text;
    PAYLOADFLAGS          = 1126 Text;
    INSTALLCOLOR          = 1127 Int32;
    INSTALLTID            = 1128 Int32;
    PLATFORM              = 1132 Text;
    FILECOLORS            = 1140 Int32;
    FILECLASS             = 1141 Int32;
    CLASSDICT             = 1142 Texts;
    FILEDEPENDSX          = 1143 Int32;
    FILEDEPENDSN          = 1144 Int32;
    DEPENDSDICT           = 1145 Int32;
    SOURCEPKGID           = 1146 Bin;
    PRETRANS              = 1151 Text;
    POSTTRANS             = 1152 Text;
    PRETRANSPROG          = 1153 Texts;
    POSTTRANSPROG         = 1154 Texts;
    DISTTAG               = 1155 Text;
    DBINSTANCE            = 1195 Int32;
    NVRA                  = 1196 Text;
    FILENAMES             = 5000 Texts;
    LONGFILESIZES         = 5008 Int64;
    LONGSIZE              = 5009 Int64;
    FILECAPS              = 5010 Texts;
    FILEDIGESTALGO        = 5011 Int32;
    BUGURL                = 5012 Text;
    PREINFLAGS            = 5020 Int32;
    POSTINFLAGS           = 5021 Int32;
    PREUNFLAGS            = 5022 Int32;
    POSTUNFLAGS           = 5023 Int32;
    PRETRANSFLAGS         = 5024 Int32;
    POSTTRANSFLAGS        = 5025 Int32;
    VERIFYSCRIPTFLAGS     = 5026 Int32;
    TRIGGERSCRIPTFLAGS    = 5027 Int32;
    VCS                   = 5034 Text;
    ORDERNAME             = 5035 Texts;
    ORDERVERSION          = 5036 Texts;
    ORDERFLAGS            = 5037 Int32;
    RECOMMENDNAME         = 5046 Texts;
    RECOMMENDVERSION      = 5047 Texts;
    RECOMMENDFLAGS        = 5048 Int32;
    SUGGESTNAME           = 5049 Texts;
    SUGGESTVERSION        = 5050 Texts;
    SUGGESTFLAGS          = 5051 Int32;
    SUPPLEMENTNAME        = 5052 Texts;
    SUPPLEMENTVERSION     = 5053 Texts;
    SUPPLEMENTFLAGS       = 5054 Int32;
    ENHANCENAME           = 5055 Texts;
    ENHANCEVERSION        = 5056 Texts;
    ENHANCEFLAGS          = 5057 Int32;
    ENCODING              = 5062 Text;
    FILETRIGGERSCRIPTS    = 5066 Texts;
    FILETRIGGERSCRIPTPROG = 5067 Texts;
    FILETRIGGERSCRIPTFLAGS = 5068 Int32;
    FILETRIGGERNAME       = 5069 Texts;
    FILETRIGGERINDEX      = 5070 Int32;
    FILETRIGGERVERSION    = 5071 Texts;
    FILETRIGGERFLAGS      = 5072 Int32;
    TRANSFILETRIGGERSCRIPTS = 5076 Texts;
    TRANSFILETRIGGERSCRIPTPROG = 5077 Texts;
    TRANSFILETRIGGERSCRIPTFLAGS = 5078 Int32;
    TRANSFILETRIGGERNAME  = 5079 Texts;
    TRANSFILETRIGGERINDEX = 5080 Int32;
    TRANSFILETRIGGERVERSION = 5081 Texts;
    TRANSFILETRIGGERFLAGS = 5082 Int32;
    FILETRIGGERPRIORITIES = 5084 Int32;
    TRANSFILETRIGGERPRIORITIES = 5085 Int32;
    FILESIGNATURES        = 5090 Texts;
    FILESIGNATURELENGTH   = 5091 Int32;
    PAYLOADDIGEST         = 5092 Texts;
    PAYLOADDIGESTALGO     = 5093 Int32;
    AUTOINSTALLED         = 5094 Int32;
    IDENTITY              = 5095 Text;
    MODULARITYLABEL       = 5096 Text;
    PAYLOADDIGESTALT      = 5097 Texts;
    ARCHSUFFIX            = 5098 Text;
    SPEC                  = 5099 Text;
    TRANSLATIONURL        = 5100 Text;
    UPSTREAMRELEASES      = 5101 Text;
    PREUNTRANS            = 5103 Text;
    POSTUNTRANS           = 5104 Text;
    PREUNTRANSPROG        = 5105 Texts;
    POSTUNTRANSPROG       = 5106 Texts;
    PREUNTRANSFLAGS       = 5107 Int32;
    POSTUNTRANSFLAGS      = 5108 Int32;
    SYSUSERS              = 5109 Texts;
    PAYLOADSIZE           = 5112 Int64;
    PAYLOADSIZEALT        = 5113 Int64;
    RPMFORMAT             = 5114 Int32;
    FILEMIMEINDEX         = 5115 Int32;
    MIMEDICT              = 5116 Texts;
    FILESIGNATUREALGO     = 5117 Int32;
    SOURCENEVR            = 5120 Text;
    PAYLOADSHA512         = 5121 Text;
    PAYLOADSHA512ALT      = 5122 Text;
    PAYLOADSHA3_256       = 5123 Text;
    PAYLOADSHA3_256ALT    = 5124 Text;
}

/// Tags of the signature header.
pub mod signature {
    use super::Row;
    use crate::format::rpm::header::Type;

    #[rustfmt::skip]
    tags! {
        HEADERSIGNATURES      = 62   Bin;
        BADSHA1_1             = 264  Text;
        BADSHA1_2             = 265  Text;
        DSA                   = 267  Bin;
        RSA                   = 268  Bin;
        SHA1                  = 269  Text;
        LONGSIZE              = 270  Int64;
        LONGARCHIVESIZE       = 271  Int64;
        SHA256                = 273  Text;
        FILESIGNATURES        = 274  Texts;
        FILESIGNATURELENGTH   = 275  Int32;
        VERITYSIGNATURES      = 276  Texts;
        VERITYSIGNATUREALGO   = 277  Int32;
        OPENPGP               = 278  Texts;
        SHA3_256              = 279  Text;
        RESERVED              = 999  Bin;
        SIZE                  = 1000 Int32;
        LEMD5_1               = 1001 Bin;
        PGP                   = 1002 Bin;
        LEMD5_2               = 1003 Bin;
        MD5                   = 1004 Bin;
        GPG                   = 1005 Bin;
        PGP5                  = 1006 Bin;
        PAYLOADSIZE           = 1007 Int32;
        RESERVEDSPACE         = 1008 Bin;
    }

    /// The row of a tag of the signature header.
    pub fn row(tag: u32) -> Option<&'static Row> {
        ALL.iter().find(|row| row.tag == tag)
    }
}

/// The row of a tag of the main header.
pub fn row(tag: u32) -> Option<&'static Row> {
    ALL.binary_search_by_key(&tag, |row| row.tag).ok().map(|at| &ALL[at])
}

/// Flags of files: [`FILEFLAGS`].
#[rustfmt::skip]
pub mod file {
    /// An administrator edits it.
    pub const CONFIG: u32     = 1 << 0;
    /// Left out by `--nodocs`.
    pub const DOC: u32        = 1 << 1;
    /// May be removed by hand.
    pub const MISSING_OK: u32 = 1 << 3;
    /// The edited file stays on an upgrade.
    pub const NO_REPLACE: u32 = 1 << 4;
    /// Owned, not shipped.
    pub const GHOST: u32      = 1 << 6;
    /// Kept by `--nodocs`.
    pub const LICENSE: u32    = 1 << 7;
    /// A README.
    pub const README: u32     = 1 << 8;
    /// A public key.
    pub const PUBKEY: u32     = 1 << 11;
    /// Made by the build, of no use to users: build-id links.
    pub const ARTIFACT: u32   = 1 << 12;
}

/// What `rpm -V` compares: [`FILEVERIFYFLAGS`].
#[rustfmt::skip]
pub mod verify {
    /// The content.
    pub const DIGEST: u32 = 1 << 0;
    /// The length.
    pub const SIZE: u32   = 1 << 1;
    /// A link's target.
    pub const LINKTO: u32 = 1 << 2;
    /// The owner.
    pub const USER: u32   = 1 << 3;
    /// The group.
    pub const GROUP: u32  = 1 << 4;
    /// The modification time.
    pub const MTIME: u32  = 1 << 5;
    /// Type and permissions.
    pub const MODE: u32   = 1 << 6;
    /// The device numbers.
    pub const RDEV: u32   = 1 << 7;
    /// File capabilities.
    pub const CAPS: u32   = 1 << 8;
    /// All of them, and those to come.
    pub const ALL: u32    = u32::MAX;
    /// What makes sense for a ghost: whoever writes it chooses content, length, target and time.
    pub const GHOST: u32  = ALL & !(DIGEST | SIZE | LINKTO | MTIME);
}

/// Flags of relations: [`REQUIREFLAGS`] and the like.
#[rustfmt::skip]
pub mod sense {
    /// `<`, with [`EQUAL`] `<=`.
    pub const LESS: u32          = 1 << 1;
    /// `>`, with [`EQUAL`] `>=`.
    pub const GREATER: u32       = 1 << 2;
    /// `=`.
    pub const EQUAL: u32         = 1 << 3;
    /// Needed by a script after the transaction.
    pub const POSTTRANS: u32     = 1 << 5;
    /// Of old: needed by a script.
    pub const PREREQ: u32        = 1 << 6;
    /// Needed by a script before the transaction.
    pub const PRETRANS: u32      = 1 << 7;
    /// A script's interpreter.
    pub const INTERP: u32        = 1 << 8;
    /// Needed by the script before installing.
    pub const SCRIPT_PRE: u32    = 1 << 9;
    /// Needed by the script after installing.
    pub const SCRIPT_POST: u32   = 1 << 10;
    /// Needed by the script before removing.
    pub const SCRIPT_PREUN: u32  = 1 << 11;
    /// Needed by the script after removing.
    pub const SCRIPT_POSTUN: u32 = 1 << 12;
    /// Needed by the script of `rpm -V`.
    pub const SCRIPT_VERIFY: u32 = 1 << 13;
    /// Found in a file, not written by anybody.
    pub const FIND_REQUIRES: u32 = 1 << 14;
    /// Found in a file, not written by anybody.
    pub const FIND_PROVIDES: u32 = 1 << 15;
    /// A trigger: after the other was installed.
    pub const TRIGGERIN: u32     = 1 << 16;
    /// A trigger: before the other is removed.
    pub const TRIGGERUN: u32     = 1 << 17;
    /// A trigger: after the other was removed.
    pub const TRIGGERPOSTUN: u32 = 1 << 18;
    /// A hint only.
    pub const MISSINGOK: u32     = 1 << 19;
    /// A feature of rpm itself.
    pub const RPMLIB: u32        = 1 << 24;
    /// A trigger: before the other is installed.
    pub const TRIGGERPREIN: u32  = 1 << 25;
    /// `config(NAME)`.
    pub const CONFIG: u32        = 1 << 28;
    /// Says nothing about the order.
    pub const META: u32          = 1 << 29;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_ascending_and_without_duplicates() {
        assert!(ALL.is_sorted_by(|a, b| a.tag < b.tag));
        assert!(signature::ALL.is_sorted_by(|a, b| a.tag < b.tag));
    }

    #[test]
    fn a_number_means_different_things_in_the_two_headers() {
        assert_eq!(row(1000).map(|row| row.name), Some("NAME"));
        assert_eq!(signature::row(1000).map(|row| row.name), Some("SIZE"));
        assert_eq!(row(4), None);
    }

    #[test]
    fn a_ghost_is_verified_by_owner_and_mode() {
        assert_eq!(verify::GHOST, 0xffff_ffd8);
    }
}
