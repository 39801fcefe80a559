from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from grn.config import CONFIG_NAME, compose_config, config_folder
from grn.config.schemas import RunConfig
from grn.errors import InputError

RUN = ("paths=folder", "paths.run=out")


def test_every_key_of_the_root_has_a_type() -> None:
    config = compose_config(RUN)
    assert set(config) == set(RunConfig.__dataclass_fields__)
    assert OmegaConf.get_type(config) is RunConfig


def test_folder_holds_the_root_config() -> None:
    assert (Path(config_folder()) / f"{CONFIG_NAME}.yaml").is_file()


def test_overrides_arrive() -> None:
    config = compose_config([*RUN, "seed=7", "trainer.max_steps=11", "data=file", "data.cells=x"])
    assert config.seed == 7
    assert config.data.loader.max_steps == 11
    assert config.data.source.cells == "x"


@pytest.mark.parametrize(
    "mistake",
    [
        "modle=spherical",
        "model=square",
        "seed=seven",
        "overwrite=maybe",
        "trainer.max_step=3",
        "model.pretrained=false",
        "model.predictor.n_axis=5",
        "model.max_cells=few",
        "experiment=none_such",
        "not an override",
        "callbacks=null",
        "data=fil",
    ],
)
def test_a_mistake_is_an_error(mistake: str) -> None:
    with pytest.raises(InputError):
        compose_config([*RUN, mistake])
    assert compose_config(RUN).seed == 0


def test_hydra_of_the_caller_goes_on(tmp_path: Path) -> None:
    (tmp_path / "theirs.yaml").write_text("answer: 42\n")
    assert not GlobalHydra.instance().is_initialized()
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        assert compose_config(RUN).seed == 0
        assert compose("theirs").answer == 42
    compose_config(RUN)
    assert not GlobalHydra.instance().is_initialized()
