"""gruverify check MODEL.onnx@RUNTIME."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gruverify._files import is_there, write_bytes
from gruverify.cli._console import print_json, whatever_becomes_of_the_console
from gruverify.cli._files import kept_in, tell, writable, write_aside
from gruverify.cli._inputs import INPUT_NAMES, LENGTH_NAMES, STATE_NAMES
from gruverify.cli._look import Look
from gruverify.cli._model_options import Choice
from gruverify.cli._options import EXIT_CODES, EXIT_DIED, EXIT_UNAVAILABLE, Fail

if TYPE_CHECKING:
    from gruverify.runtimes import FileResult, Given, NodeResult, Whole

_ENDINGS = (".onnx", ".tflite")
#: An object of a module, as targets name it.
_OBJECT = re.compile(r"[\w.]+:[\w.]+")
#: The options of `check` that a model in a runtime has; whoever gives another is told.
_APPLY = {
    *("targets", "seed", "max_cases", "patience", "json_path", "witnesses"),
    *("verbose", "quiet", "color"),
    *Choice.__dataclass_fields__,
}


@dataclass(frozen=True)
class ModelOptions:
    """What is checked of a model, and where what is found goes."""

    choice: Choice
    seed: int
    cases: int | None
    patience: float
    json_path: str | None
    witnesses: Path
    look: Look


def names_a_model(target: str) -> bool:
    """Whether a target is a file in a runtime, model.onnx@onnxruntime, and no object on a device,
    pkg.module:holder.onnx@cuda.
    """
    file, at, _ = target.rpartition("@")
    if not at or not file.lower().endswith(_ENDINGS) or target.startswith("exec:"):
        return False
    return _OBJECT.fullmatch(file) is None or Path(file).exists()


def require_a_model(choice: Choice) -> None:
    """Fail if an option is given that only a model in a runtime has."""
    # They would mean nothing to a target that declares what it is in its code.
    if choice.given:
        raise Fail(
            f"{choice.given} is for a model in a runtime, check model.onnx@onnxruntime; other "
            "targets declare what they are in their own code"
        )


def check_model(context: click.Context, target: str, options: ModelOptions) -> int:
    """Run, write and print; the exit code."""
    for param in context.command.params:
        # Ignored in silence, an option would let its user believe that it holds.
        if param.name not in _APPLY and _is_given(context, param.name or ""):
            raise Fail(f"{param.opts[0]} does not apply to a model in a runtime")
    json_file = writable("--json", options.json_path)
    file, _, runtime = target.rpartition("@")
    # Before what is said of its options, or of what it has: there may be no such file.
    if not is_there(file):
        raise Fail(f"{file}: {os.strerror(errno.ENOENT)}")
    found = _checked(file, runtime, options, options.choice.whole())
    refused = list[Fail]()
    saved = {node.name: _save(node, file, options.witnesses, refused) for node in found.nodes}
    _put_out(found, saved, json_file, options, refused)
    return EXIT_CODES[found.verdict]


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) in (
        ParameterSource.COMMANDLINE,
        ParameterSource.ENVIRONMENT,
    )


def _checked(file: str, runtime: str, options: ModelOptions, whole: Whole | None) -> FileResult:
    """In a process of its own, which a runtime may end."""
    from gruverify.backends import TargetDied, TargetUnavailable, in_subprocess, processes
    from gruverify.models import BadFile
    from gruverify.reporting import console_for

    try:
        with console_for(stderr=True).status(f"running the GRUs of {file} in {runtime}"):
            asked = file, runtime, options, whole
            return in_subprocess(
                processes(runtime), _answer, *asked, name=runtime, patience=options.patience
            )
    except TargetDied as died:
        raise Fail(str(died), EXIT_DIED) from None
    except TargetUnavailable as missing:
        raise Fail(str(missing), EXIT_UNAVAILABLE) from None
    except (BadFile, ValueError) as wrong:
        raise Fail(str(wrong)) from None


def _answer(file: str, runtime: str, options: ModelOptions, whole: Whole | None) -> FileResult:
    from gruverify.runtimes import CASES, check_file

    choice = options.choice
    return check_file(
        file,
        runtime,
        seed=options.seed,
        cases=options.cases or CASES,
        only=choice.gru if whole is None else None,
        whole=whole,
        recorded=_recorded(choice.inputs, batch_first=bool(choice.batch_first)),
        declared=dict(choice.declared),
    )


def _recorded(paths: Sequence[str], *, batch_first: bool) -> list[Given]:
    """The inputs in files: (T, B, I), (B, T, I) with --batch-first, or (T, I) of one member; and
    states (L·D, B, H) and lengths (B,), where the file has such.
    """
    from gruverify.models import array_beside, array_of
    from gruverify.runtimes import Given

    found = list[Given]()
    for path in paths:
        xs = array_of(path, INPUT_NAMES)
        state, lengths = (array_beside(path, names) for names in (STATE_NAMES, LENGTH_NAMES))
        if xs.ndim not in (2, 3) or not xs.size:
            raise ValueError(f"--inputs {path} has shape {xs.shape}, expected (T, B, I) or (T, I)")
        # One member, whatever was said of the order of axes: it has no axis for the batch.
        if xs.ndim == 2:
            xs = xs[:, None]
            if state is not None:
                state = state.reshape(-1, 1, state.shape[-1])
        elif batch_first:
            xs = xs.swapaxes(0, 1)
        found.append(Given(f"the inputs of {path}", xs, state, lengths))
    return found


def _save(node: NodeResult, file: str, folder: Path, refused: list[Fail]) -> list[str]:
    """Write the smallest input that fails, and the node as a model of its own; the files."""
    from gruverify.models import npz_bytes

    if node.witness is None:
        return []
    name = "".join(c if c.isalnum() else "-" for c in f"{Path(file).stem}-{node.name}").strip("-")
    files = {
        f"{name}{Path(file).suffix}": node.model,
        f"{name}.npz": npz_bytes(node.witness.arguments),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each, data in files.items():
            write_bytes(folder / each, data)
    except OSError as why:
        refused.append(Fail(f"witness not saved to {folder}: {why.strerror}"))
        return []
    return [str(folder / each) for each in files]


def _put_out(
    found: FileResult,
    saved: dict[str, list[str]],
    json_file: Path | None,
    options: ModelOptions,
    refused: list[Fail],
) -> None:
    """Write the file, print, and tell what could not be written."""
    from gruverify.reporting import (
        console_for,
        file_document,
        print_file_result,
        print_file_verdict,
    )

    text = json.dumps(file_document(found), indent=1, ensure_ascii=False) + "\n"
    if json_file is not None:
        with kept_in(refused):
            write_aside("--json", json_file, text)
    with whatever_becomes_of_the_console():
        console = console_for(color=options.look.color)
        if options.json_path == "-":
            print_json(text)
        elif options.look.silent:
            print_file_verdict(console, found)
        else:
            print_file_result(console, found, saved, verbose=options.look.verbose)
    tell(refused)
