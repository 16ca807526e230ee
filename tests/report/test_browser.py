"""The page in a real browser: it loads in silence, draws what the model says, and answers clicks."""

from __future__ import annotations

import io
import json

import numpy as np
import pycolmap
import pytest
from PIL import Image

from recon.report.writing import write_report

pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(browser):
    """Return a function that loads a page and waits until it is drawn."""

    def load(page):
        browser.get_log("browser"), browser.get_log("performance")
        browser.get(page.as_uri())
        wait_for(
            browser, "document.documentElement.dataset.ready === 'yes' && (!shown.viewer || shown.viewer.frames > 0)"
        )
        return browser

    return load


def wait_for(browser, condition):
    waiting = "const done = arguments[0]; const look = () => (%s) ? done(true) : setTimeout(look, 30); look();"
    assert browser.execute_async_script(waiting % condition)


def drawn(browser):
    """Let the page draw once more, and return the pixels of its view, (H, W, 3)."""
    before = browser.execute_script("shown.viewer.redraw(); return shown.viewer.frames")
    wait_for(browser, f"shown.viewer.frames > {before}")
    png = browser.find_element("id", "canvas").screenshot_as_png
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.fixture
def page(make_workspace):
    out = make_workspace()
    write_report(out, out / "report.html")
    return out / "report.html"


def test_it_loads_without_errors_and_without_the_network(open_page, page):
    browser = open_page(page)

    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert asked[0] == page.as_uri()
    assert all(url == page.as_uri() or url.startswith("data:") for url in asked)


def test_points_appear_where_the_camera_saw_them(open_page, page):
    """Looking through a photo's camera, every point lies where the model projects it."""
    browser = open_page(page)
    model = pycolmap.Reconstruction(str(page.parent / "sparse" / "0"))
    image = min((model.image(i) for i in model.reg_image_ids()), key=lambda image: image.name)
    camera = model.camera(image.camera_id)
    browser.execute_script("shown.viewer.showsCameras = false; shown.viewer.pointSize = 7; shown.viewer.lookThrough(0)")
    pixels = drawn(browser)
    height, width = pixels.shape[:2]
    corners = [(x, y) for x in (0, camera.width) for y in (0, camera.height)]
    across, down = np.abs([camera.cam_from_img(np.array(corner, float)) for corner in corners]).max(axis=0)
    scale = min(width / 2 / across, height / 2 / down)  # its whole picture fits, without the lens's bending

    background, hits = pixels[1, 1], 0
    for row, point_id in enumerate(sorted(model.points3D)):
        x, y, z = image.cam_from_world() * model.points3D[point_id].xyz
        at = browser.execute_script(f"return shown.viewer.project(shown.viewer.pointAt({row}))")
        expected = np.array([x, y]) / z * scale + [width / 2, height / 2]
        np.testing.assert_allclose(at[:2], expected, atol=1.0)
        column, row_px = expected.round().astype(int)
        hits += bool(np.abs(pixels[row_px, column].astype(int) - background).max() > 60)
    assert hits == len(model.points3D)


def test_cameras_appear_at_their_places(open_page, page):
    browser = open_page(page)
    browser.execute_script("shown.viewer.zoom(4)")  # these stand far from their points
    with_cameras = drawn(browser)
    browser.execute_script("shown.viewer.showsCameras = false")
    without = drawn(browser)

    changed = np.abs(with_cameras.astype(int) - without).max(axis=2) > 30
    for k in range(6):
        x, y, _ = browser.execute_script(f"return shown.viewer.project(shown.scene.cameras[{k}].center)")
        x, y = round(x), round(y)
        assert changed[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4].any()


def click_at(browser, x, y):
    from selenium.webdriver.common.action_chains import ActionChains

    canvas = browser.find_element("id", "canvas")
    size = canvas.size
    ActionChains(browser).move_to_element_with_offset(
        canvas, round(x - size["width"] / 2), round(y - size["height"] / 2)
    ).click().perform()


