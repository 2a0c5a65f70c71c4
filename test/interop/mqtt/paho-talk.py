"""Clients of Eclipse Paho talk. Reads the scene as JSON, prints one JSON object a check: what, and the problem or null."""

import json
import queue
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

LIMIT = 10
SCENE = json.load(sys.stdin)


def same(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found!r}, not {expected!r}")


def properties(kind, **values):
    made = Properties(kind)
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Person:
    """A client in its own thread, and what happened to it."""

    def __init__(self, way, name, clean=True, expiry=0, password=None, will=None, client_id=None):
        self.way = way
        self.five = way["version"] == mqtt.MQTTv5
        self.connected = queue.Queue()
        self.heard = queue.Queue()
        self.granted = queue.Queue()
        self.dropped = queue.Queue()
        options = {} if self.five else {"clean_session": clean}
        own_id = f"{name}{way['name']}" if client_id is None else client_id
        self.client = mqtt.Client(own_id, protocol=way["version"], transport=way["transport"], **options)
        self.client.username_pw_set(SCENE["user"], SCENE["password"] if password is None else password)
        if way["tls"]:
            self.client.tls_set(ca_certs=SCENE["certificate"])
        if way["transport"] == "websockets":
            self.client.ws_set_options(path="/mqtt")
        if will is not None:
            self.client.will_set(*will)
        self.client.on_connect = lambda *args: self.connected.put(args[2:])
        self.client.on_message = lambda _client, _data, message: self.heard.put(message)
        self.client.on_subscribe = lambda *args: self.granted.put(args[3])
        self.client.on_unsubscribe = lambda *args: self.granted.put("unsubscribed")
        self.client.on_disconnect = lambda *args: self.dropped.put(args[2:])
        self.clean = clean
        self.expiry = expiry

    def start(self):
        options = {}
        if self.five:
            options = {"clean_start": self.clean, "properties": properties(PacketTypes.CONNECT, SessionExpiryInterval=self.expiry)}
        self.client.connect("localhost", self.way["port"], keepalive=60, **options)
        self.client.loop_start()
        return self.connected.get(timeout=LIMIT)

    def come(self):
        flags, code = self.start()[:2]
        same(int(getattr(code, "value", code)), 0, "answer")
        self.present = flags.get("session present")
        return self

    def subscribe(self, topic, qos=1, **more):
        self.client.subscribe(topic, qos, **more)
        return [int(getattr(code, "value", code)) for code in self.granted.get(timeout=LIMIT)]

    def publish(self, topic, payload, qos=1, retain=False, **more):
        info = self.client.publish(topic, payload, qos, retain, **more)
        info.wait_for_publish(LIMIT)
        if not info.is_published():
            raise AssertionError("the publish was not acknowledged")

    def hear(self, topic, payload):
        message = self.heard.get(timeout=LIMIT)
        same((message.topic, message.payload), (topic, payload if isinstance(payload, bytes) else payload.encode()), "message")
        return message

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self):
        self.client._sock_close()
        self.client.loop_stop()


def refused(way):
    person = Person(way, "x", password="guess")
    code = person.start()[1]
    code = int(getattr(code, "value", code))
    if code not in (4, 5, 134, 135):
        raise AssertionError(f"code {code}")
    person.client.loop_stop()


def levels(way):
    alice, bob = Person(way, "a").come(), Person(way, "b").come()
    for granted in range(3):
        topic = f"{way['topic']}/q{granted}"
        same(bob.subscribe(topic, granted), [granted], "granted")
        for qos in range(3):
            alice.publish(topic, f"at {qos}", qos)
            message = bob.hear(topic, f"at {qos}")
            same((message.qos, message.retain, message.dup), (min(qos, granted), False, False), "flags")
    for payload in (SCENE["difficult"], b"", bytes(range(256)), b"x" * 200_000):
        alice.publish(f"{way['topic']}/q2", payload, 2)
        bob.hear(f"{way['topic']}/q2", payload)
    alice.leave()
    bob.leave()


def burst(way):
    alice, bob = Person(way, "a").come(), Person(way, "b").come()
    topic = f"{way['topic']}/burst"
    bob.subscribe(topic, 2)
    for qos in (1, 2):
        for number in range(200):
            alice.client.publish(topic, str(number), qos)
        for number in range(200):
            bob.hear(topic, str(number))
    alice.leave()
    bob.leave()


def retained(way):
    alice, bob = Person(way, "a").come(), Person(way, "b").come()
    topic = f"{way['topic']}/state"
    alice.publish(topic, "on", retain=True)
    bob.subscribe(topic)
    same(bob.hear(topic, "on").retain, True, "retain")
    alice.publish(topic, "", retain=True)
    same(bob.hear(topic, "").retain, False, "retain")
    bob.client.unsubscribe(topic)
    bob.granted.get(timeout=LIMIT)
    bob.subscribe(topic)
    alice.publish(topic, "live")
    bob.hear(topic, "live")
    alice.leave()
    bob.leave()


