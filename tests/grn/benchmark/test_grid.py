import logging
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from grn.benchmark import grid
from grn.benchmark.grid import Job, make_grid
from grn.benchmark.methods import METHODS
from grn.config import config_folder
from grn.data.datasets.catalogue import read_catalogue
from grn.errors import InputError

pytestmark = pytest.mark.usefixtures("library")
UNSUPERVISED = ["unsupervised"]


def test_entries_of_one_data_set_are_run_once() -> None:
    entries = ["beeline/toy/half", "dream4/other", "beeline/toy/all", "beeline/toy/half"]
    made = make_grid(["pearson", "pearson"], entries, [2, 0, 2], UNSUPERVISED, {})
    assert made.datasets == {"beeline/toy": ("half", "all"), "dream4/other": ("gold",)}
    assert made.seeds == (2, 0)
    names = [method.name for method in made.methods]
    assert names == ["pearson", "untrained", "target_mean", "tf_variance"]


def test_without_a_network_all_are_judged() -> None:
    assert make_grid(["pearson"], ["beeline/toy"], [0], UNSUPERVISED, {}).datasets[
        "beeline/toy"
    ] == (*("all", "half"),)


def test_what_draws_nothing_is_one_job_and_comes_first() -> None:
    jobs = list(
        make_grid(["genie3", "pearson"], ["dream4/other"], [0, 1], UNSUPERVISED, {}).jobs(
            "dream4/other"
        )
    )
    assert [str(job) for job in jobs] == [
        *("pearson", "target_mean", "tf_variance"),
        *("genie3, seed 0", "genie3, seed 1", "untrained, seed 0", "untrained, seed 1"),
    ]
    assert jobs[0] == Job(METHODS["pearson"], None)


def test_without_the_unsupervised_regime_ours_needs_known_edges() -> None:
    regimes = ["supervised/both_seen", "prior_guided/all"]
    made = make_grid(["spherical", "genie3"], ["beeline/toy"], [0, 1], regimes, {})
    assert {job.method.name for job in made.jobs("beeline/toy")} == {
        *("genie3", "untrained", "target_mean", "tf_variance"),
    }
    # Two twice, and two once; then two for each network, and two for the prior.
    assert made.count_jobs("beeline/toy") == 6 + 4 + 2
    assert made.has_ours
    made = make_grid(["spherical"], ["beeline/toy"], [0, 1], [*regimes, *UNSUPERVISED], {})
    assert [job.method.name for job in made.jobs("beeline/toy")].count("spherical") == 2
    made = make_grid(["genie3"], ["beeline/toy"], [0, 1], regimes, {})
    assert made.count_jobs("beeline/toy") == 6
    assert not made.has_ours


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": ["pearson", "person"]}, "'person'.*closed_form, closed_form_max"),
        ({"methods": ["untrained"]}, "Controls always run"),
        ({"datasets": ["bee/toy"]}, "collection 'bee'.*beeline, beeline_zenodo"),
        ({"datasets": ["beeline/mdc"]}, "'beeline/mdc'.*beeline/toy.*grn data"),
        ({"datasets": ["beeline"]}, "'beeline'.*beeline/toy"),
        ({"datasets": ["beeline/toy/STRING"]}, "beeline/toy.*'STRING'.*all, half"),
        ({"seeds": [-1]}, "seed -1"),
        ({"seeds": []}, "seeds=\\[0\\]"),
        ({"methods": []}, "methods is empty"),
        ({"regimes": []}, "regimes=\\[unsupervised\\]"),
        ({"regimes": ["supervised"]}, "'supervised'.*unsupervised, .*supervised/genelink,"),
        ({"settings": {"genie4": {}}}, "'genie4'"),
        ({"settings": {"genie3": {"trees": 5}}}, "genie3.*'trees'.*n_jobs, n_trees"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(
    change: dict[str, object], message: str
) -> None:
    asked = {"methods": ["pearson"], "datasets": ["beeline/toy"], "seeds": [0]}
    asked |= {"regimes": UNSUPERVISED, "settings": {}}
    with pytest.raises(InputError, match=message):
        make_grid(**{**asked, **change})


def test_what_is_not_installed_is_skipped_with_a_notice(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, library: Path
) -> None:
    absent = replace(METHODS["regdiffusion"], needs=("no-such-package",))
    monkeypatch.setattr(grid, "METHODS", {**METHODS, "regdiffusion": absent})
    with caplog.at_level(logging.WARNING):
        made = make_grid(["regdiffusion", "pearson"], ["beeline/toy"], [0], UNSUPERVISED, {})
    assert "regdiffusion" not in [method.name for method in made.methods]
    assert made.skipped == ("regdiffusion (needs no-such-package)",)
    assert "no-such-package" in caplog.text


def test_slow_methods_are_spared_a_collection(caplog: pytest.LogCaptureFixture) -> None:
    asked = (["genie3", "pearson"], ["beeline/toy", "dream4/other"], [0, 1], UNSUPERVISED, {})
    with caplog.at_level(logging.WARNING):
        made = make_grid(*asked, {"dream4": ["genie3", "grnboost2"]})
    assert "genie3" in {job.method.name for job in made.jobs("beeline/toy")}
    assert "genie3" not in {job.method.name for job in made.jobs("dream4/other")}
    assert made.count_jobs("beeline/toy") == made.count_jobs("dream4/other") + 2
    (said,) = made.skipped
    assert said == "genie3 on dream4 (for time; not_on.dream4=[] runs them)"
    assert said in caplog.text
    # Nothing is said of what was not asked for.
    assert make_grid(["pearson"], *asked[1:], {"dream4": ["genie3"]}).skipped == ()
    assert make_grid(*asked, {"corpus": ["genie3"]}).skipped == ()
    with pytest.raises(InputError, match=r"not_on: no collection 'drem4'.*dream4"):
        make_grid(*asked, {"drem4": ["genie3"]})
    with pytest.raises(InputError, match="'genie4'"):
        make_grid(*asked, {"dream4": ["genie4"]})


def test_the_default_grid_names_what_exists() -> None:
    config = yaml.safe_load((Path(config_folder()) / "benchmark.yaml").read_text())
    assert set(config["methods"]) == set(METHODS)
    known = {f"{entry.collection}/{entry.name}": entry.networks for entry in read_catalogue()}
    for entry in config["datasets"]:
        collection, name, *network = entry.split("/")
        networks = known[f"{collection}/{name}"]
        # Without a network all are judged; the default names one where there are several.
        assert set(network) <= set(networks), entry
        assert network or len(networks) == 1, entry
    # Every network of the corpus that judges all of it; the others are what ranks.
    corpus = {entry.name for entry in read_catalogue() if entry.collection == "corpus"}
    assert {f"corpus/{name}/STRING" for name in corpus} < set(config["datasets"])
    assert len(config["datasets"]) == 7 + 2 + 10 + len(corpus)
    assert set(config["not_on"]["corpus"]) < set(config["methods"])
    assert len(config["seeds"]) >= 3
    assert config["regimes"] == UNSUPERVISED
