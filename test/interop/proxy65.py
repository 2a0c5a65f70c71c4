"""A file goes from one slixmpp client to another through the server's proxy for bytestreams. Reads the scene as JSON.

Prints one JSON object a line: a check (what, and the problem or null), or what happens (event) for those who watch the server.
"""

import asyncio
import hashlib
import json
import logging
import os
import sys

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout

SCENE = json.load(sys.stdin)
logging.basicConfig(filename=SCENE["log"], level=logging.INFO)
LIMIT = 20
CHUNK = 65536


class Person(ClientXMPP):
    def __init__(self, account):
        super().__init__(f"{account['jid']}/x", account["password"])
        self.auto_authorize = None
        self.auto_subscribe = False
        self.ca_certs = SCENE["certificate"]
        self.register_plugin("xep_0065", {"auto_accept": True})
        self.started = asyncio.Event()
        self.accepted = asyncio.get_event_loop().create_future()
        self.closed = asyncio.Event()
        self.digest = hashlib.sha256()
        self.bytes = 0
        self.add_event_handler("session_start", lambda _: self.started.set())
        self.add_event_handler("socks5_stream", lambda stream: self.accepted.done() or self.accepted.set_result(stream))
        self.add_event_handler("socks5_data", self.received)
        self.add_event_handler("socks5_closed", lambda _: self.closed.set())

    def received(self, data):
        self.digest.update(data)
        self.bytes += len(data)

    async def login(self):
        self.connect((SCENE["address"], SCENE["ports"]["c2s"]), force_starttls=True)
        await asyncio.wait_for(self.started.wait(), LIMIT)
        self.send_presence()


def tell(what, problem=None):
    print(json.dumps({"what": what, "problem": problem}), flush=True)


def event(name):
    print(json.dumps({"event": name}), flush=True)


async def step(what, coroutine):
    try:
        value = await coroutine
        tell(what)
        return value
    except Exception as error:
        tell(what, f"{type(error).__name__}: {error}")
        raise


async def together(*people):
    for person in people:
        await person.login()
    # Requests to a full JID pass between those who share presence.
    for one in people:
        for other in people:
            if one is not other:
                one.send_presence(pto=other.boundjid.full)
                await one["xep_0030"].get_info(SCENE["domain"])


async def send(juliet, romeo):
    stream = await asyncio.wait_for(juliet["xep_0065"].handshake(romeo.boundjid, sid="file"), LIMIT)
    assert stream is not None, "no connection to the proxy"
    block = os.urandom(CHUNK)
    digest = hashlib.sha256()
    event("begin")
    for index in range(SCENE["megabytes"] * 16):
        # Each block is another.
        data = index.to_bytes(8, "big") + block[8:]
        digest.update(data)
        await stream.write(data)
    stream.transport.write_eof()
    await asyncio.wait_for(romeo.closed.wait(), 120)
    event("end")
    assert romeo.bytes == SCENE["megabytes"] * 1024 * 1024, f"{romeo.bytes} bytes"
    assert romeo.digest.digest() == digest.digest(), "the checksums differ"


async def dial():
    return await asyncio.open_connection(SCENE["address"], SCENE["ports"]["proxy65"])


async def request(name):
    """A connection that asks for a hash; gives it with the code of the reply."""
    reader, writer = await dial()
    writer.write(b"\x05\x01\x00")
    assert await reader.readexactly(2) == b"\x05\x00"
    writer.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name.encode() + b"\x00\x00")
    reply = await reader.readexactly(7 + len(name))
    return reader, writer, reply[1]


async def ended(reader):
    assert await asyncio.wait_for(reader.read(), LIMIT) == b"", "bytes came"


async def third(juliet, romeo):
    stream = await juliet["xep_0065"].handshake(romeo.boundjid, sid="pair")
    name = juliet["xep_0065"]._get_dest_sha1("pair", juliet.boundjid, romeo.boundjid)
    reader, writer, reply = await request(name)
    assert reply == 2, f"reply {reply}"
    await ended(reader)
    writer.close()
    romeo.bytes = 0
    await stream.write(b"still here")
    while romeo.bytes < 10:
        await asyncio.sleep(0.01)
    stream.transport.close()


async def stranger_is_refused(stranger):
    for ask in (
        stranger["xep_0065"].get_network_address(SCENE["proxy"]),
        stranger["xep_0065"].activate(SCENE["proxy"], "file", "someone@" + SCENE["domain"]),
    ):
        try:
            await ask
            raise AssertionError("it was answered")
        except IqError as error:
            assert error.iq["error"]["condition"] == "forbidden", error.iq


async def never_activated():
    name = hashlib.sha1(b"nobody activates this").hexdigest()
    one, other = await request(name), await request(name)
    assert (one[2], other[2]) == (0, 0)
    await ended(one[0])
    await ended(other[0])


async def main():
    juliet, romeo, stranger = (Person(SCENE[name]) for name in ("juliet", "romeo", "stranger"))
    await step("three log in", together(juliet, romeo, stranger))
    proxies = await step("the proxy is found by service discovery", juliet["xep_0065"].discover_proxies())
    tell("it tells its address", None if SCENE["proxy"] in proxies else str(proxies))
    await step(f"{SCENE['megabytes']} MB arrive with an equal checksum", send(juliet, romeo))
    await step("a third connection to the hash is refused and closed", third(juliet, romeo))
    await step("an initiator who may not is refused", stranger_is_refused(stranger))
    await step("connections of a stream that nobody activates are closed", never_activated())
    for person in (juliet, romeo, stranger):
        person.disconnect()
        await person.disconnected


asyncio.get_event_loop().run_until_complete(main())
