#!/usr/bin/env python3
"""Checks evidence of medtrace offline: a second implementation, written from FORMATS.md, with the standard library alone.

    check.py FILE GENESIS       any evidence: exit 0 and what it shows,
                                or exit 3 and the part that does not hold
    check.py --vectors DIR      all vectors of schemas/vectors, good and bad: exit 0 or 3
"""
import base64
import hashlib
import json
import re
import sys
from pathlib import Path

# --- Ed25519, verified strictly (RFC 8032): canonical A, R and S, nothing of small order, no cofactor. For checking, not
# for signing: nothing here is constant in time.

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, SQRT_M1 = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)


def point(data):
    y, sign = int.from_bytes(data, "little") & (1 << 255) - 1, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, p):
    result = (0, 1, 1, 0)
    while n:
        result, p, n = add(result, p) if n & 1 else result, add(p, p), n >> 1
    return result


def encode(p):
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def small_order(p):
    x, y, z, _ = times(8, p)
    return x == 0 and y == z


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def good_key(data):
    """Whether these are 32 bytes of a canonical key that is not weak."""
    key = point(data) if data and len(data) == 32 else None
    return bool(key) and not small_order(key)


def verifies(key, message, signature):
    if len(signature) != 64:
        return False
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if not a or not r or s >= L or small_order(a) or small_order(r):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    x, y, z, t = times(k, a)
    return encode(add(times(s, BASE), (P - x, y, z, P - t))) == signature[:32]


# --- SHA-256 and the Merkle tree of RFC 6962.

def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(data):
    return H(b"\0", data)


def node(left, right):
    return H(b"\1", left, right)


def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else H()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root(leaves[:half]), root(leaves[half:]))


def climb(index, size, start, path):
    """The root that the path leads to, and the root over the leaves before this one (None at index 0)."""
    if index >= size:
        return None, None
    current, before, last = start, None, size - 1
    for sibling in path:
        if last == 0:
            return None, None
        if index & 1 or index == last:
            current, before = node(sibling, current), node(sibling, before) if before else sibling
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            current = node(current, sibling)
        index, last = index >> 1, last >> 1
    return (current, before) if last == 0 else (None, None)


def both_roots(old, new, path):
    """The roots at both sizes that a consistency path leads to, which here always has its first node."""
    left = list(path)

    def pair(old, new):
        if not left:
            return None, None
        sibling = left.pop()
        if old == new:
            return sibling, sibling
        half = 1 << (new - 1).bit_length() - 1
        below, above = pair(old, half) if old <= half else pair(old - half, new - half)
        if not below:
            return None, None
        if old <= half:
            return below, node(above, sibling)
        return node(sibling, below), node(sibling, above)

    roots = pair(old, new) if 0 < old < new else (None, None)
    return (None, None) if left else roots


# --- Words, numbers and signed notes (C2SP), read strictly. A fault is raised as the part it stands in.

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


# --- The texts: policy, genesis, submission, key entry, header, checkpoint, receipt.

def vkey(text, algorithm, part):
    """Name and key of a C2SP verifier key for this algorithm."""
    found = match(f"({NAME})\\+([0-9a-f]{{8}})\\+([A-Za-z0-9+/]{{44}})", text, part)
    data = unb64(found[3])
    need(data and data[0] == algorithm and good_key(data[1:]), part, "not a key of this use, or weak")
    need(key_id(found[1], data[1:], algorithm).hex() == found[2], part, "the key id is not this key's")
    return found[1], data[1:]


