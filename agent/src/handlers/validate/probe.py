# Imports a module, and answers a question that nobody knew before: python -c THIS MODULE NONCE.
#
# The fields are NUL-separated, which no path contains; `json` would take longer to import than many a module.
import importlib
import sys

name, nonce = sys.argv[1:]
module = importlib.import_module(name)

# Not before: the module must find its libraries without what this loads.
import hashlib

numbers, level, serial = sys.version_info[:3], sys.version_info[3], sys.version_info[4]
stage = {"alpha": "a%d", "beta": "b%d", "candidate": "rc%d"}.get(level)
version = "%d.%d.%d" % numbers + (stage % serial if stage else "")


def file_of(module):
    found = getattr(module, "__file__", None)
    return found if isinstance(found, str) else None


origin = file_of(module) or str(getattr(module.__spec__, "origin", None))
loaded = sorted({file_of(each) for each in list(sys.modules.values())} - {None})
digest = hashlib.sha256(nonce.encode()).hexdigest()
sys.stdout.write("\0".join(["", digest, version, sys.base_prefix, origin, *loaded]))