def wills(way):
    watcher = Person(way, "w").come()
    watcher.subscribe(f"{way['topic']}/will/#")
    Person(way, "p", will=(f"{way['topic']}/will/polite", "gone", 1, False)).come().leave()
    Person(way, "r", will=(f"{way['topic']}/will/rude", "gone", 1, False)).come().vanish()
    watcher.hear(f"{way['topic']}/will/rude", "gone")
    watcher.leave()


def away(way):
    topic = f"{way['topic']}/letters"
    alice = Person(way, "a").come()
    bob = Person(way, "stay", clean=False, expiry=300).come()
    same(bool(bob.present), False, "session present")
    bob.subscribe(topic, 2)
    bob.leave()
    for number in range(5):
        alice.publish(topic, f"letter {number}", 1)
    again = Person(way, "stay", clean=False, expiry=300).come()
    if way["version"] != mqtt.MQTTv31:
        same(bool(again.present), True, "session present")
    for number in range(5):
        again.hear(topic, f"letter {number}")
    again.leave()
    Person(way, "stay").come().leave()
    alice.leave()


def takeover(way):
    first = Person(way, "same").come()
    first.client.reconnect_delay_set(60, 60)
    second = Person(way, "same").come()
    first.dropped.get(timeout=LIMIT)
    second.publish(way["topic"], "still here")
    threading.Thread(target=first.client.loop_stop, daemon=True).start()
    second.leave()


def message_properties(way):
    alice, bob = Person(way, "a").come(), Person(way, "b").come()
    topic = f"{way['topic']}/props"
    bob.subscribe(topic, options=None, properties=properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=300))
    sent = properties(
        PacketTypes.PUBLISH,
        PayloadFormatIndicator=1,
        MessageExpiryInterval=600,
        ContentType="text/plain",
        ResponseTopic=f"{topic}/answer",
        CorrelationData=b"\x00\x01\xff",
        UserProperty=[("z", "1"), ("a", "2"), ("z", "1")],
    )
    alice.publish(topic, "with", properties=sent)
    got = bob.hear(topic, "with").properties
    same(
        (got.PayloadFormatIndicator, got.ContentType, got.ResponseTopic, got.CorrelationData, got.UserProperty, got.SubscriptionIdentifier),
        (1, "text/plain", f"{topic}/answer", b"\x00\x01\xff", [("z", "1"), ("a", "2"), ("z", "1")], [300]),
        "properties",
    )
    if not 590 <= got.MessageExpiryInterval <= 600:
        raise AssertionError(f"expiry {got.MessageExpiryInterval}")
    alice.leave()
    bob.leave()


def options(way):
    alice, bob = Person(way, "a").come(), Person(way, "b").come()
    topic = f"{way['topic']}/options"
    alice.publish(topic, "old", retain=True)
    bob.client.subscribe(topic, options=SubscribeOptions(1, noLocal=True, retainAsPublished=True, retainHandling=2))
    bob.granted.get(timeout=LIMIT)
    bob.publish(topic, "own")
    alice.publish(topic, "new", retain=True)
    same(bob.hear(topic, "new").retain, True, "retain")
    alice.publish(topic, "", retain=True)
    alice.leave()
    bob.leave()


def assigned(way):
    alice = Person(way, "a").come()
    alice.publish(f"{way['topic']}/nobody", "x")
    nameless = Person(way, "", client_id="")
    answer = nameless.start()
    if not answer[2].AssignedClientIdentifier:
        raise AssertionError("no client id assigned")
    nameless.leave()
    alice.leave()


CHECKS = [
    ("a wrong password is refused", refused, 3),
    ("messages of any content come at every QoS", levels, 3),
    ("200 messages at once come in order at QoS 1 and 2", burst, 3),
    ("retained messages, until they are cleared", retained, 3),
    ("the will of who vanishes is published, that of who leaves is not", wills, 3),
    ("a session waits for its client with its messages", away, 3),
    ("a second connection takes the place of the first", takeover, 3),
    ("properties arrive unaltered and in order", message_properties, 5),
    ("No Local, Retain As Published, Retain Handling", options, 5),
    ("a client without an id is given one", assigned, 5),
]

VERSIONS = [("3.1", mqtt.MQTTv31), ("3.1.1", mqtt.MQTTv311), ("5", mqtt.MQTTv5)]
PORTS = SCENE["ports"]
TRANSPORTS = [
    ("TCP", "tcp", False, PORTS["mqtt"]),
    ("TLS", "tcp", True, PORTS["mqtts"]),
    ("WebSocket", "websockets", False, PORTS["ws"]),
    ("WebSocket and TLS", "websockets", True, PORTS["wss"]),
]

for version_name, version in VERSIONS:
    for transport_name, transport, tls, port in TRANSPORTS:
        if version == mqtt.MQTTv31 and transport_name != "TCP":
            continue
        name = f"py{version}{transport_name.replace(' ', '')}"
        way = {"version": version, "transport": transport, "tls": tls, "port": port, "name": name, "topic": f"paho/{name}"}
        for what, run, least in CHECKS:
            if version < least:
                continue
            problem = None
            try:
                run(way)
            except Exception as error:  # every failure is told, whatever it is
                problem = f"{type(error).__name__}: {error}"
            print(json.dumps({"what": f"{version_name} over {transport_name}: {what}", "problem": problem}), flush=True)
