"""A device written by somebody else, over gRPC.

Shares no code with the suite: it knows an address and a sign-in, asks the server's reflection
for the contract, enrols a device, streams ratings and reads the figures. Ends with a message
and exit code 1 when anything differs from what the contract promises.

Environment: MANYI_ADDRESS, MANYI_ORGANISATION, MANYI_LOGIN, MANYI_PASSWORD, MANYI_BRANCH,
MANYI_WINDOW, MANYI_TEMPLATE.
"""

import datetime
import os
import queue
import sys
import time
import uuid
from collections import Counter

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

BATCHES = 5
BATCH_SIZE = 50
REPEATED = 2
IN_FLIGHT = 2
CALL_S = 30
PATIENCE_S = 30


class Difference(Exception):
    """The suite did something else than it promises."""


def check(holds, text):
    if not holds:
        raise Difference(text)


class Contract:
    """Message classes and methods as the server describes them."""

    def __init__(self, channel):
        self.channel = channel
        database = ProtoReflectionDescriptorDatabase(channel)
        self.services = set(database.get_services())
        self.pool = descriptor_pool.DescriptorPool(database)

    def message(self, name, **fields):
        descriptor = self.pool.FindMessageTypeByName(name)
        return message_factory.GetMessageClass(descriptor)(**fields)

    def method(self, service, name):
        check(service in self.services, f"reflection does not list {service}")
        method = self.pool.FindServiceByName(service).FindMethodByName(name)
        asked = message_factory.GetMessageClass(method.input_type)
        answered = message_factory.GetMessageClass(method.output_type)
        streams = method.client_streaming and method.server_streaming
        make = self.channel.stream_stream if streams else self.channel.unary_unary
        call = make(
            f"/{service}/{name}",
            request_serializer=asked.SerializeToString,
            response_deserializer=answered.FromString,
        )
        return asked, call

    def call(self, service, name, token=None, **fields):
        asked, call = self.method(service, name)
        return call(asked(**fields), metadata=bearer(token), timeout=CALL_S)


def bearer(token):
    return [("authorization", f"Bearer {token}")] if token else []


def token_of_owner(contract):
    answer = contract.call(
        "manyi.auth.v1.TokenService",
        "CreateToken",
        grant_type="password",
        organisation=os.environ["MANYI_ORGANISATION"],
        username=os.environ["MANYI_LOGIN"],
        password=os.environ["MANYI_PASSWORD"],
    )
    check(answer.token_type == "Bearer", f"token type {answer.token_type!r}")
    return answer.access_token


def token_of_device(contract, client_id, client_secret):
    answer = contract.call(
        "manyi.auth.v1.TokenService",
        "CreateToken",
        grant_type="client_credentials",
        client_id=client_id,
        client_secret=client_secret,
    )
    check(answer.expires_in > 0, f"the token lives {answer.expires_in} s")
    return answer.access_token


def enrol(contract, owner):
    """Registers a device, uses its pairing code, and gives its name and its token."""
    created = contract.call(
        "manyi.device.v1.DeviceService",
        "CreateDevice",
        token=owner,
        device={
            "display_name": "Python 终端",
            "kind": "DEVICE_KIND_NETWORK_TERMINAL",
            "unit": os.environ["MANYI_WINDOW"],
        },
        request_id=str(uuid.uuid4()),
    )
    code = created.pairing_code.code
    enrolled = contract.call(
        "manyi.device.v1.DeviceService",
        "EnrollDevice",
        pairing_code=code,
        serial_number="PY-0001",
        firmware_version="1.0",
    )
    check(enrolled.device.name == created.device.name, "another device was enrolled")
    check(
        enrolled.template.name == os.environ["MANYI_TEMPLATE"],
        f"the device shall show {enrolled.template.name!r}",
    )
    refused(
        grpc.StatusCode.UNAUTHENTICATED,
        "a wrong secret",
        lambda: token_of_device(contract, enrolled.client_id, "wrong" + enrolled.client_secret),
    )
    try:
        contract.call("manyi.device.v1.DeviceService", "EnrollDevice", pairing_code=code)
        raise Difference("a pairing code worked twice")
    except grpc.RpcError:
        pass
    return created.device.name, token_of_device(
        contract, enrolled.client_id, enrolled.client_secret
    )


def refused(code, what, call):
    try:
        call()
    except grpc.RpcError as error:
        check(error.code() == code, f"{what}: {error.code()} instead of {code}")
        return
    raise Difference(f"{what}: accepted instead of {code}")


def batches(contract, grades):
    """What the device has in store. It was enrolled just now, so it cannot be older."""
    count = BATCHES * BATCH_SIZE
    stored = []
    for sequence in range(1, count + 1):
        grade = 1 + sequence * sequence % 5
        grades[grade] += 1
        rating = contract.message(
            "manyi.device.v1.RatingMessage",
            rating_id=str(uuid.uuid4()),
            epoch=1,
            sequence=sequence,
            grade=grade,
            response_ms=2500,
        )
        rating.device_time.GetCurrentTime()
        stored.append(rating)
    return [stored[at : at + BATCH_SIZE] for at in range(0, count, BATCH_SIZE)]


