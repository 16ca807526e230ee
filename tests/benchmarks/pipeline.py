"""Whole runs of recon and of pycolmap's own pipeline on the same photos, alternating; ratios, not seconds.

    RECON_DATA=... python tests/benchmarks/pipeline.py fountain-P11 Herz-Jesus-P8 fox --repeats 3

The peer is `peer.py` beside this file: SIFT at 1600 px, 8192 features, exhaustive pairs, every other option
default. Both keep the truth's intrinsics fixed. "map" times recon's engine and pycolmap's on the peer's own
database.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from measuring import auc, call, recon, spread
from photo_sets import camera_options

HERE = Path(__file__).parent


def map_on(database: Path, fixed: bool) -> float:
    """Return the seconds of recon's engine on a database."""
    script = (
        "import sys,time,pycolmap;from pathlib import Path;pycolmap.logging.minloglevel=2\n"
        "from recon.engine.mapper import IncrementalMapper;from recon.core.components import MappingOptions\n"
        "from recon.core.events import ignore\n"
        "d=Path(sys.argv[1])\n"
        "with pycolmap.Database.open(d) as o: ids=frozenset(c.camera_id for c in o.read_all_cameras())\n"
        "options=MappingOptions(threads=2,fixed_camera_ids=ids if sys.argv[2]=='fixed' else frozenset())\n"
        "t=time.perf_counter();m=IncrementalMapper().map(d,options,ignore);s=time.perf_counter()-t\n"
        "m[0].write(sys.argv[3]);print('{\"seconds\":%f}'%s)"
    )
    target = database.parent / "recon-model"
    target.mkdir(exist_ok=True)
    result, _ = call([sys.executable, "-c", script, str(database), "fixed" if fixed else "free", str(target)])
    return float(result["seconds"])


def compare(photos: Path, truth: Path, work: Path, repeats: int, extra: list[str]) -> None:
    """Print the ratios of one photo set, one repeat after the other, recon and peer in turn."""
    camera = camera_options(truth)
    name, totals, maps = photos.parent.name, [], []
    for repeat in range(repeats):
        ours, theirs = work / f"recon-{repeat}", work / f"peer-{repeat}"
        command = recon("run", photos, "-o", ours, "--extractor", "sift")
        mine, my_seconds = call([*command, *camera, "--seed", str(repeat), "--json", *extra])
        peer, peer_seconds = call(
            [sys.executable, str(HERE / "peer.py"), str(photos), str(theirs), "--truth", str(truth)]
        )
        mapped = map_on(theirs / "database.db", fixed=True)
        totals.append(my_seconds / peer_seconds)
        maps.append(mapped / peer["seconds"]["map"])
        ours_auc, peer_auc = auc(ours, truth), auc(theirs / "best", truth)
        same = auc(theirs / "recon-model", truth)
        stages = {stage: round(value, 2) for stage, value in mine["seconds"].items()}
        peer_stages = {stage: round(value, 2) for stage, value in peer["seconds"].items()}
        print(
            f"{name} #{repeat}: total {my_seconds:.2f} / {peer_seconds:.2f} s = {totals[-1]:.3f}; "
            f"map on the same matches {mapped:.2f} / {peer['seconds']['map']:.2f} s = {maps[-1]:.3f}; "
            f"registered {mine['registered']} / {peer['registered']}; "
            f"AUC@1 {ours_auc['1']:.1f} / {peer_auc['1']:.1f} (same matches {same['1']:.1f}), "
            f"AUC@3 {ours_auc['3']:.1f} / {peer_auc['3']:.1f}; {stages} / {peer_stages}",
            flush=True,
        )
    print(f"| {name} | total ratio {spread(totals)} | map ratio {spread(maps)} |", flush=True)


def main() -> None:
    """Compare the photo sets that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", help="folders of $RECON_DATA with images/ and gt.json")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--option", action="append", default=[], help="a further option for recon run")
    arguments = parser.parse_args()
    data = Path(os.environ["RECON_DATA"])
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.sets:
            work = Path(folder) / name
            work.mkdir()
            compare(data / name / "images", data / name / "gt.json", work, arguments.repeats, arguments.option)


if __name__ == "__main__":
    main()
