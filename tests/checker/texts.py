"""The texts: genesis, submission, key entry, header, checkpoint, receipt."""
import json
import re

from .ed25519 import verifies
from .merkle import H, leaf, root
from .note import (B32, DEC, HEIGHT_MAX, NAME, OFFSET_MAX, PARTITION_MAX, PARTY, RECORDS_MAX, TIME_MAX, TOPIC, UUID, WORD,
                   Broken, exactly, key_id, match, need, note, number, public_key, unb64)


def genesis(text):
    part = "genesis"
    body, lines = note(text, part, part)
    found = match(f"medtrace/genesis/v1\n({NAME})\n([^\n]+)\n", body, part)
    try:
        data = json.loads(found[2])
    except (ValueError, RecursionError) as e:
        raise Broken(part, str(e)) from e
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    need(canonical == found[2] and isinstance(data, dict), part, "the JSON is not canonical")
    need(set(data) == {"authority", "chainer", "time", "witnesses"}, part, "members")

    def whole(value, least, most):
        need(type(value) is int and least <= value <= most, part, "a number beyond its limits")
        return value

    def key(value, name=NAME):
        need(isinstance(value, dict) and set(value) == {"name", "publicKey"}, part, "a key is name and publicKey")
        need(all(isinstance(text, str) for text in value.values()) and re.fullmatch(name, value["name"]), part, "a name")
        return value["name"], public_key(value["publicKey"], part)

    def quorum(value, least, most, name):
        need(isinstance(value, dict) and set(value) == {"keys", "threshold"}, part, "a quorum is keys and threshold")
        need(isinstance(value["keys"], list) and least <= len(value["keys"]) <= most, part, "number of keys")
        return [key(k, name) for k in value["keys"]], whole(value["threshold"], least, len(value["keys"]))

    whole(data["time"], 0, TIME_MAX)
    authority, m = quorum(data["authority"], 1, 8, PARTY)
    chainer = key(data["chainer"])
    witnesses, q = quorum(data["witnesses"], 0, 7, NAME)
    publics = [public for _, public in authority + [chainer] + witnesses]
    need(len(set(publics)) == len(publics), part, "a public key occurs twice")
    need(len({name for name, _ in witnesses}) == len(witnesses), part, "a witness occurs twice")
    in_order = iter(authority)
    signers = [next((k for k in in_order if (k[0], key_id(*k)) == line[:2]), None) for line in lines]
    need(all(signers) and len(signers) >= m, part, "the authority's signatures")
    exactly(body, lines, signers, part, part)
    return {"origin": found[1], "hash": H(body.encode()), "chainer": chainer, "witnesses": witnesses, "quorum": q}


def submission(text, gen, kind):
    """Raises the reasons that stand in bad lines; the items are not compared yet."""
    need(len(text.encode()) <= 4096, "undecodable")
    body, lines = note(text, "undecodable", "signature-lines")
    form = f"medtrace/(events|notices)/v1\n({NAME})\n({B32})\n({PARTY})\n((?:{B32}\n)+)({DEC})\n({DEC})\n({B32})\n"
    found = match(form, body, "undecodable")
    texts = found[5].splitlines()
    keys = [public_key(key, "undecodable") for key in texts]
    need(len(keys) <= (1 if found[1] == "events" else 8), "undecodable", "public keys")
    need(all(a < b for a, b in zip(texts, texts[1:])), "undecodable", "public keys must ascend")
    sub = {"kind": found[1], "party": found[4], "keys": keys, "id": H(body.encode()), "root": unb64(found[8]),
           "time": number(found[6], TIME_MAX, "undecodable"), "count": number(found[7], 500, "undecodable"),
           "leaf": H(b"\0S", text.encode())}
    need(sub["count"] > 0, "undecodable", "no items")
    need(found[2] == gen["origin"], "wrong-origin")
    need(unb64(found[3]) == gen["hash"], "wrong-genesis")
    need(found[1] == kind, "wrong-kind")
    exactly(body, lines, [(found[4], key) for key in keys], "signature-lines", "bad-signature")
    return sub


def holds_items(sub, leaves):
    need(len(leaves) == sub["count"], "count")
    need(root(leaves) == sub["root"], "root")


def item_leaf(kind, salt, data):
    return H(b"\0", kind.encode(), salt, data)


