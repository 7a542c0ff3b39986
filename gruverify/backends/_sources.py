"""The source files that a target is made of: what has changed if it answers otherwise."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from gruverify.backends._configured import meant_by
from gruverify.backends._targets import TARGETS, offered_targets
from gruverify.backends.exec import PREFIX, files_of

#: Where installed packages lie: they change with their versions.
_INSTALLED = tuple(
    Path(sysconfig.get_paths()[name]).resolve()
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
#: Of which the version counts, too.
_OURS = ("gruverify", "gruverify_strategies")


def sources_of(target: str, before: set[str]) -> dict[str, str]:
    """By the name of each module that came in with a target, a digest of its file.

    Of packages that are installed only those are counted that are of the target's own package; of a
    target that ships with gruverify none, whose version says enough. Of a program it is the files
    that its command names.

    before: the names of the modules that were there before it was resolved.
    """
    target = meant_by(target)
    if any(target == shipped.name for shipped in TARGETS):
        return {}
    # A name that a package offers stands for an object; what ships keeps its name.
    target = offered_targets().get(target, target)
    if target.startswith(PREFIX):
        return dict(_digests((str(file), file) for file in files_of(target)))
    own = target.partition(":")[0].partition(".")[0]
    counted = list[tuple[str, Path]]()
    for name, file in _files(before):
        package = name.partition(".")[0]
        if package == own or (package not in _OURS and not _is_installed(file)):
            counted.append((name, file))
    return dict(sorted(_digests(counted)))


def _digests(named: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, str]]:
    """The digests of those files that can be read."""
    for name, file in named:
        try:
            yield name, hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError:  # in an archive, say, or a program that may be run and not read
            continue


def _files(before: set[str]) -> Iterator[tuple[str, Path]]:
    """The modules that have a file, and the file."""
    # A list: to look at a module may import another.
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name not in before and isinstance(module, ModuleType) and isinstance(file, str):
            yield name, Path(file).resolve()


def _is_installed(file: Path) -> bool:
    return any(file.is_relative_to(folder) for folder in _INSTALLED)
