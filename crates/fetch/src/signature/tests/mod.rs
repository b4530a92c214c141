//! Signatures that publishers really made, and signatures that a real GnuPG makes for the purpose.

mod generated;
mod published;
