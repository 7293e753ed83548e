"""Arrivals in Redis, whose clock is one for all machines. Needs the extra `redis`."""

from __future__ import annotations

from typing import Any

import redis

from .rates import MOST_AHEAD, Rate

__all__ = ["RedisStore"]

# Redis runs a script atomically. Numbers are passed as text, since Lua's lose the last digits.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrival = tonumber(redis.call('GET', KEYS[1]) or '0')
local step, slack = tonumber(ARGV[1]), tonumber(ARGV[2])
if arrival > now + tonumber(ARGV[3]) then arrival = 0 end
if arrival > now + slack then return arrival - slack - now end
local after = math.max(arrival, now) + step
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000) + 1)
return 0
"""
_WAIT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrival = tonumber(redis.call('GET', KEYS[1]) or '0')
if arrival > now + tonumber(ARGV[2]) then return 0 end
return math.max(0, arrival - tonumber(ARGV[1]) - now)
"""
_PUSH = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local until_ = now + tonumber(ARGV[1])
if tonumber(redis.call('GET', KEYS[1]) or '0') < until_ then
  redis.call('SET', KEYS[1], string.format('%.0f', until_), 'PX', math.ceil(ARGV[1] / 1000) + 1)
end
return 0
"""


class RedisStore:
    """A `Store` for all processes that use this Redis."""

    def __init__(self, url: str) -> None:
        client: Any = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        self._take, self._push = client.register_script(_TAKE), client.register_script(_PUSH)
        self._wait = client.register_script(_WAIT)

    def take(self, key: str, rate: Rate) -> float:
        wait = self._take(keys=[f"django_patreon:{key}"], args=[rate.step, rate.slack, MOST_AHEAD])
        return float(wait) / 1e6

    def wait(self, key: str, rate: Rate) -> float:
        wait = self._wait(keys=[f"django_patreon:{key}"], args=[rate.slack, MOST_AHEAD])
        return float(wait) / 1e6

    def push(self, key: str, rate: Rate, seconds: float) -> None:
        until = int(seconds * 1e6) + rate.slack
        self._push(keys=[f"django_patreon:{key}"], args=[until])
