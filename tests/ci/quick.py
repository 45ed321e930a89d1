"""``modelver`` as a program that starts at once: a server that has imported it forks.

A pipeline calls it a dozen times, and most of each call is the import. What runs is a
process of its own all the same, in the folder, with the variables and the streams of
whoever called. Started as a program this module is the server.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final

CLIENT: Final = """#!{python} -ISE
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({place!r})
    said = {{"words": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}
    socket.send_fds(server, [json.dumps(said).encode()[:1]], [0, 1, 2])
    server.sendall(json.dumps(said).encode()[1:])
    server.shutdown(socket.SHUT_WR)
    code = server.recv(1)
sys.exit(code[0] if code else "the process of modelver has ended without a code")
"""
USED: Final = ("audit", "files", "find", "look", "register", "say")


@contextmanager
def quick_modelver() -> Iterator[str]:
    """Run the server; yield the text of a program that asks it."""
    # Not tmp_path: the name of a socket may have a hundred letters.
    folder = Path(tempfile.mkdtemp(prefix="mv"))
    place = folder / "s"
    try:
        with subprocess.Popen(
            [sys.executable, __file__, str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield CLIENT.format(python=sys.executable, place=str(place))
            server.kill()
    finally:
        shutil.rmtree(folder)


def serve(place: str) -> None:
    """Answer until this process is killed, each caller in a fork."""
    own = import_module("modelver.__main__")
    import_module("modelver._cli.program")
    import_module("modelver._registry.registry")
    for name in USED:
        import_module(f"modelver._cli.commands_{name}")
    # What runs is modelver's own program, not this one.
    sys.modules["__main__"].__file__ = own.__file__
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        print("ready", flush=True)  # noqa: T201 - whoever started it waits for that
        while True:
            caller, _ = listener.accept()
            if not os.fork():
                answer(caller)
            caller.close()


def answer(caller: socket.socket) -> None:
    """Be the process that the caller has asked for."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    data, streams, *_ = socket.recv_fds(caller, 1, 3)
    while more := caller.recv(65536):
        data += more
    said = json.loads(data)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(said["env"])
    os.chdir(said["cwd"])
    sys.argv[1:] = said["words"]
    code = import_module("modelver._cli").main(said["words"])
    sys.stdout.flush()
    sys.stderr.flush()
    caller.sendall(bytes([code]))
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
