"""gruverify check TARGET."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gruverify._visible import visible
from gruverify.cli._check_model import ModelOptions, check_model, names_a_model, require_a_model
from gruverify.cli._complete import files, ids, targets
from gruverify.cli._configured import Configured
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._ending import Ending, ending_options
from gruverify.cli._events import OPTION as EVENTS
from gruverify.cli._events import event_log, require_one_on_output
from gruverify.cli._files import kept_in, tell, writable, write_aside
from gruverify.cli._gates import exit_code_of_gates
from gruverify.cli._interrupt import undisturbed
from gruverify.cli._look import Look, look_options
from gruverify.cli._many import Together, check_each, require_many
from gruverify.cli._mistakes import targets_mistakes
from gruverify.cli._model_options import Choice, model_options
from gruverify.cli._options import EXIT_CODES, Fail
from gruverify.cli._outlook import list_each
from gruverify.cli._report import failures, how_to_read, require
from gruverify.cli._store import closing_line, end, store_options
from gruverify.cli._update_xfails import Xfails, xfails_to_update
from gruverify.cli._values import FOLDER, FORMATS, MEMORY, PATIENCE, PERCENT, SECONDS
from gruverify.cli._witnesses import save_witnesses

if TYPE_CHECKING:
    from rich.console import Console

    from gruverify.arithmetic import Format
    from gruverify.engine import Event, Listener, Plan, Result, Saved, Selection
    from gruverify.store import Kept


_HELP = """Verify every TARGET against the mathematics of the GRU.

TARGET is numpy, torch or torch-formulas, or your own code as pkg.module:object: a function
step(cell, x, h), an nn.Module with PyTorch's parameter names or its own (see
docs/how-to/torch-module.md), or an object with a method of the Backend contract (see README); or
exec:COMMAND, a program in any language (see docs/exec.md); or model.onnx@RUNTIME or
model.tflite@litert, a file (see docs/model-files.md); or a name that [tool.gruverify.targets] in
pyproject.toml gives to one. What PyTorch or JAX computes is placed on a device as TARGET@DEVICE.
Several are verified apart, up to --jobs at once, and --report DIR makes one page of them.

\b
gruverify check mypkg.kernels:my_step --format f32 --profile quick
gruverify check torch --seed 1 --json result.json
gruverify check torch --only agreement --skip 'agreement/gradient-*' --xfails-file known.txt
gruverify check torch --profile deep --store runs.db --resume
gruverify check 'exec:node my_gru.js' --patience 10
gruverify check model.onnx@onnxruntime
gruverify check torch:GRU@cuda mypkg.model:net@cuda:1 flax@gpu
gruverify check numpy torch onnx --xfails-file xfails/ --report reports/all

A file has entries, `agreement/step f16,bf16  # why`: formats (all unless given) and reason may
be left out. A folder in its place has a file for each target, TARGET.txt.

