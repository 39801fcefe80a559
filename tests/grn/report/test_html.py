import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from grn.report import REPORT, write_report
from tests.toy_runs import HOSTILE, toy_edges, write_run


class Elements(HTMLParser):
    """Collects the tags with their attributes, and the text of every script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.texts.append(data)


def page_of(folder: Path, edges: pd.DataFrame, **record: Any) -> Elements:
    path = write_report(write_run(folder, edges, **record))
    assert path == folder / REPORT
    assert path.stat().st_size < 3_000_000
    return Elements(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Elements:
    """Return a page whose genes, groups and data set are called as a script."""
    folder = tmp_path_factory.mktemp("hostile")
    edges = toy_edges(2000)
    edges.loc[0, "target"] = HOSTILE
    edges.loc[1, "source"] = "--></script><img src=x onerror=alert(2)>"
    by_group = edges.head(30).assign(group=HOSTILE)
    write_run(folder, edges)
    by_group.to_csv(folder / "edges_by_group.tsv", sep="\t", index=False)
    described = {"n_cells": 10, "own_share": 0.0, "share_of_closed_form": 0.2}
    return page_of(folder, edges, data=HOSTILE, groups={HOSTILE: described})


def test_names_that_look_like_a_script_are_text(hostile: Elements) -> None:
    assert len(hostile.scripts) == 4
    assert not any("alert(1)" in script for script in hostile.scripts[1:])
    assert not any("onerror" in attributes for _, attributes in hostile.tags)
    payload = json.loads(hostile.scripts[0])
    assert payload["genes"][payload["target"][0]] == HOSTILE
    assert payload["genes"][payload["source"][1]].startswith("--></script>")
    assert payload["groups"] == ["all cells", HOSTILE]
    # Title, heading, summary, table of groups, facts of the data and config.yaml.
    assert "".join(hostile.texts).count(HOSTILE) == 6


def test_nothing_is_loaded(hostile: Elements) -> None:
    for tag, attributes in hostile.tags:
        for name in ("src", "href", "data", "action"):
            address = attributes.get(name) or ""
            assert address.startswith(("data:", "#")) or not address, (tag, address)
    policy = [attributes.get("content") or "" for tag, attributes in hostile.tags if tag == "meta"]
    assert any("default-src 'none'" in content for content in policy)
    assert not any("url(http" in text for text in hostile.texts)


def test_every_link_of_the_page_has_its_target(hostile: Elements) -> None:
    ids = [attributes["id"] for _, attributes in hostile.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [(attributes.get("href") or "")[1:] for tag, attributes in hostile.tags if tag == "a"]
    assert {"accuracy", "network", "edges", "groups", "heat-map", "data"} <= set(links)
    assert set(links) <= set(ids)
    ours = "".join(hostile.scripts[3:])
    assert set(re.findall(r'at\("([\w-]+)"\)', ours)) <= set(ids)


def test_sections_without_content_are_left_out(tmp_path: Path) -> None:
    page = page_of(tmp_path, toy_edges(0), evaluation=None)
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert {"summary", "network", "edges", "data", "settings", "cite"} <= ids
    assert not {"accuracy", "groups", "heat-map"} & ids
    assert "The table of edges is empty" in "".join(page.texts)
