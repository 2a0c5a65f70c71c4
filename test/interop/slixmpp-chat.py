"""Two accounts talk through slixmpp. Reads the scene as JSON, prints one JSON object a check: what, and the problem or null.

One file, though a long one: it runs isolated (-I), where Python imports no neighbours.
"""

import asyncio
import json
import logging
import sys
import time
from datetime import datetime
from xml.etree import ElementTree

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

LIMIT = 10
PLUGINS = ["xep_0012", "xep_0030", "xep_0049", "xep_0054", "xep_0077", "xep_0092", "xep_0184", "xep_0191", "xep_0198", "xep_0199",
           "xep_0202", "xep_0203", "xep_0280", "xep_0352"]
SCENE = json.load(sys.stdin)
logging.basicConfig(filename=SCENE["log"], level=logging.DEBUG)
DOMAIN = SCENE["domain"]
DIFFICULT = SCENE["difficult"]


class Abandoned(Exception):
    """The transcript cannot go on; the check that failed has been told."""


class Check:
    """A step of the transcript: it holds when its block does not raise."""

    def __init__(self, what, needed=False):
        self.what = what
        self.needed = needed

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, _):
        problem = None if error is None else f"{kind.__name__}: {error}"
        print(json.dumps({"what": self.what, "problem": problem}), flush=True)
        if error is not None and self.needed:
            raise Abandoned
        return isinstance(error, Exception)


class Person(ClientXMPP):
    """Somebody who is online, or was, with one resource."""

    def __init__(self, account, resource):
        super().__init__(f"{account['jid']}/{resource}", account["password"])
        self.account = account
        self.seen = []
        self.changed = asyncio.Event()
        # Every subscription is answered by the transcript.
        self.auto_authorize = None
        self.auto_subscribe = False
        self.ca_certs = SCENE["certificate"]
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        for kind in ("message", "presence"):
            self.register_handler(Callback(f"every {kind}", MatchXPath("{jabber:client}" + kind), self.happened(kind)))
        for event in ("session_start", "session_resumed", "sm_enabled", "failed_auth", "disconnected", "roster_update", "carbon_received",
                      "carbon_sent", "receipt_received"):
            self.add_event_handler(event, self.happened(event))

    def happened(self, kind):
        def handler(what):
            self.seen.append((kind, what))
            self.changed.set()
        return handler

    async def take(self, kind, matches=lambda what: True):
        """The first event that matches, before or after it happens."""
        async def search():
            while True:
                self.changed.clear()
                for index, (other, what) in enumerate(self.seen):
                    if other == kind and matches(what):
                        del self.seen[index]
                        return what
                await self.changed.wait()
        try:
            return await asyncio.wait_for(search(), LIMIT)
        except asyncio.TimeoutError:
            last = "\n".join(f"{kind} {what}" for kind, what in self.seen[-6:])
            raise AssertionError(f"{kind} did not come to {self.boundjid.full}; seen:\n{last}") from None

    def has(self, kind, matches):
        return any(other == kind and matches(what) for other, what in self.seen)

    def open(self, how):
        ports = SCENE["ports"]
        if how == "direct TLS":
            # By name, because that is what the certificate is checked against.
            self.use_ipv6 = False
            self.default_port = ports["tls"]
            self.connect((DOMAIN, ports["tls"]), use_ssl=True)
        else:
            self.connect((SCENE["address"], ports["c2s"]), force_starttls=how == "STARTTLS", disable_starttls=how == "no TLS")

    async def login(self, how):
        self.open(how)
        await self.take("session_start")
        await self.get_roster()
        self.send_presence()
        await self.presence(self.boundjid.full)

    async def logout(self):
        self.disconnect()
        await self.take("disconnected")

    def say(self, to, body):
        self.send_message(mto=to, mbody=body, mtype="chat")

    async def hear(self, body, sender):
        return await self.take("message", lambda message: message["body"] == body and message["from"].full == sender)

    async def presence(self, sender, kind="available"):
        return await self.take("presence", lambda seen: seen["from"].full == sender and presence_type(seen) == kind)

    async def roster_push(self, jid, matches):
        def holds(iq):
            item = iq["roster"]["items"].get(jid)
            return iq["type"] == "set" and item is not None and matches(item)
        await self.take("roster_update", holds)

    async def answers(self):
        """What was sent before has been handled."""
        await self["xep_0199"].send_ping(DOMAIN)


