"""Writes what LiteLLM's proxy logs of some requests, as SQL for the tables that LiteLLM's own migrations make.

The proxy writes its log through Prisma, whose query engine is a binary that no package registry holds. Everything before that
is LiteLLM's own: its client answers (with answers that are given to it), prices them by its own list, and its proxy's
get_logging_payload makes the row. Usage: litellm_log.py >rows.sql"""

import asyncio
import os

# The list of prices that the package holds, not the newest one from the internet.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402
from litellm.integrations.custom_logger import CustomLogger  # noqa: E402
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload  # noqa: E402

# Model, tokens that went in, of those from a cache, and tokens that came out.
REQUESTS = [
    ("gpt-4o-mini", 123, 0, 45),
    ("gpt-4o-mini", 1011, 0, 333),
    ("gpt-4o-mini", 2048, 1024, 512),
    ("gpt-4o", 777, 128, 91),
    ("gpt-4.1-nano", 50, 0, 7),
    # It has no price.
    ("openai/of-our-own", 100, 0, 10),
]


class Log(CustomLogger):
    """Keeps the rows that the proxy would write."""

    rows: list[dict] = []

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        made = get_logging_payload(kwargs=kwargs, response_obj=response_obj, start_time=start_time, end_time=end_time)
        # As the proxy's DBSpendUpdateWriter does before it writes the row.
        made["spend"] = kwargs.get("response_cost") or 0.0
        self.rows.append(dict(made))


def answer(model: str, read: int, cached: int, written: int) -> litellm.ModelResponse:
    details = {"cached_tokens": cached}
    usage = litellm.Usage(
        prompt_tokens=read, completion_tokens=written, total_tokens=read + written, prompt_tokens_details=details
    )
    return litellm.ModelResponse(model=model, usage=usage, choices=[{"message": {"role": "assistant", "content": "x"}}])


def literal(value) -> str:
    """A value as PostgreSQL writes it; floats as Python does, which reads back as the same double."""
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int, float)):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


async def main() -> None:
    litellm.callbacks = [Log()]
    for model, read, cached, written in REQUESTS:
        messages = [{"role": "user", "content": "hello"}]
        await litellm.acompletion(
            model=model, messages=messages, api_key="none", mock_response=answer(model, read, cached, written)
        )
    for _ in range(100):
        if len(Log.rows) == len(REQUESTS):
            break
        await asyncio.sleep(0.1)
    assert len(Log.rows) == len(REQUESTS), f"{len(Log.rows)} of {len(REQUESTS)} requests were logged"
    for row in Log.rows:
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(literal(value) for value in row.values())
        print(f'INSERT INTO "LiteLLM_SpendLogs" ({names}) VALUES ({values});')
    # The log is read up to five minutes ago.
    print('UPDATE "LiteLLM_SpendLogs" SET "startTime" = "startTime" - interval \'10 minutes\';')


asyncio.run(main())
