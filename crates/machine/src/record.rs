//! `machine.json`: everything that is known about a started machine.
//!
//! The file is one object: the fields of every machine, then those of its backend, tagged by `backend`. Version 1 had
//! no tag, no id and no labels, and had the fields of all backends, `null` where they did not apply.

use crate::MachineSpec;
use crate::backend::{BackendMachine, BackendRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;
use uuid::Uuid;
use vmbuild_guest::RaceResult;

/// Version that is written.
const SCHEMA: u32 = 2;
/// Oldest version that is read.
const OLDEST_SCHEMA: u32 = 1;
/// Fields of version 1 that were `null` under other backends.
const OPTIONAL_IN_1: [&str; 3] = ["uuid", "vsock", "ssh"];

/// A machine's identity: made with the machine, kept over `halt` and `up`, gone with `destroy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineId(Uuid);

impl MachineId {
    /// A random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

impl TryFrom<String> for MachineId {
    type Error = uuid::Error;

    fn try_from(text: String) -> Result<Self, uuid::Error> {
        Uuid::parse_str(&text).map(Self)
    }
}

impl From<MachineId> for String {
    fn from(id: MachineId) -> Self {
        id.to_string()
    }
}

/// Everything that is known about a started machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineRecord {
    /// Its identity. Missing only in a record that an earlier version wrote; it gets one when it is written again.
    pub id: Option<MachineId>,
    /// Labels, by name.
    pub labels: BTreeMap<String, String>,
    /// The machine as data.
    pub spec: MachineSpec,
    /// The backend's part.
    pub backend: BackendRecord,
    /// The transport its agent was first reached over.
    pub reached: Option<RaceResult>,
    /// Seconds since the Unix epoch when it was started.
    pub started_unix: u64,
}

/// The fields of every machine.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommonFields {
    schema: u32,
    #[serde(default)]
    id: Option<MachineId>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    spec: MachineSpec,
    #[serde(default)]
    reached: Option<RaceResult>,
    started_unix: u64,
}

/// Names of [`CommonFields`].
const COMMON: [&str; 6] = ["schema", "id", "labels", "spec", "reached", "started_unix"];

impl MachineRecord {
    /// Record of a machine that has just started, with the id and labels of the machine's previous start.
    pub fn new(spec: MachineSpec, machine: &dyn BackendMachine, previous: Option<Self>) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (id, labels) = previous.map_or((None, BTreeMap::new()), |previous| (previous.id, previous.labels));
        Self {
            id: Some(id.unwrap_or_else(MachineId::random)),
            labels,
            spec,
            backend: machine.record(),
            reached: None,
            started_unix: since.as_secs(),
        }
    }

    /// Reads the contents of a `machine.json`. The error is for people.
    pub(crate) fn from_json(text: &str) -> Result<Self, String> {
        let mut own: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let schema = own.get("schema").and_then(Value::as_u64).unwrap_or_default();
        if !(u64::from(OLDEST_SCHEMA)..=u64::from(SCHEMA)).contains(&schema) {
            return Err(format!("unsupported schema {schema} (expected {OLDEST_SCHEMA} or {SCHEMA})"));
        }
        let common: Map<String, Value> = COMMON.iter().filter_map(|name| own.remove_entry(*name)).collect();
        let common: CommonFields = parse(common)?;
        if schema == 1 {
            own.retain(|name, value| !(value.is_null() && OPTIONAL_IN_1.contains(&name.as_str())));
            own.insert("backend".to_owned(), common.spec.backend().as_str().into());
        }
        let CommonFields { id, labels, spec, reached, started_unix, .. } = common;
        Ok(Self { id, labels, spec, backend: parse(own)?, reached, started_unix })
    }

    /// The contents of its `machine.json`.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        let mut all = serde_json::to_value(CommonFields {
            schema: SCHEMA,
            id: Some(self.id.unwrap_or_else(MachineId::random)),
            labels: self.labels.clone(),
            spec: self.spec.clone(),
            reached: self.reached.clone(),
            started_unix: self.started_unix,
        })?;
        if let (Value::Object(all), Value::Object(own)) = (&mut all, serde_json::to_value(&self.backend)?) {
            all.extend(own);
        }
        Ok(format!("{}\n", serde_json::to_string_pretty(&all)?))
    }
}

