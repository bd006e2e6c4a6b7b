"""Turns one call of `generate` into events: progress with its rate per token, then the generation.

In: the call with everything but `on_step` filled in. Out: a Progress per token, beside whatever the
job makes of the token. One that was cancelled between tokens ends as a cancelled job.
"""

import time
from collections.abc import Callable, Generator

from emotui.events import Event, Progress
from emotui.jobs.streaming import Emit, streaming
from vectors.errors import Cancelled
from vectors.generation import Generation, Step

OnStep = Callable[[Step], None]


def generating(
    call: Callable[[OnStep], Generation],
    *,
    tokens: int,
    note: str = "generate",
    each: Callable[[Step], Event] | None = None,
) -> Generator[Event, None, Generation]:
    """`generation = yield from generating(lambda on_step: generate(..., on_step=on_step), ...)`.

    `tokens` is the most there can be; `each` makes one more event of a token. vectors' Cancelled
    where the generation was stopped before its end.
    """
    began = time.monotonic()

    def work(emit: Emit) -> Generation:
        def on_step(step: Step) -> None:
            if each is not None:
                emit(each(step))
            done = step.index + 1
            rate = done / max(time.monotonic() - began, 1e-9)
            emit(Progress(done, tokens, "tokens", rate, note))

        return call(on_step)

    generation = yield from streaming(work)
    if not generation.finished:
        raise Cancelled("generation was cancelled between tokens")
    return generation