Exit codes: 0 conforms, 1 falsified, 2 usage error, 3 target unavailable, 4 the target died or
hung, 5 too few gates visited, 6 inconclusive (nothing failed, but too little was judged,
answered or claimed), 130 interrupted. Of several targets: the first of 130, 4, 1, 2, 3, 6, 5, 0.
"""


@click.command("check", cls=Configured, help=_HELP)
@click.argument("targets", metavar="TARGET...", shell_complete=targets, nargs=-1, required=True)
@click.option(
    "--profile",
    type=click.Choice(["quick", "default", "deep"]),
    default="default",
    show_default=True,
    help="How much is tried.",
)
@click.option(
    "--format",
    "formats",
    type=FORMATS,
    metavar="f32,...",
    help="Formats: f16, bf16, f32, f64 (default: all).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed, the same run.",
)
@click.option(
    "--max-cases",
    type=click.IntRange(min=1),
    help="Cases per format; every invariant is checked on every case. Of model.onnx@RUNTIME: those "
    "drawn besides what is always checked (default: 10).",
)
@click.option(
    "--max-size", type=click.IntRange(min=1), help="No case with a larger size, for a slow target."
)
@click.option(
    "--time-budget",
    type=SECONDS,
    metavar="S",
    help="Draw no further case after S seconds.",
)
@click.option("--patience", **PATIENCE)
@click.option("--memory", **MEMORY)
@click.option(
    "--fail-under-gates",
    type=PERCENT,
    metavar="PERCENT",
    help="Fail if fewer than PERCENT of the levels of z × r × c are visited in any format.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    shell_complete=ids,
    help="Check only these: ids, families, globs, beginnings of ids.",
)
@click.option("--skip", multiple=True, metavar="ID", shell_complete=ids, help="Do not check these.")
@click.option(
    "--skips-file",
    "skips_files",
    multiple=True,
    metavar="PATH",
    shell_complete=files,
    help="Do not check those listed in the file.",
)
@click.option(
    "--xfails-file",
    "xfails_files",
    multiple=True,
    metavar="PATH",
    shell_complete=files,
    help="Expect those listed in the file to fail.",
)
@ending_options
@click.option("--strict", is_flag=True, help="Fail the run if an expected failure passes.")
@click.option(
    "--list", "list_only", is_flag=True, help="List what would be checked, and check nothing."
)
@look_options
@click.option(
    "--json",
    "json_path",
    metavar="PATH",
    shell_complete=files,
    help="Write the result as JSON; - is standard output.",
)
@EVENTS
@click.option(
    "--report",
    type=FOLDER,
    metavar="DIR",
    help="Write a page, JUnit XML and a summary there, too.",
)
@click.option(
    "--witnesses",
    type=FOLDER,
    metavar="DIR",
    default=Path("reports/witnesses"),
    show_default=True,
    help="Where the smallest falsifying cases are saved.",
)
@click.option(
    "--no-replay",
    is_flag=True,
    help="Do not try the cases that are saved there before any is drawn.",
)
@click.option(
    "--update-xfails",
    metavar="FILE",
    shell_complete=files,
    help="Write what fails now to an xfails file; reasons and comments of what still fails are "
    "kept.",
)
@store_options
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Processes (default: one per core, at most one per format); of several targets, how many "
    "run at once.",
)
@model_options
@click.pass_context
def command(
    context: click.Context,
    targets: tuple[str, ...],
    profile: str,
    formats: tuple[Format, ...] | None,
    seed: int,
    max_cases: int | None,
    max_size: int | None,
    time_budget: float | None,
    patience: float,
    fail_under_gates: float | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    skips_files: tuple[str, ...],
    xfails_files: tuple[str, ...],
    strict: bool,
    list_only: bool,
    json_path: str | None,
    events: str | None,
    report: Path | None,
    witnesses: Path,
    no_replay: bool,
    update_xfails: str | None,
    jobs: int | None,
    choice: Choice,
    look: Look,
    ending: Ending,
    kept: Kept | None,
) -> None:
    """Verify targets, as the options say."""
    targets = _once(targets)
    if not any(map(names_a_model, targets)):
        require_a_model(choice)
    elif len(targets) == 1:
        options = ModelOptions(choice, seed, max_cases, patience, json_path, witnesses, look)
        sys.exit(check_model(context, targets[0], options))
    _prepare(targets, report)
    from gruverify.engine import Plan

    plan = Plan(profile=profile, formats=formats, seed=seed, max_cases=max_cases, max_size=max_size)
    # Whether an expected failure still fails takes all cases.
    needs_all = bool(xfails_files or update_xfails)
    plan = ending.of(replace(plan, time_budget=time_budget), needs_all=needs_all)
    _tell_missing(targets, skips=skips_files, xfails=xfails_files)
    chosen = partial(_selection, only, skip, skips_files, xfails_files, strict)
    plans = {target: replace(plan, selection=chosen(target)) for target in targets}
    if list_only:
        sys.exit(list_each(plans, patience))
    if len(targets) > 1:
        require_many(events, update_xfails)
        sys.exit(check_each(targets, Together(jobs, json_path, report, look)))
    # Everything that can be wrong with options is found out before the target is called.
    [(target, plan)] = plans.items()
    xfails = _to_update(update_xfails, target, plan)
    require_one_on_output(json_path, events)
    file = writable("--json", json_path)
    to = _Output(json_path, file, events, report, witnesses, xfails, kept, look)
    if not no_replay:
        plan = replace(plan, saved=_saved(witnesses, target))
    sys.exit(_verify(target, plan, jobs, patience, fail_under_gates, to))


def _once(targets: tuple[str, ...]) -> tuple[str, ...]:
    """Each target once, and a line on standard error for one that was named twice."""
    # Two processes of one target would write the same witnesses.
    for target in dict.fromkeys(targets):
        if targets.count(target) > 1:
            click.echo(f"{visible(target)} is named twice: it is verified once", err=True)
    return tuple(dict.fromkeys(targets))


def _tell_missing(targets: tuple[str, ...], **given: tuple[str, ...]) -> None:
    """A line on standard error for a folder of skips or xfails that has nothing for a target: its
    name may be misspelled.
    """
    from gruverify.engine import missing_in

    for option, folder in ((option, folder) for option, each in given.items() for folder in each):
        if missing := missing_in(folder, targets):
            files = ", ".join(visible(file.name) for file in missing.values())
            click.echo(f"--{option}-file {visible(folder)}: there is no {files}", err=True)


def _verify(
    target: str, plan: Plan, jobs: int | None, patience: float, gates: float | None, to: _Output
) -> int:
    """Run, write and print; the exit code."""
    # The log is closed before anything is printed: whoever reads it has the result as soon as
    # anybody.
    with event_log(to.events) as log:
        result = _run(target, plan, jobs or min(os.cpu_count() or 1, 4), patience, to, log)
        log.finish(result)
    _put_out(result, to)
    # Gates that were not visited are a doubt of a pass: a failure or a doubt that is graver comes
    # first.
    return _exit_code(result) or exit_code_of_gates(result, gates)


@dataclass(frozen=True)
class _Output:
    """Where the result goes: JSON, to a file unless it is "-", the events, the folders of the
    report and of the witnesses, the xfails file to update, the store, and the console.
    """

    json: str | None
    json_file: Path | None
    events: str | None
    report: Path | None
    witnesses: Path
    xfails: Xfails | None
    kept: Kept | None
    look: Look

    @property
    def console(self) -> Console:
        """For people: standard error, where JSON or the events go to standard output."""
        from gruverify.reporting import console_for

        return console_for(stderr=self.output_is_taken, color=self.look.color)

    @property
    def output_is_taken(self) -> bool:
        """Whether standard output is for a program to read."""
        return "-" in (self.json, self.events)


def _put_out(result: Result, to: _Output) -> None:
    """Write every file and then print, so that nothing is lost with a console.

    What cannot be written, on a full disk say, is reported in one line; the verdict stands.
    """
    from gruverify.reporting import annotation

    quiet = to.output_is_taken
    # A second Ctrl-C, of somebody who is impatient, must not cost the results.
    refused = list[Fail]()
    with undisturbed():
        saved = save_witnesses(result.witnesses.values(), to.witnesses, refused)
        said = _written(result, to, refused)
    with whatever_becomes_of_the_console():
        _print(result, saved, to)
        if marked := annotation(result):
            click.echo(marked, err=True)
        for line in said:
            click.echo(line, err=quiet)
    tell(refused)


def _written(result: Result, to: _Output, refused: list[Fail]) -> list[str]:
    """Write every file; what there is to say of them."""
    said = list[str]()
    for write in (_update, _end, _write_json, _write_report):
        with kept_in(refused):
            said += write(result, to)
    return said


def _end(result: Result, to: _Output) -> list[str]:
    if to.kept is None:
        return []
    end(to.kept, result)
    said = closing_line(to.kept, result)
    if to.look.silent:
        return []
    return [said]


def _update(result: Result, to: _Output) -> list[str]:
    if to.xfails is None:
        return []
    return [to.xfails.update(result)]


def _prepare(targets: tuple[str, ...], report: Path | None) -> None:
    """Have what one target's processes need come in while this one imports the engine, and see to
    the report's.
    """
    from gruverify.backends import processes, require_installed

    if len(targets) == 1:
        with targets_mistakes():
            require_installed(targets[0])
        # A server that imports the framework meanwhile: processes forked from it have it at once.
        processes(targets[0])
    if report is not None:
        with failures("--report"):
            require(report)


def _selection(
    only: tuple[str, ...],
    skip: tuple[str, ...],
    skips: tuple[str, ...],
    xfails: tuple[str, ...],
    strict: bool,
    target: str,
) -> Selection:
    from gruverify.engine import BadSelection, files_for, selection

    mine = {
        "skips_files": files_for(target, skips),
        "xfails_files": files_for(target, xfails),
    }
    try:
        return selection(only=only, skip=skip, **mine, strict=strict)
    except BadSelection as wrong:
        raise Fail(str(wrong)) from None


def _run(target: str, plan: Plan, jobs: int, patience: float, to: _Output, log: Listener) -> Result:
    from gruverify.engine import FirstFailure, NotRepeated, RunStarted, check_in_processes
    from gruverify.reporting import (
        LiveProgress,
        print_first_failure,
        print_header,
        print_not_repeated,
    )

    console, flaky = to.console, set[str]()
    with targets_mistakes(), LiveProgress(console) as progress:

        def show(event: Event) -> None:
            log(event)
            if to.look.silent:
                return
            if isinstance(event, RunStarted):
                print_header(console, event.header, jobs)
                for line in to.kept.said if to.kept is not None else ():
                    console.print(f"store: {line}", markup=False, soft_wrap=True)
            elif isinstance(event, FirstFailure):
                print_first_failure(console, event)
            # One line for each format: a target that is random fails in many invariants, and each
            # is told.
            elif isinstance(event, NotRepeated) and event.format not in flaky:
                flaky.add(event.format)
                print_not_repeated(console, event)
            progress(event)

        return check_in_processes(target, plan, jobs, show, patience, to.kept)


def _to_update(path: str | None, target: str, plan: Plan) -> Xfails | None:
    """The xfails file to update: of a folder, that of the target."""
    from gruverify.engine import file_in

    if path is None:
        return None
    # Of an empty path Path makes the current folder.
    file = str(file_in(Path(path), target)) if path and Path(path).is_dir() else path
    cut_short = plan.max_failures is not None
    return xfails_to_update(file, all_formats=plan.formats is None, cut_short=cut_short)


def _saved(folder: Path, target: str) -> Saved:
    from gruverify.engine import saved_witnesses

    return saved_witnesses(folder, target)


def _write_json(result: Result, to: _Output) -> list[str]:
    from gruverify.reporting import dumps

    if to.json_file is not None and to.json != "-":
        write_aside("--json", to.json_file, dumps(result))
    return []


def _write_report(result: Result, to: _Output) -> list[str]:
    from gruverify.reporting import document, write_report

    if to.report is None:
        return []
    with failures("--report"):
        write_report([document(result)], to.report)
    return [how_to_read(to.report)]


def _print(result: Result, saved: dict[tuple[str, str], Path], to: _Output) -> None:
    from gruverify.reporting import dumps, print_margins, print_result, print_verdict

    look = to.look
    if look.margins:
        print_margins(to.console, result)
    if to.json == "-":
        print_json(dumps(result))
    elif look.silent:
        print_verdict(to.console, result)
    else:
        print_result(to.console, result, saved, look.most, verbose=look.verbose)


def _exit_code(result: Result) -> int:
    return EXIT_CODES[result.verdict]
