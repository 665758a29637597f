#!/usr/bin/env python3
"""Checks a medtrace proof offline: a second implementation, from schemas/FORMATS.md, with the standard library alone.

    check_proof.py PROOF GENESIS     exit 0 and what the proof shows, or exit 3 and the part that does not hold
    check_proof.py --vectors DIR     checks all vectors of schemas/vectors, good and bad; exit 0 or 3
"""
import json
import sys
from pathlib import Path

from checker.note import Broken, read
from checker.proof import proof
from checker.texts import genesis
from checker.vectors import check_vectors


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if arguments[0] == "--vectors":
            good, bad = check_vectors(Path(arguments[1]))
            print(f"{good} good and {bad} bad vectors hold")
        else:
            gen = genesis(read(arguments[1]))
            print(json.dumps(proof(read(arguments[0]), gen), ensure_ascii=False, indent=2))
    except Broken as e:
        print(f"not proven: {e}", file=sys.stderr)
        return 3
    except OSError as e:
        print(f"failed to read {e.filename}: {e.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