fn parse<T: serde::de::DeserializeOwned>(fields: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{BackendMachine, BackendRecord, MachineId, MachineRecord};
    use crate::MachineError;
    use crate::backend::Transports;
    use futures_util::future::LocalBoxFuture;
    use vmbuild_supervise::Deadline;

    /// As version 1 wrote it, under QEMU.
    const QEMU_1: &str = r#"{
      "schema": 1,
      "spec": {
        "name": "one", "image": "debian-12", "cpus": 2, "memory_mib": 1024, "network": "outgoing",
        "lifetime": "named", "agent": "/usr/lib/vmbuild/vmbuild-agent",
        "start": { "backend": "qemu", "accelerator": "kvm", "root":
          { "disk": "/g/root.ext4", "kernel": "/g/vmlinuz", "initramfs": "/g/initramfs", "digest": "ab12" } }
      },
      "process": { "pid": 4711, "start_ticks": 815 },
      "uuid": "00000000-0000-0000-0000-000000000007",
      "vsock": { "kind": "kernel", "cid": 9 },
      "ssh": null,
      "reached": null,
      "started_unix": 1700000000
    }"#;

    fn sandbox_1() -> String {
        QEMU_1
            .replace(r#""uuid": "00000000-0000-0000-0000-000000000007""#, r#""uuid": null"#)
            .replace(r#"{ "kind": "kernel", "cid": 9 }"#, "null")
            .replace(r#""qemu", "accelerator": "kvm""#, r#""sandbox""#)
            .replace(
                r#"{ "disk": "/g/root.ext4", "kernel": "/g/vmlinuz", "initramfs": "/g/initramfs", "digest": "ab12" }"#,
                r#"{ "layers": ["/g/tree"] }"#,
            )
    }

    #[test]
    fn records_of_version_1_are_read_and_get_an_id_when_they_are_written() {
        for (text, is_expected) in [
            (QEMU_1.to_owned(), (|own| matches!(own, BackendRecord::Qemu(_))) as fn(&BackendRecord) -> bool),
            (sandbox_1(), |own| matches!(own, BackendRecord::Sandbox(_))),
        ] {
            let old = MachineRecord::from_json(&text).expect("an old record");
            assert!(is_expected(&old.backend), "{old:?}");
            assert_eq!((old.id, old.labels.len(), old.started_unix), (None, 0, 1_700_000_000));
            let written = old.to_json().expect("data");
            let new = MachineRecord::from_json(&written).expect("a new record");
            assert!(new.id.is_some());
            assert_eq!(MachineRecord { id: None, ..new }, old);
        }
    }

    #[test]
    fn a_record_has_the_fields_of_its_backend_and_keeps_id_and_labels() {
        let mut record = MachineRecord::from_json(QEMU_1).expect("an old record");
        record.id = Some(MachineId(uuid::Uuid::from_u128(1)));
        record.labels.insert("job".to_owned(), "cpython".to_owned());
        let text = record.to_json().expect("data");
        insta::assert_snapshot!(text);
        assert_eq!(MachineRecord::from_json(&text), Ok(record));
    }

    /// A machine that only has a record.
    #[derive(Debug)]
    struct RecordOnly(BackendRecord);

    impl BackendMachine for RecordOnly {
        fn record(&self) -> BackendRecord {
            self.0.clone()
        }

        fn transports(&self) -> Transports {
            Transports::default()
        }

        fn exited(&mut self) -> LocalBoxFuture<'_, String> {
            Box::pin(std::future::pending())
        }

        fn stop(&mut self, _: Deadline) -> LocalBoxFuture<'_, Result<(), MachineError>> {
            Box::pin(std::future::ready(Ok(())))
        }
    }

    #[test]
    fn id_and_labels_are_kept_over_halt_and_up() {
        let old = MachineRecord::from_json(QEMU_1).expect("an old record");
        let machine = RecordOnly(old.backend.clone());
        let mut first = MachineRecord::new(old.spec.clone(), &machine, Some(old.clone()));
        assert!(first.id.is_some(), "a record without an id gets one");
        first.labels.insert("job".to_owned(), "cpython".to_owned());
        let again = MachineRecord::new(old.spec.clone(), &machine, Some(first.clone()));
        assert_eq!((again.id, &again.labels), (first.id, &first.labels));
        let other = MachineRecord::new(old.spec, &machine, None);
        assert_ne!(other.id, first.id, "another machine is another id");
    }

    #[test]
    fn foreign_fields_and_versions_are_refused() {
        let check = |text: &str, expect: &str| {
            let refused = MachineRecord::from_json(text).expect_err("refused");
            assert!(refused.contains(expect), "{refused}");
        };
        check(&QEMU_1.replace(r#""ssh": null"#, r#""extra": 1"#), "unknown field `extra`");
        check(&QEMU_1.replace(r#""schema": 1"#, r#""schema": 3"#), "unsupported schema 3 (expected 1 or 2)");
        check(&QEMU_1.replace(r#""schema": 1"#, r#""schema": 2"#), "missing field `backend`");
        check("{}", "unsupported schema 0");
        check("[]", "invalid type");
    }
}
