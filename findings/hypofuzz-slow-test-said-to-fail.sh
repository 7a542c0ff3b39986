#!/bin/sh
# hypofuzz 25.11.1: of a test whose inputs take a second each, and all pass, it says that it found a failing input.
#
# `hypothesis fuzz` ends with "Found a failing input for every test!" as soon as no process has a test left to do, and looks
# for the first time after 60 seconds. A process tells of its tests only after 100 inputs: until then it seems to have none.
# No failure is in the database, and exit code and sentence are those of a test that failed.
#
# Seen: a test that only sleeps is said to have a failing input, and has none: it ended well on all of up to 100 inputs, and
# pytest passes on what was kept.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet hypofuzz==25.11.1 hypothesis==6.148.2
cat > "$folder/test_slow.py" <<'PROGRAM'
import time

from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None, max_examples=3)
@given(st.integers())
def test_it_only_sleeps(number):
    with open("begun", "a") as begun:
        begun.write("x")
    time.sleep(1)
    with open("ended", "a") as ended:
        ended.write("x")
PROGRAM
cd "$folder"
venv/bin/pip list 2> /dev/null | grep -i '^hypo'
status=0
timeout 300 venv/bin/hypothesis fuzz --no-dashboard --numprocesses 1 -- test_slow.py > said.txt 2>&1 || status=$?
begun=$(wc -c < begun) ended=$(wc -c < ended)
echo "exit code $status; the test was called $begun times and ended well $ended times"
grep 'Found a failing input for every test!' said.txt || { echo "the behaviour has changed"; exit 1; }
test "$status" -eq 1
# One call may be under way when it ends.
test $((begun - ended)) -le 1
venv/bin/python -m pytest -q test_slow.py | tail -1
echo "as recorded"
