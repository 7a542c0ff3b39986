"""The suite's own Hypothesis profile: the same examples on every machine, and no deadlines."""

from hypothesis import settings

settings.register_profile("gruverify-suite", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("gruverify-suite")
