# SPDX-License-Identifier: GPL-3.0-or-later
#
# Headless Chromium for tests of the page: opens a file without network, collects script errors, photographs it.

import base64
import io
import os
import shutil
from contextlib import contextmanager

import numpy
from PIL import Image
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find(names, purpose):
    """The first program of these names; a failure, never a skip, where there is none."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise AssertionError(
        f"{purpose} is needed and none of {', '.join(names)} was found: run `make analysis-tools`, "
        "or install the packages chromium and chromium-driver"
    )


@contextmanager
def browser():
    """A driver that has no network and keeps the console's messages."""
    options = webdriver.ChromeOptions()
    options.binary_location = find(BROWSERS, "a browser")
    for argument in (
        "--headless=new",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--hide-scrollbars",
        "--disable-background-networking",
        "--disable-component-update",
        "--force-device-scale-factor=1",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=find(("chromedriver",), "the browser's driver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.set_page_load_timeout(60)
        yield driver
    finally:
        driver.quit()


def open_page(driver, path, *, width=1200, dark=False, patience=30):
    """Loads a page and waits until its figures are drawn. Earlier messages are forgotten."""
    driver.get_log("browser")
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]},
    )
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    driver.get(path.resolve().as_uri())
    WebDriverWait(driver, patience, poll_frequency=0.1).until(
        lambda d: d.execute_script("return document.documentElement.dataset.drawn !== undefined")
    )


def errors(driver):
    """Everything that went wrong in the page: exceptions, refused scripts, failed loads."""
    return [m["message"] for m in driver.get_log("browser") if m["level"] in ("SEVERE", "WARNING")]


def picture(driver, selector=None):
    """The whole page, or an element of it, as an array height × width × 3."""
    box = driver.execute_script(
        """
        const e = arguments[0] ? document.querySelector(arguments[0]) : document.documentElement;
        const r = e.getBoundingClientRect();
        return [r.left + scrollX, r.top + scrollY, r.width, arguments[0] ? r.height : e.scrollHeight];""",
        selector,
    )
    clip = dict(zip(("x", "y", "width", "height"), box), scale=1)
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    return numpy.asarray(Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB"))
