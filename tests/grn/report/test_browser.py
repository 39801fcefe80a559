"""The page in a real browser; skips where chromium and its driver are not installed."""

import csv
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from grn.report import write_report
from tests.toy_runs import HOSTILE, toy_activity, toy_edges, write_run

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

_PATIENCE = 60.0
ALERT = "window.alerted = 0; window.alert = () => { window.alerted += 1; };"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder with a report of 2,000 edges, two groups and a hostile name."""
    edges = toy_edges(2000)
    edges.loc[0, "target"] = HOSTILE
    by_group = pd.concat([toy_edges(40, seed=1).assign(group=name) for name in ("B", HOSTILE)])
    folder = write_run(tmp_path_factory.mktemp("run"), edges)
    by_group.to_csv(folder / "edges_by_group.tsv", sep="\t", index=False)
    toy_activity(["B", HOSTILE]).to_csv(folder / "activity.tsv", sep="\t", index=False)
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,900"):
        options.add_argument(f"--{flag}")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    started.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": ALERT})
    yield started
    started.quit()


@pytest.fixture
def page(browser: Any, folder: Path) -> Any:
    """Return the browser with the page opened anew."""
    browser.get((folder / "report.html").as_uri())
    until(lambda: browser.execute_script("return !!window.report && window.report.ready"))
    return browser


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end, "the page did not get there"
        time.sleep(0.05)


def status(page: Any) -> str:
    return str(page.execute_script("return document.getElementById('status').textContent"))


def put(page: Any, name: str, value: object) -> None:
    """Set a control as a user does, and wait for the page to follow."""
    before = status(page)
    page.execute_script(
        "const control = document.getElementById(arguments[0]);"
        "if (control.type === 'checkbox') control.checked = arguments[1];"
        "else control.value = arguments[1];"
        "control.dispatchEvent(new Event('input', {bubbles: true}));",
        *(name, value),
    )
    until(lambda: status(page) != before)


def column(page: Any, place: int) -> list[str]:
    """Return the text of a column of the rows that the table shows."""
    script = (
        "return [...document.querySelectorAll("
        "`#edge-table tbody td:nth-child(${arguments[0]})`)].map((cell) => cell.textContent)"
    )
    return list(page.execute_script(script, place))


def test_the_page_opens_without_errors_and_runs_no_name(page: Any) -> None:
    assert [line["message"] for line in page.get_log("browser") if line["level"] == "SEVERE"] == []
    assert status(page).startswith("200 of 2,000 edges are drawn")
    assert HOSTILE in column(page, 2)
    assert page.execute_script("return window.alerted") == 0
    drawn = page.execute_script("return window.report.view.network.body.edgeIndices.length")
    assert drawn == 200


def test_activity_is_a_picture_and_a_table(page: Any) -> None:
    section = page.find_element("id", "activity")
    assert "Activity of regulators, by cell_type" in section.text
    rows = section.find_elements("css selector", "tbody tr")
    assert [row.text.split(" TF")[0] for row in rows] == [HOSTILE] * 5 + ["B"] * 5
    image = section.find_element("tag name", "img")
    until(lambda: image.get_property("naturalWidth") > 200)


def test_signs_are_told_without_colour(page: Any) -> None:
    script = (
        "const {view, data} = window.report;"
        "return view.network.body.edgeIndices.map((id) => {"
        "const shape = view.network.body.edges[id].options;"
        "return [data.weight[id], shape.arrows.to.type, shape.dashes !== false]; })"
    )
    shapes = page.execute_script(script)
    assert len(shapes) == 200
    for weight, end, dashed in shapes:
        assert (end, dashed) == (("arrow", False) if weight > 0 else ("bar", True))


def test_filters_act_on_drawing_and_table(page: Any) -> None:
    edges = toy_edges(2000)
    put(page, "sign", "-1")
    n_repressing = int((edges["weight"] < 0).sum())
    assert f" of {n_repressing:,} edges" in status(page)
    assert set(column(page, 3)) == {"represses"}
    put(page, "stability", "0.5")
    n_stable = int(((edges["weight"] < 0) & (edges["stability"] >= 0.5)).sum())
    assert f" of {n_stable:,} edges" in status(page)
    put(page, "group", "2")
    assert set(column(page, 8)) == {HOSTILE}
    page.execute_script("document.querySelector('#filters [type=reset]').click()")
    until(lambda: status(page).startswith("200 of 2,000"))


def test_a_gene_is_found_with_its_edges(page: Any) -> None:
    edges = toy_edges(2000)
    gene = edges["source"][100]
    field = page.find_element("id", "gene")
    field.send_keys(gene.lower() + "\n")
    panel = page.find_element("id", "panel")
    until(lambda: gene in panel.text)
    assert f"Its targets: {(edges['source'] == gene).sum()}" in panel.text
    chosen = "const {network} = window.report.view, [gene] = network.getSelectedNodes();"
    n_drawn = page.execute_script(f"{chosen} return network.getConnectedEdges(gene).length")
    its = (edges["source"] == gene) | (edges["target"] == gene)
    # Those of the best 200, and up to 25 more.
    assert n_drawn == its[:200].sum() + min(25, its[200:].sum())
    put(page, "only", True)
    ends = zip(column(page, 1), column(page, 2), strict=True)
    assert all(gene in pair for pair in ends)


def test_the_table_sorts_by_keyboard_and_saves_its_view(page: Any, folder: Path) -> None:
    put(page, "sign", "-1")
    page.execute_script(
        "document.querySelector('#edge-table th:nth-child(4) .dt-column-order').focus()"
    )
    page.switch_to.active_element.send_keys("\n")
    shown = [float(text) for text in column(page, 4)]
    assert shown == sorted(shown)
    page.execute_script("document.querySelector('.buttons-csv').click()")
    saved = folder / "edges.csv"
    until(saved.exists)
    with saved.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    edges = toy_edges(2000)
    expected = edges[edges["weight"] < 0].sort_values("weight")
    assert len(rows) == len(expected)
    assert [row["target"] for row in rows[1:5]] == expected["target"].tolist()[1:5]
    if edges["weight"][0] < 0:
        assert HOSTILE in {row["target"] for row in rows}


def test_two_thousand_edges_are_drawn(page: Any) -> None:
    put(page, "drawn", "2000")
    assert status(page).startswith("2,000 of 2,000")
    enabled = "return window.report.view.network.physics.physicsEnabled"
    until(lambda: not page.execute_script(enabled))
    script = (
        "return Math.min(...Array.from({length: 20}, () => {"
        "const start = performance.now();"
        "window.report.view.network.redraw();"
        "return performance.now() - start; }))"
    )
    # Ten pictures a second are fluent. The best of many is the page's time, not its neighbours'.
    assert page.execute_script(script) < 100
