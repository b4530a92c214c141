//! Signatures that publishers really made, and signatures that a real GnuPG makes for the purpose.

pub(crate) mod gpg;
mod made;
mod published;
