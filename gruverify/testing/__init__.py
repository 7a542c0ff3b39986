"""Conformance as tests of pytest and Hypothesis: one line in a test file, or none at all."""

from gruverify.testing._close import assert_gru_close as assert_gru_close
from gruverify.testing._conformance import conformance as conformance
