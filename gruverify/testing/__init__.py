"""Conformance as tests of pytest and Hypothesis: one line in a test file, or none at all."""

from gruverify.testing._close import assert_gru_close as assert_gru_close
from gruverify.testing._conformance import conformance as conformance
from gruverify.testing._saved import saved_cases as saved_cases
from gruverify.testing._saved import saved_examples as saved_examples
