"""The one exception that means: the user can fix this, and the message says how."""

from collections.abc import Iterator


class InputError(ValueError):
    """A problem with what the user passed: a file, a name, a setting, a folder.

    The message says what was wrong, what was expected and how to fix it. The command line prints
    it without a traceback and exits with code 2; in Python it is an ordinary `ValueError`.

    Examples
    --------
    >>> try:
    ...     grn.read_cells("absent.h5ad")
    ... except grn.InputError as error:
    ...     print(error)
    no such file or folder: absent.h5ad. Check the path of the cells.
    """


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its cause, the cause of that, each once."""
    seen: set[int] = set()
    following: BaseException | None = error
    # Under a debugger or coverage, OmegaConf makes an error its own cause.
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__
