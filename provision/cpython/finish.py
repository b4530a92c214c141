"""Finishes an installed CPython: makes it free of its place, splits debug info off, leaves out what is not wanted.

`make install` leaves a tree that works in one place only, and tells extensions how the interpreter itself was compiled.
Run by the tree's own interpreter, before anything is byte-compiled: what is edited here would be compiled stale.

    python3.13 -IB finish.py PREFIX --build-folder=FOLDER --debug=FOLDER [--slim]

Every rule that finds nothing to do where there must be something is an error: a newer CPython then needs a look.
"""

import argparse
import base64
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "%d.%d" % sys.version_info[:2]
# What the interpreter itself was optimised by. Extensions do not inherit it, but tools that read sysconfig believe it.
PROFILE_FLAGS = re.compile(
    r"[ \t]*(?<![\w/-])-(?:f(?:no-)?lto|fprofile|fuse-linker-plugin|f(?:no-)?fat-lto-objects|Wno-missing-profile|"
    r"fno-reorder-blocks-and-partition|auxbase-strip)[^\s'\"\\)]*"
)
POLYGLOT = "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")/%s\" \"$0\" \"$@\"\n' '''\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix", type=Path)
    parser.add_argument("--build-folder", required=True)
    parser.add_argument("--debug", type=Path, required=True)
    parser.add_argument("--slim", action="store_true")
    args = parser.parse_args()
    tree = Tree(args.prefix, args.build_folder)
    if args.slim:
        slim(tree)
    scripts(tree)
    package_configs(tree)
    sysconfig_data(tree)
    makefile(tree)
    python_config(tree)
    build_details(tree)
    for file in tree.elf_files():
        split(file, args.debug)
    for archive in tree.prefix.rglob("*.a"):
        run("strip", "--strip-debug", "--enable-deterministic-archives", archive)
    for loose in tree.config.glob("*.o"):
        run("strip", "--strip-debug", loose)
    tree.look_for_leaks()


