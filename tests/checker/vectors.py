"""All checked-in vectors, good and bad, held against this implementation."""
import json

from .merkle import H, leaf, root
from .note import Broken, b64, key_id, need, read, unb64
from .proof import proof
from .texts import checkpoint, genesis, header, holds_items, item_leaf, key_entry, receipt, submission


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
    for vector in index["checkpoints"]:
        point_in_log = checkpoint(file(vector), gen)
        same((point_in_log["size"], point_in_log["cosigners"]), (vector["size"], vector["cosigners"]), vector["file"])
        same(point_in_log["root"], root([h["leaf"] for h in heads[: vector["size"]]]), "root of the log")
    for vector in index["receipts"]:
        same(b64(receipt(file(vector), (vector["signer"], keys[vector["signer"]]))), vector["submission"], vector["file"])
    for vector in index["proofs"]:
        same(proof(file(vector), gen), vector["shows"], vector["file"])
    service = index["receipts"][0]["signer"]
    readers = {
        "genesis": lambda text, _: genesis(text),
        "submission": lambda text, v: holds_items(submission(text, gen, "events"), [leaves[i] for i in v["items"]]),
        "header": lambda text, _: header(text),
        "key": lambda text, _: key_entry(text),
        "receipt": lambda text, _: receipt(text, (service, keys[service])),
        "checkpoint": lambda text, _: checkpoint(text, gen),
        "proof": lambda text, _: proof(text, gen),
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
