"""
A terminal of its own for a command, that nobody reads and that is full from the start: standing-terminal.py COMMAND...
Passes SIGINT and SIGTERM on, and says how the command ended: its exit code, or the signal as a negative number.
"""
import os, pty, signal, sys

child, master = pty.fork()
if child == 0:
    os.set_blocking(1, False)
    try:
        while True:
            os.write(1, b"x" * 64)
    except BlockingIOError:
        pass
    os.set_blocking(1, True)
    os.execvp(sys.argv[1], sys.argv[1:])
for passed_on in (signal.SIGINT, signal.SIGTERM):
    signal.signal(passed_on, lambda number, _: os.kill(child, number))
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
