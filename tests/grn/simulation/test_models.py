from pathlib import Path

import pandas as pd
import pytest

from grn.errors import InputError
from grn.simulation.boolean_rules import edges_of, parse_rule
from grn.simulation.models import RANDOM, load_model, model_names

BOOLEAN = [name for name in model_names() if name != RANDOM]
# mCAD's refNetwork.csv has two activations of the rules as repressions.
WRONG_SIGNS = {"mCAD": {("Coup", "Emx2", -1), ("Sp8", "Pax6", -1)}}


def test_all_models_of_beeline_are_there() -> None:
    curated = {"mCAD", "VSC", "HSC", "GSD"}
    synthetic = {f"dyn-{name}" for name in ("LI", "LL", "CY", "BF", "BFC", "TF")}
    assert set(model_names()) == curated | synthetic | {RANDOM}


@pytest.mark.parametrize("name", BOOLEAN)
def test_a_model_is_complete(name: str) -> None:
    model = load_model(name)
    genes = set(model.rules)
    assert model.name == name
    assert model.title
    assert "10." in model.citation
    assert {
        regulator for text in model.rules.values() for regulator in parse_rule(text).signs
    } <= genes
    assert set(model.initial or {}) <= genes
    assert model.time > 0
    assert 1 <= model.branches <= 5


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no model 'Gsd'\. Choose one of: mCAD, .*, random"):
        load_model("Gsd")


@pytest.mark.data
@pytest.mark.parametrize("name", BOOLEAN)
def test_edges_are_those_of_the_published_network(name: str, shared_data: Path) -> None:
    published = pd.read_csv(
        shared_data / "beeline_simulated" / name / f"{name}_2000_0/refNetwork.csv"
    )
    signs = published["Type"].map({"+": 1, "-": -1})
    theirs = set(zip(published["Gene1"], published["Gene2"], signs, strict=True))
    ours = set(edges_of(load_model(name).rules).itertuples(index=False, name=None))
    assert theirs - ours == WRONG_SIGNS.get(name, set())
    assert ours - theirs == {(a, b, -sign) for a, b, sign in WRONG_SIGNS.get(name, set())}
