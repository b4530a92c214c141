//! Signatures that publishers really made, and signatures that a real GnuPG makes for the purpose.

mod made;
mod published;
