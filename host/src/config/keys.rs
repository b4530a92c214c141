//! What a `vmbuild.toml` may say.

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// A string: a path, relative to the file's own folder.
    Folder,
}

/// One key: the option of the same name gets its value as default.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key and the option.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// What is used where nobody says anything and the option has no default of its own.
    pub otherwise: &'static str,
}

/// All of them, in the order they are shown.
pub const KEYS: [Key; 9] = [
    Key { name: "image", kind: Kind::Text, otherwise: "" },
    Key { name: "backend", kind: Kind::Text, otherwise: "" },
    Key { name: "accel", kind: Kind::Text, otherwise: "the first that works" },
    Key { name: "cpus", kind: Kind::Number, otherwise: "all of this host's" },
    Key { name: "memory", kind: Kind::Number, otherwise: "half of this host's, from 1024 to 4096" },
    Key { name: "disk", kind: Kind::Text, otherwise: "the image's" },
    Key { name: "profile", kind: Kind::Text, otherwise: "release; fast with a flavour" },
    Key { name: "jobs", kind: Kind::Number, otherwise: "the machine's processors" },
    Key { name: "artifacts", kind: Kind::Folder, otherwise: "" },
];

impl Key {
    /// The key of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The key whose name is most like this one, if any is.
    pub fn nearest(name: &str) -> Option<&'static str> {
        let score = |key: &Self| strsim::jaro_winkler(name, key.name);
        let best = KEYS.iter().max_by(|one, other| score(one).total_cmp(&score(other)))?;
        (score(best) > 0.7).then_some(best.name)
    }
}