def key_entry(text, part="key"):
    form = f"medtrace/key/v1\n({PARTY})\n({B32})\n(own|hosted:{PARTY})\n({WORD}(?:,{WORD})*)\n({DEC})\n"
    found = match(form, text, part)
    roles = found[4].split(",")
    need(all(a < b for a, b in zip(roles, roles[1:])) and len(roles) <= 16, part, "roles must ascend")
    return {"party": found[1], "key": public_key(found[2], part), "custody": found[3], "leaf": leaf(text.encode()),
            "enrolled": number(found[5], HEIGHT_MAX, part)}


def header(text, part="header"):
    need(len(text.encode()) <= 60000, part, "more than 60,000 bytes")
    form = (f"medtrace/block/v1\n({NAME})\n({DEC})\n({B32})\n({DEC})\nkeys ({DEC}) ({B32})\n"
            f"((?:cut {TOPIC} {UUID} {DEC} {DEC} {DEC} {DEC} {B32}\n)*)((?:bad {TOPIC} {DEC} {DEC} {WORD}\n)*)")
    found = match(form, text, part)
    cuts, bad, first = [], {}, 0
    for line in found[7].splitlines():
        _, topic, _, *numbers, top = line.split(" ")
        limits = (PARTITION_MAX, OFFSET_MAX, OFFSET_MAX, RECORDS_MAX)
        partition, start, end, records = (number(n, most, part) for n, most in zip(numbers, limits))
        need(start < end and records <= end - start, part, "offsets of a cut")
        need(not cuts or (cuts[-1]["topic"], cuts[-1]["partition"]) < (topic, partition), part, "cuts must ascend")
        cuts.append({"topic": topic, "partition": partition, "first": first, "records": records, "root": unb64(top)})
        first += records
    need(len(cuts) <= 512 and first <= RECORDS_MAX, part, "number of cuts or records")
    for line in found[8].splitlines():
        _, topic, partition, ordinal, reason = line.split(" ")
        ordinal, partition = number(ordinal, RECORDS_MAX, part), number(partition, PARTITION_MAX, part)
        cut = cut_of(cuts, ordinal)
        need(cut and (cut["topic"], cut["partition"]) == (topic, partition), part, "a bad line names no record")
        need(not bad or max(bad) < ordinal, part, "bad lines must ascend")
        bad[ordinal] = reason
    return {"origin": found[1], "height": number(found[2], HEIGHT_MAX, part), "log_root": unb64(found[3]),
            "time": number(found[4], TIME_MAX, part), "keys": number(found[5], HEIGHT_MAX, part),
            "keys_root": unb64(found[6]), "cuts": cuts, "bad": bad, "leaf": leaf(text.encode())}


def cut_of(cuts, ordinal):
    return next((cut for cut in cuts if cut["first"] <= ordinal < cut["first"] + cut["records"]), None)


def checkpoint(text, gen):
    part = "checkpoint"
    body, lines = note(text, part, part)
    found = match(f"({NAME})\n({DEC})\n({B32})\n", body, part)
    size = number(found[2], HEIGHT_MAX + 1, part)
    need(size > 0 and found[1] == gen["origin"], part, "origin or size")
    exactly(body, lines[:1], [gen["chainer"]], part, part)
    cosigners, in_order = [], iter(gen["witnesses"])
    for name, ident, signature in lines[1:]:
        key = next((k for n, k in in_order if (n, key_id(n, k, 4)) == (name, ident)), None)
        seconds = int.from_bytes(signature[:8], "big")
        message = f"cosignature/v1\ntime {seconds}\n{body}".encode()
        need(key and seconds <= TIME_MAX // 1000 and verifies(key, message, signature[8:]), "cosignatures", name)
        cosigners.append(name)
    return {"size": size, "root": unb64(found[3]), "cosigners": cosigners}


def receipt(text, service):
    body, lines = note(text, "receipt", "receipt")
    form = f"medtrace/receipt/v1\n({NAME})\n({B32})\n({TOPIC}) ({UUID}) ({DEC}) ({DEC})\n({DEC})\n"
    found = match(form, body, "receipt")
    for group, most in ((5, PARTITION_MAX), (6, OFFSET_MAX), (7, TIME_MAX)):
        number(found[group], most, "receipt")
    exactly(body, lines, [service], "receipt", "receipt")
    return unb64(found[2])
