"""Has schemathesis send what the OpenAPI document allows and what it does not, and judge every
answer by that document. It knows of the suite what stands in its environment:

MANYI_ADDRESS     the gateway
MANYI_TOKEN       who calls; without it, nobody
MANYI_NAMES       names of things that are there, such as units/u_…, as a JSON list
MANYI_FOREIGN     the same of another organisation's, of which no answer may tell
MANYI_DONE_MIN    operations that the caller must have got done at least once: one that is
                  refused everywhere finds little

Further arguments go to schemathesis."""

import collections
import json
import os
import pathlib
import re
import sys
import zlib

import schemathesis
from schemathesis.cli import schemathesis as program

NAME = re.compile(r"([A-Za-z]+)/[0-9A-Za-z_-]+")
SETTINGS = pathlib.Path(__file__).with_name("schemathesis.toml")
TOKEN = os.environ.get("MANYI_TOKEN")
FOREIGN = json.loads(os.environ["MANYI_FOREIGN"])
DONE_MIN = int(os.environ["MANYI_DONE_MIN"])

statuses = collections.Counter()
done = set()
# What is wrong beyond what schemathesis judges.
problems = []
# Names of the other organisation that this caller has put into something of its own.
taken = set()


def by_collection(names):
    known = {}
    for name in names:
        known.setdefault(name.rpartition("/")[0], []).append(name)
    return known


# Every third one is foreign: whoever asks for nothing of others is shown nothing of others.
OWN = json.loads(os.environ["MANYI_NAMES"])
KNOWN = by_collection(OWN + OWN + FOREIGN)
# Without the collection: where the names stand does not matter.
CANARIES = [name.rpartition("/")[2] for name in FOREIGN]


def one_of(names, turn):
    return names[turn // 2 % len(names)]


def known(value, turn):
    """The value with names of things that are there in place of made-up ones."""
    if isinstance(value, dict):
        return {key: known(inner, turn) for key, inner in value.items()}
    if isinstance(value, list):
        return [known(inner, turn) for inner in value]
    if isinstance(value, str) and (found := NAME.fullmatch(value)) and found[1] in KNOWN:
        return one_of(KNOWN[found[1]], turn)
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    """In every second request names are those of things that are there, or nothing would get
    further than to NOT_FOUND. Which one does not depend on when it is sent."""
    turn = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
    if turn % 2:
        return
    for collection, name in re.findall(r"([A-Za-z]+)/{(\w+)}", context.operation.path):
        if collection in KNOWN and name in case.path_parameters:
            case.path_parameters[name] = one_of(KNOWN[collection], turn).rpartition("/")[2]
    if isinstance(case.query, dict):
        for key, value in list(case.query.items()):
            case.query[key] = known(value, turn)
    if isinstance(case.body, (dict, list)):
        case.body = known(case.body, turn)
    # What a header says in place of a field may not contradict it.
    for header in ("Idempotency-Key", "If-Match"):
        case.headers.pop(header, None)


def needs_token(operation):
    """Whether the document says so of an operation: none of its ways to sign in is empty."""
    ways = operation.definition.raw.get("security", operation.schema.raw_schema["security"])
    return bool(ways) and all(ways)


def told_of(response):
    """What an answer tells of another organisation and has not from this caller."""
    body = repr(response.request.body)
    sent = response.request.url + body
    told = [name for name in CANARIES if name in response.text and name not in sent]
    told = [name for name in told if name not in taken]
    if response.status_code < 300:
        taken.update(name for name in CANARIES if name in body)
    return told


@schemathesis.hook
def after_call(context, case, response):
    label, status = context.operation.label, response.status_code
    statuses[status] += 1
    if status < 300:
        done.add(label)
    if status < 300 and TOKEN is None and needs_token(context.operation):
        problems.append(f"{label} is done without a token: {status}")
    if told := told_of(response):
        problems.append(f"{label} tells of another organisation: {told}")


def main():
    arguments = ["--config-file", str(SETTINGS), "run", os.environ["MANYI_ADDRESS"] + "/openapi.json"]
    if TOKEN is not None:
        arguments += ["--header", "Authorization: Bearer " + TOKEN]
    try:
        program(arguments + sys.argv[1:])
    except SystemExit as end:
        print("answers by status:", dict(sorted(statuses.items())))
        print(len(done), "operations were done")
        print(len(problems), "further problems", *sorted(set(problems)), sep="\n")
        # Nobody is refused for the lack of a token, and somebody is not.
        known = (statuses[401] > statuses[200]) == (TOKEN is None)
        sys.exit(end.code or int(len(done) < DONE_MIN or not known or bool(problems)))


if __name__ == "__main__":
    main()
