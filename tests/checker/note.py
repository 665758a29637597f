"""Words, numbers and signed notes (C2SP), read strictly. A fault is raised as the part it stands in."""
import base64
import re
from pathlib import Path

from .ed25519 import good_key, verifies
from .merkle import H

NAME, PARTY, WORD = r"[!-*,-~]{1,128}", r"[a-z0-9][a-z0-9.-]{0,62}", r"[a-z][a-z0-9-]{0,31}"
TOPIC, UUID, DEC = r"(?!\.\.?[ \n])[A-Za-z0-9._-]{1,249}", r"[A-Za-z0-9_-]{21}[AQgw]", r"(?:0|[1-9][0-9]{0,19})"
B32, B16 = r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", r"[A-Za-z0-9+/]{21}[AQgw]=="
HEIGHT_MAX, TIME_MAX, PARTITION_MAX, OFFSET_MAX = 2**32 - 1, 253402300799999, 2**31 - 1, 2**63 - 1
RECORDS_MAX, IDX = 65536, 512


class Broken(Exception):
    """A part that does not hold."""

    def __init__(self, part, why=""):
        super().__init__(f"{part}: {why}" if why else part)
        self.part = part


def need(condition, part, why=""):
    if not condition:
        raise Broken(part, why)


def unb64(text):
    """Bytes of canonical, padded base64, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


def b64(data):
    return base64.b64encode(data).decode()


def read(path):
    try:
        return Path(path).read_bytes().decode()
    except UnicodeDecodeError as e:
        raise Broken("format", str(e)) from e


def number(text, most, part):
    need(re.fullmatch(DEC, text) and int(text) <= most, part, f"{text} is beyond {most}")
    return int(text)


def match(pattern, text, part):
    found = re.fullmatch(pattern, text)
    need(found, part, "the text is not of its format")
    return found


def note(text, part, lines_part):
    """Text and signature lines [(name, key id, signature)]."""
    end = text.rfind("\n\n")
    need(end >= 0 and text.endswith("\n") and len(text.encode()) <= 65536, part, "not a signed note")
    body, block = text[: end + 1], text[end + 2 : -1].split("\n")
    need(not re.search(r"[\0-\x09\x0b-\x1f]", body), part, "a control character")
    need(len(block) <= 8, lines_part, "more than 8 signature lines")
    lines = []
    for line in block:
        found = match(f"— ({NAME}) ([A-Za-z0-9+/=]+)", line, part)
        data = unb64(found[2])
        need(data and len(data) > 4, part, "a signature is canonical base64")
        lines.append((found[1], data[:4], data[4:]))
    need(len({line[:2] for line in lines}) == len(lines), part, "two lines of one key")
    return body, lines


def public_key(text, part):
    key = unb64(text)
    need(good_key(key), part, "a public key is canonical and not weak")
    return key


def key_id(name, key, algorithm=1):
    return H(name.encode(), b"\n", bytes([algorithm]), key)[:4]


def exactly(body, lines, keys, lines_part, signature_part):
    need(len(lines) == len(keys), lines_part, f"{len(lines)} signature lines where {len(keys)} must be")
    for (name, ident, signature), (key_name, key) in zip(lines, keys):
        need((name, ident) == (key_name, key_id(key_name, key)), lines_part, f"not the line of {key_name}")
        need(verifies(key, body.encode(), signature), signature_part, f"the signature of {name}")
