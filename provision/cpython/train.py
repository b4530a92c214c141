"""Run CPython's training so that a second one counts the same. Called by the interpreter that counts, as `-B train.py HALF`.

CPython's own training is a list of its regression tests. Clock, chance and addresses are held by steady.c and by those who
call this. What is left are tests that are not the same twice whatever they are given: threads take turns as the
scheduler likes, and who reads another process's output gets as much at a time as that has written by then. A test that starts
either is skipped from there on; everything else runs, in CPython's order.

Two processes share the work, and neither may notice the other: HALF is `second` for the tests that are named below,
`first` for all others. -B, since one would read the byte code that the other wrote, or not. When a process ends it
adds its counts to those on disk. Some counts depend on the order of that, so the first waits for the end of its
standard input, which the second holds.
"""

import _posixsubprocess
import faulthandler
import os
import subprocess
import sys
import threading
import unittest

from test.libregrtest.main import main
from test.libregrtest.pgo import PGO_TESTS

# About half of the time, where it was measured.
SECOND = {
    "test_array",
    "test_binascii",
    "test_datetime",
    "test_decimal",
    "test_json",
    "test_pickle",
    "test_re",
    "test_set",
    "test_statistics",
    "test_str",
    "test_xml_etree_c",
}

# It is about the clock, and fails where that only counts.
LEFT_OUT = {"test_time"}

IGNORED = (
    # Skipped half way, some of them leave things behind, or miss what they would clear away.
    "*[Tt]hread*",
    "*.test_tool.*",
    # Measures itself.
    "*denial_of_service*",
    # Writes the times of a folder, as numbers with a fraction.
    "test_structseq",
)


class NotTheSameTwice(unittest.SkipTest, OSError):
    """An OSError too: some modules start a program when they are imported, and do without if that fails."""


def skip(*_args, **_words):
    raise NotTheSameTwice


threading.Thread.__init__ = skip
subprocess.Popen.__init__ = skip
# What multiprocessing starts processes with.
_posixsubprocess.fork_exec = skip
os.fork = skip
# Time limits would be over at once, by the clock that only counts.
faulthandler.dump_traceback_later = lambda *_args, **_words: None

half = sys.argv[1]
# Both have one process id and one sequence of chance, and so give one name to what they make. Not below the tree: who
# imports sees whether something came into a folder of modules.
folder = "/tmp/vmbuild-training-" + half
os.mkdir(folder)
os.environ["TMPDIR"] = folder

chosen = [name for name in PGO_TESTS if (name in SECOND) == (half == "second") and name not in LEFT_OUT]
sys.argv[1:] = ["--pgo", "--tempdir=" + folder, *("--ignore=" + pattern for pattern in IGNORED), *chosen]
try:
    main()
finally:
    if half == "first":
        os.read(0, 1)
