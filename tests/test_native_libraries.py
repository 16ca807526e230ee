"""Libraries that get on badly with each other when they are loaded in the wrong order."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SAVE_A_PNG = """
import numpy as np
pixels = np.random.default_rng(0).integers(0, 255, (700, 700, 3), dtype=np.uint8)
"""
_WITH_PILLOW = "from PIL import Image; Image.fromarray(pixels).save({path!r})"
_WITH_OPENCV = "import cv2; assert cv2.imwrite({path!r}, pixels)"


@pytest.mark.parametrize("save", [_WITH_PILLOW, _WITH_OPENCV], ids=["pillow", "opencv"])
def test_pictures_are_saved_after_pycolmap_was_loaded_through_recon(save, tmp_path):
    """pycolmap 4.2 brings a zlib that the system's, loaded later, mixes with: the process dies in deflate()."""
    path = tmp_path / "noise.png"
    script = "import recon, pycolmap\n" + _SAVE_A_PNG + save.format(path=str(path))

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)

    assert (done.returncode, done.stderr) == (0, "")
    assert path.stat().st_size > 1_000_000
