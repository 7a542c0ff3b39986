"""What is wrong with a target or a plan, on one line and with its exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gruverify.cli._options import EXIT_DIED, EXIT_UNAVAILABLE, Fail


@contextmanager
def targets_mistakes() -> Iterator[None]:
    """Any such exception that is raised inside becomes a `Fail`."""
    from gruverify.backends import TargetDied, TargetUnavailable

    try:
        yield
    except TargetDied as died:
        raise Fail(f"{died} while it imported the target", EXIT_DIED) from None
    except TargetUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    except ValueError as wrong:  # an UnknownTarget is one
        raise Fail(str(wrong)) from None