def policy(text, part="policy"):
    """The log's key, the witnesses [(name, key name, key)] and what decides of a set of their names."""
    need(len(text.encode()) <= 16384, part, "more than 16 KiB")
    url = "( https?://[!-~]+)?"
    form = (f"log ([!-~]+){url}\n((?:witness {NAME} [!-~]+(?: https?://[!-~]+)?\n){{0,7}})"
            f"((?:group {NAME} (?:any|all|[1-9][0-9]?)(?: {NAME})+\n){{0,16}})quorum ({NAME})\n")
    found = match(form, text, part)
    need(all(len(word) <= 256 for word in re.findall(r" (https?://\S+)", found[3] + (found[2] or ""))), part, "address")
    log, witnesses, groups, members = vkey(found[1], 1, part), [], [], []
    for line in found[3].splitlines():
        name, key = line.split(" ")[1:3]
        witnesses.append((name, *vkey(key, 4, part)))
    names = ["none"] + [name for name, _, _ in witnesses]
    for line in found[4].splitlines():
        _, name, k, *of = line.split(" ")
        members += of
        need(all(member in names[1:] for member in of), part, "a member stands below, or nowhere")
        k = {"any": 1, "all": len(of)}.get(k) or int(k)
        need(1 <= k <= len(of), part, "threshold of a group")
        groups.append((name, k, of))
        names.append(name)
    need(len(set(names)) == len(names) and len(set(members)) == len(members), part, "a name or member twice")
    keys = [log[1]] + [key for _, _, key in witnesses]
    need(len(set(keys)) == len(keys), part, "a public key occurs twice")
    need(found[5] in names, part, "the quorum is nobody")

    def met(cosigners):
        good = {"none"} | ({name for name, _, _ in witnesses} & set(cosigners))
        for name, k, of in groups:
            good |= {name} if sum(member in good for member in of) >= k else set()
        return found[5] in good

    return log, witnesses, met


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
    need(set(data) == {"authority", "policy", "time"} and isinstance(data["policy"], str), part, "members")

    def whole(value, least, most):
        need(type(value) is int and least <= value <= most, part, "a number beyond its limits")
        return value

    def key(value):
        need(isinstance(value, dict) and set(value) == {"name", "publicKey"}, part, "a key is name and publicKey")
        need(all(isinstance(text, str) for text in value.values()) and re.fullmatch(PARTY, value["name"]), part, "a name")
        return value["name"], public_key(value["publicKey"], part)

    group = data["authority"]
    need(isinstance(group, dict) and set(group) == {"keys", "threshold"}, part, "the authority is keys and threshold")
    need(isinstance(group["keys"], list) and 1 <= len(group["keys"]) <= 8, part, "number of keys")
    authority = [key(k) for k in group["keys"]]
    m = whole(group["threshold"], 1, len({name for name, _ in authority}))
    whole(data["time"], 0, TIME_MAX)
    log, witnesses, met = policy(data["policy"], part)
    publics = [public for _, public in authority + [log]] + [public for _, _, public in witnesses]
    need(len(set(publics)) == len(publics), part, "a public key occurs twice")
    need(log[0] == found[1], part, "the name of the log's key is the origin")
    in_order = iter(authority)
    signers = [next((k for k in in_order if (k[0], key_id(*k)) == line[:2]), None) for line in lines]
    need(all(signers) and len({name for name, _ in signers}) >= m, part, "the authority's signatures")
    exactly(body, lines, signers, part, part)
    return {"origin": found[1], "hash": H(body.encode()), "log": log, "witnesses": witnesses, "met": met,
            "threshold": m}


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
    return {"party": found[1], "key": public_key(found[2], part), "custody": found[3], "roles": roles,
            "leaf": leaf(text.encode()),
            "enrolled": number(found[5], HEIGHT_MAX, part)}


