"""Tells of trees of layers as the kernel shows them: a line of JSON in, a line of JSON out.

In: {"lower": [folders, the topmost first]}. They are mounted as an overlay, read-only, in this process's own
mount namespace. Out: {path: {...}} or {"failure": text}.
"""

import ctypes
import hashlib
import json
import os
import stat
import sys
import tempfile
import time

libc = ctypes.CDLL(None, use_errno=True)
NOFOLLOW_MOUNT = 2
# Generated times lie before or far after; what an engine made by itself is of now.
NEW = range(int(time.time()) - 600, int(time.time()) + 1_000_000)


def mount(source, target, kind, options):
    result = libc.mount(source.encode(), target.encode(), kind.encode(), 1, options.encode())
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), options)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def attributes(path):
    names = os.listxattr(path, follow_symlinks=False)
    return {
        name: os.getxattr(path, name, follow_symlinks=False).hex()
        for name in sorted(names)
        if not name.startswith("trusted.overlay.")
    }


def look(path):
    found = os.lstat(path)
    entry = {
        "mode": oct(found.st_mode),
        "owner": f"{found.st_uid}:{found.st_gid}",
        "time": "new" if int(found.st_mtime) in NEW else found.st_mtime_ns,
    }
    if stat.S_ISREG(found.st_mode):
        entry["size"] = found.st_size
        entry["content"] = digest(path)
    if stat.S_ISLNK(found.st_mode):
        entry["target"] = os.readlink(path).decode("latin1")
    if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
        entry["device"] = f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    extended = attributes(path)
    if extended:
        entry["attributes"] = extended
    return found, entry


def walk(root):
    tree, names = {}, {}
    waiting = [root]
    while waiting:
        path = waiting.pop()
        name = path[len(root) + 1 :].decode("latin1")
        try:
            found, entry = look(path)
        except FileNotFoundError:
            # A whiteout in a folder that only one layer has: it is listed, and not there.
            tree[name] = {"listed": "not there"}
            continue
        tree[name] = entry
        if stat.S_ISDIR(found.st_mode):
            waiting.extend(os.path.join(path, child) for child in os.listdir(path))
        elif found.st_nlink > 1:
            names.setdefault((found.st_dev, found.st_ino), []).append(name)
    for same in names.values():
        if len(same) > 1:
            for name in same:
                tree[name]["links"] = sorted(same)
    return tree


def answer(question):
    target = tempfile.mkdtemp(prefix="duet-walk-")
    try:
        lower = question["lower"]
        if len(lower) == 1:
            lower = [*lower, question["empty"]]
        mount("overlay", target, "overlay", "lowerdir=" + ":".join(lower) + ",metacopy=off,index=off")
        try:
            return walk(target.encode())
        finally:
            libc.umount2(target.encode(), NOFOLLOW_MOUNT)
    except OSError as error:
        return {"failure": str(error)}
    finally:
        os.rmdir(target)


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
