//! Settings for access to publishers.

use vmbuild_fetch::download::RetryPolicy;

/// Settings for access to publishers.
#[derive(Debug, Clone, Default)]
pub struct CloudSettings {
    /// Replaces the scheme and host of every publisher's address: `http://mirror.example/cloud`.
    pub mirror: Option<String>,
    /// Timeouts and retries.
    pub retry: RetryPolicy,
}

impl CloudSettings {
    /// The defaults, except where `VMBUILD_CLOUD_MIRROR` names a mirror.
    pub fn from_env() -> Self {
        let mirror = std::env::var("VMBUILD_CLOUD_MIRROR").ok().filter(|value| !value.is_empty());
        Self { mirror, retry: RetryPolicy::default() }
    }

    /// The mirror's address for a publisher's address.
    pub(super) fn address(&self, url: &str) -> String {
        let Some(mirror) = &self.mirror else { return url.to_owned() };
        let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        format!("{}/{path}", mirror.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::CloudSettings;

    fn check(mirror: Option<&str>, expect: &str) {
        let settings = CloudSettings { mirror: mirror.map(str::to_owned), ..CloudSettings::default() };
        assert_eq!(settings.address("https://images.example/releases/a.img"), expect);
    }

    #[test]
    fn a_mirror_replaces_the_host() {
        check(None, "https://images.example/releases/a.img");
        check(Some("http://127.0.0.1:80"), "http://127.0.0.1:80/releases/a.img");
        check(Some("http://mirror.example/cloud/"), "http://mirror.example/cloud/releases/a.img");
    }
}