class Tree:
    def __init__(self, prefix, build_folder):
        self.prefix = prefix
        self.build_folder = build_folder
        self.bin = prefix / "bin"
        # One for the ordinary interpreter; `python3.13t` for a free-threaded one.
        (self.lib,) = [place for place in (prefix / "lib").glob(f"python{VERSION}*") if (place / "os.py").is_file()]
        (self.config,) = self.lib.glob("config-*")
        (self.sysconfig,) = self.lib.glob("_sysconfigdata_*.py")

    def elf_files(self):
        """Every program and library, each once, in a fixed order."""
        for path in sorted(self.prefix.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.suffix in (".a", ".o", ".py"):
                continue
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path

    def look_for_leaks(self):
        for path in [self.sysconfig, self.config / "Makefile", *self.bin.iterdir(), *self.lib.glob("*.json")]:
            data = path.read_bytes()
            if data.startswith(b"\x7fELF"):
                continue
            text = data.decode()
            for leak in (self.build_folder, "-fprofile-", "-flto"):
                if leak in text:
                    fail(f"{path} still names {leak}")


def scripts(tree):
    """Scripts name the interpreter by its place. Now they look for it beside themselves, also through a link."""
    for path in [*sorted(tree.bin.iterdir()), tree.config / "python-config.py"]:
        if path.is_symlink() or path.read_bytes()[:2] != b"#!":
            continue
        first, rest = path.read_text().split("\n", 1)
        found = re.fullmatch(r"#!.*/(python[\d.]+t?d?)( -\w+)?", first)
        if not found:
            continue
        interpreter = os.path.relpath(tree.bin / found[1], path.parent)
        write(path, POLYGLOT % interpreter + rest)
    records(tree)


def records(tree):
    """pip's list of its own files has their digests: it must not be told lies about those that were edited."""
    for path in tree.lib.glob("site-packages/*.dist-info/RECORD"):
        with open(path, newline="") as file:
            rows = list(csv.reader(file))
        for row in rows:
            if row[0].startswith("../"):
                data = (path.parent.parent / row[0]).read_bytes()
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                row[1:] = [f"sha256={digest}", str(len(data))]
        with open(path, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def package_configs(tree):
    for path in (tree.prefix / "lib/pkgconfig").glob("*.pc"):
        if not path.is_symlink():
            edit(path, f"prefix={tree.prefix}\n", "prefix=${pcfiledir}/../..\n")


def without_leaks(tree, text):
    """Without what optimised the interpreter, and without the folder it was compiled in: sysconfig calls the folder of
    the Makefile the source folder of an installed Python, so that is the one named instead."""
    text = text.replace(f"LD_LIBRARY_PATH={tree.build_folder}", f"LD_LIBRARY_PATH={tree.prefix}/lib")
    text = text.replace(tree.build_folder, str(tree.config))
    return PROFILE_FLAGS.sub("", text)


# Appended to the sysconfig data. What configure was called with stays as it was: that is history. The folder is that of
# this very file: a cross-compiling Python that reads the file of another is not asked for its own prefix.
RELOCATE = """

def _relocate(was, file):
    now = file.rsplit("/", 3)[0]
    if now == was:
        return
    for name, value in build_time_vars.items():
        if isinstance(value, str) and was in value and name != "CONFIG_ARGS":
            build_time_vars[name] = value.replace(was, now)


if __file__.startswith("/"):
    _relocate(%r, __file__)
del _relocate
"""


def sysconfig_data(tree):
    # Long values stand in several adjacent texts: only as values are they whole.
    names = {}
    exec(tree.sysconfig.read_text(), names)
    values = {}
    for name, value in sorted(names["build_time_vars"].items()):
        values[name] = without_leaks(tree, value).strip() if isinstance(value, str) else value
    lines = "".join(f"    {name!r}: {value!r},\n" for name, value in values.items())
    head = "# system configuration generated and used by the sysconfig module\n"
    write(tree.sysconfig, f"{head}build_time_vars = {{\n{lines}}}\n{RELOCATE % str(tree.prefix)}")
    # Since 3.14 the same values are there as JSON, too.
    for path in tree.lib.glob("_sysconfig_vars_*.json"):
        write(path, without_leaks(tree, path.read_text()))


# Appended to the Makefile: GNU make says where the file lies. A tool that only reads assignments, as sysconfig does,
# does not see this one. Where a folder's name has a space in it make cannot say it, and the prefix stays as it was.
MAKEFILE = """
# The prefix is where this file lies, and not where it was made for.
VMBUILD_HERE := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../../..)
$(if $(wildcard $(VMBUILD_HERE)/include/python*/pyconfig.h),$(eval prefix := $(VMBUILD_HERE)))
"""


def makefile(tree):
    path = tree.config / "Makefile"
    write(path, without_leaks(tree, path.read_text()) + MAKEFILE)


def python_config(tree):
    """The shell script finds its prefix from its place, but not through a link, nor where there is a space. It prints
    words for a compiler: what would end a word in a folder's name is marked there, as pkg-config does it."""
    (path,) = [path for path in tree.bin.glob("python*-config") if not path.is_symlink()]
    text = without_leaks(tree, path.read_text())
    start, end = text.find("installed_prefix ()"), text.find('prefix_real=$(installed_prefix "$0")\n')
    assigned = re.search(r"^prefix=.*$", text, re.MULTILINE)
    by_sed = ' | sed "s#$prefix#$prefix_real#"'
    if start < 0 or end < start or not assigned or by_sed not in text:
        fail(f"{path} is not as expected")
    text = text.replace(text[start:end], INSTALLED_PREFIX, 1)
    text = text.replace(assigned[0], "prefix=$(printf '%s' \"$prefix_real\" | sed 's/[^A-Za-z0-9_@%+=:,./-]/\\\\&/g')", 1)
    text = text.replace(by_sed, "").replace('echo "$LIBPL"', "printf '%s\\n' \"$LIBPL\" | sed 's/\\\\\\(.\\)/\\1/g'")
    write(path, text)


INSTALLED_PREFIX = """installed_prefix ()
{
    dirname -- "$(dirname -- "$(realpath -- "$1")")"
}

"""


def build_details(tree):
    """PEP 739 lets paths be relative: the prefix to the file, the others to the prefix."""
    path = tree.lib / "build-details.json"
    if not path.is_file():
        return
    was = f"{tree.prefix}/"
    details = json.loads(path.read_text())

    def relative(value):
        if isinstance(value, dict):
            return {name: relative(inner) for name, inner in value.items()}
        return value[len(was) :] if isinstance(value, str) and value.startswith(was) else value

    details = relative(details)
    details["base_prefix"] = "../.."
    write(path, json.dumps(details, indent=2) + "\n")


def split(file, debug):
    """Debug info into a file of its own, where debuggers look for it by build id."""
    notes = run("readelf", "-n", file)
    found = re.search(r"Build ID: ([0-9a-f]{2})([0-9a-f]+)", notes)
    if not found:
        fail(f"{file} has no build id")
    sections = run("readelf", "-SW", file)
    if ".debug_info" not in sections:
        return run("strip", "--strip-unneeded", file)
    into = debug / "usr/lib/debug/.build-id" / found[1] / f"{found[2]}.debug"
    into.parent.mkdir(parents=True, exist_ok=True)
    # In a new file: this very process runs from some of the old ones.
    bare = file.with_name(f".{file.name}.bare")
    run("strip", "--strip-unneeded", "-o", bare, file)
    if ".debug_info" in run("readelf", "-SW", file):
        run("objcopy", "--only-keep-debug", file, into)
        run("objcopy", f"--add-gnu-debuglink={into}", bare)
        into.chmod(0o644)
    bare.chmod(file.stat().st_mode)
    bare.replace(file)


def slim(tree):
    """Leaves out CPython's own tests, the editor with its demonstrations, and what links statically. ensurepip's wheels
    stay: without them `python -m venv` makes environments that have no pip."""
    gone = ["test", "idlelib", "turtledemo", "lib2to3/tests", "ctypes/test", "distutils/tests", "sqlite3/test"]
    for name in [*gone, "tkinter/test", "unittest/test"]:
        shutil.rmtree(tree.lib / name, ignore_errors=True)
    files = [*tree.bin.glob("idle*"), *tree.prefix.rglob("*.a")]
    for pattern in ["_test*.so", "_ctypes_test*.so", "_xxtestfuzz*.so", "xxlimited*.so", "xxsubtype*.so"]:
        files += (tree.lib / "lib-dynload").glob(pattern)
    for path in files:
        path.unlink()


def edit(path, was, now):
    text = path.read_text()
    if text.count(was) != 1:
        fail(f"{path} is not as expected: `{was}`")
    write(path, text.replace(was, now))


def write(path, text):
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_text(text)
    path.chmod(mode)


def run(*argv):
    done = subprocess.run(argv, env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        fail(f"{argv[0]} {argv[-1]} failed")
    return done.stdout


def fail(why):
    sys.exit(f"finish.py: {why}")


main()