def header(text, part="header"):
    need(len(text.encode()) <= 60000, part, "more than 60,000 bytes")
    form = (f"medtrace/block/v1\n({NAME})\n({DEC})\n({B32})\n({DEC})\nkeys ({DEC}) ({B32})\n"
            f"((?:cut {TOPIC} {UUID} {DEC} {DEC} {DEC} {DEC} {B32}\n)*)((?:bad {TOPIC} {DEC} {DEC} {WORD}\n)*)")
    found = match(form, text, part)
    cuts, bad, first = [], {}, 0
    for line in found[7].splitlines():
        _, topic, uuid, *numbers, top = line.split(" ")
        limits = (PARTITION_MAX, OFFSET_MAX, OFFSET_MAX, RECORDS_MAX)
        partition, start, end, records = (number(n, most, part) for n, most in zip(numbers, limits))
        need(start < end and records <= end - start, part, "offsets of a cut")
        need(not cuts or (cuts[-1]["topic"], cuts[-1]["partition"]) < (topic, partition), part, "cuts must ascend")
        cuts.append({"topic": topic, "uuid": uuid, "partition": partition, "from": start, "to": end, "first": first,
                     "records": records, "root": unb64(top)})
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
    exactly(body, lines[:1], [gen["log"]], part, part)
    cosigners, in_order = [], iter(gen["witnesses"])
    for name, ident, signature in lines[1:]:
        called, key = next(((w, k) for w, n, k in in_order if (n, key_id(n, k, 4)) == (name, ident)), (None, None))
        seconds = int.from_bytes(signature[:8], "big")
        message = f"cosignature/v1\ntime {seconds}\n{body}".encode()
        need(key and seconds <= TIME_MAX // 1000 and verifies(key, message, signature[8:]), "cosignatures", name)
        cosigners.append(called)
    return {"size": size, "root": unb64(found[3]), "cosigners": cosigners}


def receipt(text, service):
    part = "receipt"
    body, lines = note(text, part, part)
    form = f"medtrace/receipt/v1\n({NAME})\n({B32})\n({B32})\n({TOPIC}) ({UUID}) ({DEC}) ({DEC})\n({DEC})\n"
    found = match(form, body, part)
    number(found[8], TIME_MAX, part)
    exactly(body, lines, [service], part, part)
    return {"origin": found[1], "id": unb64(found[2]), "leaf": unb64(found[3]), "topic": found[4], "uuid": found[5],
            "partition": number(found[6], PARTITION_MAX, part), "offset": number(found[7], OFFSET_MAX, part)}


# --- Evidence.

DAY_MS = 24 * 3600 * 1000
KIND_OF_TOPIC = {"scan-events": "events", "notices": "notices"}


class Reader:
    """A file of evidence, section by section."""

    def __init__(self, text, form, most):
        need(len(text.encode()) <= most and text.startswith(form + "\n"), "format", f"not a {form}")
        self.text, self.at = text, len(form) + 1

    def take(self, part, pattern):
        found = re.compile(pattern).match(self.text, self.at)
        need(found, part, f"{pattern} must follow")
        self.at = found.end()
        return found

    def block(self, part, head=""):
        self.take(part, re.escape(head))
        return re.sub(r"(?m)^\|", "", self.take(part, r"(?:\|[^\n]*\n)+")[0])

    def hashes(self, part, word="path", most=64):
        lines = self.take(part, rf"(?:{word} [^\n]*\n)*")[0].split("\n")[:-1]
        hashes = [line[len(word) + 1:] for line in lines]
        need(len(hashes) <= most and all(re.fullmatch(B32, h) for h in hashes), part, "not hashes, or too many")
        return [unb64(h) for h in hashes]

    def key(self):
        place = number(self.take("key", f"key ({DEC})\n")[1], 2**64 - 1, "key")
        return place, key_entry(self.block("key")), self.hashes("key-path")

    def item(self, pattern):
        found = self.take("item", pattern).groups()
        data = self.block("item")[:-1]
        need(not re.search(r"[\0-\x1f]", data) and len(data.encode()) <= 256 * 1024, "item", "one line, 256 KiB")
        return *found, data, self.hashes("item-path")

    def upward(self):
        """Submission, keys and header, each with its path: ((note, path), keys, header, path)."""
        record = self.block("submission", "submission\n"), self.hashes("submission-path")
        keys = []
        while self.more("key "):
            keys.append(self.key())
        need(len(keys) <= 8, "key", "more than 8 keys")
        return record, keys, header(self.block("header", "header\n")), self.hashes("header-path")

    def name(self, word):
        found = self.take("event", f"{word} ({DEC})-({DEC})\n")
        return number(found[1], HEIGHT_MAX, "event"), number(found[2], RECORDS_MAX * IDX - 1, "event")

    def more(self, word):
        return self.text.startswith(word, self.at)

    def end(self):
        need(self.at == len(self.text), "format", "more text follows")


def key_in_header(key, head):
    place, entry, path = key
    need(entry["enrolled"] <= head["height"], "key", "enrolled after the block")
    need(climb(place, head["keys"], entry["leaf"], path)[0] == head["keys_root"], "key-path")


def header_in_log(head, path, point_in_log, gen):
    top, before = climb(head["height"], point_in_log["size"], head["leaf"], path)
    need(top == point_in_log["root"], "header-path")
    need(head["log_root"] == (before if head["height"] else gen["hash"]), "log-root")


def proof(text, gen):
    """What the proof shows; raises the part that does not hold."""
    file = Reader(text, "medtrace/proof/v1", 512 * 1024)
    name, item, upward = file.name("event"), file.item(f"item ([END]) ({B16})\n"), file.upward()
    checkpoint_text = file.block("checkpoint", "checkpoint\n")
    file.end()
    return sealed_item(name, item, upward, checkpoint_text, gen)


def sealed_item(name, item, upward, checkpoint_text, gen):
    """Checks the proof of one item from its parts."""
    kind, salt, data, item_path = item

    def start(kind_of_submission):
        need(kind in ("ED" if kind_of_submission == "events" else "N"), "item", "not an item of this kind of submission")
        return item_leaf(kind, unb64(salt), data.encode())

    sub, head, point_in_log = sealed_leaf(name, start, item_path, upward, checkpoint_text, gen)
    return {"event": "%d-%d" % name, "kind": kind, "bytes": data, "party": sub["party"],
            "signers": [{"party": entry["party"], "custody": entry["custody"]} for _, entry, _ in upward[1]],
            "submission": b64(sub["id"]), "signed": sub["time"], "block": head["time"],
            "size": point_in_log["size"], "cosigners": point_in_log["cosigners"]}


def sealed_leaf(name, start, item_path, upward, checkpoint_text, gen):
    """Checks the way from a leaf, which `start` gives for the kind of submission, up to the checkpoint."""
    (height, idx), ((note_text, cut_path), keys, head, log_path) = name, upward
    ordinal, index = divmod(idx, IDX)
    need(index < 500, "event", "a submission has at most 500 items")
    cut = cut_of(head["cuts"], ordinal)
    need(head["height"] == height and cut, "event", "the header has no such record")
    try:
        sub = submission(note_text, gen, KIND_OF_TOPIC.get(cut["topic"]))
    except Broken as e:
        raise Broken("signature" if "signature" in e.part else "submission", str(e)) from e
    need(climb(index, sub["count"], start(sub["kind"]), item_path)[0] == sub["root"], "item-path")
    need(climb(ordinal - cut["first"], cut["records"], sub["leaf"], cut_path)[0] == cut["root"], "submission-path")
    need([entry["key"] for _, entry, _ in keys] == sub["keys"], "key", "not the keys of the submission")
    for key in keys:
        need(sub["kind"] == "notices" or key[1]["party"] == sub["party"], "key", "the entry of another party")
        key_in_header(key, head)
    need(head["origin"] == gen["origin"], "header", "of another consortium")
    need(ordinal not in head["bad"], "bad", f"sealed as bad: {head['bad'].get(ordinal)}")
    need(head["time"] - 7 * DAY_MS <= sub["time"] <= head["time"] + 300_000, "time", "outside of what the block allows")
    point_in_log = checkpoint(checkpoint_text, gen)
    need(gen["met"](point_in_log["cosigners"]), "cosignatures", "the quorum is not reached")
    header_in_log(head, log_path, point_in_log, gen)
    return sub, head, point_in_log


def erased(text, gen):
    file = Reader(text, "medtrace/erased/v1", 512 * 1024)
    checkpoint_text, name = file.block("checkpoint", "checkpoint\n"), file.name("event")
    left = unb64(file.take("item", f"leaf ({B32})\n")[1])
    item_path, upward = file.hashes("item-path"), file.upward()
    notice_name, notice_item = file.name("notice"), file.item(f"item ([END]) ({B16})\n")
    notice_upward = file.upward()
    file.end()

    def start(kind_of_submission):
        need(kind_of_submission == "events", "item", "only what stands among events can be erased")
        return left

    sub, head, _ = sealed_leaf(name, start, item_path, upward, checkpoint_text, gen)
    said = sealed_item(notice_name, notice_item, notice_upward, checkpoint_text, gen)
    return {"event": "%d-%d" % name, "leaf": b64(left), "party": sub["party"], "submission": b64(sub["id"]),
            "signed": sub["time"], "block": head["time"], "notice": said,
            "replacement": replacement(name, said, notice_upward[1], gen)}


def replacement(name, said, keys, gen):
    """What stands in the place of the item of this name, by the notice `said`, signed with `keys`."""
    def once(members):
        need(len(dict(members)) == len(members), "erasure", "a member twice")
        return dict(members)

    try:
        notice = json.loads(said["bytes"], object_pairs_hook=once)
    except (ValueError, RecursionError) as e:
        raise Broken("erasure", str(e)) from e
    need(isinstance(notice, dict) and notice.get("type") == "erasure", "erasure", "no erasure")
    copies = notice.get("copies", [])
    need(isinstance(copies, list) and all(isinstance(copy, str) for copy in copies), "erasure", "copies are names")
    need(isinstance(notice.get("replacement"), dict), "erasure", "no replacement")
    need("%d-%d" % name in [notice.get("event")] + copies, "erasure", "the notice does not erase this item")
    need(int(said["event"].split("-")[0]) > name[0], "erasure", "the notice is not of a later block")
    members = {entry["party"] for _, entry, _ in keys if "authority" in entry["roles"]}
    need(len(members) >= gen["threshold"], "erasure", "too few members of the authority signed the notice")
    return notice["replacement"]


def consistency(text, gen):
    file = Reader(text, "medtrace/consistency/v1", 64 * 1024)
    notes = file.block("checkpoint", "from\n"), file.block("checkpoint", "to\n")
    path = file.hashes("consistency-path")
    file.end()
    old, new = (checkpoint(text, gen) for text in notes)
    need(gen["met"](new["cosigners"]), "cosignatures", "the quorum is not reached")
    if old["size"] == new["size"]:
        need(not path and old["root"] == new["root"], "consistency-path")
    else:
        # The path leaves its first node out where that is the smaller root itself.
        whole = path if old["size"] & old["size"] - 1 else [old["root"]] + path
        need(both_roots(old["size"], new["size"], whole) == (old["root"], new["root"]), "consistency-path")
    return {"from": old["size"], "to": new["size"], "root": b64(new["root"]), "cosigners": new["cosigners"]}


def fork(text, gen):
    file = Reader(text, "medtrace/fork/v1", 64 * 1024)
    notes = file.block("checkpoint", "checkpoint\n"), file.block("checkpoint", "checkpoint\n")
    path = file.hashes("consistency-path")
    file.end()
    small, large = (checkpoint(text, gen) for text in notes)
    if small["size"] == large["size"] and not path:
        other = large["root"]
    else:
        other, top = both_roots(small["size"], large["size"], path)
        need(other and top == large["root"], "consistency-path")
    need(other != small["root"], "fork", "both can be true")
    return {"sizes": [small["size"], large["size"]], "roots": [b64(small["root"]), b64(other)]}


def missing(text, gen):
    file = Reader(text, "medtrace/missing/v1", 4 * 1024 * 1024)
    receipt_text = file.block("receipt", "receipt\n")
    key = file.key()
    head = header(file.block("header", "header\n"))
    log_path = file.hashes("header-path")
    checkpoint_text = file.block("checkpoint", "checkpoint\n")
    leaves = file.hashes("leaves", "leaf", RECORDS_MAX)
    file.end()
    entry = key[1]
    said = receipt(receipt_text, (entry["party"], entry["key"]))
    need(said["origin"] == gen["origin"], "receipt", "of another consortium")
    need(head["origin"] == gen["origin"], "header", "of another consortium")
    need("service" in entry["roles"], "key", "no service's")
    key_in_header(key, head)
    point_in_log = checkpoint(checkpoint_text, gen)
    header_in_log(head, log_path, point_in_log, gen)
    place = said["topic"], said["uuid"], said["partition"]
    cut = next((cut for cut in head["cuts"] if (cut["topic"], cut["uuid"], cut["partition"]) == place), None)
    need(cut and cut["from"] <= said["offset"] < cut["to"], "cut", "no cut covers the offset")
    need(len(leaves) == cut["records"] and root(leaves) == cut["root"], "leaves", "not those of the cut")
    need(said["leaf"] not in leaves, "sealed", "the submission is in the cut")
    return {"service": entry["party"], "submission": b64(said["id"]), "offset": said["offset"],
            "height": head["height"], "size": point_in_log["size"]}


def batch(text, gen):
    file = Reader(text, "medtrace/batch/v1", 16 * 1024 * 1024)
    checkpoint_text, blocks, count = file.block("checkpoint", "checkpoint\n"), [], 0
    while not blocks or file.at < len(text):
        head, log_path = header(file.block("header", "block\n")), file.hashes("header-path")
        keys, records = [], []
        while file.more("key "):
            keys.append(file.key())
        while not records or file.more("record "):
            ordinal = number(file.take("event", f"record ({DEC})\n")[1], RECORDS_MAX, "event")
            record, items = (file.block("submission"), file.hashes("submission-path")), []
            while not items or file.more("item "):
                index, *item = file.item(f"item ({DEC}) ([END]) ({B16})\n")
                items.append((number(index, 499, "event"), item))
            count += len(items)
            need(ascending(index for index, _ in items), "format", "items must ascend")
            records.append((ordinal, record, items))
        need(ascending(ordinal for ordinal, _, _ in records), "format", "records must ascend")
        need(ascending(place for place, _, _ in keys), "key", "keys must ascend")
        blocks.append((head, log_path, keys, records))
    need(ascending(head["height"] for head, *_ in blocks), "format", "blocks must ascend")
    need(count <= 1000, "format", "more than 1,000 items")
    shown = []
    for head, log_path, keys, records in blocks:
        used = set()
        for ordinal, record, items in records:
            publics = [unb64(line) for line in record[0].split("\n\n")[0].splitlines()[4:]]
            own = [key for public in publics for key in keys if public and key[1]["key"] == public]
            used |= {place for place, _, _ in own}
            shown += [sealed_item((head["height"], ordinal * IDX + index), item, (record, own, head, log_path),
                                  checkpoint_text, gen) for index, item in items]
        need(len(used) == len(keys), "key", "a key that no submission names")
    return shown


def ascending(values):
    values = list(values)
    return all(a < b for a, b in zip(values, values[1:]))


EVIDENCE = {"medtrace/proof/v1": proof, "medtrace/batch/v1": batch, "medtrace/consistency/v1": consistency, "medtrace/fork/v1": fork,
            "medtrace/missing/v1": missing, "medtrace/erased/v1": erased}


def evidence(text, gen):
    """Checks any evidence; its kind is what its first line says."""
    check = EVIDENCE.get(text.split("\n")[0])
    need(check, "format", "the first line names no kind of evidence")
    return check(text, gen)


# --- All checked-in vectors, good and bad, held against this implementation.

def check_vectors(folder):
    """Checks every vector; returns how many were good and bad."""
    index = json.loads(read(folder / "vectors.json"))
    file = lambda vector: read(folder / vector["file"])
    gen = genesis(file(index["genesis"]))
    same(b64(gen["hash"]), index["genesis"]["hash"], "hash of the genesis")
    keys = {key["name"]: unb64(key["publicKey"]) for key in index["keys"]}
    for key in index["keys"]:
        same(key_id(key["name"], unb64(key["publicKey"])).hex(), key["keyId"], f"id of {key['name']}")
    leaves = [item_leaf(i["kind"], unb64(i["salt"]), i["bytes"].encode()) for i in index["items"]]
    for vector, hashed in zip(index["items"], leaves):
        same(b64(hashed), vector["leaf"], "leaf of an item")
    for vector in index["undecodable"]:
        same(b64(H(b"\0X", unb64(vector["value"]))), vector["leaf"], "leaf of an undecodable record")
    for vector in index["submissions"]:
        sub = submission(file(vector), gen, vector["kind"])
        same((b64(sub["id"]), b64(sub["leaf"])), (vector["id"], vector["leaf"]), vector["file"])
        holds_items(sub, [leaves[i] for i in vector["items"]])
    entries = [key_entry(file(vector)) for vector in index["keyEntries"]]
    for vector, entry in zip(index["keyEntries"], entries):
        same(b64(entry["leaf"]), vector["leaf"], vector["file"])
    heads = [header(file(vector)) for vector in index["headers"]]
    for height, (vector, head) in enumerate(zip(index["headers"], heads)):
        before = root([h["leaf"] for h in heads[:height]]) if height else gen["hash"]
        same((head["height"], b64(head["leaf"]), head["log_root"]), (height, vector["leaf"], before), vector["file"])
        chosen = sorted((file(index["keyEntries"][i]).encode() for i in vector["keys"]))
        same((head["keys"], head["keys_root"]), (len(chosen), root([leaf(e) for e in chosen])), "keys of a header")
        for cut, records in zip(head["cuts"], vector["cuts"], strict=True):
            same((cut["records"], cut["root"]), (len(records), root([unb64(r) for r in records])), "root of a cut")
    for vector in index["policies"]:
        met = policy(file(vector))[2]
        same([met(names) for names in vector["enough"]], [True] * len(vector["enough"]), vector["file"])
        same([met(names) for names in vector["tooFew"]], [False] * len(vector["tooFew"]), vector["file"])
    for vector in index["checkpoints"]:
        point_in_log = checkpoint(file(vector), gen)
        same((point_in_log["size"], point_in_log["cosigners"]), (vector["size"], vector["cosigners"]), vector["file"])
        same(gen["met"](point_in_log["cosigners"]), vector["met"], vector["file"])
        same(point_in_log["root"], root([h["leaf"] for h in heads[: vector["size"]]]), "root of the log")
    for vector in index["receipts"]:
        said = receipt(file(vector), (vector["signer"], keys[vector["signer"]]))
        same((b64(said["id"]), b64(said["leaf"])), (vector["submission"], vector["leaf"]), vector["file"])
    for vector in index["proofs"] + index["evidence"]:
        same(evidence(file(vector), gen), vector["shows"], vector["file"])
    service = index["receipts"][0]["signer"]
    readers = {
        "genesis": lambda text, _: genesis(text),
        "policy": lambda text, _: policy(text),
        "submission": lambda text, v: holds_items(submission(text, gen, "events"), [leaves[i] for i in v["items"]]),
        "header": lambda text, _: header(text),
        "key": lambda text, _: key_entry(text),
        "receipt": lambda text, _: receipt(text, (service, keys[service])),
        "checkpoint": lambda text, _: checkpoint(text, gen),
        "proof": lambda text, _: evidence(text, gen),
        "evidence": lambda text, _: evidence(text, gen),
    }
    for vector in index["bad"]:
        try:
            readers[vector["format"]](file(vector), vector)
        except Broken as e:
            same(e.part, vector["part"], vector["file"])
        else:
            raise Broken(vector["file"], "accepted, but must be refused")
    return sum(len(v) for k, v in index.items() if k not in ("bad", "genesis")) + 1, len(index["bad"])


def same(found, expected, what):
    need(found == expected, what, f"{found} is not {expected}")


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
            print(json.dumps(evidence(read(arguments[0]), gen), ensure_ascii=False, indent=2))
    except Broken as e:
        print(f"not proven: {e}", file=sys.stderr)
        return 3
    except OSError as e:
        print(f"failed to read {e.filename}: {e.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
