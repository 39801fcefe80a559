import pytest
from omegaconf import OmegaConf

from grn.config import compose_config
from grn.config.schemas import DATA_SCHEMAS, DataConfig, FileConfig, NamedConfig, SimulatedConfig
from grn.errors import InputError

RUN = ("paths=folder", "paths.run=out")


@pytest.mark.parametrize(
    ("group", "schema"),
    [
        ("demo", DataConfig),
        ("file", FileConfig),
        ("beeline", NamedConfig),
        ("simulated", SimulatedConfig),
    ],
)
def test_every_source_of_cells_has_a_schema(group: str, schema: type) -> None:
    data = compose_config([*RUN, f"data={group}"]).data
    assert OmegaConf.get_type(data) is schema
    assert set(data) == set(schema.__dataclass_fields__)  # type: ignore[attr-defined]
    assert schema in DATA_SCHEMAS.values()
    with pytest.raises(InputError, match=r"no setting data\.cel\."):
        compose_config([*RUN, f"data={group}", "data.cel=3"])


@pytest.mark.parametrize(
    "mistake",
    ["data.n_cells=many", "data.n_cells=1.5", "data.dropout=some"],
)
def test_values_have_types(mistake: str) -> None:
    with pytest.raises(InputError, match=mistake.partition("=")[0]):
        compose_config([*RUN, "data=simulated", mistake])
