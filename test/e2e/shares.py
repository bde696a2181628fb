"""What users' programs do with files, each tried in the folder given; one line of the answer each."""

import ctypes
import errno
import fcntl
import mmap
import os
import socket
import sqlite3
import stat
import subprocess
import sys
import time

os.makedirs(sys.argv[1])
os.chdir(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)


def attempt(act):
    try:
        said = act()
        print(act.__name__, "ok" if said is None else said)
    except OSError as error:
        print(act.__name__, errno.errorcode[error.errno])
    except AssertionError:
        print(act.__name__, "wrong")
    sys.stdout.flush()


def write(path, text="x"):
    with open(path, "w") as file:
        file.write(text)


def call(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), "")


@attempt
def record_locks():
    file = open("lock", "w+")
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    other = "import fcntl; fcntl.lockf(open('lock', 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    assert subprocess.run([sys.executable, "-c", other], stderr=subprocess.DEVNULL).returncode != 0


@attempt
def whole_file_locks():
    file, other = open("flock", "w+"), open("flock", "r+")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return "twice"
    except BlockingIOError:
        return None


@attempt
def use_after_removal():
    file = open("removed", "w+")
    os.unlink("removed")
    file.write("abc")
    file.flush()
    file.seek(0)
    assert file.read() == "abc" and os.fstat(file.fileno()).st_size == 3


@attempt
def truncate_after_removal():
    file = open("removed", "w+")
    os.unlink("removed")
    os.ftruncate(file.fileno(), 1)


@attempt
def replace_open_file():
    write("one", "old")
    file = open("one")
    write("two", "new")
    os.rename("two", "one")
    assert file.read() == "old" and open("one").read() == "new"


@attempt
def rename_folder_of_open_file():
    os.mkdir("folder")
    file = open("folder/file", "w+")
    os.rename("folder", "moved")
    file.write("more")
    file.flush()
    os.fsync(file.fileno())
    assert open("moved/file").read() == "more"


@attempt
def nameless_file():
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, b"x")


@attempt
def named_pipe():
    os.mkfifo("pipe")


@attempt
def socket_file():
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    server.listen()
    socket.socket(socket.AF_UNIX).connect("socket")


@attempt
def device_file():
    os.mknod("device", stat.S_IFCHR | 0o600, os.makedev(1, 3))


@attempt
def shared_mapping():
    write("mapped", "a" * 8192)
    with open("mapped", "r+b") as file, mmap.mmap(file.fileno(), 8192) as memory:
        memory[0:4] = b"WXYZ"
        memory.flush()
    assert open("mapped").read(4) == "WXYZ"


@attempt
def reserve_space():
    with open("reserved", "w") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 16)
        assert os.fstat(file.fileno()).st_size == 1 << 16


@attempt
def own_attribute():
    write("attribute")
    os.setxattr("attribute", "user.name", b"value")
    assert os.getxattr("attribute", "user.name") == b"value"


@attempt
def links():
    write("first")
    os.link("first", "second")
    os.symlink("first", "third")
    assert os.stat("first").st_nlink == 2 and os.readlink("third") == "first"


@attempt
def owner_and_mode():
    write("owned")
    os.chown("owned", 1000, 50)
    os.chmod("owned", 0o4755)
    found = os.stat("owned")
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (1000, 50, 0o4755)


@attempt
def set_seconds():
    write("seconds")
    os.utime("seconds", (1, 987654321))
    assert os.stat("seconds").st_mtime == 987654321


@attempt
def set_nanoseconds():
    write("nanoseconds")
    os.utime("nanoseconds", ns=(1, 987654321000000001))
    assert os.stat("nanoseconds").st_mtime_ns == 987654321000000001


@attempt
def append_by_two():
    one = os.open("appended", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    two = os.open("appended", os.O_WRONLY | os.O_APPEND)
    for _ in range(20):
        os.write(one, b"1")
        os.write(two, b"2")
    assert os.stat("appended").st_size == 40


@attempt
def past_the_cache():
    fd = os.open("direct", os.O_CREAT | os.O_RDWR | os.O_DIRECT)
    page = mmap.mmap(-1, 4096)
    assert os.write(fd, page) == 4096


@attempt
def unreadable_to_its_writer():
    fd = os.open("unreadable", os.O_CREAT | os.O_WRONLY, 0)
    assert os.write(fd, b"x") == 1


@attempt
def large_folder():
    os.mkdir("large")
    for number in range(300):
        os.close(os.open(f"large/{number}", os.O_CREAT | os.O_WRONLY))
    assert len(os.listdir("large")) == 300
    for entry in os.scandir("large"):
        os.unlink(entry.path)
    os.rmdir("large")


@attempt
def watch_own_changes():
    fd = libc.inotify_init1(os.O_NONBLOCK)
    libc.inotify_add_watch(fd, b".", 0xFFF)
    write("watched")
    assert len(os.read(fd, 4096)) > 0


@attempt
def database():
    base = sqlite3.connect("rollback.db")
    base.execute("create table t(a)")
    base.execute("insert into t values (1)")
    base.commit()


@attempt
def database_with_shared_memory():
    base = sqlite3.connect("wal.db")
    assert base.execute("pragma journal_mode=wal").fetchone()[0] == "wal"
    base.execute("create table t(a)")
    base.execute("insert into t values (1)")
    base.commit()
    assert sqlite3.connect("wal.db").execute("select count(*) from t").fetchone()[0] == 1


@attempt
def rename_unless_there():
    write("here")
    write("there")
    assert libc.renameat2(-100, b"here", -100, b"there", 1) != 0


@attempt
def exchange_names():
    write("left", "1")
    write("right", "2")
    call(libc.renameat2(-100, b"left", -100, b"right", 2))


@attempt
def run_a_program():
    write("program", "#!/bin/sh\necho ran\n")
    os.chmod("program", 0o755)
    assert subprocess.run(["./program"], capture_output=True).stdout == b"ran\n"


@attempt
def odd_names():
    for name in [b"a\nb", b"\xff\xfe", b" ", b"*", b"n" * 255]:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
        assert name in os.listdir(b".")


@attempt
def as_another_user():
    os.chmod(".", 0o777)
    write("secret")
    os.chmod("secret", 0o600)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(1000)
        os.setuid(1000)
        write("mine")
        try:
            open("secret")
        except PermissionError:
            os._exit(0 if os.stat("mine").st_uid == 1000 else 1)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
