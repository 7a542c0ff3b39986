"""Conformance as tests of pytest and Hypothesis: one line in a test file, or none at all."""

from gruverify.testing._conformance import conformance as conformance