def upload(contract, device, token, stored):
    """Sends every batch, and one of them again, over one stream."""
    asked, call = contract.method("manyi.device.v1.RatingService", "UploadRatings")
    order = []
    for number in range(1, BATCHES + 1):
        order.append((number, False))
        if number == REPEATED:
            order.append((number, True))

    outgoing = queue.Queue()
    answers = call(iter(outgoing.get, None), metadata=bearer(token), timeout=2 * CALL_S)
    waiting = list(order)
    progress = {"sent": 0, "acknowledged": 0}

    def send():
        if waiting:
            number, _ = waiting.pop(0)
            outgoing.put(asked(ratings=stored[number - 1]))
            progress["sent"] = number * BATCH_SIZE
        else:
            outgoing.put(None)

    for _ in range(IN_FLIGHT):
        send()
    receipts = {}
    for number, again in order:
        answer = next(answers, None)
        check(answer is not None, f"the stream ended before batch {number} was answered")
        what = f"batch {number}{' again' if again else ''}"
        compare_results(what, again, stored[number - 1], answer)
        got = [result.receipt for result in answer.results]
        check(receipts.setdefault(number, got) == got, f"{what}: other receipts than before")
        compare_progress(what, device, number, answer, progress)
        send()
    check(next(answers, None) is None, "an answer more than there were batches")
    check(answers.code() == grpc.StatusCode.OK, f"the stream ended with {answers.code()}")
    every = [receipt for batch in receipts.values() for receipt in batch]
    check(len(set(every)) == BATCHES * BATCH_SIZE, "two ratings have one receipt")


def compare_results(what, again, sent, answer):
    check(len(answer.results) == len(sent), f"{what}: {len(answer.results)} results")
    for rating, result in zip(sent, answer.results):
        check(result.code == 0, f"{what}: {result}")
        check(result.rating_id == rating.rating_id, f"{what}: results in another order")
        check(result.receipt.startswith("ratings/"), f"{what}: receipt {result.receipt!r}")
        check(result.duplicate == again, f"{what}: duplicate is {result.duplicate}")


def compare_progress(what, device, number, answer, progress):
    """At least this batch is stored, perhaps one more that was on its way; never less than
    before, never with a gap."""
    check(len(answer.acknowledgements) == 1, f"{what}: acknowledged {answer.acknowledgements}")
    known = answer.acknowledgements[0]
    check((known.device, known.epoch) == (device, 1), f"{what}: acknowledged {known}")
    check(not known.missing, f"{what}: {list(known.missing)} are said to be missing")
    least = max(number * BATCH_SIZE, progress["acknowledged"])
    check(
        least <= known.contiguous_sequence <= progress["sent"],
        f"{what}: acknowledged up to {known.contiguous_sequence}, not {least}"
        f" to {progress['sent']}",
    )
    progress["acknowledged"] = known.contiguous_sequence


def read_figures(contract, owner, device_token, grades):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    day = datetime.timedelta(days=1)
    question = {
        "unit": os.environ["MANYI_BRANCH"],
        "from": str(today - day),
        "to": str(today + day),
        # Nobody was served at this window, so every rating carries a mark.
        "filter": {"include_distrusted": True},
    }
    service = "manyi.analytics.v1.FigureService"
    refused(
        grpc.StatusCode.PERMISSION_DENIED,
        "figures for a device",
        lambda: contract.call(service, "QueryFigures", token=device_token, **question),
    )
    expected = BATCHES * BATCH_SIZE
    until = time.monotonic() + PATIENCE_S
    while True:
        total = contract.call(service, "QueryFigures", token=owner, **question).total
        if total.n == expected or time.monotonic() > until:
            break
        time.sleep(0.1)
    check(total.n == expected, f"{total.n} ratings are counted instead of {expected}")
    counted = {row.grade: row.count for row in total.grades if row.count}
    check(counted == dict(grades), f"counted {counted} instead of {dict(grades)}")
    check(total.csat.denominator == expected, f"csat of {total.csat.denominator}")
    satisfied = grades[4] + grades[5]
    check(total.csat.numerator == satisfied, f"{total.csat.numerator} satisfied, not {satisfied}")


def main():
    address = os.environ["MANYI_ADDRESS"].removeprefix("http://")
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options=options) as channel:
        grpc.channel_ready_future(channel).result(timeout=CALL_S)
        contract = Contract(channel)
        print(f"{len(contract.services)} services by reflection")
        owner = token_of_owner(contract)
        device, token = enrol(contract, owner)
        print(f"enrolled {device}")
        grades = Counter()
        stored = batches(contract, grades)
        upload(contract, device, token, stored)
        print(f"{BATCHES} batches and a repeat are acknowledged")
        read_figures(contract, owner, token, grades)
        print(f"{BATCHES * BATCH_SIZE} ratings are counted")


if __name__ == "__main__":
    try:
        main()
    except Difference as difference:
        sys.exit(f"client.py: {difference}")
    except grpc.RpcError as error:
        sys.exit(f"client.py: a call failed with {error.code()}: {error.details()}")
