"""Runs one command in a session of its own and leaves nothing of it behind.

    supervise.py SIGNAL GRACE USER COMMAND [ARGUMENT...]

The starter holds the other end of this process's standard input. When that end closes, because the starter asks for
it or because it died in whatever way, the command gets SIGNAL, and after GRACE seconds SIGKILL. Whatever the command
leaves behind, in its process group or adopted from it, is killed and reaped before this process ends.
USER is `-` or the name of the user to run the command as.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time


def adopt_orphans():
    """Linux only: orphans of the command become our children, so that they can be found and reaped."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    except (AttributeError, OSError):
        pass


def children():
    """The process ids of our children, as far as the system tells."""
    found = []
    try:
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/children") as file:
                found += [int(pid) for pid in file.read().split()]
    except OSError:
        pass
    return found


def kill(pid, number, group=False):
    try:
        (os.killpg if group else os.kill)(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def main():
    number, grace, user, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]
    for ignored in (signal.SIGINT, signal.SIGHUP):
        # A function that does nothing, because what is set to "ignore" stays so in the command.
        signal.signal(ignored, lambda *_: None)
    adopt_orphans()
    identity = {}
    if user != "-":
        import pwd

        entry = pwd.getpwnam(user)
        identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    try:
        leader = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **identity)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error}", file=sys.stderr)
        return 127

    def end():
        kill(leader.pid, number)
        time.sleep(grace)
        kill(leader.pid, signal.SIGKILL, group=True)

    def watch():
        while os.read(0, 1):
            pass
        end()

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=end, daemon=True).start())
    threading.Thread(target=watch, daemon=True).start()
    code = leader.wait()

    kill(leader.pid, signal.SIGKILL, group=True)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for pid in children():
            kill(pid, signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            break
    return code if code >= 0 else 128 - code


sys.exit(main())
