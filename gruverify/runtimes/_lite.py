"""TFLite files: what LiteRT's interpreter says of them, and which runtimes take them."""

from __future__ import annotations

from pathlib import Path

from gruverify._visible import visible
from gruverify.models import BadFile, Port, WholeModel
from gruverify.runtimes._runtime import RUNTIMES, module_of

_ENDING = ".tflite"


def is_lite(file: str) -> bool:
    """Whether a file is one of TFLite, by its name."""
    return file.lower().endswith(_ENDING)


def require_runs(file: str, runtime: str) -> None:
    """Raise ValueError if a runtime that is known runs files of the other kind."""
    lite, known = is_lite(file), RUNTIMES.get(runtime)
    if known is None or (known.files == _ENDING) == lite:
        return
    others = ", ".join(name for name, each in RUNTIMES.items() if (each.files == _ENDING) == lite)
    raise ValueError(
        f"{runtime} runs {known.files} files, and {file} is not one: choose from {others}, or name "
        "a function (model, inputs) as package.module:function"
    )


def lite_model(path: str) -> WholeModel:
    """The model of a TFLite file, of which nothing is run.

    Raises:
        BadFile: it cannot be read, or is not a TFLite model.
        TargetUnavailable: LiteRT, which reads it, cannot be imported.
    """
    interpreter = module_of("litert")
    try:
        model = Path(path).read_bytes()
        found = interpreter.details(model)
    except OSError as refused:
        raise BadFile(f"{path}: {refused.strerror or refused}") from None
    except ValueError as wrong:
        raise BadFile(
            f"{path}: is not a TFLite model, or a damaged one: {visible(str(wrong))}"
        ) from None
    if found.loops:
        how = "it has further graphs, as a WHILE has"
    else:
        how = "it has its steps one by one"
    inputs = [Port(*tensor) for tensor in found.inputs]
    outputs = [Port(*tensor) for tensor in found.outputs]
    return WholeModel(model, inputs, outputs, how, found.stored)
