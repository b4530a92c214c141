//! Package URLs: uniform identifiers for packages of all kinds. Source: the package-url specification.

use vmbuild_protocol::Package;

/// Returns the URL of a package of the guest's package manager: `pkg:deb/debian/libffi8@3.4.4-1?arch=amd64&distro=debian-12`.
pub(super) fn system_package_url(package: &Package, image: &str) -> String {
    let vendor = image.split('-').next().unwrap_or(image);
    let kind = match vendor {
        "debian" | "ubuntu" => "deb",
        _ => "rpm",
    };
    let Package { name, version, arch } = package;
    let (name, version, image) = (percent_encoded(name), percent_encoded(version), percent_encoded(image));
    format!("pkg:{kind}/{}/{name}@{version}?arch={}&distro={image}", percent_encoded(vendor), percent_encoded(arch))
}

/// Returns the URL of a Python project: `pkg:pypi/pip@25.1.1`. Names are lower-cased, with `-` for `_`.
pub(super) fn python_package_url(name: &str, version: &str) -> String {
    format!("pkg:pypi/{}@{}", percent_encoded(&name.to_lowercase().replace('_', "-")), percent_encoded(version))
}

/// Returns the URL of software that belongs to no package manager.
pub(super) fn generic_url(name: &str, version: &str) -> String {
    format!("pkg:generic/{}@{}", percent_encoded(name), percent_encoded(version))
}

/// Percent-encodes all characters except the unreserved ones.
fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_uniform_urls() {
        let package = |name: &str, version: &str, arch: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: arch.to_owned(),
        };
        let cases = [
            (
                system_package_url(&package("libstdc++6", "12.2.0-14+deb12u1", "amd64"), "debian-12"),
                "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12",
            ),
            (
                system_package_url(&package("zlib1g", "1:1.2.13", "amd64"), "ubuntu-22.04"),
                "pkg:deb/ubuntu/zlib1g@1:1.2.13?arch=amd64&distro=ubuntu-22.04",
            ),
            (
                system_package_url(&package("libffi", "3.4.4-7.fc40", "x86_64"), "fedora-40"),
                "pkg:rpm/fedora/libffi@3.4.4-7.fc40?arch=x86_64&distro=fedora-40",
            ),
            (python_package_url("typing_Extensions", "4.12.2"), "pkg:pypi/typing-extensions@4.12.2"),
            (generic_url("cpython", "3.13.5"), "pkg:generic/cpython@3.13.5"),
        ];
        for (found, expect) in cases {
            assert_eq!(found, expect);
        }
    }
}
