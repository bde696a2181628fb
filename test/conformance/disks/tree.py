"""Makes a random tree of files, or lists one: `tree.py make FOLDER SEED [WITHOUT...]`, `tree.py list FOLDER`.

Each line of a list is JSON: all that an archive can keep of one name. Names and targets are UTF-8 with
escapes for what is none. `WITHOUT` are features that the file system lacks.
"""

import hashlib
import json
import os
import random
import stat
import struct
import sys

WORDS = ["a", "bin", "Größe", "日本語", "white space", "new\nline", "tab\there", "-dash", "quo\"te'", "back\\slash", "e\u0301"]
TYPES = ["file"] * 8 + ["folder"] * 4 + ["symlink"] * 3 + ["hardlink"] * 2 + ["fifo", "block", "char", "sparse"]


def name_of(rng, without):
    kind = rng.random()
    if kind < 0.08:
        return rng.choice("xyz") * 255
    if kind < 0.14 and "bytes" not in without:
        return os.fsdecode(bytes(rng.choice([b"\xff\xfe", b"\xe9t\xe9", b"\x01\x02"])) + str(rng.randrange(99)).encode())
    if kind < 0.2:
        return ("é" * 127) + rng.choice("abc")
    return rng.choice(WORDS) + str(rng.randrange(1000))


def times_of(rng, without):
    lowest = 0 if "before1970" in without else 1 - 2**31
    highest = 2**31 - 1 if "after2038" in without else 2**33
    seconds = rng.choice([lowest, -1 if lowest < 0 else 1, 0, 1, 10**9, 1_700_000_000, 2**31 - 1, highest, rng.randrange(10**9)])
    nanoseconds = 0 if "nanoseconds" in without else rng.choice([0, 1, 999_999_999, rng.randrange(10**9)])
    return seconds * 10**9 + nanoseconds


def id_of(rng):
    return rng.choice([0, 0, 1, 1000, 65534, 65535, 65536, 70_000, 2**31 - 2, 2**32 - 2])


def mode_of(rng):
    return rng.choice([0o755, 0o644, 0o600, 0o000, 0o777, 0o4755, 0o2755, 0o6711, 0o1777, rng.randrange(0o10000)])


def set_attributes(rng, path, kind, without):
    if "xattrs" in without or kind not in ("file", "folder", "sparse"):
        return
    if rng.random() < 0.3:
        for _ in range(rng.randrange(1, 4)):
            value = rng.randbytes(rng.choice([0, 1, 10, 255, 900]))
            try:
                os.setxattr(path, "user." + rng.choice(["a", "mime_type", "ünï", "x" * 200]), value)
            except OSError:
                pass
    if kind == "file" and rng.random() < 0.15:
        root = struct.pack("<IIIII", 0x02000001, 1 << rng.randrange(32), 0, 1 << rng.randrange(8), 0)
        os.setxattr(path, "security.capability", root)
    if rng.random() < 0.1 and "acl" not in without:
        acl = struct.pack("<I", 2)
        for tag, perm, who in [(1, 7, 2**32 - 1), (2, 5, 1234), (4, 5, 2**32 - 1), (16, 7, 2**32 - 1), (32, 4, 2**32 - 1)]:
            acl += struct.pack("<HHI", tag, perm, who)
        try:
            os.setxattr(path, "system.posix_acl_access", acl)
            if kind == "folder":
                os.setxattr(path, "system.posix_acl_default", acl)
        except OSError:
            pass


def make_content(rng, path, kind):
    with open(path, "wb") as file:
        if kind == "file":
            file.write(rng.randbytes(rng.choice([0, 1, 59, 60, 61, 156, 511, 512, 4095, 4096, 4097, 70_000, 300_000])))
            return
        edge = rng.choice([2**20, 10 * 2**20, 2**32 - 1, 2**32, 2**32 + 1]) if rng.random() < 0.03 else 2**20
        for _ in range(rng.randrange(3)):
            file.seek(rng.choice([0, 4096, 65_536, edge - 1, rng.randrange(edge)]))
            file.write(rng.randbytes(rng.choice([1, 512, 5000])))
        file.truncate(max(edge + rng.choice([0, 1, 4096]), file.tell()))


