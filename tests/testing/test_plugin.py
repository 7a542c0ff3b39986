"""The plugin: options, ini keys, header, report, workers; and nothing where it is not used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

import gruverify.testing  # here, so that runs inside this process find it loaded
from gruverify import _hypothesis
from gruverify.engine import decode_witness
from gruverify.reporting import load_document

from ._runs import FAULTY, PLUGIN, apart, ids, inside, one_test, outcomes
from ._runs import PROFILES as _PROFILES

assert gruverify.testing
FEW = ("--gru-formats", "f32", "--gru-profile", "quick", "--gru-only", "bounds")


def cases(folder: Path) -> Counter[tuple[str, str]]:
    """How many cases of a report's invariants, by format, passed."""
    rows = load_document(folder / "result.json")["invariants"]
    return Counter({(row["id"], row["format"]): row["passed"] for row in rows})


@pytest.mark.uncounted
def test_a_run_that_does_not_use_it_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n")
    # Hypothesis' own plugin imports Hypothesis in every run.
    others = [
        part
        for name in ("hypothesispytest", "randomly", "xdist", "cov")
        for part in ("-p", f"no:{name}")
    ]
    code = (
        "import sys, pytest\n"
        f"code = pytest.main(['-q', *{others!r}, *{PLUGIN!r}])\n"
        "ours = [name for name in sys.modules if name.startswith('gruverify')]\n"
        "heavy = [name for name in ('numpy', 'hypothesis', 'torch', 'rich') if name in "
        "sys.modules]\n"
        "print('LOADED', code.value, *ours, 'heavy:', *heavy)\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert run.stdout.splitlines()[-1] == "LOADED 0 gruverify gruverify._pytest heavy:"


@pytest.mark.uncounted
def test_a_target_is_tested_without_any_file(pytester: pytest.Pytester) -> None:
    other = {"test_other": "def test_other(): pass"}

    alone = inside(pytester, *FEW, "--gru-target", "numpy", "-v", **other)
    beside = inside(pytester, *FEW, "--gru-target", "numpy", "--collect-only", "-q", ".")

    assert outcomes(alone) == {"passed": 1}
    alone.stdout.fnmatch_lines(["numpy::conforms*bounds-float32* PASSED*"])
    assert ids(beside) == ["test_other.py::test_other", "numpy::conforms[bounds-float32]"]


def test_the_ini_file_has_the_same_keys(pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\ngru_target = numpy\ngru_formats = f64\ngru_only =\n    bounds\n    contract\n"
    )

    run = inside(pytester, "--collect-only", "-q", test_other="def test_other(): pass")

    ours = ["numpy::conforms[contract-float64]", "numpy::conforms[bounds-float64]"]
    assert ids(run) == ["test_other.py::test_other", *ours]


def test_what_neither_says_is_read_from_the_table_of_the_project(pytester: pytest.Pytester) -> None:
    table = (
        '[tool.gruverify]\ntarget = "torch"\nformats = ["f16", "f32"]\nprofile = '
        '"quick"\nonly = ["bounds"]\n'
    )
    (pytester.path / "pyproject.toml").write_text(table)

    run = inside(pytester, "--collect-only", "-q", "--gru-target", "numpy", "--gru-formats", "f32")
    told = inside(pytester, "--collect-only", "--gru-target", "numpy", "--gru-formats", "f32")
    alone = inside(pytester, "--collect-only", "-q", test_other="def test_other(): pass")

    assert ids(run) == ["numpy::conforms[bounds-float32]"]
    told.stdout.fnmatch_lines(
        [
            "gruverify: formats = ?'f16', 'f32'? of *pyproject.toml ?tool.gruverify? is overridden "
            "by --gru-formats"
        ]
    )
    assert told.stdout.str().count("is overridden") == 1
    assert ids(alone) == ["test_other.py::test_other"]
    (pytester.path / "pyproject.toml").write_text("[tool.gruverify]\nformat = 1\n")
    wrong = inside(pytester, *FEW, "--gru-target", "numpy")
    wrong.stderr.fnmatch_lines(
        ["ERROR: gruverify: *pyproject.toml: * has no key 'format': did you mean formats?"]
    )


@pytest.mark.uncounted
def test_a_name_of_the_project_is_a_target_with_its_table(pytester: pytest.Pytester) -> None:
    table = (
        '[tool.gruverify.targets.mine]\ntarget = "numpy"\nkappa = 7\nformats = ["f32"]\n'
        'only = ["bounds"]\n'
    )
    (pytester.path / "pyproject.toml").write_text(table)
    test = "import gruverify.testing\ntest_it = gruverify.testing.conformance('mine')"

    run = inside(pytester, "--gru-profile", "quick", "--gru-target", "mine", "--gru-report", "out")
    named = inside(pytester, "--collect-only", "-q", test_mine=test)

    assert outcomes(run) == {"passed": 1}
    declared = load_document(pytester.path / "out" / "result.json")["declarations"]
    assert declared["kappa_sigma"] == declared["kappa_tanh"] == 7.0
    assert ids(named) == ["test_mine.py::test_it[bounds-float32]"]
    (pytester.path / "pyproject.toml").write_text(table.replace("kappa", "kapa"))
    wrong = inside(pytester, "--gru-target", "mine")
    wrong.stderr.fnmatch_lines(["ERROR: gruverify: *targets.mine? has no key 'kapa': *"])


def test_the_header_says_what_is_needed_to_repeat_the_run(pytester: pytest.Pytester) -> None:
    run = inside(
        pytester, *FEW, "--gru-target", "numpy", "--hypothesis-seed", "5", "--collect-only"
    )

    run.stdout.re_match_lines(
        [
            r"gruverify: numpy · float32 · profile quick · threads \d+ · seed 5$",
            r"gruverify: python 3\.\d+\.\d+ · gruverify \S+ · numpy .*hypothesis",
        ]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--gru-formats", "f33"), "format='f33' is unknown"),
        (
            ("--gru-profile", "fast"),
            "--gru-profile=fast is unknown: choose from quick, default, deep",
        ),
        (("--gru-only", "boundz"), "no invariant matches 'boundz': did you mean bounds"),
        (("--gru-skips-file", "none.txt"), "none.txt cannot be read"),
        (("--gru-target", ""), "--gru-target '': name a TARGET, or leave it out"),
        (("--gru-report", ""), "--gru-report '': name a DIR, or leave it out"),
    ],
)
def test_a_mistake_ends_the_run_with_one_line(
    pytester: pytest.Pytester, options: tuple[str, str], message: str
) -> None:
    run = inside(pytester, *options)

    assert run.ret == pytest.ExitCode.USAGE_ERROR
    [line] = [line for line in run.errlines if line]
    assert line.startswith("ERROR: gruverify: ")
    assert message in line