def presence_type(presence):
    return presence.xml.get("type", "available")


def recent(stamp):
    return abs(time.time() - stamp.timestamp()) < 60


async def refused(person):
    """Logs in and sees the first refusal; it goes on by itself with every other mechanism, until the server has enough."""
    person.open("STARTTLS")
    failure = await person.take("failed_auth")
    assert failure["condition"] == "not-authorized", failure


async def wrong_password(account):
    wrong = Person({**account, "password": "guess"}, "x")
    async with Check("a wrong password is refused"):
        await refused(wrong)
    await wrong.disconnect()


async def subscribe(juliet, romeo):
    hers, his = juliet.account["jid"], romeo.account["jid"]
    async with Check("juliet adds romeo with a name and groups"):
        await juliet.update_roster(his, name="Romeo & <co>", groups=["Friends", "Ball"])
        await juliet.roster_push(his, lambda item: item["name"] == "Romeo & <co>" and set(item["groups"]) == {"Friends", "Ball"})
    async with Check("romeo gets the request and accepts it"):
        juliet.send_presence_subscription(pto=his, ptype="subscribe")
        await romeo.presence(hers, "subscribe")
        romeo.send_presence_subscription(pto=hers, ptype="subscribed")
        await juliet.presence(his, "subscribed")
        await juliet.roster_push(his, lambda item: item["subscription"] == "to")
        await juliet.presence(romeo.boundjid.full)
    async with Check("the other way round"):
        romeo.send_presence_subscription(pto=hers, ptype="subscribe")
        await juliet.presence(his, "subscribe")
        juliet.send_presence_subscription(pto=his, ptype="subscribed")
        await romeo.presence(hers, "subscribed")
        await romeo.roster_push(hers, lambda item: item["subscription"] == "both")
        await romeo.presence(juliet.boundjid.full)
    async with Check("juliet renames romeo and moves him to another group"):
        await juliet.update_roster(his, name="My Romeo", groups=["Montagues"])
        await juliet.get_roster()
        item = juliet.client_roster[his]
        assert (item["name"], item["subscription"], item["groups"]) == ("My Romeo", "both", ["Montagues"]), item._state


async def chat(juliet, romeo):
    async with Check("juliet writes to romeo and gets his receipt"):
        message = juliet.make_message(mto=romeo.account["jid"], mbody="Wherefore art thou?", mtype="chat")
        message["request_receipt"] = True
        message["id"] = "receipt-1"
        message.send()
        heard = await romeo.hear("Wherefore art thou?", juliet.boundjid.full)
        assert heard["type"] == "chat" and heard["id"] == "receipt-1" and not heard["delay"].xml.get("stamp"), heard
        await juliet.take("receipt_received", lambda receipt: receipt["receipt"] == "receipt-1")
    async with Check("romeo answers"):
        romeo.say(juliet.boundjid.full, "Shall I speak at this?")
        await juliet.hear("Shall I speak at this?", romeo.boundjid.full)
    async with Check("markup, emoji and other scripts arrive as written"):
        juliet.say(romeo.boundjid.full, DIFFICULT)
        await romeo.hear(DIFFICULT, juliet.boundjid.full)


async def presence(juliet, romeo):
    async with Check("romeo sees juliet go away, with a status"):
        juliet.send_presence(pshow="xa", pstatus="On the balcony 🌙", ppriority=3)
        seen = await romeo.presence(juliet.boundjid.full)
        assert (seen["show"], seen["status"], seen["priority"]) == ("xa", "On the balcony 🌙", 3), seen
    async with Check("and come back"):
        juliet.send_presence()
        seen = await romeo.presence(juliet.boundjid.full)
        assert seen["show"] == "" and seen["status"] == "", seen


