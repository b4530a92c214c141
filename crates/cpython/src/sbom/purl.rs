//! Package URLs: one spelling for packages of every kind. Source: the package-url specification.

use vmbuild_protocol::Package;

/// A package of a guest's package manager: `pkg:deb/debian/libffi8@3.4.4-1?arch=amd64&distro=debian-12`.
pub(super) fn of_system(package: &Package, image: &str) -> String {
    let vendor = image.split('-').next().unwrap_or(image);
    let kind = match vendor {
        "debian" | "ubuntu" => "deb",
        _ => "rpm",
    };
    let Package { name, version, arch } = package;
    let (name, version, image) = (quoted(name), quoted(version), quoted(image));
    format!("pkg:{kind}/{}/{name}@{version}?arch={}&distro={image}", quoted(vendor), quoted(arch))
}

/// A Python project: `pkg:pypi/pip@25.1.1`. Names are lower-cased, with `-` for `_`.
pub(super) fn of_python(name: &str, version: &str) -> String {
    format!("pkg:pypi/{}@{}", quoted(&name.to_lowercase().replace('_', "-")), quoted(version))
}

/// Something that no package manager has.
pub(super) fn generic(name: &str, version: &str) -> String {
    format!("pkg:generic/{}@{}", quoted(name), quoted(version))
}

/// Percent-encodes what may not stand as it is.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_one_spelling() {
        let package = |name: &str, version: &str, arch: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: arch.to_owned(),
        };
        let cases = [
            (
                of_system(&package("libstdc++6", "12.2.0-14+deb12u1", "amd64"), "debian-12"),
                "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12",
            ),
            (
                of_system(&package("zlib1g", "1:1.2.13", "amd64"), "ubuntu-22.04"),
                "pkg:deb/ubuntu/zlib1g@1:1.2.13?arch=amd64&distro=ubuntu-22.04",
            ),
            (
                of_system(&package("libffi", "3.4.4-7.fc40", "x86_64"), "fedora-40"),
                "pkg:rpm/fedora/libffi@3.4.4-7.fc40?arch=x86_64&distro=fedora-40",
            ),
            (of_python("typing_Extensions", "4.12.2"), "pkg:pypi/typing-extensions@4.12.2"),
            (generic("cpython", "3.13.5"), "pkg:generic/cpython@3.13.5"),
        ];
        for (found, expect) in cases {
            assert_eq!(found, expect);
        }
    }
}
