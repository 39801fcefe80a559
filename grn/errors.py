"""The one exception that means: the user can fix this, and the message says how."""


class InputError(ValueError):
    """A problem with what the user passed: a file, a name, a setting, a folder.

    The message says what was wrong, what was expected and how to fix it. The command line prints
    it without a traceback and exits with code 2; in Python it is an ordinary `ValueError`.
    """