async def carbons(juliet, romeo):
    phone = Person(romeo.account, "phone")
    async with Check("romeo logs in a second time, without TLS", needed=True):
        await phone.login("no TLS")
    async with Check("the second gets copies of what the first gets and writes"):
        await phone["xep_0280"].enable()
        juliet.say(romeo.boundjid.full, "to the orchard")
        await romeo.hear("to the orchard", juliet.boundjid.full)
        await phone.take("carbon_received", lambda copy: copy["carbon_received"]["body"] == "to the orchard")
        romeo.say(juliet.boundjid.full, "from the orchard")
        await juliet.hear("from the orchard", romeo.boundjid.full)
        await phone.take("carbon_sent", lambda copy: copy["carbon_sent"]["body"] == "from the orchard")
    async with Check("juliet sees the second come and go"):
        await juliet.presence(phone.boundjid.full)
        await phone.logout()
        await juliet.presence(phone.boundjid.full, "unavailable")


async def resume(juliet, romeo):
    async with Check("a lost connection is resumed: nothing is lost, nobody sees her go"):
        before = juliet.boundjid.full
        juliet.transport.abort()
        await juliet.take("disconnected")
        romeo.say(before, "while the line was dead")
        await romeo.answers()
        juliet.open("STARTTLS")
        await juliet.take("session_resumed")
        await juliet.hear("while the line was dead", romeo.boundjid.full)
        juliet.say(romeo.boundjid.full, "here again")
        await romeo.hear("here again", before)
        assert not romeo.has("presence", lambda seen: seen["from"].full == before and presence_type(seen) == "unavailable")


async def queries(juliet, romeo):
    async with Check("ping: server, and romeo through the server"):
        await juliet["xep_0199"].send_ping(DOMAIN)
        await juliet["xep_0199"].send_ping(romeo.boundjid.full)
    async with Check("the server tells its version, time and uptime"):
        assert (await juliet["xep_0092"].get_version(DOMAIN))["software_version"]["name"]
        answer = await juliet["xep_0202"].get_entity_time(DOMAIN)
        # This version cannot read the field itself: it takes the time for one without its Z.
        assert recent(datetime.fromisoformat(answer.xml.find(".//{urn:xmpp:time}utc").text)), answer
        assert int((await juliet["xep_0012"].get_last_activity(DOMAIN))["last_activity"]["seconds"]) >= 0
    async with Check("the server tells its features and items"):
        info = (await juliet["xep_0030"].get_info(DOMAIN))["disco_info"]
        for feature in ("urn:xmpp:ping", "urn:xmpp:blocking", "urn:xmpp:carbons:2", "jabber:iq:register"):
            assert feature in info["features"], feature
        await juliet["xep_0030"].get_items(DOMAIN)
    async with Check("romeo reads the vCard that juliet published"):
        card = juliet["xep_0054"].make_vcard()
        card["FN"] = "Juliet <Capulet>"
        await juliet["xep_0054"].publish_vcard(card)
        seen = await romeo["xep_0054"].get_vcard(juliet.account["jid"])
        assert seen["vcard_temp"]["FN"] == "Juliet <Capulet>", seen
    async with Check("private storage gives back what it was given"):
        iq = juliet.make_iq_set(ElementTree.fromstring("<query xmlns='jabber:iq:private'><n xmlns='example:n'>poison?</n></query>"))
        await iq.send()
        iq = juliet.make_iq_get()
        iq.append(ElementTree.fromstring("<query xmlns='jabber:iq:private'><n xmlns='example:n'/></query>"))
        answer = await iq.send()
        assert answer.xml.find(".//{example:n}n").text == "poison?", answer
    async with Check("an unknown query is refused as service-unavailable"):
        iq = juliet.make_iq_get(ito=DOMAIN)
        iq.append(ElementTree.fromstring("<query xmlns='example:unknown'/>"))
        try:
            await iq.send()
            raise AssertionError("it was answered")
        except IqError as error:
            assert error.iq["error"]["condition"] == "service-unavailable", error.iq


async def blocking(juliet, romeo):
    his, her_resource = romeo.account["jid"], juliet.boundjid.full
    async with Check("romeo, blocked, sees juliet go offline and cannot write to her"):
        await juliet["xep_0191"].block([his])
        blocked = await juliet["xep_0191"].get_blocked()
        assert {str(jid) for jid in blocked["blocklist"]["items"]} == {his}, blocked
        await romeo.presence(her_resource, "unavailable")
        romeo.say(juliet.account["jid"], "please")
        error = await romeo.take("message", lambda message: message["type"] == "error")
        assert error["error"]["condition"] == "service-unavailable", error
    async with Check("unblocked, he sees her and writes again"):
        await juliet["xep_0191"].unblock([his])
        await romeo.presence(her_resource)
        romeo.say(her_resource, "thank you")
        await juliet.hear("thank you", romeo.boundjid.full)
        assert not juliet.has("message", lambda message: message["body"] == "please")


