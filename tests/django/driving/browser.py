"""The same with a browser: forms, scripts and cookies as they are, not as a test imagines them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from .processes import Stage
from .steps import PRODUCT, becomes, expect, warm

#: Seconds that a page may take.
_PAGE_SECONDS = 60


@contextmanager
def _browser(stage: Stage, name: str) -> Iterator[Chrome]:
    """A fresh visitor's, with a profile of its own."""
    driver = which("chromedriver")
    chromium = which("chromium")
    assert driver and chromium, "chromium and chromium-driver are needed; on Debian: apt-get install chromium chromium-driver"
    options = ChromeOptions()
    options.binary_location = chromium
    # Without its sandbox, which a container's user may not have: the pages are our own.
    for own in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=en"):
        options.add_argument(own)
    options.add_argument(f"--user-data-dir={stage.folder / name}")
    options.add_argument("--disable-background-networking")
    browser = Chrome(options=options, service=Service(driver, log_output=str(Path(stage.folder) / f"{name}.log")))
    browser.set_page_load_timeout(_PAGE_SECONDS)
    try:
        yield browser
    finally:
        browser.quit()


def two_browsers_buy_from_one_page(stage: Stage) -> None:
    """Two browsers press the button of one cached page: each has its message once, its basket, and what it has seen."""
    warm(stage, PRODUCT)
    address = f"http://127.0.0.1:{stage.vitrine_port}"
    with _browser(stage, "first") as first, _browser(stage, "second") as second:
        for browser in (first, second):
            browser.get(address + PRODUCT)
            expect(_texts(browser, "h1") == ["Blue Lamps 1"], "the page is not the product's")
            fragment = browser.find_element(By.ID, "recently-viewed")
            becomes(lambda fragment=fragment: fragment.get_attribute("data-is-loaded"), "the fragment is loaded")
        for browser in (first, second):
            browser.find_element(By.CSS_SELECTOR, "#buy button").click()
            becomes(lambda browser=browser: _texts(browser, ".message"), "the message is shown")
            expect(_texts(browser, ".message") == ["In your basket: Blue Lamps 1"], "the message is another one")
            expect(_texts(browser, "#basket") == ["1"], "the basket is not the visitor's own")
        for browser in (first, second):
            browser.get(address + PRODUCT)
            expect(not _texts(browser, ".message"), "the message is shown twice")
        first.get(address + "/basket/")
        first.find_element(By.CSS_SELECTOR, "#order button").click()
        becomes(lambda: _texts(first, ".message") == ["Thank you for your order"], "the order is placed")
        second.get(address + "/basket/")
        expect(_texts(second, ".line") == ["1 × Blue Lamps 1"], "the other visitor's basket is gone")


def _texts(browser: Chrome, selector: str) -> list[str]:
    # In one go: an element that was found is gone where the page is left meanwhile.
    script = "return [...document.querySelectorAll(arguments[0])].map((own) => own.innerText.trim())"
    return [str(own) for own in browser.execute_script(script, selector)]
