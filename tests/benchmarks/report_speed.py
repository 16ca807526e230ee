"""The page of a large run: its size, how long a browser takes to show it, and how often a second it redraws.

    python tests/benchmarks/report_speed.py OUT

OUT is a workspace. Chromium draws in software here; with a graphics card it is faster.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from recon.report.writing import write_report

TURNS = 60
_TURN = """
const done = arguments[0], begin = performance.now(); let left = %d;
const step = () => {
  if (!left--) return done(performance.now() - begin);
  shown.viewer.turn(0.02, 0); requestAnimationFrame(step);
};
requestAnimationFrame(step);
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for argument in ("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"):
        options.add_argument(argument)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        start = time.perf_counter()
        size = write_report(out, page, threads=2)
        written = time.perf_counter() - start
        browser = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
        try:
            browser.set_window_size(1280, 900)
            browser.set_script_timeout(300)
            start = time.perf_counter()
            browser.get(page.as_uri())
            loaded = time.perf_counter() - start
            points = browser.execute_script("return shown.scene.positions.length / 3")
            turned = browser.execute_async_script(_TURN % TURNS) / 1000
        finally:
            browser.quit()
    print(f"{size / 1e6:.1f} MB, {points:,.0f} points; written in {written:.1f} s, loaded in {loaded:.1f} s, "
          f"{TURNS / turned:.0f} frames a second")  # fmt: skip


if __name__ == "__main__":
    main()