async def offline(juliet, romeo):
    password = "a new one ß"
    async with Check("juliet changes her password"):
        await juliet["xep_0077"].change_password(password, jid=DOMAIN)
    async with Check("romeo sees juliet go offline"):
        before = juliet.boundjid.full
        await juliet.logout()
        await romeo.presence(before, "unavailable")
    again = Person({**juliet.account, "password": password}, "chamber")
    async with Check("what he writes then waits for her next login, in order, with the time", needed=True):
        for body in ("good night", DIFFICULT):
            romeo.say(juliet.account["jid"], body)
        await romeo.answers()
        await again.login("direct TLS")
        heard = [await again.take("message") for _ in range(2)]
        assert [message["body"] for message in heard] == ["good night", DIFFICULT], heard
        assert all(recent(message["delay"]["stamp"]) for message in heard), heard
    await wrong_password(juliet.account)
    async with Check("juliet removes romeo: both rosters say so, he sees her go"):
        his, hers = romeo.account["jid"], juliet.account["jid"]
        assert again.client_roster[his]["name"] == "My Romeo"
        await again.del_roster_item(his)
        await again.roster_push(his, lambda item: item["subscription"] == "remove")
        await romeo.presence(hers, "unsubscribed")
        await romeo.roster_push(hers, lambda item: item["subscription"] == "none")
        await romeo.presence(again.boundjid.full, "unavailable")
    await again.logout()


async def registration(romeo):
    account = SCENE["nurse"]

    class Newcomer(Person):
        """Registers before it logs in, when the server says that it may."""

        def __init__(self, account, resource):
            super().__init__(account, resource)
            # This version keeps back all queries before the session starts, those of its own registration too.
            self._always_send_everything = True
            self.add_event_handler("register", self.fill)

        async def fill(self, form):
            assert {"username", "password"} <= set(form["register"]["fields"]), form
            iq = self.make_iq_set()
            iq["register"]["username"] = self.account["user"]
            iq["register"]["password"] = self.account["password"]
            try:
                await iq.send()
                self.happened("registered")(None)
            except IqError as error:
                self.happened("registered")(error.iq["error"]["condition"])

    newcomer = Newcomer(account, "kitchen")
    async with Check("the nurse registers herself and logs in"):
        await newcomer.login("STARTTLS")
        assert await newcomer.take("registered") is None
        romeo.say(account["jid"], "Nurse!")
        await newcomer.hear("Nurse!", romeo.boundjid.full)
    second = Newcomer({**account, "password": "other"}, "pantry")
    async with Check("nobody else can take her name"):
        await refused(second)
        assert await second.take("registered") == "conflict"
    await second.disconnect()
    async with Check("she removes her account, and cannot log in again"):
        iq = newcomer.make_iq_set()
        iq["register"]["remove"] = True
        iq.send()
        await newcomer.take("disconnected")
        again = Person(account, "kitchen")
        await refused(again)
        await again.disconnect()


async def main():
    juliet, romeo = Person(SCENE["juliet"], "balcony"), Person(SCENE["romeo"], "orchard")
    await wrong_password(SCENE["juliet"])
    async with Check("juliet logs in over STARTTLS, the certificate verified", needed=True):
        await juliet.login("STARTTLS")
    async with Check("romeo logs in over direct TLS", needed=True):
        await romeo.login("direct TLS")
    await subscribe(juliet, romeo)
    await chat(juliet, romeo)
    await presence(juliet, romeo)
    await carbons(juliet, romeo)
    await resume(juliet, romeo)
    await queries(juliet, romeo)
    await blocking(juliet, romeo)
    await offline(juliet, romeo)
    await registration(romeo)
    await romeo.logout()


try:
    asyncio.get_event_loop_policy().get_event_loop().run_until_complete(main())
except Abandoned:
    pass
