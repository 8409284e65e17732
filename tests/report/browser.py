#!/usr/bin/python3
"""Opens pages in headless Chromium and checks what a reader would see.

  browser.py SCREENSHOTS PAGE...

At 1280 and at 400 pixels, in light and in dark: no console message, nothing fetched, the page not
wider than the window, every picture there, no text cut off and none on top of another. A screenshot
of each goes to the directory SCREENSHOTS. Needs Debian's chromium, chromium-driver and
python3-selenium; without them it says so and ends with 77.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None

SKIPPED = 77
WIDTHS = {"desktop": 1280, "phone": 400}

# The rectangles of all text that is seen, and what is wrong with the page as a whole.
LOOK = r"""
const problems = [];
const wide = document.documentElement.scrollWidth;
if (wide > innerWidth) problems.push(`the page is ${wide} wide in a window of ${innerWidth}`);
for (const image of document.images)
  if (!image.complete || image.naturalWidth === 0) problems.push('a picture is not there: ' + image.alt);
const scrolled = e => e.closest('.scroll');
const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode());) {
  const text = node.textContent.trim();
  const element = node.parentElement;
  if (!text || element.closest('title,style') ||
      !element.checkVisibility({contentVisibilityAuto: true})) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  // What a box that scrolls does not show just now cannot lie on top of anything.
  const box = scrolled(element)?.getBoundingClientRect() ??
              {left: -1e9, right: 1e9, top: -1e9, bottom: 1e9};
  for (const r of range.getClientRects()) {
    const t = {text, left: Math.max(r.left, box.left), right: Math.min(r.right, box.right),
               top: Math.max(r.top, box.top), bottom: Math.min(r.bottom, box.bottom),
               height: r.height, free: !scrolled(element), svg: element.closest('svg')};
    if (t.right > t.left && t.bottom > t.top) texts.push(t);
  }
}
for (const t of texts) {
  if (t.free && (t.left < -1 || t.right > innerWidth + 1)) problems.push('cut off: ' + t.text);
  if (t.svg && t.free) {
    const box = t.svg.getBoundingClientRect();
    if (t.left < box.left - 1 || t.right > box.right + 1 || t.top < box.top - 1 ||
        t.bottom > box.bottom + 1) problems.push('outside its drawing: ' + t.text);
  }
}
// Line boxes of neighbours may touch; letters overlap when boxes do by more than their spacing.
for (let i = 0; i < texts.length; ++i)
  for (let j = i + 1; j < texts.length; ++j) {
    const a = texts[i], b = texts[j];
    const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (x > 2 && y > 0.4 * Math.min(a.height, b.height))
      problems.push(`on top of each other: "${a.text}" and "${b.text}"`);
  }
return {problems, texts: texts.length, height: document.documentElement.scrollHeight};
"""


def start(profile):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--hide-scrollbars", "--force-device-scale-factor=1", f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)


def fetched(browser, page):
    """Addresses the page asked for, itself and what it holds inline left out."""
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith("data:") and url.split("#")[0] != page:
                yield url


def check(browser, path, device, scheme, screenshots):
    page = path.resolve().as_uri()
    metrics = {"width": WIDTHS[device], "height": 900, "deviceScaleFactor": 1,
               "mobile": device == "phone"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                            {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get(page)
    for details in browser.find_elements("css selector", "details"):
        browser.execute_script("arguments[0].open = true", details)
    seen = browser.execute_script(LOOK)
    problems = list(seen["problems"])
    problems += ["console: " + entry["message"] for entry in browser.get_log("browser")]
    problems += ["fetched: " + url for url in fetched(browser, page)]
    if seen["texts"] < 10:
        problems.append(f"only {seen['texts']} pieces of text are seen")
    metrics["height"] = min(int(seen["height"]), 16000)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    name = f"{path.resolve().parent.name}-{device}-{scheme}.png"
    browser.get_screenshot_as_file(str(screenshots / name))
    return problems


def main():
    screenshots, pages = pathlib.Path(sys.argv[1]), [pathlib.Path(p) for p in sys.argv[2:]]
    if webdriver is None or not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("skipped: chromium, chromium-driver or python3-selenium is not installed")
        return SKIPPED
    screenshots.mkdir(parents=True, exist_ok=True)
    failures = 0
    with tempfile.TemporaryDirectory() as profile:
        os.environ["HOME"] = profile  # nothing of the user's is read or written
        browser = start(profile)
        try:
            browser.get("about:blank")  # the browser's own first page is not ours to judge
            browser.get_log("performance")
            for path in pages:
                for device in WIDTHS:
                    for scheme in ("light", "dark"):
                        problems = check(browser, path, device, scheme, screenshots)
                        failures += bool(problems)
                        print(f"{'FAILED' if problems else 'ok':6}  {path} {device} {scheme}")
                        for problem in problems[:20]:
                            print("        " + problem)
        finally:
            browser.quit()
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
