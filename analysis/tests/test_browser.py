# SPDX-License-Identifier: GPL-3.0-or-later
#
# The page in a real browser: no script error, nothing fetched, no empty plot, nothing wider than a phone, names inert.

import json
import re

import pytest
from browser import browser, errors, open_page, picture
from nasty import spoil
from selenium.common.exceptions import TimeoutException
from test_report import with_thresholds

import simanalysis
from simanalysis.report import render_page

# Fewer coloured pixels than this is a plot without its data.
MARKS = 150
VIEWS = {"light": (1200, False), "dark": (1200, True), "phone": (390, False)}


@pytest.fixture(scope="module")
def driver():
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def pages(churn, comparison, lossless, tmp_path_factory):
    """name -> path of a page."""
    import shutil

    place = tmp_path_factory.mktemp("pages")
    judged = with_thresholds(shutil.copytree(churn, place / "judged"))
    nasty = spoil(shutil.copytree(comparison, place / "nasty"))
    found = {}
    for name, folder in (
        ("run", judged),
        ("comparison", comparison),
        ("lossless", lossless),
        ("nasty", nasty),
    ):
        found[name] = place / f"{name}.html"
        found[name].write_text(render_page(simanalysis.load(folder)), encoding="utf-8")
    return found


def plots(driver):
    return driver.execute_script("return [...document.querySelectorAll('.plot')].map(e => e.id)")


def coloured(driver, plot):
    """Pixels of a plot that have a colour. Axes, events and texts are grey; legends are hidden for the picture."""
    driver.execute_script(
        """for (const e of document.querySelectorAll('.role-legend')) e.style.visibility = 'hidden';"""
    )
    image = picture(driver, f"#{plot} .screen").astype(int)
    return int(((image.max(axis=2) - image.min(axis=2)) > 40).sum())


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["run", "comparison", "lossless", "nasty"])
def test_every_plot_shows_data_and_no_script_fails(name, view, pages, driver):
    width, dark = VIEWS[view]
    open_page(driver, pages[name], width=width, dark=dark)
    assert errors(driver) == []
    names = plots(driver)
    assert names
    for plot in names:
        assert coloured(driver, plot) >= MARKS, f"{plot} is empty"
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    background = picture(driver)[0, 0].sum()
    assert (background < 150) == dark


def embedded(page):
    return re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)


def test_an_empty_plot_would_be_found(pages, driver, tmp_path):
    page = pages["run"].read_text(encoding="utf-8")
    place = embedded(page)
    data = json.loads(place.group(1))
    for figure in data["figures"].values():
        figure["datasets"] = {name: [] for name in figure["datasets"]}
    path = tmp_path / "empty.html"
    path.write_text(
        page[: place.start(1)] + json.dumps(data).replace("<", "\\u003c") + page[place.end(1) :],
        encoding="utf-8",
    )
    open_page(driver, path)
    found = {plot: coloured(driver, plot) for plot in plots(driver)}
    assert found and all(number < MARKS for number in found.values()), found


def test_a_script_error_would_be_found(pages, driver, tmp_path):
    page = pages["lossless"].read_text(encoding="utf-8")
    place = embedded(page)
    path = tmp_path / "broken.html"
    path.write_text(page[: place.start(1)] + "{broken" + page[place.end(1) :], encoding="utf-8")
    try:
        open_page(driver, path, patience=2)
    except TimeoutException:
        pass
    assert any("JSON" in message for message in errors(driver))


def test_a_script_in_the_page_that_is_not_its_own_does_not_run(pages, driver, tmp_path):
    page = pages["lossless"].read_text(encoding="utf-8")
    path = tmp_path / "injected.html"
    path.write_text(
        page.replace("<main>", "<main><script>document.title = 'owned'</script>"), encoding="utf-8"
    )
    open_page(driver, path)
    assert driver.title != "owned"
    assert any("Content Security Policy" in message for message in errors(driver))


def test_names_run_nothing(pages, driver):
    open_page(driver, pages["nasty"])
    assert errors(driver) == []
    assert driver.execute_script("return document.querySelectorAll('img').length") == 0
    assert "<script>alert(1)</script>" in driver.execute_script("return document.body.innerText")


def test_nothing_is_fetched(pages, driver):
    driver.get_log("performance")
    open_page(driver, pages["comparison"])
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    fetched = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in fetched if not url.startswith(("file:", "data:", "blob:"))] == []
    assert fetched, "the log has at least the page itself"


def test_texts_of_a_plot_do_not_cover_each_other(pages, driver):
    for name in ("run", "comparison"):
        open_page(driver, pages[name])
        covered = driver.execute_script("""
            const found = [];
            for (const plot of document.querySelectorAll('.plot')) {
              const boxes = [...plot.querySelectorAll('.screen text')]
                .filter(e => e.textContent && e.closest('[opacity="0"]') === null && getComputedStyle(e).opacity !== '0')
                .map(e => [e.textContent, e.getBoundingClientRect()]).filter(([, r]) => r.width > 0);
              for (let i = 0; i < boxes.length; i += 1) for (let j = 0; j < i; j += 1) {
                const [a, r] = boxes[i], [b, s] = boxes[j];
                const x = Math.min(r.right, s.right) - Math.max(r.left, s.left);
                const y = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
                if (x > 2 && y > 4) found.push([plot.id, a, b]);
              }
            }
            return found;""")
        assert covered == []


def test_the_button_changes_the_theme(pages, driver):
    open_page(driver, pages["lossless"])
    assert picture(driver)[0, 0].sum() > 700
    for theme, dark in (("light", False), ("dark", True)):
        driver.execute_script("document.getElementById('theme').click()")
        assert driver.execute_script("return document.documentElement.dataset.theme") == theme
        assert (picture(driver)[0, 0].sum() < 150) == dark
    assert errors(driver) == []


def test_printing_is_light_also_from_a_dark_page(pages, driver):
    open_page(driver, pages["run"], dark=True)
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    assert picture(driver)[0, 0].sum() > 700
    image = picture(driver, "#plot-losses .paper").astype(int)
    assert ((image.max(axis=2) - image.min(axis=2)) > 40).sum() >= MARKS
