"""Text of others on its way into a log, a diagnostic, an error or an answer. Every such text goes through here.

Names of fields, encodings, layouts and frames come from the network, descriptions and labels out of files. Printed as
they are, they move cursors, forge lines of a log, turn the reading direction round, or fill a disk.
"""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 80
"""Most characters of a name that are shown."""
LONGEST_SENTENCE = 600
"""Most characters of an error or message that are shown."""
_UNPRINTABLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}  # categories of Unicode


def quoted(text: object, most: int = LONGEST_NAME) -> str:
    r"""A name that somebody else has chosen, in quotation marks, without control characters, cut to a length.

    Args:
        text: The name; of bytes those that are UTF-8 are shown, of anything else what ``str`` makes of it, numbers
            without marks.
        most: Most characters between the marks.

    >>> quoted("rgb8\n[ERROR] forged\x1b[2J")
    "'rgb8[ERROR] forged[2J'"
    >>> quoted(7)
    '7'
    >>> quoted("x" * 1000, 5)
    "'xxxxx...' (1000 characters)"
    """
    if text is None or (isinstance(text, int | float) and abs(text) < 1e18):
        return str(text)
    whole = text.decode(errors="replace") if isinstance(text, bytes) else _said(text)
    # Escapes make a string longer, never shorter: what stays within the limit is not looked at further.
    shown = _printable(whole[: 4 * most])
    if len(shown) <= most and len(whole) <= 4 * most:
        return repr(shown)
    return f"{shown[:most] + '...'!r} ({len(whole)} characters)"


def sentence(text: object, most: int = LONGEST_SENTENCE) -> str:
    r"""A message in which texts of others may stand, such as a library's error: one line, cut to a length.

    >>> sentence(ValueError("bad\r\n  name: \x1b[31m"))
    'bad name: [31m'
    """
    whole = _said(text)
    shown = _printable(" ".join(whole[: 4 * most].split()))
    return shown if len(shown) <= most and len(whole) <= 4 * most else f"{shown[:most]}... ({len(whole)} characters)"


def is_printable(text: str) -> bool:
    """Whether a name may be published and shown as it is.

    >>> is_printable("Kamera 1 / süd"), is_printable("a\\x1bb"), is_printable("\\ud800")
    (True, False, False)
    """
    return _printable(text) == text


def _said(value: object) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError) as error:  # Python refuses integers of more than 4300 digits
        return f"{type(value).__name__} that cannot be said: {error}"


def _printable(text: str) -> str:
    """Without controls, directions, surrogates and separators of lines: what Unicode files under C, Zl and Zp."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(one for one in text if unicodedata.category(one) not in _UNPRINTABLE)
