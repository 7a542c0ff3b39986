"""gruverify campaign: on workers of Dask, in this process where nothing has to die."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from gruverify.reporting.targets import load_outcomes
from tests.cli._invoke import gruverify, one_line

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")

SHORT = ("--format", "f32", "--only", "agreement/step", "--only", "contract/shape-step")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with one worker, both in this process."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
    ) as local:
        yield local.scheduler_address


def campaign(scheduler: str, target: str, *options: str, cases: int = 4) -> Result:
    """A short campaign, kept in runs.db."""
    size = ("--cases", str(cases), "--unit", "2", "--store", "runs.db", "--scheduler", scheduler)
    return gruverify("campaign", target, *SHORT, *size, *options)


def test_a_wrong_gru_is_a_row_that_is_told_of_once_or_known(
    planted: str, here: Path, scheduler: str
) -> None:
    target = f"{planted}:halved"
    told = ("--on-new", "touch {}.told", "--json", "result.json")
    first = campaign(scheduler, target, *told)
    found = json.loads((here / "result.json").read_text())
    [row] = found["causes"]
    (here / "known.txt").write_text(f"{row['cause']}  # issue 7\nnothing of it\n")
    again = campaign(scheduler, target, "--known", "known.txt", "--json", "-")

    assert first.exit_code == 1
    assert "campaign: falsified (1 cause of failures, 1 new;" in first.stdout
    assert f"\n{row['cause']}\n" in first.stdout
    assert row["first"] == {"target": target, "format": "float32", "unit": 0}
    assert row["seen"] < "3"
    assert len(list(here.rglob("*.told"))) == 1
    assert again.exit_code in (0, 6)
    assert "goes on with campaign 1" in again.stderr
    assert "known.txt:2: nothing of it is stale" in again.stderr
    assert json.loads(again.stdout)["causes"][0]["known"] == "issue 7"
    assert json.loads(again.stdout)["digest"] == found["digest"]


def test_what_failed_is_tried_first_by_the_next_campaign(
    planted: str, here: Path, scheduler: str
) -> None:
    shared = ("--database", "runs.db", "--no-guided")
    campaign(scheduler, f"{planted}:halved", *shared)
    again = campaign(scheduler, f"{planted}:halved", *shared, "--seed", "1", "--json", "-")

    said = f"saved cases of {planted}:halved, which its first unit tries"
    assert said in again.stderr
    assert "agreement/step" in {
        each["invariant"]
        for each in json.loads(again.stdout)["results"][0]["replays"]
        if each["fate"] == "failed"
    }
    assert f"{planted}:halved: 1 of " in again.stderr


def test_a_death_is_a_finding_with_the_very_case(planted: str, here: Path, scheduler: str) -> None:
    (here / "dies.py").write_text(
        "import os\nfrom planted import right\n\n"
        "def step(cell, x, h):\n"
        "    if h.shape[1] > 1:\n        os._exit(7)\n"
        "    return right(cell, x, h)\n"
    )
    result = campaign(scheduler, "dies:step")

    assert result.exit_code == 4
    assert "the process ended with code 7 in step\n" in result.stdout
    [file] = (here / "reports" / "witnesses").iterdir()
    assert json.loads(file.read_text())["sizes"]["H"] > 1


@pytest.mark.slow
def test_several_targets_are_rows_of_one_report(planted: str, here: Path, scheduler: str) -> None:
    size = ("--cases", "2", "--unit", "2", "--store", "a.db", "--scheduler", scheduler)
    more = ("--no-guided", "--json", "result.json")
    targets = ("numpy", f"{planted}:right")
    result = gruverify("campaign", *targets, *SHORT, *size, "--report", "report", *more)

    assert result.exit_code == 6
    assert "campaign: inconclusive (nothing failed; " in result.stdout
    assert len(json.loads((here / "report" / "targets.json").read_text())["targets"]) == 2
    assert [outcome.row.target for outcome in load_outcomes(here / "result.json")] == [*targets]
    refused = one_line(gruverify("compare", "result.json", "result.json"))
    assert "is a campaign, with a result for each target" in refused


def test_time_that_is_up_is_inconclusive(planted: str, here: Path, scheduler: str) -> None:
    result = campaign(scheduler, f"{planted}:right", "--hours", "1e-9")

    assert result.exit_code == 6
    assert "2 units are missing: time was up" in result.stdout


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (("--hours", "0"), "--hours 0: must be a number of hours above 0", 2),
        (("--hours", "nan"), "--hours nan: must be a number of hours above 0", 2),
        (("--cases", "0"), "'--cases': 0 is not in the range x>=1", 2),
        (("--scheduler", "local:0"), "--scheduler local:0: must be local, local:N", 2),
        (("--scheduler", "http://x"), "must be local, local:N with N processes, or tcp", 2),
        (("--known", "none.txt"), "--known none.txt cannot be read", 2),
        (("--on-new", "echo"), "--on-new 'echo' has no {}", 2),
        (("--only", "agreemnt"), "no invariant matches 'agreemnt'", 2),
        (("--json", "runs.db"), "--store runs.db: is --json, too; name another file", 2),
        (("--store", "-"), "--store '-': name a file", 2),
        (("--store", "text.db"), "--store text.db: is not a store", 2),
        (("--database", ""), "--database '': name a folder, a store or a Redis server", 2),
        (("--database", "text.db"), "--database text.db: is not a store: it is not an SQLite", 3),
        (("--database", "redis://127.0.0.1:1"), "--database redis://127.0.0.1:1: ", 3),
        (("--scheduler", "tcp://127.0.0.1:1"), "there is no scheduler at tcp://127.0.0.1:1", 3),
    ],
)
def test_catches_what_makes_no_sense(
    here: Path, monkeypatch: pytest.MonkeyPatch, options: Any, message: str, code: int
) -> None:
    monkeypatch.setattr("gruverify.campaigning._cluster._ANSWER", 0.2)
    (here / "text.db").write_text("text, and not a database " * 10)
    default = {"--cases": "2", "--store": "runs.db", "--scheduler": "local"}
    default[options[0]] = options[1]
    arguments = [word for pair in default.items() for word in pair]

    assert message in one_line(gruverify("campaign", "numpy", *SHORT, *arguments), code)


def test_without_dask_there_is_a_line_that_installs_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "distributed" else spec(name)
    )

    said = one_line(gruverify("campaign", "numpy", "--cases", "1", "--store", "runs.db"), 3)

    assert said == "a campaign needs dask.distributed: pip install 'gruverify[campaign]'"


def test_a_worker_with_another_version_is_refused_by_name(
    planted: str, here: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from gruverify.campaigning import subject_of

    def older(*arguments: Any) -> Any:
        found = subject_of(*arguments)
        versions = {**found.header["versions"], "numpy": "1.0"}
        return replace(found, header={**found.header, "versions": versions})

    monkeypatch.setattr("gruverify.campaigning._cluster.subject_of", older)
    said = one_line_after_news(campaign(scheduler, f"{planted}:outside"))
    assert "worker tcp://" in said
    assert "has numpy 1.0, and here" in said

    def missing(*arguments: Any) -> Any:
        from gruverify.backends import UnknownTarget

        raise UnknownTarget("there is no module 'planted'")

    monkeypatch.setattr("gruverify.campaigning._cluster.subject_of", missing)
    said = one_line_after_news(campaign(scheduler, f"{planted}:half"))
    assert "cannot have planted:half: there is no module 'planted'" in said


def test_dask_shows_no_table_of_versions_before_our_line() -> None:
    from distributed.versions import VersionMismatchWarning

    from gruverify.campaigning._cluster import _silence

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        _silence()
        warnings.warn(VersionMismatchWarning("Mismatched versions found"), stacklevel=1)
    assert not shown


def test_a_unit_that_no_worker_can_work_on_is_told(
    planted: str, here: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(task: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gruverify.campaigning._cluster.work", full)
    result = campaign(scheduler, f"{planted}:right", cases=2)

    assert result.exit_code == 6
    said = f"unit {planted}:right float32 0 could not be worked on: OSError: [Errno 28] No space"
    assert said in result.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")
def test_a_full_disk_is_one_line_and_the_verdict_stands(
    planted: str, here: Path, scheduler: str
) -> None:
    full = ("--json", "/dev/full")
    result = campaign(scheduler, f"{planted}:right", *full, "--report", "report", cases=2)

    assert result.exit_code == 0
    assert result.stderr.endswith("Error: --json /dev/full: No space left on device\n")
    assert "conforms" in result.stdout
    assert (here / "report" / "index.html").is_file()


def test_a_scheduler_without_workers_or_that_is_gone_is_told(
    planted: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gruverify.campaigning import Cluster, NoWorkers

    monkeypatch.setattr("gruverify.campaigning._cluster._WAIT", 0.2)
    settings = {"processes": False, "protocol": "tcp", "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(n_workers=0, **settings) as local,
        pytest.raises(NoWorkers, match=r"^the scheduler tcp://\S+ has no worker$"),
    ):
        Cluster(address=local.scheduler_address)
    with distributed.LocalCluster(n_workers=1, **settings) as local:
        cluster = Cluster(address=local.scheduler_address)
    with pytest.raises(NoWorkers, match="is gone; what was found is kept, and the same command"):
        list(cluster.reports(0.1))
    cluster.close()


def test_workers_that_cannot_be_started_are_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**settings: Any) -> Any:
        # A nanny gives its worker this configuration, whatever environment it gives it.
        assert dask.config.get("distributed.worker.profile.enabled") is False
        raise RuntimeError("Cluster failed to start: No space left on device")

    monkeypatch.setattr(distributed, "LocalCluster", full)
    options = ("--cases", "1", "--store", "runs.db", "--scheduler", "local:1")

    said = one_line(gruverify("campaign", "numpy", *SHORT, *options), 3)

    assert said.startswith("workers cannot be started here: RuntimeError: Cluster failed")


def one_line_after_news(result: Result) -> str:
    """What a campaign says that is refused once it has said what it is."""
    assert (result.exit_code, result.stdout) == (3, "")
    _, said = result.stderr.strip().split("\n")
    return said


@pytest.mark.slow
@pytest.mark.uncounted
def test_a_killed_worker_and_a_killed_command_change_nothing(
    planted: str, here: Path, scheduler: str
) -> None:
    targets, size = ["numpy", f"{planted}:inverted"], ["--cases", "16", "--unit", "2", *SHORT]
    killed = [*size, "--store", "killed.db", "--json", "killed.json"]
    command = [sys.executable, "-m", "gruverify", "campaign", *targets, *killed]
    run = subprocess.Popen([*command, "--scheduler", "local:2"], stderr=subprocess.PIPE)
    _wait_for(here / "killed.db", 1, run)
    for pid in _workers_of(run.pid)[:1]:
        os.kill(pid, signal.SIGKILL)
    _wait_for(here / "killed.db", 5, run)
    run.kill()
    _, said = run.communicate(timeout=60)

    again = gruverify("campaign", *targets, *killed, "--scheduler", scheduler)
    whole = ["--store", "whole.db", "--json", "whole.json", "--scheduler", scheduler]
    gruverify("campaign", *targets, *size, *whole)

    assert b"Traceback" not in said, said.decode()
    assert again.exit_code == 1
    assert "goes on with campaign 1" in again.stderr
    one, other = (json.loads((here / f"{name}.json").read_text()) for name in ("whole", "killed"))
    assert one["digest"] == other["digest"]


def _wait_for(store: Path, units: int, run: subprocess.Popen[bytes]) -> None:
    """Wait until so many units are kept."""
    address = f"{store.as_uri()}?mode=ro"
    while run.poll() is None:
        with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as connection:
            [(count,)] = connection.execute("SELECT count(*) FROM unit").fetchall()
            if count >= units:
                return
        time.sleep(0.05)


def _workers_of(client: int) -> list[int]:
    """The processes of Dask's workers."""
    found = list[int]()
    for task in Path(f"/proc/{client}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found
