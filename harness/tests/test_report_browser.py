"""The HTML report in headless Chromium: it loads nothing, its filter works, it can be read, it opens at once."""

from __future__ import annotations

import itertools
import json
import os
import runpy
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from part15.report import render

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("report_sample.py"))))
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = [
    pytest.mark.peer("chromium"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-extensions "
    "--disable-component-update --disable-sync --remote-debugging-pipe"
)
DEADLINE = 40

CONTRAST = """(() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = c => { const f = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  let worst = [21, ''];
  for (const e of document.querySelectorAll('body *')) {
    if (!e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest('svg')) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, e.className + ' ' + e.textContent.slice(0, 40)];
  }
  return worst;
})()"""


class Browser:
    """One Chromium, driven over its debugging pipe."""

    def __init__(self, folder):
        to_us, from_them = os.pipe()
        from_us, to_them = os.pipe()
        self.reading, self.writing, self.rest, self.number, self.events = to_us, to_them, b"", 0, []

        def wire():
            os.dup2(from_us, 3)
            os.dup2(from_them, 4)

        self.process = subprocess.Popen(
            [CHROMIUM, *FLAGS.split(), f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=wire,  # noqa: PLW1509 - no other thread runs here
            pass_fds=(3, 4),
        )
        os.close(from_us)
        os.close(from_them)
        page = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.send(f"{domain}.enable")

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        return self.until(lambda m: m.get("id") == self.number)["result"]

    def send(self, method, **params):
        return self.call(method, self.session, **params)

    def until(self, wanted):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            while b"\0" in self.rest:
                text, _, self.rest = self.rest.partition(b"\0")
                message = json.loads(text)
                if wanted(message):
                    return message
                self.events.append(message)
            if select.select([self.reading], [], [], 1)[0]:
                self.rest += os.read(self.reading, 1 << 20)
        raise AssertionError("chromium did not answer in time")

    def open(self, path, width=1280, *, scripts=True):
        self.events.clear()
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.send("Page.navigate", url=path.as_uri())
        self.until(lambda m: m.get("method") == "Page.loadEventFired")

    def ask(self, script):
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def trouble(self):
        bad = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [e for e in self.events if e.get("method") in bad]

    def requests(self):
        return [
            e["params"]["request"]["url"]
            for e in self.events
            if e.get("method") == "Network.requestWillBeSent"
        ]

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        os.close(self.reading)
        os.close(self.writing)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    one = Browser(tmp_path_factory.mktemp("chromium"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(made.sample(), "html"), encoding="utf-8")
    return path


def test_loads_only_itself_and_says_nothing_on_the_console(browser, sample):
    browser.open(sample)
    assert browser.requests() == [sample.as_uri()]
    assert browser.trouble() == []


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_fits_the_width(browser, sample, width):
    browser.open(sample, width)
    assert browser.ask("document.documentElement.scrollWidth") <= width


def shown(browser):
    return browser.ask(
        "[...document.querySelectorAll('.clause')].filter(c => c.checkVisibility()).length"
    )


def test_filter_by_verdict_and_words(browser, sample):
    browser.open(sample)
    assert browser.ask("document.getElementById('tools').hidden") is False
    everything = shown(browser)
    browser.ask(
        "document.getElementById('filter-word').value = 'fail'; document.getElementById('filter-word').dispatchEvent(new Event('change'))"
    )
    assert shown(browser) == 4
    assert (
        browser.ask("document.getElementById('filter-told').textContent")
        == f"4 of {everything} clauses"
    )
    browser.ask(
        "document.getElementById('filter-text').value = 'null'; document.getElementById('filter-text').dispatchEvent(new Event('input'));"
        "new Promise(done => setTimeout(done, 250))"
    )
    assert shown(browser) == 1
    browser.ask(
        "document.getElementById('filter-word').value = ''; document.getElementById('filter-text').value = '';"
        "document.getElementById('filter-word').dispatchEvent(new Event('change'))"
    )
    assert shown(browser) == everything
    assert browser.trouble() == []


def test_without_scripts_everything_is_there(browser, sample):
    browser.open(sample, scripts=False)
    snapshot = browser.send("DOMSnapshot.captureSnapshot", computedStyles=["display"])
    strings = snapshot["strings"]
    laid_out = {strings[i] for i in snapshot["documents"][0]["layout"]["text"] if i >= 0}
    for words in ("What to fix first", "B.12-no-null", "Not decided yet", "Claimed and refuted"):
        assert any(words in text for text in laid_out), words
    assert not any("every verdict" in text for text in laid_out), "the filter needs scripts"


@pytest.mark.parametrize("width", [390, 1280])
def test_contrast(browser, sample, width):
    browser.open(sample, width)
    browser.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
    ratio, where = browser.ask(CONTRAST)
    assert ratio >= 4.5, where


def test_keyboard_reaches_links_summaries_and_fields(browser, sample):
    browser.open(sample)
    kinds = []
    for _ in range(4):
        for kind in ("keyDown", "keyUp"):
            browser.send(
                "Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9
            )
        kinds.append(browser.ask("document.activeElement.textContent"))
    assert kinds[0] == "Skip to the conclusions"
    assert kinds[1:] == ["What was tested", "State of use", "Conclusions"]


def test_print_shows_what_is_folded(browser, tmp_path):
    path = tmp_path / "folded.html"
    path.write_text(render(made.large(500), "html"), encoding="utf-8")
    browser.open(path)
    assert shown(browser) == 0
    browser.ask("window.dispatchEvent(new Event('beforeprint'))")
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert shown(browser) == 25
    assert browser.ask("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.send("Emulation.setEmulatedMedia", media="")


def test_headings_step_down_one_by_one(browser, sample):
    browser.open(sample)
    levels = browser.ask(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_a_report_of_5000_cases_opens_at_once(browser, tmp_path):
    path = tmp_path / "large.html"
    path.write_text(render(made.large(5000), "html"), encoding="utf-8")
    browser.open(path)
    timing = browser.ask("performance.getEntriesByType('navigation')[0].toJSON()")
    assert timing["loadEventEnd"] - timing["startTime"] < 5000
    spent = browser.ask(
        "(() => { const t = performance.now(); const w = document.getElementById('filter-word'); w.value = 'warn';"
        "w.dispatchEvent(new Event('change')); document.body.offsetHeight; return performance.now() - t; })()"
    )
    assert spent < 5000
    assert shown(browser) > 0
