"""One of several processes that race: run as a script, told by JSON, answers in lines.

For each order on its standard input it says ``ready``, waits for the common start, and
then writes a line for each call that came back. Each job is a function of a racer, so
that threads of a test run the same.
"""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import asdict, frozen

from modelver import ModelverError, OutcomeUnknownError, Registry, StorageError
from modelver._registry.opening import open_backend
from tests.race.history import Call, Look, view
from tests.race.shaky import ShakyBackend

MODELS: Final = ("fraud", "nlp/intent")
ALIAS: Final = "production"


@frozen(kw_only=True)
class Racer:
    """One thread that races.

    Attributes:
        name: Unique.
        open: Gives the registry to use.
        emit: Takes one line of the history.
        start: When the race begins, in ns of the common clock.
        tick: Seconds between two rounds.
        count: How many rounds.
    """

    name: str
    open: Callable[..., Registry]
    emit: Callable[[Mapping[str, Any]], None]
    start: int = 0
    tick: float = 0.0
    count: int = 1

    def rounds(self) -> Iterator[int]:
        """Yield 0, 1, ... each at the moment at which everybody comes to it."""
        for number in range(self.count):
            due = self.start + int(number * self.tick * 1e9)
            while (left := due - time.monotonic_ns()) > 0:
                time.sleep(max(0.0, left / 1e9 - 0.001))
            yield number

    def call(
        self, token: str, act: Callable[[], Any], *, expect: str | None = None
    ) -> Any:
        """Call, write down what came of it, and return the answer or None."""
        begin = time.monotonic_ns()
        answer: Any = None
        outcome, ref, seq, kind = "ok", None, None, None
        try:
            answer = act()
        except OutcomeUnknownError as error:
            outcome, kind = "unknown", str(error.kind)
        except ModelverError as error:
            outcome, kind = "failed", str(error.kind)
        else:
            if answer is not None:
                ref, seq = answer.ref, answer.seq
        end = time.monotonic_ns()
        call = Call(
            token=token,
            begin=begin,
            end=end,
            outcome=outcome,  # type: ignore[arg-type]
            ref=ref,
            seq=seq,
            kind=kind,
            expect=expect,
        )
        self.emit({"call": call.to_dict()})
        return answer


def mixed(racer: Racer) -> None:
    """Register and promote in turn, over two models."""
    registry = racer.open()
    for number in racer.rounds():
        token = f"{racer.name}-{number}"
        model = MODELS[number % 2]
        version = racer.call(token, lambda: put(registry, model, token))  # noqa: B023
        if version is not None:
            reason = f"{token}-p"
            racer.call(
                reason,
                lambda: registry.promote(version, ALIAS, reason=reason),  # noqa: B023
            )


def put(registry: Registry, model: str, token: str, **words: Any) -> Any:
    """Register the token as a bundle."""
    files = {"w.bin": token.encode()}
    words.setdefault("message", token)
    if "version" not in words:
        words.setdefault("bump", "minor")
    return registry.register(model, files, environment=False, **words)


def explicit(racer: Racer) -> None:
    """Ask for the number of the round, which everybody asks for."""
    registry = racer.open()
    for number in racer.rounds():
        token = f"{racer.name}-{number}"
        version = f"1.{number}.0"
        racer.call(token, lambda: put(registry, MODELS[0], token, version=version))  # noqa: B023


def swap(racer: Racer) -> None:
    """Move the alias to a version of one's own, from where it stands."""
    registry = racer.open()
    for number in racer.rounds():
        token = f"{racer.name}-{number}"
        expect = registry.resolve(f"{MODELS[0]}@{ALIAS}")
        own = f"{MODELS[0]}@1.{racer.name.partition('.')[0]}.{number}"
        racer.call(
            token,
            lambda: registry.promote(own, ALIAS, expect=expect, reason=token),  # noqa: B023
            expect=expect,
        )


def create(racer: Racer) -> None:
    """Create the registry of the round, which everybody creates, and register."""
    for number in racer.rounds():
        registry = racer.open(str(number), create=True)
        token = f"{racer.name}-{number}"
        racer.emit({"uuid": registry.uuid, "round": number})
        racer.call(token, lambda: put(registry, MODELS[0], token))  # noqa: B023


def same(racer: Racer) -> None:
    """Register the bundle of the round, as everybody does."""
    registry = racer.open()
    for number in racer.rounds():
        token = f"{racer.name}-{number}"
        bundle = f"bundle {number}"
        found = put(registry, f"m{number}", bundle, message=token)
        racer.emit({"same": found.ref, "digest": found.digest, "round": number})


