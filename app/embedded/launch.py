"""Start a program that dies with its parent. Run as a script, in a process of its own.

Between fork and exec of a process with threads only little may safely run, so the uid change
and the death signal are set here, in a fresh interpreter, and not in a `preexec_fn`.

Two ways: `exec` (Linux) asks the kernel to send the stop signal when the parent ends and then
becomes the program; `watch` (elsewhere) stays beside the program, and the end of its standard
input, which the kernel closes with the parent, stops it. Standard library only: it runs
isolated, without the packages of the environment.

A third way, `named`, is for a user without an entry in the user database, whom initdb refuses: the
program runs in a user namespace of its own (user_namespaces(7)), where this user has the number of
one that has an entry. The files it makes belong to this user.

    launch.py exec|watch|named PARENT_PID UID|- STOP_SIGNAL PROGRAM ARGUMENT...
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
CANNOT_START = 127
GRACE_SECONDS = 20.0

libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Launch what the arguments say; returns only in `watch` or when the launch failed."""
    way, parent, account, stop_signal, *command = sys.argv[1:]
    try:
        if account != "-":
            drop_to(int(account))
        if way == "watch":
            return watch(command, int(stop_signal))
        if way == "named":
            take_a_name()
        die_with_parent(int(parent), int(stop_signal))
        os.execv(command[0], command)  # noqa: S606 - that is what this program is for
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot start {command[0]}: {error}\n")
    return CANNOT_START


def drop_to(uid: int) -> None:
    """Become this user and group, with no other groups."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def die_with_parent(parent: int, stop_signal: int) -> None:
    """Ask Linux for this signal at the parent's end (prctl(2)).

    A change of user clears the request, so it comes after `drop_to`. A parent that ended before
    the request is noticed by its pid, and this process ends at once.
    """
    check(libc.prctl(PR_SET_PDEATHSIG, stop_signal, 0, 0, 0))
    if os.getppid() != parent:
        sys.exit(0)


def take_a_name() -> None:
    """Enter a user namespace in which this user is the first one of the database but root."""
    uid, gid = os.geteuid(), os.getegid()
    named = next((entry for entry in pwd.getpwall() if entry.pw_uid != 0), None)
    if named is None:
        raise ValueError("the user database names nobody but root")
    check(libc.unshare(CLONE_NEWUSER))
    for file, text in (
        ("uid_map", f"{named.pw_uid} {uid} 1"),
        ("setgroups", "deny"),
        ("gid_map", f"{named.pw_gid} {gid} 1"),
    ):
        with open(f"/proc/self/{file}", "w") as handle:
            handle.write(text)


def check(result: int) -> None:
    """Raise the system's error when a call of the C library failed."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def watch(command: list[str], stop_signal: int) -> int:
    """Run the program until it ends or standard input does; its exit code."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, leave_to_input)
    child = subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.DEVNULL, close_fds=False
    )
    threading.Thread(target=stop_at_end_of_input, args=(child, stop_signal), daemon=True).start()
    return child.wait()


def leave_to_input(_signal: int, _frame: object) -> None:
    """Ignore a signal here; unlike SIG_IGN, this is not inherited by the program."""


def stop_at_end_of_input(child: "subprocess.Popen[bytes]", stop_signal: int) -> None:
    """Wait for the end of standard input, then stop the child: politely, then for good."""
    sys.stdin.buffer.read()
    child.send_signal(stop_signal)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main())
