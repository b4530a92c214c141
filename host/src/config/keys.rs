//! The keys of a `vmbuild.toml`.

/// Type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// A string: a path, relative to the file's own folder.
    Folder,
}

/// One key: the option of the same name gets its value as default.
#[derive(Debug, Clone, Copy)]
pub struct SettingKey {
    /// The key and the option.
    pub name: &'static str,
    /// Type of its value.
    pub kind: SettingKind,
    /// Description of the value that is used if the option has no default of its own.
    pub otherwise: &'static str,
}

/// All of them, in the order they are shown.
pub const KEYS: [SettingKey; 13] = [
    SettingKey { name: "image", kind: SettingKind::Text, otherwise: "" },
    SettingKey { name: "backend", kind: SettingKind::Text, otherwise: "" },
    SettingKey { name: "accel", kind: SettingKind::Text, otherwise: "the first that works" },
    SettingKey { name: "cpus", kind: SettingKind::Number, otherwise: "all of this host's" },
    SettingKey { name: "memory", kind: SettingKind::Number, otherwise: "half of this host's, from 1024 to 4096" },
    SettingKey { name: "box", kind: SettingKind::Text, otherwise: "the Vagrantfile's" },
    SettingKey { name: "box-version", kind: SettingKind::Text, otherwise: "the newest" },
    SettingKey { name: "provider", kind: SettingKind::Text, otherwise: "Vagrant's choice" },
    SettingKey { name: "driver", kind: SettingKind::Text, otherwise: "kvm" },
    SettingKey { name: "disk", kind: SettingKind::Text, otherwise: "the image's" },
    SettingKey { name: "profile", kind: SettingKind::Text, otherwise: "release; fast with a flavour" },
    SettingKey { name: "jobs", kind: SettingKind::Number, otherwise: "the machine's processors" },
    SettingKey { name: "artifacts", kind: SettingKind::Folder, otherwise: "" },
];

impl SettingKey {
    /// The variable that sets it.
    pub fn variable(&self) -> String {
        match self.name {
            // Vagrant's own.
            "provider" => "VAGRANT_DEFAULT_PROVIDER".to_owned(),
            name => format!("VMBUILD_{}", name.replace('-', "_").to_uppercase()),
        }
    }

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