def test_a_click_on_a_camera_shows_its_photo(open_page, page):
    browser = open_page(page)
    browser.execute_script("shown.viewer.zoom(4)")
    x, y, _ = browser.execute_script("return shown.viewer.project(shown.scene.cameras[2].center)")
    click_at(browser, x, y)

    kind, index = browser.execute_script("return shown.viewer.chosen")
    name = browser.execute_script(f"return data.photos[shown.scene.cameras[{index}].photo].name")
    assert kind == "camera"
    assert browser.find_element("css selector", "#panel h3").text == name
    assert browser.find_element("css selector", "#panel img").get_attribute("src").startswith("data:image/jpeg")


def test_a_click_on_a_point_shows_its_track(open_page, page):
    browser = open_page(page)
    browser.execute_script(
        "shown.viewer.showsCameras = false; shown.viewer.centerOn(shown.viewer.pointAt(40)); shown.viewer.zoom(0.2)"
    )
    drawn(browser)
    x, y, _ = browser.execute_script("return shown.viewer.project(shown.viewer.pointAt(40))")
    click_at(browser, x, y)

    kind, index = browser.execute_script("return shown.viewer.chosen")
    assert kind == "point"
    length = browser.execute_script(f"return shown.scene.lengths[{index}]")
    assert len(browser.find_elements("css selector", "#panel figure")) == length
    assert f"seen by {length} photos" in browser.find_element("id", "panel").text


def test_dragging_and_keys_turn_the_view_and_r_brings_it_back(open_page, page):
    from selenium.webdriver.common.action_chains import ActionChains

    browser = open_page(page)
    first = browser.execute_script("return shown.viewer.eye")
    canvas = browser.find_element("id", "canvas")
    ActionChains(browser).drag_and_drop_by_offset(canvas, 120, 30).perform()
    dragged = browser.execute_script("return shown.viewer.eye")
    canvas.send_keys("\ue012")  # arrow left
    turned = browser.execute_script("return shown.viewer.eye")
    canvas.send_keys("r")

    assert np.linalg.norm(np.subtract(dragged, first)) > 0.1
    assert np.linalg.norm(np.subtract(turned, dragged)) > 0.01
    assert browser.execute_script("return shown.viewer.eye") == first


def test_colours_by_error_and_by_track_differ_from_the_photos(open_page, page):
    browser = open_page(page)
    pictures = {}
    for mode in ("photo", "error", "track"):
        browser.execute_script(f"document.getElementById('color-mode').value = '{mode}'; setColors()")
        pictures[mode] = drawn(browser)

    assert (pictures["photo"] != pictures["error"]).any()
    assert (pictures["photo"] != pictures["track"]).any()


def test_names_that_look_like_markup_are_shown_as_text(open_page, make_workspace):
    name = "<img src=x onerror=document.title='taken'>.jpg"
    out = make_workspace([name])
    write_report(out, out / "report.html")
    browser = open_page(out / "report.html")

    assert browser.title.startswith("pictures")
    assert name in [card.text for card in browser.find_elements("css selector", ".card b")]
    assert browser.get_log("browser") == []


def test_a_run_without_a_model_says_why_and_shows_no_empty_view(open_page, make_workspace):
    error = {"code": "no_parallax", "message": "the camera hardly moved", "file": None, "try": "walk around"}
    out = make_workspace(with_model=False, summary={"registered": 0, "error": error})
    write_report(out, out / "report.html")
    browser = open_page(out / "report.html")

    assert "the camera hardly moved" in browser.find_element("id", "error").text
    assert not browser.find_element("id", "view").is_displayed()
    assert len(browser.find_elements("css selector", ".card")) == 6


def test_on_a_phone_nothing_is_wider_than_the_screen(open_page, page):
    browser = open_page(page)
    browser.set_window_size(500, 900)  # the narrowest that Chromium has
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    finally:
        browser.set_window_size(1200, 900)


def test_light_and_dark_can_be_changed(open_page, page):
    browser = open_page(page)
    of_body = "return getComputedStyle(document.body).backgroundColor"
    before = browser.execute_script(of_body)
    browser.find_element("id", "theme").click()

    assert browser.execute_script(of_body) != before
