from pathlib import Path

import pytest

from grn.config import compose_config
from grn.errors import InputError

RUN = ("paths=folder", "paths.run=out", "data=file")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer=adagrad", "there is no optimizer=adagrad. Existing: adam, adamw, sgd."),
        ("data=fil", "there is no data=fil. Existing: beeline, demo, file, simulated. Did you"),
        ("experiment=nope", "there is no experiment=nope. Existing: mdc_string."),
        ("trainer.max_step=3", "no setting trainer.max_step. Did you mean trainer.max_steps?"),
        ("data.cell=x", "no setting data.cell. Did you mean data.cells?"),
        ("modle.max_cells=3", "Did you mean model.max_cells?"),
        ("zzz=1", "Existing: callbacks, confidence, data, "),
        ("seed=seven", "seed: Value 'seven' of type 'str' could not be converted to Integer"),
        ("data.on_disk=perhaps", "data.on_disk: Value 'perhaps'"),
        ("nonsense", "'nonsense' is no setting; expected KEY=VALUE."),
    ],
)
@pytest.mark.parametrize("causes", ["0", "1"])
def test_a_mistake_is_explained(
    override: str, message: str, causes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OC_CAUSE", causes)
    with pytest.raises(InputError) as refused:
        compose_config([*RUN, override])
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "path",
    [
        *("a,b.h5ad", "a=b.h5ad", "/x/{a}.h5ad", "/x/(a).h5ad", "[a]", "/x/it's.h5ad", "~/x#1"),
        *("a;b.h5ad", 'say "a".h5ad', "{a:b}"),
    ],
)
def test_a_path_that_hydra_reads_otherwise_is_shown_quoted(path: str) -> None:
    import shlex

    with pytest.raises(InputError, match="Quote the value") as refused:
        compose_config([*RUN, f"data.cells={path}"])
    advised = str(refused.value).partition("for the shell: ")[2]
    (override,) = shlex.split(advised)
    assert compose_config([*RUN, override]).data.cells == path


@pytest.mark.parametrize("path", ["a b.h5ad", "x@y.h5ad", "a-b_c.h5ad", "../x/1.h5ad"])
def test_other_paths_need_no_quotes(path: str) -> None:
    assert compose_config([*RUN, f"data.cells={path}"]).data.cells == path
    assert not Path("out").exists()


def test_what_hydra_itself_does_not_expect_is_no_setting() -> None:
    with pytest.raises(InputError, match="'\\+=' is no setting; expected KEY=VALUE"):
        compose_config(["+=", "seed=3"])
