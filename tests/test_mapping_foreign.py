"""`recon map` on a COLMAP database from elsewhere, and on hloc's features and matches; what is wrong is named."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pycolmap
import pytest

from recon.cli import main
from recon.evaluation import evaluate, read_truth


def run_map(source: Path, out: Path, *options: str) -> tuple[int, dict]:
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        status = main(["map", str(source), "-o", str(out), "--threads", "1", *map(str, options), "--json"])
    return status, json.loads(stdout.getvalue())


@pytest.fixture
def database(finished_run: Path, tmp_path: Path) -> Path:
    """Return the database of a run, alone in a folder."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return Path(shutil.copy(finished_run / "database.db", folder / "their.db"))


def execute(database: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
def hloc_files(finished_run: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Return features.h5 and matches.h5 as hloc would write what is in the database of a run."""
    features, matches = tmp_path / "features.h5", tmp_path / "matches.h5"
    with (
        pycolmap.Database.open(finished_run / "database.db") as database,
        h5py.File(features, "w") as features_file,
        h5py.File(matches, "w") as matches_file,
    ):
        images = {image.image_id: image for image in database.read_all_images()}
        counts = {}
        for number, image in images.items():
            keypoints = database.read_keypoints(number)[:, :2] - 0.5
            counts[number] = len(keypoints)
            group = features_file.create_group(image.name)
            group["keypoints"] = keypoints
            group["image_size"] = np.array([1024, 768])
        for pair_id, rows in zip(*database.read_all_matches(), strict=True):
            second, first = pycolmap.pair_id_to_image_pair(pair_id)  # the other way round than ours
            column = np.full(counts[first], -1, np.int32)
            column[rows[:, 1]] = rows[:, 0]
            group = matches_file.create_group(f"{images[first].name}/{images[second].name}")
            group["matches0"] = column
            group["matching_scores0"] = np.ones(counts[first], np.float16)
    return features, matches


def accuracy(out: Path, sample_photos: Path) -> float:
    truth = json.loads((sample_photos.parent / "gt.json").read_text())
    model = pycolmap.Reconstruction(str(out / "sparse" / "0"))
    names = {model.image(number).name for number in model.reg_image_ids()}
    path = out / "gt.json"
    path.write_text(json.dumps({"images": {name: truth["images"][name] for name in names}}))
    return evaluate(model, read_truth(path)).auc_deg["5"]


def test_a_database_from_elsewhere_is_mapped(database: Path, six_photos: Path, sample_photos: Path, tmp_path: Path):
    before = database.read_bytes()

    status, summary = run_map(database, tmp_path / "out", "--photos", six_photos)

    assert status == 0
    assert summary["registered"] == summary["images"] == 6
    assert accuracy(tmp_path / "out", sample_photos) > 60
    assert database.read_bytes() == before
    model = pycolmap.Reconstruction(str(tmp_path / "out" / "sparse" / "0"))
    assert len({tuple(point.color) for point in model.points3D.values()}) > 20


def test_it_gives_what_the_run_gave(database: Path, finished_run: Path, six_photos: Path, tmp_path: Path):
    """The same matches, mapper and seed: the same poses."""
    run_map(database, tmp_path / "out")

    then = pycolmap.Reconstruction(str(finished_run / "sparse" / "0"))
    now = pycolmap.Reconstruction(str(tmp_path / "out" / "sparse" / "0"))
    assert now.num_points3D() == then.num_points3D()
    assert now.compute_mean_reprojection_error() == pytest.approx(then.compute_mean_reprojection_error(), rel=1e-3)


def test_pairs_that_are_not_verified_are_verified_first(database: Path, tmp_path: Path):
    execute(database, "DELETE FROM two_view_geometries WHERE pair_id % 2 = 0")

    status, summary = run_map(database, tmp_path / "out")

    assert status == 0
    assert summary["registered"] == 6
    facts = json.loads((tmp_path / "out" / "recon.json").read_text())["stages"]["import"]["facts"]
    assert facts["verified"] == 15


def test_a_database_without_rigs_is_that_of_an_older_colmap(database: Path, tmp_path: Path):
    execute(database, *(f"DELETE FROM {table}" for table in ("frame_data", "frames", "rig_sensors", "rigs")))

    assert run_map(database, tmp_path / "out")[1]["registered"] == 6


def test_the_same_command_does_nothing_again(database: Path, tmp_path: Path, capsys):
    run_map(database, tmp_path / "out")
    model = (tmp_path / "out" / "sparse" / "0" / "images.bin").stat().st_mtime_ns

    status, summary = run_map(database, tmp_path / "out")

    assert (status, summary["registered"]) == (0, 6)
    assert (tmp_path / "out" / "sparse" / "0" / "images.bin").stat().st_mtime_ns == model
    assert "nothing to do" in capsys.readouterr().err


def no_images(database: Path) -> None:
    execute(database, "DELETE FROM images")


def no_keypoints(database: Path) -> None:
    execute(database, "DELETE FROM keypoints WHERE image_id = 2")


def no_camera(database: Path) -> None:
    execute(database, "DELETE FROM cameras")


def another_table(database: Path) -> None:
    database.unlink()
    execute(database, "CREATE TABLE songs (name TEXT)")


def cut_short(database: Path) -> None:
    os.truncate(database, 30_000)


@pytest.mark.parametrize(
    "damage", [no_images, no_keypoints, no_camera, another_table, cut_short], ids=lambda damage: damage.__name__
)
def test_a_damaged_database_is_refused(damage, database: Path, tmp_path: Path):
    damage(database)

    status, summary = run_map(database, tmp_path / "out")

    assert status == 2
    assert summary["error"]["code"] == "corrupt_file"
    assert summary["error"]["file"] == str(database)
    assert not (tmp_path / "out" / "database.db").exists()


def test_a_database_without_matches_ends_with_a_reason(database: Path, tmp_path: Path):
    execute(database, "DELETE FROM matches", "DELETE FROM two_view_geometries")

    status, summary = run_map(database, tmp_path / "out")

    assert status == 1
    assert summary["model"] is None
    assert summary["error"]["message"]
    assert len(summary["left_out"]) == 6


def test_a_replay_of_others_matches_is_refused(database: Path, tmp_path: Path):
    run_map(database, tmp_path / "out")

    assert main(["replay", str(tmp_path / "out")]) == 2


def test_hlocs_files_are_mapped(hloc_files, six_photos: Path, sample_photos: Path, tmp_path: Path, finished_run: Path):
    """With the half pixel between the two origins, keypoints are where they were."""
    features, matches = hloc_files

    status, summary = run_map(six_photos, tmp_path / "out", "--features", features, "--matches", matches)

    assert status == 0
    assert summary["registered"] == 6
    assert accuracy(tmp_path / "out", sample_photos) > 60
    with (
        pycolmap.Database.open(tmp_path / "out" / "database.db") as now,
        pycolmap.Database.open(finished_run / "database.db") as then,
    ):
        np.testing.assert_allclose(now.read_keypoints(3)[:, :2], then.read_keypoints(3)[:, :2], atol=1e-3)
        assert len(now.read_matches(1, 2)) == len(then.read_matches(1, 2))


def test_hlocs_older_names_of_pairs_are_read(hloc_files, six_photos: Path, tmp_path: Path):
    features, matches = hloc_files
    with h5py.File(matches, "a") as file:
        for first in list(file):
            for second in list(file[first]):
                file.move(f"{first}/{second}", f"{first}_{second}")
            del file[first]

    _, summary = run_map(six_photos, tmp_path / "out", "--features", features, "--matches", matches)

    assert summary["registered"] == 6


def test_photos_that_hloc_did_not_see_are_told(hloc_files, six_photos: Path, tmp_path: Path, capsys):
    features, matches = hloc_files
    with h5py.File(features, "a") as file:
        del file[sorted(file)[0]]

    _, summary = run_map(six_photos, tmp_path / "out", "--features", features, "--matches", matches)

    assert summary["registered"] == 5
    assert "1 of 6 photos are not in" in capsys.readouterr().err


def other_size(features: Path, matches: Path) -> None:
    with h5py.File(features, "a") as file:
        file[sorted(file)[0]]["image_size"][...] = (500, 400)


def beyond(features: Path, matches: Path) -> None:
    with h5py.File(matches, "a") as file:
        first = sorted(file)[0]
        file[first][sorted(file[first])[0]]["matches0"][0] = 100_000


def text(features: Path, matches: Path) -> None:
    matches.write_text("no HDF5")


def others(features: Path, matches: Path) -> None:
    with h5py.File(features, "a") as file:
        for name in list(file):
            file.move(name, f"other-{name}")


@pytest.mark.parametrize(
    ("damage", "code"),
    [(other_size, "bad_value"), (beyond, "corrupt_file"), (text, "corrupt_file"), (others, "bad_value")],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_hloc_files_that_do_not_fit_are_refused(damage, code, hloc_files, six_photos: Path, tmp_path: Path):
    features, matches = hloc_files
    damage(features, matches)

    status, summary = run_map(six_photos, tmp_path / "out", "--features", features, "--matches", matches)

    assert status == 2
    assert summary["error"]["code"] == code


def test_one_of_hlocs_files_is_not_enough(hloc_files, six_photos: Path, tmp_path: Path):
    assert run_map(six_photos, tmp_path / "out", "--features", hloc_files[0])[0] == 2
    assert run_map(six_photos, tmp_path / "out", "--features", hloc_files[0], "--matches", tmp_path / "none")[0] == 2


@pytest.mark.colmap
@pytest.mark.slow
def test_a_database_of_colmap_itself_is_mapped(six_photos: Path, sample_photos: Path, tmp_path: Path):
    """As the program of Debian writes it, without rigs, verified by itself."""
    folder = tmp_path / "colmap"
    folder.mkdir()
    database = folder / "database.db"
    common = ["--database_path", str(database)]
    extract = [*common, "--image_path", str(six_photos), "--ImageReader.single_camera", "1"]
    limits = ["--SiftExtraction.use_gpu", "0", "--SiftExtraction.max_num_features", "1000"]
    for words in (
        ["feature_extractor", *extract, *limits, "--SiftExtraction.num_threads", "1"],
        ["exhaustive_matcher", *common, "--SiftMatching.use_gpu", "0", "--SiftMatching.num_threads", "1"],
    ):
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        subprocess.run(["colmap", *words], check=True, capture_output=True, env=environment)

    status, summary = run_map(database, tmp_path / "out", "--photos", six_photos)

    assert status == 0
    assert summary["registered"] == 6
    assert accuracy(tmp_path / "out", sample_photos) > 60