def pairs(racer: Racer) -> None:
    """Register in two models and promote both, in one commit."""
    registry = racer.open()
    for number in racer.rounds():
        token = f"{racer.name}-{number}"

        def act(token: str = token) -> None:
            with registry.transaction(token) as both:
                for model in MODELS:
                    files = {"w.bin": f"{token} {model}".encode()}
                    new = both.register(
                        model, files, bump="minor", environment=False, tags={"t": token}
                    )
                    both.promote(new, ALIAS)

        racer.call(token, act)


def read(
    racer: Racer,
    stop: Callable[[], bool],
    *,
    forgiven: tuple[type[Exception], ...] = (),
) -> None:
    """Look again and again, by one client that stays and by new ones.

    Args:
        racer: Who looks.
        stop: Tells when it is enough.
        forgiven: What may be raised where the store fails on purpose.
    """
    kept = racer.open()
    seen: set[str] = set()
    number = 0
    while not stop():
        number += 1
        fresh = number % 4 == 0
        registry = racer.open(read_only=True) if fresh else kept
        client = f"{racer.name}.{number}" if fresh else racer.name
        try:
            _look(racer, registry, client, seen)
        except forgiven as error:
            racer.emit({"forgiven": str(error)})


def _look(racer: Racer, registry: Registry, client: str, seen: set[str]) -> None:
    begin = time.monotonic_ns()
    seq = registry.seq
    past = registry.at(seq)
    end = time.monotonic_ns()
    look = Look(begin=begin, end=end, seq=seq, view=view(past), client=client)
    racer.emit({"look": asdict(look)})
    heads = {}
    for model in past.models():
        for version in past.versions(model):
            if version.ref not in seen:
                data = version.read("w.bin").decode()
                said = {"read": version.ref, "data": data, "message": version.message}
                racer.emit(said)
                seen.add(version.ref)
        if ALIAS in past.aliases(model):
            heads[model] = past.get(f"{model}@{ALIAS}").tags.get("t")
    racer.emit({"heads": heads, "seq": seq})


JOBS: Final[Mapping[str, Callable[[Racer], None]]] = {
    job.__name__: job for job in (mixed, explicit, swap, create, same, pairs)
}


def obey(order: Mapping[str, Any], emit: Callable[[Mapping[str, Any]], None]) -> None:
    """Do one job, in as many threads as were ordered."""
    os.environ.update(order["env"])
    stores: list[ShakyBackend] = []

    def opened(below: str = "", **words: Any) -> Registry:
        url = f"{order['url']}/{below}".rstrip("/")
        words |= {"author": order["name"], "timeout": order["timeout"]}
        if not order["faults"]:
            return Registry(url, storage_options=order["options"], **words)
        backend = open_backend(url, order["options"])
        store = ShakyBackend(backend, f"{order['seed']} {order['name']} {len(stores)}")
        stores.append(store)
        registry = Registry(backend=store, **words)
        store.share = order["faults"]
        return registry

    shared: list[Registry] = [] if order["job"] == "create" else [opened()]
    emit({"ready": True})
    start = int(sys.stdin.readline())

    def racer(thread: int) -> Racer:
        # Every other thread has a registry of its own.
        own = bool(thread % 2) or not shared
        return Racer(
            name=f"{order['name']}.{thread}",
            open=opened if own else lambda: shared[0],
            emit=emit,
            start=start,
            tick=order["tick"],
            count=order["count"],
        )

    if order["job"] == "read":
        stop = Path(order["stop"])
        forgiven = (StorageError,) if order["faults"] else ()
        read(racer(1), stop.exists, forgiven=forgiven)
        return
    failed: list[str] = []

    def run(racer: Racer) -> None:
        try:
            JOBS[order["job"]](racer)
        except Exception:  # noqa: BLE001 - the test shows it
            failed.append(traceback.format_exc())

    racers = [racer(thread) for thread in range(order["threads"])]
    threads = [threading.Thread(target=run, args=(each,)) for each in racers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    emit({"fired": sum(store.fired for store in stores)})
    if failed:
        raise RuntimeError("\n".join(failed))


def main() -> None:
    """Obey one order after the other, until there are no more."""
    writing = threading.Lock()

    def emit(line: Mapping[str, Any]) -> None:
        with writing:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()

    while order := sys.stdin.readline():
        try:
            obey(json.loads(order), emit)
        except Exception:  # noqa: BLE001 - the test shows it
            emit({"failed": traceback.format_exc()})
        else:
            emit({"finished": True})


if __name__ == "__main__":
    main()
