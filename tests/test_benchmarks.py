"""The benchmarks' own arithmetic, and what they write into a README."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).with_name("benchmarks")


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Return a function that imports a benchmark by name, as if run from its folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for path in BENCHMARKS.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    return importlib.import_module


def test_a_table_takes_the_place_of_the_one_before(benchmark, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_bytes("# é\r\nbefore\n<!-- peers -->\nold\n<!-- /peers -->\nafter".encode())
    written = benchmark("written_tables")
    for _ in range(2):
        written.write_between(readme, "peers", written.table(("a", "b"), [("1", "2")]))

    assert readme.read_bytes().decode() == (
        "# é\r\nbefore\n<!-- peers -->\n| a | b |\n| --- | --- |\n| 1 | 2 |\n<!-- /peers -->\nafter"
    )
    assert list(tmp_path.iterdir()) == [readme]


@pytest.mark.parametrize(
    "content",
    [
        "no comments",
        "<!-- peers --> no end",
        "<!-- /peers --> the wrong way round <!-- peers -->",
        "<!-- peers --><!-- /peers --> twice <!-- peers --><!-- /peers -->",
    ],
)
def test_a_file_without_its_place_for_the_table_stays_as_it_is(benchmark, tmp_path: Path, content: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(content)
    with pytest.raises(ValueError, match="needs the comments <!-- peers --> and <!-- /peers -->"):
        benchmark("written_tables").write_between(readme, "peers", "new")

    assert readme.read_text() == content


def test_a_ratio_is_of_two_times_of_the_same_repeat(benchmark, tmp_path: Path) -> None:
    peers = benchmark("peers")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    photo_set = benchmark("photo_sets").PhotoSet("door", tmp_path / "images", None)
    outcomes = {
        peers.BASELINE: [peers.Outcome(10, 100, 1, None), peers.Outcome(40, 100, 1, None)],
        "recon fast": [
            peers.Outcome(2, 50, 1, {"1": 90.0, "3": 95.0}),
            peers.Outcome(16, 70, 0, {"1": 0.0, "3": 0.0}),
        ],
    }
    rows = peers.rows(photo_set, outcomes)

    assert rows[1] == (
        "door",
        "recon fast",
        "9.0",
        "0.30 (0.20 to 0.40)",
        "60",
        "0 to 1 of 1",
        "45.0 (0.0 to 90.0)",
        "47.5 (0.0 to 95.0)",
    )
    assert rows[0][-1] == "unknown"
    assert rows[0][3] == "1.00 (1.00 to 1.00)"
    assert len(peers.COLUMNS) == len(rows[0])


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(benchmark, power: float) -> None:
    counts = [50, 100, 200, 400]

    assert benchmark("scaling").exponent(counts, [3 * count**power for count in counts]) == pytest.approx(power)


def test_the_report_tells_the_exponents_of_what_takes_time(benchmark) -> None:
    scaling = benchmark("scaling")
    costs = [
        scaling.Cost(n, n, 2.0 * n, 100.0, {"total": 2.0 * n, "match": n**2 / 100, "list": 0.01}) for n in (50, 100)
    ]
    lines = scaling.report(costs).splitlines()

    assert lines[2] == "| 50 | 50 | 100.0 | 2.000 | 100 | 2.00 |"
    assert lines[-1] == ("time grows as photos^1.00, memory as photos^0.00; the exponents of the stages: match 2.00.")


def test_one_count_has_no_exponent(benchmark) -> None:
    scaling = benchmark("scaling")

    assert scaling.exponent([50], [1.0]) != scaling.exponent([50], [1.0])


def test_the_memory_of_a_process_is_its_own() -> None:
    """Measured from a small process, as the benchmarks are; pytest's own memory would count."""
    script = (
        "import sys; from measuring import run\n"
        "for mib in (1, 200): print(run([sys.executable, '-c', f'held = bytes([1]) * {mib} * 2**20']).peak_mib)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    small, large = map(float, done.stdout.split())

    assert 150 < large - small < 250


def test_a_process_that_works_gives_what_it_printed(benchmark) -> None:
    done = benchmark("measuring").run([sys.executable, "-c", "print('{\\n}')"])

    assert (done.status, done.json()) == (0, {})


def test_a_process_that_fails_is_told_of_with_its_last_words(benchmark) -> None:
    done = benchmark("measuring").run([sys.executable, "-c", "raise SystemExit('no photos')"])

    assert done.status == 1
    with pytest.raises(SystemExit, match="no photos"):
        done.json()


def test_cameras_that_differ_are_given_to_no_pipeline(benchmark, tmp_path: Path) -> None:
    """The peers take one calibration for all photos."""
    photo_sets = benchmark("photo_sets")
    k = [[100.0, 0, 50], [0, 100.0, 40], [0, 0, 1]]
    image = {"K": k, "width": 100, "height": 80}
    for name, other in (("alike", image), ("different", {**image, "width": 200})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gt.json").write_text(json.dumps({"images": {"a.jpg": image, "b.jpg": other}}))
    alike, different = (photo_sets.PhotoSet.named(str(tmp_path / name)) for name in ("alike", "different"))

    assert alike.calibration == alike.truth
    assert different.truth is not None
    assert different.calibration is None
    assert photo_sets.camera_options(alike.truth)[:4] == [
        *("--camera-model", "PINHOLE"),
        *("--camera-params", "100.0,100.0,50.5,40.5"),
    ]
