"""
A terminal of its own for a command, to be closed under it: terminal.py LINE COMMAND...
Types LINE into it where that is not empty, shows what the terminal shows, and hangs up at SIGUSR1. When the command and every process
that it left behind have ended, says how each of them did, `process 12 exited with 130` or `process 12 ended by signal 6`.
"""
import ctypes, fcntl, os, pty, select, signal, struct, sys, termios

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)

read_end, write_end = os.pipe()
signal.signal(signal.SIGUSR1, lambda *_: os.write(write_end, b"x"))


def end_all(*_):
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat") as stat:
                parent = int(stat.read().rsplit(")", 1)[1].split()[1])
            if parent == os.getpid():
                os.kill(int(entry), signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            pass


signal.signal(signal.SIGTERM, end_all)
signal.signal(signal.SIGALRM, end_all)

child, master = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
if sys.argv[1] != "":
    os.write(master, sys.argv[1].encode() + b"\n")
while True:
    ready, _, _ = select.select([master, read_end], [], [])
    if read_end in ready:
        break
    try:
        data = os.read(master, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
os.close(master)
signal.alarm(40)
while True:
    try:
        pid, status = os.waitpid(-1, 0)
    except ChildProcessError:
        break
    how = f"exited with {os.WEXITSTATUS(status)}" if os.WIFEXITED(status) else f"ended by signal {os.WTERMSIG(status)}"
    print(f"\nprocess {pid} {how}", flush=True)
