"""The exception that the user can fix, and which exit code and message belong to which error."""

import re
from collections.abc import Iterator

# What a terminal obeys and what reorders a line, of which files may hold any; half a character.
_UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LONGEST, _END = 2000, 500  # characters of a message, which a file may make of any length


class InputError(ValueError):
    r"""A problem with what the user passed: a file, a name, a setting, a folder.

    The message says what was wrong, what was expected and how to fix it. The command line prints
    it without a traceback and exits with code 2; in Python it is an ordinary `ValueError`. What it
    quotes of a file is made readable: control characters are written as `\x1b`, and of more than
    2000 characters some in the middle are left out.

    Examples
    --------
    >>> try:
    ...     grn.read_cells("absent.h5ad")
    ... except grn.InputError as error:
    ...     print(error)
    no such file or folder: absent.h5ad. Check the path of the cells.
    """

    def __init__(self, message: str) -> None:
        shown = readable(str(message))
        if len(shown) > _LONGEST:
            shown = f"{shown[: _LONGEST - _END]} […] {shown[-_END:]}"
        super().__init__(shown)


def readable(text: str) -> str:
    """Return a text with what a terminal would obey written out, but for tabs and line ends."""
    return _UNSHOWN.sub(lambda found: ascii(found[0])[1:-1], text)


def first_line(error: BaseException) -> str:
    r"""Return the first line of what an error says; of one without a text, its class.

    >>> first_line(ValueError("no such name\nseen in line 3")), first_line(AssertionError())
    ('no such name', 'AssertionError()')
    """
    return (str(error).strip() or repr(error)).splitlines()[0]


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its cause, the cause of that, each once."""
    seen: set[int] = set()
    following: BaseException | None = error
    # Under a debugger or coverage, OmegaConf makes an error its own cause.
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__


DONE, OUR_BUG, USER_CAN_FIX, INTERRUPTED, READER_GONE, TERMINATED = 0, 1, 2, 130, 141, 143
"""Exit codes; docs/reliability.md explains them."""

# Settings out of their range raise errors of these packages.
_FROM_SETTINGS = ("hydra.", "omegaconf.", "lightning.")
_NO_MEMORY = ("can't allocate memory", "out of memory")


class ReaderGone(BrokenPipeError):
    """Nobody reads the output any more. Any other broken pipe is that of a process that died."""


class Terminated(KeyboardInterrupt):
    """The system asked the process to end (SIGTERM), as a batch system does when time is up."""


def exit_code(error: BaseException) -> int:
    """Return the exit code of a command that an error ended.

    Returns
    -------
    2 if the user can fix it, 130 after Ctrl+C, 143 after SIGTERM, 141 if nobody reads the output
    any more, the code of a `SystemExit`, and 1 for any other error: a bug.
    """
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt):
        return TERMINATED if isinstance(error, Terminated) else INTERRUPTED
    if isinstance(error, ReaderGone):
        return READER_GONE
    return USER_CAN_FIX if _is_fixable(error) else OUR_BUG


def explanation(error: BaseException) -> str:
    """Return the readable part of an error that the user can fix.

    That is the message of an `InputError` that a library wrapped, or the message of the library
    with its innermost cause.
    """
    chain = list(causes(error))
    ours = next((cause for cause in chain if isinstance(cause, InputError)), None)
    if ours is not None:
        return str(ours)
    innermost = first_line(chain[-1])
    if any(_is_no_memory(cause) for cause in chain):
        return (
            f"memory ran out ({innermost}). Use a machine with more of it, fewer genes "
            "(preprocess.n_top_genes) or fewer cells (model.max_cells), or leave a large matrix "
            "on disk (data.on_disk=true)."
        )
    said = str(error).strip()
    return said if innermost in said else f"{said}: {innermost}"


def _is_fixable(error: BaseException) -> bool:
    """Return whether the user can fix an error: an `InputError`, or a setting of a wrong value.

    Hydra wraps every error of a configured constructor. Errors that a wrong setting causes there
    can be fixed by the user; any other error is a bug.
    """
    *_, first = chain = list(causes(error))
    if any(isinstance(cause, InputError) or _is_no_memory(cause) for cause in chain):
        return True
    if type(first).__module__.startswith(_FROM_SETTINGS):
        return True
    wrapped = first is not error and type(error).__module__.startswith("hydra.")
    return wrapped and isinstance(first, TypeError | ValueError | ImportError)


def _is_no_memory(error: BaseException) -> bool:
    """Return whether memory ran out: torch raises a RuntimeError for it."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(one in str(error) for one in _NO_MEMORY)
