"""What a person has to change: every error of scripts/rack that is one."""


class Problem(Exception):
    """The message says what is wrong, and the next step."""
