"""A person on slixmpp, led by JSON lines: reads what to do, prints what came. Reads the scene first, in one line."""

import asyncio
import json
import sys

from slixmpp import ClientXMPP
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

SCENE = json.loads(sys.stdin.readline())


def tell(**what):
    print(json.dumps(what), flush=True)


class Person(ClientXMPP):
    def __init__(self):
        super().__init__(f"{SCENE['jid']}/{SCENE['resource']}", SCENE["password"])
        self.ca_certs = SCENE["certificate"]
        self.auto_authorize = None
        self.auto_subscribe = False
        for plugin in ("xep_0030", "xep_0184", "xep_0191", "xep_0199", "xep_0280"):
            self.register_plugin(plugin)
        self["xep_0184"].auto_request = True
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("receipt_received", lambda seen: tell(event="receipt", sender=seen["from"].full))
        self.add_event_handler("carbon_received", lambda seen: tell(event="carbon", body=seen["carbon_received"]["body"]))
        self.add_event_handler("carbon_sent", lambda seen: tell(event="carbon", body=seen["carbon_sent"]["body"]))
        self.register_handler(Callback("messages", MatchXPath("{jabber:client}message"), self.message))
        self.register_handler(Callback("presences", MatchXPath("{jabber:client}presence"), self.presence))

    async def started(self, _):
        await self.get_roster()
        self.send_presence()
        await self["xep_0280"].enable()
        tell(event="online")

    def message(self, seen):
        tell(event="message", kind=seen["type"], sender=seen["from"].full, body=seen["body"])

    def presence(self, seen):
        tell(event="presence", sender=seen["from"].full, kind=seen.xml.get("type", "available"), status=seen["status"])

    async def do(self, order):
        if order["do"] == "say":
            self.send_message(mto=order["to"], mbody=order["body"], mtype="chat")
        elif order["do"] == "block":
            await self["xep_0191"].block([order["jid"]])
            tell(event="blocked")
        elif order["do"] == "unblock":
            await self["xep_0191"].unblock([order["jid"]])
            tell(event="unblocked")
        elif order["do"] == "presence":
            self.send_presence(pto=order.get("to"), ptype=order.get("kind"), pstatus=order.get("status"), pshow=order.get("show"))
        elif order["do"] == "ping":
            await self["xep_0199"].send_ping(SCENE["domain"])
            tell(event="pong")


async def main():
    person = Person()
    person.connect((SCENE["address"], SCENE["port"]), force_starttls=True)
    loop = asyncio.get_event_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await person.do(json.loads(line))
    person.disconnect()
    await asyncio.sleep(0.2)


asyncio.get_event_loop().run_until_complete(main())
