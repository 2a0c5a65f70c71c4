import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { BoundListener } from '#src/net/listeners.ts';
import { type Datagrams, openUdp } from '#src/net/udp.ts';
import type { RelayCredentials } from '#src/plugin/relay-services.ts';
import type { Family, TransportAddress } from '#protocols/stun/address.ts';
import { data } from '#protocols/stun/attributes/data.ts';
import { errorCode } from '#protocols/stun/attributes/error-code.ts';
import { lifetime } from '#protocols/stun/attributes/lifetime.ts';
import { nonce } from '#protocols/stun/attributes/nonce.ts';
import { realm } from '#protocols/stun/attributes/realm.ts';
import { requestedAddressFamily } from '#protocols/stun/attributes/requested-address-family.ts';
import { requestedTransport } from '#protocols/stun/attributes/requested-transport.ts';
import { username } from '#protocols/stun/attributes/username.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { xorRelayedAddress } from '#protocols/stun/attributes/xor-relayed-address.ts';
import { integrityKey, longTermKey } from '#protocols/stun/integrity.ts';
import { Message } from '#protocols/stun/message.ts';
import { classes, methodName, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import type { TurnServer } from './server.ts';

const PATIENCE = 3000;
const UDP = 17;

/** What was found: each line of `wrong` is something to be mended. */
export interface Finding {
  readonly right: readonly string[];
  readonly wrong: readonly string[];
}

type Fill = (writer: Writer) => unknown;

/** A client as others are: over UDP, with time-limited credentials. */
class CheckClient implements AsyncDisposable {
  readonly #credentials: RelayCredentials;
  readonly #server: { readonly address: string; readonly port: number };
  #socket: Datagrams | undefined;
  #realm = '';
  #nonce = '';
  #told: ((message: Message) => boolean) | undefined;

  private constructor(credentials: RelayCredentials, server: { address: string; port: number }) {
    this.#credentials = credentials;
    this.#server = server;
  }

  static async open(credentials: RelayCredentials, server: { address: string; port: number }): Promise<CheckClient> {
    const client = new CheckClient(credentials, server);
    const onDatagram = (bytes: Buffer): void => {
      const message = Message.decode(bytes);
      if (message !== undefined && client.#told?.(message) === true) client.#told = undefined;
    };
    const address = server.address.includes(':') ? '::' : '0.0.0.0';
    client.#socket = await openUdp({ address, port: 0 }, () => ({ onDatagram }));
    return client;
  }

  /** @throws Error that says what went wrong */
  async request(method: number, fill: Fill): Promise<Message> {
    const first = await this.#exchange(method, fill);
    if (first.class === classes.success) return first;
    const challenge = first.get(nonce);
    if (challenge === undefined) throw new Error(refusal(first));
    this.#nonce = challenge;
    this.#realm = first.get(realm) ?? '';
    const second = await this.#exchange(method, fill);
    if (second.class !== classes.success) throw new Error(refusal(second));
    return second;
  }

  send(bytes: Buffer): void {
    this.#socket?.send(bytes, this.#server.port, this.#server.address);
  }

  /** Waits for a message. @throws Error when it does not come */
  async wait(what: string, wanted: (message: Message) => boolean): Promise<Message> {
    const { promise, reject, resolve } = Promise.withResolvers<Message>();
    this.#told = (message) => wanted(message) && (resolve(message), true);
    const timer = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async #exchange(method: number, fill: Fill): Promise<Message> {
    const writer = new Writer(method, classes.request, randomBytes(12));
    fill(writer);
    const { password, username: name } = this.#credentials;
    if (this.#nonce !== '') {
      writer.add(username, name).add(realm, this.#realm).add(nonce, this.#nonce);
      writer.integrity(integrityKey(longTermKey('md5', name, this.#realm, password)));
    }
    const { bytes } = writer;
    const answer = this.wait(
      `an answer to ${methodName(method)}`,
      ({ transactionId }) => transactionId.compare(bytes, 8, 20) === 0,
    );
    this.send(bytes);
    return await answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#nonce !== '')
      await this.request(methods.refresh, (writer) => writer.add(lifetime, 0)).catch(() => undefined);
    this.#socket?.close();
  }
}

function refusal(answer: Message): string {
  const { code, phrase } = answer.get(errorCode) ?? { code: 0, phrase: 'no reason' };
  return `${methodName(answer.method)} was refused: ${code} ${phrase}`;
}

/** Really relays a datagram between two allocations in each family, by the addresses that peers are told. */
export async function checkRelay(server: TurnServer, listeners: readonly BoundListener[]): Promise<Finding> {
  const right: string[] = [];
  const wrong: string[] = [...server.addresses.problems()];
  const listener = listeners.find(({ kind, transport }) => kind === 'turn' && transport === 'udp');
  if (listener?.boundPort === undefined) wrong.push('no listener of kind turn takes UDP');
  const address = listener === undefined ? '' : (WILDCARDS.get(listener.address) ?? listener.address);
  for (const family of [4, 6] as const) {
    if (listener?.boundPort === undefined || server.addresses.of(family) === undefined) continue;
    try {
      right.push(await relayOnce(server, { address, port: listener.boundPort }, family));
    } catch (error) {
      wrong.push(`IPv${family}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { right, wrong };
}

/** Where a client on this machine finds a listener on every address. */
const WILDCARDS: ReadonlyMap<string, string> = new Map([
  ['::', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
]);

async function relayOnce(
  { credentials }: TurnServer,
  at: { address: string; port: number },
  family: Family,
): Promise<string> {
  const minted = credentials.mint('turn-check', 60_000);
  await using from = await CheckClient.open(minted, at);
  await using to = await CheckClient.open(minted, at);
  const [here, there] = [await allocated(from, family), await allocated(to, family)];
  await from.request(methods.createPermission, (writer) => writer.add(xorPeerAddress, there));
  await to.request(methods.createPermission, (writer) => writer.add(xorPeerAddress, here));
  const payload = randomBytes(64);
  const come = to.wait(`a datagram from ${textOf(here)} to ${textOf(there)}`, (message) => {
    const peer = message.get(xorPeerAddress);
    return message.method === methods.data && peer?.port === here.port && message.get(data)?.equals(payload) === true;
  });
  const indication = new Writer(methods.send, classes.indication, randomBytes(12));
  from.send(indication.add(xorPeerAddress, there).add(data, payload).bytes);
  await come;
  return `relayed from ${textOf(here)} to ${textOf(there)}`;
}

async function allocated(client: CheckClient, family: Family): Promise<TransportAddress> {
  const answer = await client.request(methods.allocate, (writer) =>
    writer.add(requestedTransport, UDP).add(requestedAddressFamily, family),
  );
  const relayed = answer.get(xorRelayedAddress);
  if (relayed === undefined) throw new Error('Allocate told no relayed address');
  return relayed;
}

const textOf = ({ address, family, port }: TransportAddress): string =>
  family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