def make_one(rng, path, kind, made, without):
    if kind in ("file", "sparse"):
        make_content(rng, path, kind)
    elif kind == "folder":
        os.mkdir(path)
    elif kind == "symlink":
        target = rng.choice(["x", "../up", "/etc/passwd", "dangling/" + "d" * 50, "y" * 59, "y" * 60, "z" * 200, "/" + "long/" * 200, "l" * rng.choice([1023, 4000]), "új\nsor"])
        try:
            os.symlink(target, path)
        except OSError:
            os.symlink(target[:1000], path)
    elif kind == "hardlink":
        files = [one for one, what in made if what in ("file", "sparse") or (what != "folder" and "nodelinks" not in without)]
        if not files:
            return False
        try:
            os.link(rng.choice(files), path, follow_symlinks=False)
        except OSError:
            return False
        return False
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        bit = stat.S_IFBLK if kind == "block" else stat.S_IFCHR
        number = os.makedev(rng.choice([1, 8, 255, 259, 4095]), rng.choice([1, 3, 255, 256, 1048575]))
        try:
            os.mknod(path, bit | 0o600, number)
        except OSError:  # xfs has nine bits for the one and eighteen for the other
            os.mknod(path, bit | 0o600, os.makedev(259, 256))
    return True


def make(top, seed, without):
    rng = random.Random(seed)
    made = []
    folders = [top]
    base = {"etc/os-release": b'PRETTY_NAME="Random"\n', "bin/sh": b"no shell", "etc/passwd": b"root:x:0:0::/:/bin/sh\n"}
    for name, data in base.items() if "root" not in without else ():
        os.makedirs(os.path.join(top, os.path.dirname(name)), exist_ok=True)
        with open(os.path.join(top, name), "wb") as file:
            file.write(data)
    for _ in range(rng.randrange(20, 160)):
        kind = rng.choice(TYPES)
        if kind in without:
            continue
        path = os.path.join(rng.choice(folders), name_of(rng, without))
        if len(os.fsencode(path)) > 1900 or os.path.lexists(path):
            continue
        if make_one(rng, path, kind, made, without):
            made.append((path, kind))
            if kind == "folder":
                folders.append(path)
    if rng.random() < 0.2 and "huge" not in without:
        huge = os.path.join(top, "huge")
        os.mkdir(huge)
        made.append((huge, "folder"))
        for index in range(rng.choice([300, 1000, 5000])):
            with open(os.path.join(huge, "n" * rng.choice([1, 20, 100]) + str(index)), "wb") as file:
                if index % 50 == 0:
                    file.write(b"x" * index)
    for path, kind in made:
        os.chown(path, id_of(rng), id_of(rng), follow_symlinks=False)
        if kind != "symlink":
            bits = 0o777 if kind in ("fifo", "char", "block") and "nodebits" in without else 0o7777
            os.chmod(path, mode_of(rng) & bits)
        set_attributes(rng, path, kind, without)
    made.append((top, "folder"))
    for path, kind in sorted(made, key=lambda one: -one[0].count("/")):
        os.utime(path, ns=(times_of(rng, without), times_of(rng, without)), follow_symlinks=False)


def kept(key):
    return (key.startswith("user.") and not key.startswith("user.overlay.")) or key in (
        "security.capability", "system.posix_acl_access", "system.posix_acl_default")


def content_of(path, size):
    """Of the bytes without zeros: a sparse file of many gigabytes is read in a moment."""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        at = 0
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at -= at % 4096
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            while at < min(end + 4095, size):
                data = os.pread(file.fileno(), 4096, at)
                if not data:
                    break
                if data.strip(b"\0"):
                    hasher.update(struct.pack("<Q", at) + data)
                at += 4096
    return hasher.hexdigest()


def text(name):
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def facts(top, path, inodes):
    found = os.lstat(path)
    name = text(os.path.relpath(path, top))
    line = {
        "name": name, "type": stat.S_IFMT(found.st_mode), "mode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid, "gid": found.st_gid, "mtime": str(found.st_mtime_ns),
    }
    if stat.S_ISLNK(found.st_mode):
        line["target"] = text(os.readlink(path))
    if stat.S_ISREG(found.st_mode):
        line["size"] = found.st_size
        line["content"] = content_of(path, found.st_size)
    if stat.S_ISBLK(found.st_mode) or stat.S_ISCHR(found.st_mode):
        line["device"] = f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    if not stat.S_ISDIR(found.st_mode) and found.st_nlink > 1:
        line["same"] = inodes.setdefault((found.st_dev, found.st_ino), name)
    try:
        names = sorted(key for key in os.listxattr(path, follow_symlinks=False) if kept(key))
    except OSError:
        names = []
    if names:
        line["xattrs"] = {text(key): os.getxattr(path, key, follow_symlinks=False).hex() for key in names}
    return line


def listing(top):
    inodes = {}
    paths = [top]
    for folder, folders, files in os.walk(top):
        paths += [os.path.join(folder, name) for name in folders + files]
    for path in sorted(paths, key=os.fsencode):
        print(json.dumps(facts(top, path, inodes)))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]), set(sys.argv[4:]))
    else:
        listing(sys.argv[2])
