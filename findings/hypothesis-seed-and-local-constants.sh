#!/bin/sh
# hypothesis 6.170.15: with the same @seed, a test draws other numbers once an unrelated module has another constant.
#
# Hypothesis reads the source of the modules beside a test and now and then draws a constant that it found there, which its
# changelog announces. So the numbers of a seeded test depend on every number written in those modules: after an edit that
# the test has nothing to do with, the same seed draws other numbers. A strategy over a narrow range, such as integers(0, 7),
# is not affected.
#
# Seen: integers() differs between HIDDEN = 31337 and HIDDEN = 31338; the same source twice, and integers(0, 7), agree.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet hypothesis==6.170.15
cat > "$folder/program.py" <<'PROGRAM'
import sys

import hypothesis
from hypothesis import given, seed, settings
from hypothesis import strategies as st

import unrelated  # noqa: F401

assert hypothesis.__version__ == "6.170.15"
drawn = []


@seed(0)
@settings(max_examples=200, database=None)
@given({"wide": st.integers(), "narrow": st.integers(0, 7)}[sys.argv[1]])
def draw(number):
    drawn.append(number)


draw()
print(drawn)
PROGRAM
drawn() {
    echo "HIDDEN = $2" > "$folder/unrelated.py"
    (cd "$folder" && venv/bin/python -B program.py "$1")
}
first=$(drawn wide 31337)
again=$(drawn wide 31337)
edited=$(drawn wide 31338)
narrow=$(drawn narrow 31337)
narrow_edited=$(drawn narrow 31338)
test "$first" = "$again"
echo "wide, the same source twice: the same 200 numbers"
test "$first" != "$edited"
echo "wide, one unrelated constant edited: other numbers"
test "$narrow" = "$narrow_edited"
echo "narrow, one unrelated constant edited: the same 200 numbers"
echo "as recorded"