def test_the_marker_is_registered(pytester: pytest.Pytester) -> None:
    run = inside(pytester, "--strict-markers", "-m", "not gruverify", test_mine=one_test("numpy"))

    assert set(outcomes(run)) == {"deselected"}


@pytest.mark.uncounted
@pytest.mark.slow
def test_a_report_has_everything_that_was_found(pytester: pytest.Pytester) -> None:
    test = one_test("my_gru:step", only=["bounds", "stack"])

    run = inside(
        pytester, "--gru-formats", "f32", "--gru-report", "out", my_gru=FAULTY, test_mine=test
    )

    assert outcomes(run) == {"failed": 1, "skipped": 1}
    run.stdout.fnmatch_lines(["report: out?index.html"])
    found = load_document(pytester.path / "out" / "result.json")
    assert (found["target"], found["verdict"], found["formats"]) == (
        "my_gru:step",
        "falsified",
        ["float32"],
    )
    assert [witness["invariant"] for witness in found["witnesses"]] == ["bounds/between"]
    statuses = {
        row["id"].partition("/")[0]: row["status"]
        for row in found["invariants"]
        if row["variant"] == "-"
    }
    assert statuses == {"bounds": "not applicable", "stack": "not applicable"}
    cases = sum(row["cases"] for row in found["invariants"] if row["id"] == "bounds/between")
    [sides] = [group for group in found["coverage"][0]["groups"] if group["name"] == "h'-c"]
    assert sum(sides["hits"]) >= cases > 0


def test_a_folder_that_is_no_report_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("out").mkdir()
    pytester.path.joinpath("out", "mine.txt").write_text("mine")

    run = inside(pytester, *FEW, "--gru-report", "out", "--gru-target", "numpy")

    assert outcomes(run) == {"passed": 1}
    run.stdout.fnmatch_lines(["no report: out holds mine.txt*"])


@pytest.mark.slow
@pytest.mark.uncounted
def test_workers_add_up_to_what_one_process_finds_from_the_same_seed(
    pytester: pytest.Pytester,
) -> None:
    few = (
        "--gru-target",
        "numpy",
        "--gru-formats",
        "f32,f64",
        "--gru-only",
        "bounds",
        "--hypothesis-seed",
        "3",
    )
    few = (*few, "--gru-profile", "quick")

    one = apart(pytester, *few, "--gru-report", "one")
    two = apart(pytester, *few, "--gru-report", "two", "-n", "2", "--junit-xml", "junit.xml")

    assert outcomes(one) == outcomes(two) == {"passed": 2}
    assert cases(pytester.path / "one") == cases(pytester.path / "two")
    documents = [load_document(pytester.path / folder / "result.json") for folder in ("one", "two")]
    assert documents[0]["coverage"] == documents[1]["coverage"]
    assert [document["seed"] for document in documents] == [3, 3]
    assert (pytester.path / "junit.xml").read_text().count("<testcase") == 2


