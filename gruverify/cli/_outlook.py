"""check --list: what would be checked on each target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from gruverify.cli._mistakes import targets_mistakes
from gruverify.cli._options import Fail, worst_exit

if TYPE_CHECKING:
    from gruverify.engine import Plan, Tally


def list_each(plans: Mapping[str, Plan], patience: float) -> int:
    """Print what the plan of each target would ask of it; the exit code.

    Raises:
        Fail: there is one target alone, and it cannot be asked.
    """
    codes = [0]
    for target, plan in plans.items():
        # Alone, a target that cannot be asked ends the command with its own exit code.
        if len(plans) == 1:
            _list(target, plan, patience)
            continue
        click.secho(target, bold=True)
        try:
            _list(target, plan, patience)
        except Fail as failure:
            failure.show()
            codes.append(failure.exit_code)
    return worst_exit(codes)


def _list(target: str, plan: Plan, patience: float) -> None:
    from gruverify.backends import in_subprocess, processes
    from gruverify.reporting import console_for, print_outlook

    with targets_mistakes():
        asked = in_subprocess(
            processes(target), _outlook, target, plan, name=target, patience=patience
        )
    print_outlook(console_for(), asked)


def _outlook(target: str, plan: Plan) -> dict[str, dict[str, Tally]]:
    """What a run would ask, found out where the target may be imported."""
    from gruverify.backends import resolve
    from gruverify.engine import formats_of, outlook, require

    backend = resolve(target)
    require(plan, backend)
    return outlook(backend, formats_of(plan, backend), plan.profile, plan.selection)
