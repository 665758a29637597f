"""The proof of one sealed item, checked from the item up to the checkpoint."""
import re

from .merkle import climb
from .note import B16, B32, DEC, HEIGHT_MAX, IDX, RECORDS_MAX, Broken, b64, need, number, unb64
from .texts import checkpoint, cut_of, header, item_leaf, key_entry, submission

DAY_MS = 24 * 3600 * 1000
KIND_OF_TOPIC = {"scan-events": "events", "notices": "notices"}


def proof(text, gen):
    """What the proof shows; raises the part that does not hold."""
    need(len(text.encode()) <= 512 * 1024 and text.startswith("medtrace/proof/v1\n"), "format", "not a proof")
    at = len("medtrace/proof/v1\n")

    def take(part, pattern):
        nonlocal at
        found = re.compile(pattern).match(text, at)
        need(found, part, f"{pattern} must follow")
        at = found.end()
        return found

    def block(part):
        return re.sub(r"(?m)^\|", "", take(part, r"(?:\|[^\n]*\n)+")[0])

    def path(part):
        hashes = [line[5:] for line in take(part, r"(?:path [^\n]*\n)*")[0].split("\n")[:-1]]
        need(len(hashes) <= 64 and all(re.fullmatch(B32, h) for h in hashes), part, "a path is of hashes")
        return [unb64(h) for h in hashes]

    event = take("event", f"event ({DEC})-({DEC})\n")
    height, idx = number(event[1], HEIGHT_MAX, "event"), number(event[2], RECORDS_MAX * IDX - 1, "event")
    ordinal, index = divmod(idx, IDX)
    need(index < 500, "event", "a submission has at most 500 items")
    kind, salt = take("item", f"item ([END]) ({B16})\n").groups()
    data = block("item")[:-1]
    need(not re.search(r"[\0-\x1f]", data) and len(data.encode()) <= 256 * 1024, "item", "one line, 256 KiB")
    item_path = path("item-path")
    take("submission", "submission\n")
    note_text = block("submission")
    cut_path = path("submission-path")
    keys = []
    while text.startswith("key ", at):
        place = number(take("key", f"key ({DEC})\n")[1], 2**64 - 1, "key")
        keys.append((place, key_entry(block("key")), path("key-path")))
    need(len(keys) <= 8, "key", "more than 8 keys")
    take("header", "header\n")
    head = header(block("header"))
    log_path = path("header-path")
    take("checkpoint", "checkpoint\n")
    checkpoint_text = block("checkpoint")
    need(at == len(text), "format", "more text follows")

    cut = cut_of(head["cuts"], ordinal)
    need(head["height"] == height and cut, "event", "the header has no such record")
    try:
        sub = submission(note_text, gen, KIND_OF_TOPIC.get(cut["topic"]))
    except Broken as e:
        raise Broken("signature" if "signature" in e.part else "submission", str(e)) from e
    need(kind in ("ED" if sub["kind"] == "events" else "N"), "item", "not an item of this kind of submission")
    start = item_leaf(kind, unb64(salt), data.encode())
    need(climb(index, sub["count"], start, item_path)[0] == sub["root"], "item-path")
    need(climb(ordinal - cut["first"], cut["records"], sub["leaf"], cut_path)[0] == cut["root"], "submission-path")
    need([entry["key"] for _, entry, _ in keys] == sub["keys"], "key", "not the keys of the submission")
    for place, entry, key_path in keys:
        need(sub["kind"] == "notices" or entry["party"] == sub["party"], "key", "the entry of another party")
        need(entry["enrolled"] <= height, "key", "enrolled after the block")
        need(climb(place, head["keys"], entry["leaf"], key_path)[0] == head["keys_root"], "key-path")
    need(head["origin"] == gen["origin"], "header", "of another consortium")
    need(ordinal not in head["bad"], "bad", f"sealed as bad: {head['bad'].get(ordinal)}")
    need(head["time"] - 7 * DAY_MS <= sub["time"] <= head["time"] + 300_000, "time", "outside of what the block allows")
    point_in_log = checkpoint(checkpoint_text, gen)
    need(len(point_in_log["cosigners"]) >= gen["quorum"], "cosignatures", "too few")
    top, before = climb(height, point_in_log["size"], head["leaf"], log_path)
    need(top == point_in_log["root"], "header-path")
    need(head["log_root"] == (before if height else gen["hash"]), "log-root")
    return {"event": f"{height}-{idx}", "kind": kind, "bytes": data, "party": sub["party"],
            "signers": [{"party": entry["party"], "custody": entry["custody"]} for _, entry, _ in keys],
            "submission": b64(sub["id"]), "signed": sub["time"], "block": head["time"],
            "size": point_in_log["size"], "cosigners": point_in_log["cosigners"]}
