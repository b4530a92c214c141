"""Run CPython's training so that a second one counts the same. Called by the interpreter that counts.

CPython's own training is a list of its regression tests. Clock, chance and addresses are held by steady.c and by those who
call this. What is left are tests that are not the same twice whatever they are given: threads take turns as the
scheduler likes, and who reads another process's output gets as much at a time as that has written by then. A test that starts
either is skipped from there on; everything else runs, in CPython's order, in one process.
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

words = ["--pgo"]
words += [f"--ignore={pattern}" for pattern in IGNORED]
sys.argv[1:] = words + [name for name in PGO_TESTS if name not in LEFT_OUT]
main()