@pytest.mark.slow
@pytest.mark.uncounted
def test_the_database_and_last_failed_bring_a_failure_back(pytester: pytest.Pytester) -> None:
    again = ("--gru-formats", "f32", "--gru-only", "bounds", "--hypothesis-profile", "gruverify-ci")

    files = {
        "my_gru": FAULTY,
        "test_mine": one_test("my_gru:step"),
        "test_other": "def test_other(): pass",
    }

    first = apart(pytester, *again, **files)
    second = apart(pytester, *again, "--lf", "--hypothesis-show-statistics")

    assert (outcomes(first), outcomes(second)) == ({"failed": 1, "passed": 1}, {"failed": 1})
    second.stdout.fnmatch_lines(["*during reuse phase*", "*0 passing, 1 failing*"])
    [blob] = [line for line in first.outlines if "@reproduce_failure(" in line]
    decorator = blob.partition("@")[2].partition(" as a decorator")[0]
    pinned = one_test("my_gru:step", only=["bounds"]).replace(
        "gruverify.testing", f"{decorator}(gruverify.testing"
    )
    third = apart(
        pytester,
        *again,
        test_mine="from hypothesis import reproduce_failure\n" + pinned.rstrip() + ")\n",
    )
    assert outcomes(third) == {"failed": 1, "passed": 1}


@pytest.mark.uncounted
def test_profiles_of_ours_stand_beside_those_of_hypothesis() -> None:
    code = (
        f"import json\n{_PROFILES if PLUGIN else ''}"
        "from hypothesis import settings\n"
        f"ours = {{name: settings.get_profile(name).max_examples for name in "
        f"{list(_hypothesis.PROFILES)!r}}}\n"
        "theirs = settings.get_profile('ci').derandomize, settings.get_current_profile_name()\n"
        "kept = [settings.get_profile(name).database is not None for name in ours]\n"
        "import gruverify, gruverify.testing\n"
        "print(json.dumps([ours, theirs, kept, settings.get_current_profile_name()]))\n"
    )
    environment = {**os.environ, "CI": "true"}

    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )

    ours, theirs, kept, then = json.loads(run.stdout)
    assert ours == _hypothesis.PROFILES
    assert theirs == [True, "ci"]
    assert all(kept)
    assert then == "ci"


def test_none_of_them_has_a_deadline() -> None:
    _hypothesis.register()

    assert [settings.get_profile(name).deadline for name in _hypothesis.PROFILES] == [None] * 4


@pytest.mark.slow
@pytest.mark.uncounted
@pytest.mark.parametrize("of_seed", [(), ("--hypothesis-seed", "5")], ids=["drawn", "given"])
def test_the_command_of_a_report_runs_and_fails_again(
    pytester: pytest.Pytester, of_seed: tuple[str, ...]
) -> None:
    few = ("--gru-formats", "f32", "--gru-profile", "quick", *of_seed, "--gru-report", "out")
    first = apart(pytester, *few, my_gru=FAULTY, test_mine=one_test("my_gru:step", only=["bounds"]))
    assert outcomes(first) == {"failed": 1}

    summary = (pytester.path / "out" / "summary.md").read_text()
    command = summary.partition("Again:\n\n```\n")[2].partition("\n")[0]
    assert "None" not in command
    assert command.startswith("pytest ")
    again = subprocess.run(
        f"{sys.executable} -m {command}",
        shell=True,
        cwd=pytester.path,
        capture_output=True,
        text=True,
    )

    assert again.returncode == 1
    assert "bounds/between: " in again.stdout
    page = (pytester.path / "out" / "index.html").read_text()
    assert ("seed</dt><dd>None" in page or "seed None" in page) is False


#: A GRU under test that is an object: with a name in the module, or without.
OF_AN_OBJECT = """
import gruverify
import my_gru


class Mine:
    name = "mine"
    variants, formats = (gruverify.Variant(),), (gruverify.float32,)

    def step(self, cell, x, h):
        return my_gru.step(cell, x, h)


named = Mine()
test_my_gru = gruverify.testing.conformance({it}, only=["bounds"])
"""


@pytest.mark.slow
@pytest.mark.uncounted
@pytest.mark.parametrize(
    ("it", "target"), [("named", "test_mine:named"), ("Mine()", "Mine object")]
)
def test_the_reproducer_of_an_object_names_it_or_says_that_it_has_no_name(
    pytester: pytest.Pytester, it: str, target: str
) -> None:
    few = ("--gru-profile", "quick", "--gru-report", "out")
    apart(pytester, *few, my_gru=FAULTY, test_mine=OF_AN_OBJECT.replace("{it}", it))

    document = json.loads((pytester.path / "out" / "result.json").read_text())
    assert document["target"] == target
    snippet = decode_witness(document["witnesses"][0]).snippet
    if it == "Mine()":
        assert "target = ...  # your Mine object, which has no name to import it by\n" in snippet
        snippet = snippet.replace("target = ...", "import test_mine; target = test_mine.named")
    again = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=pytester.path,
        env=os.environ | {"PYTHONSAFEPATH": ""},  # who pastes it has their own modules at hand
        capture_output=True,
        text=True,
    )
    assert again.returncode == 1
    assert "AssertionError: bounds/between: " in again.stderr
