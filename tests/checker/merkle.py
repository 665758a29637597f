"""SHA-256 and the Merkle tree of RFC 6962."""
import hashlib


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
