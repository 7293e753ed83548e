"""How fast a campaign's members are read and written, beside other ways to do it.

`python -m benchmarks.sync [--members 10000] [--database sqlite|postgres|mariadb]` loads the same
pages in turns: with `sync_campaign`, with a raw floor (`json.loads`, then `executemany`, or `COPY`
on PostgreSQL, of members and their tiers), with Django's `bulk_create(update_conflicts=True)`, and
row by row with `update_or_create` (of the first page only). `sync_campaign` is then run again, when
nothing has changed. It alone reads and checks each value, and keeps events.

`python -m benchmarks.sync --memory 1000000` loads that many once and runs again, and says how much
resident memory each took above that of a process which has synced a campaign of two pages.

Pages come from memory, without sockets, and making them is not counted. Nothing passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

CAMPAIGN = "4410027"
PRICES = {"9100000": 0, "9100001": 300, "9100002": 500, "9100003": 1000}
PAGE = 1000
TRANSACTION = re.compile("BEGIN|COMMIT|SAVEPOINT|RELEASE|ROLLBACK")
ROWS = ("membershipevent", "membership_tiers", "membership", "syncpage", "syncrun", "tier")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.sync", description=__doc__)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--memory", type=int, metavar="MEMBERS")
    given = parser.parse_args()
    os.environ["TEST_DB"] = given.database
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django  # noqa: PLC0415  (after the environment is set)

    django.setup()
    from django.test.utils import setup_databases, teardown_databases  # noqa: PLC0415

    databases = setup_databases(verbosity=0, interactive=False)
    try:
        if given.memory:
            measure_memory(given.memory)
        else:
            measure(given.members, given.rounds, given.database)
    finally:
        teardown_databases(databases, verbosity=0)


# -- Patreon's pages


def page(number: int, members: int) -> bytes:
    """Return a page as Patreon sends it. The same number gives the same page."""
    first, last = number * PAGE, min((number + 1) * PAGE, members)
    cursor = str(number + 1) if last < members else None
    included = [tier(key) for key in PRICES]
    included += [
        {"attributes": {}, "id": str(30_000_000 + n), "type": "user"} for n in range(first, last)
    ]
    document = {
        "data": [member(n) for n in range(first, last)],
        "included": included,
        "meta": {"pagination": {"total": members, "cursors": {"next": cursor}}},
    }
    return json.dumps(document).encode()


def member(number: int) -> dict[str, Any]:
    key = [*PRICES][1 + number % 3]
    pays = number % 10 != 0
    cents = PRICES[key] if pays else 0
    address = f"https://www.patreon.com/api/oauth2/v2/user/{30_000_000 + number}"
    held = [key, "9100000"] if pays else ["9100000"]
    return {
        "attributes": {
            "campaign_lifetime_support_cents": 9 * PRICES[key],
            "currently_entitled_amount_cents": cents,
            "email": f"person-{number}@example.org",
            "full_name": f"Person Number {number}",
            "is_free_trial": False,
            "is_gifted": False,
            "last_charge_date": moment(2026, 10, number),
            "last_charge_status": "Paid",
            "next_charge_date": moment(2026, 11, number),
            "note": "",
            "patron_status": "active_patron" if pays else "former_patron",
            "pledge_cadence": 1,
            "pledge_relationship_start": moment(2020, 1, 40 * number),
            "will_pay_amount_cents": cents,
        },
        "id": str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128, version=4)),
        "relationships": {
            "campaign": {"data": {"id": CAMPAIGN, "type": "campaign"}},
            "currently_entitled_tiers": {"data": [{"id": each, "type": "tier"} for each in held]},
            "user": {
                "data": {"id": str(30_000_000 + number), "type": "user"},
                "links": {"related": address},
            },
        },
        "type": "member",
    }


def moment(year: int, month: int, number: int) -> str:
    at = datetime(year, month, 1, tzinfo=UTC) + timedelta(seconds=number)
    return f"{at:%Y-%m-%dT%H:%M:%S}.000+00:00"


def tier(key: str) -> dict[str, Any]:
    attributes = {"amount_cents": PRICES[key], "published": True, "title": key, "url": f"/{key}"}
    return {"attributes": attributes, "id": key, "type": "tier"}


def campaign_document() -> bytes:
    tiers = {"tiers": {"data": [{"id": key, "type": "tier"} for key in PRICES]}}
    data = {"attributes": {"name": "B"}, "id": CAMPAIGN, "relationships": tiers, "type": "campaign"}
    return json.dumps({"data": data, "included": [tier(key) for key in PRICES]}).encode()


class Pages:
    """The pages of a campaign. `seconds` is how long making them has taken."""

    def __init__(self, members: int) -> None:
        self.members, self.seconds = members, 0.0

    def __getitem__(self, number: int) -> bytes:
        started = time.perf_counter()
        made = page(number, self.members)
        self.seconds += time.perf_counter() - started
        return made

    def __iter__(self) -> Iterator[bytes]:
        for number in range((self.members + PAGE - 1) // PAGE):
            yield self[number]


@contextmanager
def patreon(pages: Pages) -> Iterator[None]:
    """Let requests to Patreon be answered from memory."""
    from io import BytesIO  # noqa: PLC0415

    import requests  # noqa: PLC0415
    from requests.adapters import BaseAdapter, HTTPAdapter  # noqa: PLC0415
    from urllib3 import HTTPResponse  # noqa: PLC0415

    from django_patreon.api import transport  # noqa: PLC0415

    class Memory(BaseAdapter):
        def send(self, request: Any, **_: Any) -> requests.Response:
            parts = urlsplit(request.url)
            if parts.path.endswith("/members"):
                cursor = parse_qs(parts.query).get("page[cursor]", ["0"])[0]
                body = pages[int(cursor)]
            else:
                body = campaign_document()
            raw = HTTPResponse(body=BytesIO(body), status=200, preload_content=False)
            return HTTPAdapter().build_response(request, raw)

        def close(self) -> None:
            pass

    session = transport._session()
    session.mount("https://www.patreon.com", Memory())
    try:
        yield
    finally:
        del session.adapters["https://www.patreon.com"]


# -- the site


def empty() -> None:
    from django.db import connection  # noqa: PLC0415

    from django_patreon.models import Campaign  # noqa: PLC0415

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            names = ", ".join(f"django_patreon_{each}" for each in ROWS)
            cursor.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        else:
            for each in ROWS:
                cursor.execute(f"DELETE FROM django_patreon_{each}")
    Campaign.objects.update(synced_at=None)


def a_campaign() -> Any:
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from django_patreon.models import Campaign, PatreonAccount  # noqa: PLC0415

    creator = PatreonAccount.objects.create(
        user=get_user_model().objects.create_user("creator"),
        patreon_id="1",
        access_token="access",
        refresh_token="refresh",
        token_expires_at=timezone.now() + timedelta(days=31),
        scopes=["campaigns", "campaigns.members"],
    )
    return Campaign.objects.create(
        patreon_id=CAMPAIGN, is_ours=True, creator=creator, fetched_at=timezone.now()
    )


def save_tiers() -> dict[str, int]:
    """Write the tiers, as all contenders but ours are given them. Return their keys."""
    from django.utils import timezone  # noqa: PLC0415

    from django_patreon.models import Tier  # noqa: PLC0415

    return {
        key: Tier.objects.create(
            patreon_id=key, campaign_id=CAMPAIGN, amount_cents=cents, fetched_at=timezone.now()
        ).pk
        for key, cents in PRICES.items()
    }


# -- the contenders


TEXTS = ("full_name", "note", "patron_status", "last_charge_status")
MOMENTS = ("last_charge_date", "next_charge_date", "pledge_relationship_start")
NUMBERS = (
    "campaign_lifetime_support_cents",
    "currently_entitled_amount_cents",
    "pledge_cadence",
    "will_pay_amount_cents",
)
FLAGS = ("is_free_trial", "is_gifted")
ATTRIBUTES = (*TEXTS, *MOMENTS, *NUMBERS, *FLAGS)


def held_by(item: dict[str, Any]) -> list[str]:
    return [each["id"] for each in item["relationships"]["currently_entitled_tiers"]["data"]]


def user_of(item: dict[str, Any]) -> str:
    return str(item["relationships"]["user"]["data"]["id"])


def floor(pages: Pages) -> None:
    """Parse, take the values as they are, and hand them to the driver; keys are our own."""
    from django.db import connection, transaction  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from django_patreon.models import Membership  # noqa: PLC0415

    tiers = save_tiers()
    blank = {each.attname: each.get_default() for each in Membership._meta.concrete_fields}
    columns = [*blank]
    key = 0
    for body in pages:
        members, held = [], []
        now = timezone.now().isoformat()
        for item in json.loads(body)["data"]:
            key += 1
            has = item["attributes"]
            own = {"id": key, "patreon_id": item["id"], "patreon_user_id": user_of(item)}
            own |= {"campaign_id": CAMPAIGN, "fetched_at": now}
            values = blank | own | {name: has[name] for name in ATTRIBUTES}
            members.append([*values.values()])
            held += [[key, tiers[each]] for each in held_by(item)]
        with transaction.atomic(), connection.cursor() as cursor:
            for table, names, rows in (
                ("membership", columns, members),
                ("membership_tiers", ("membership_id", "tier_id"), held),
            ):
                target = f"django_patreon_{table} ({', '.join(names)})"
                if connection.vendor == "postgresql":
                    with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                        for row in rows:
                            copy.write_row(row)
                else:
                    places = ", ".join(["%s"] * len(names))
                    cursor.executemany(f"INSERT INTO {target} VALUES ({places})", rows)


def read_values(item: dict[str, Any]) -> dict[str, Any]:
    from django.utils import timezone  # noqa: PLC0415
    from django.utils.dateparse import parse_datetime  # noqa: PLC0415

    values = {name: item["attributes"][name] for name in ATTRIBUTES}
    values |= {name: parse_datetime(values[name]) for name in MOMENTS}
    more = {"campaign_id": CAMPAIGN, "patreon_user_id": user_of(item), "fetched_at": timezone.now()}
    return values | more


def orm_bulk(pages: Pages) -> None:
    from django.db import transaction  # noqa: PLC0415

    from django_patreon.models import Membership  # noqa: PLC0415

    tiers = save_tiers()
    held = Membership.tiers.through
    for body in pages:
        items = json.loads(body)["data"]
        rows = [Membership(patreon_id=each["id"], **read_values(each)) for each in items]
        names = ["campaign_id", "patreon_user_id", "fetched_at", *ATTRIBUTES]
        with transaction.atomic():
            # MySQL takes no unique_fields.
            Membership.objects.bulk_create(
                rows, update_conflicts=True, update_fields=names, **unique_fields()
            )
            ids = [each["id"] for each in items]
            keys = dict(
                Membership.objects.filter(patreon_id__in=ids).values_list("patreon_id", "pk")
            )
            held.objects.filter(membership_id__in=keys.values()).delete()
            held.objects.bulk_create(
                held(membership_id=keys[each["id"]], tier_id=tiers[key])
                for each in items
                for key in held_by(each)
            )


def unique_fields() -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415

    return {} if connection.vendor == "mysql" else {"unique_fields": ["patreon_id"]}


def row_by_row(pages: Pages) -> None:
    from django_patreon.models import Membership  # noqa: PLC0415

    tiers = save_tiers()
    for body in pages:
        for each in json.loads(body)["data"]:
            row, _ = Membership.objects.update_or_create(
                patreon_id=each["id"], defaults=read_values(each)
            )
            row.tiers.set([tiers[key] for key in held_by(each)])


# -- measuring


def measure(members: int, rounds: int, database: str) -> None:
    from django.db import connection, reset_queries  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from django_patreon.sync import sync_campaign  # noqa: PLC0415

    campaign = a_campaign()

    def ours(pages: Pages) -> None:
        with patreon(pages):
            done = sync_campaign(campaign)
        assert done.complete, done.message
        assert done.seen == pages.members

    loads: dict[str, tuple[Callable[[Pages], None], int]] = {
        "floor": (floor, members),
        "ours, first load": (ours, members),
        "ORM in bulk": (orm_bulk, members),
        "row by row": (row_by_row, min(members, 500)),
    }
    times: dict[str, list[float]] = {name: [] for name in (*loads, "ours, again")}
    statements: dict[str, float] = {}

    def run(name: str, load: Callable[[Pages], None], size: int, turn: int) -> None:
        pages = Pages(size)
        if turn == 0:  # for counting: it takes longer
            reset_queries()
            with CaptureQueriesContext(connection) as asked:
                load(pages)
            count = sum(not TRANSACTION.match(each["sql"]) for each in asked.captured_queries)
            statements[name] = count * PAGE / size
            return
        started = time.perf_counter()
        load(pages)
        seconds = time.perf_counter() - started - pages.seconds
        times[name].append(seconds / size)

    for turn in range(rounds + 1):
        # In another order each time: what one finds in the machine's caches is the last's.
        for name, (load, size) in random.sample([*loads.items()], len(loads)):
            empty()
            campaign.refresh_from_db()
            run(name, load, size, turn)
            if load is ours:
                run("ours, again", ours, size, turn)
    print(f"{members} members on {database:15} a second   ratio   statements per {PAGE}")
    for name, each in times.items():
        ratio = statistics.median(a / b for a, b in zip(each, times["floor"], strict=True))
        rate = 1 / statistics.median(each)
        print(f"  {name:32} {rate:12.0f} {ratio:7.2f} {statements[name]:12.1f}")


def measure_memory(members: int) -> None:
    from django_patreon.sync import sync_campaign  # noqa: PLC0415

    campaign = a_campaign()
    with patreon(Pages(2 * PAGE)):
        sync_campaign(campaign)
    empty()
    for name in ("first load", "again"):
        campaign.refresh_from_db()
        idle = resident("VmRSS")
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")  # forget the peak until now
        pages = Pages(members)
        started = time.perf_counter()
        with patreon(pages):
            done = sync_campaign(campaign)
        seconds = time.perf_counter() - started - pages.seconds
        assert done.complete, done.message
        print(
            f"{members} members, {name}: {resident('VmHWM') - idle:.1f} MB above idle"
            f" ({idle:.0f} MB); {members / seconds:.0f} a second"
        )


def resident(name: str) -> float:
    """Return the megabytes of resident memory: VmRSS now, VmHWM at the most."""
    with open("/proc/self/status") as status:
        [line] = [each for each in status if each.startswith(name)]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
