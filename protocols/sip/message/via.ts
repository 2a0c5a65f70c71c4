/** RFC 3261 section 20.42: Via, with `rport` (RFC 3581). */
import { parseIp } from '#src/address/ip.ts';
import { charSet, decimal, isSpace, Scanner, splitList } from '#protocols/sip/message/grammar.ts';
import { hostPort, parseHostPort } from '#protocols/sip/message/host.ts';
import { MAX_LIST } from '#protocols/sip/message/limits.ts';
import { Params } from '#protocols/sip/message/params.ts';

/** "the branch parameter … MUST always begin with the characters 'z9hG4bK'" (RFC 3261 section 8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK';

const HOST_CHARS = charSet('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-[]:');

/** Immutable. */
export class Via {
  /** In upper case: `SIP/2.0`. */
  readonly protocol: string;
  /** In upper case: `UDP`, `TCP`, `TLS`, `WS`, `WSS`, `SCTP`, … */
  readonly transport: string;
  /** In lower case, an IPv6 reference with its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly params: Params;
  readonly #sent: string;

  private constructor(
    protocol: string,
    transport: string,
    sentBy: string,
    host: string,
    port: number | undefined,
    params: Params,
  ) {
    this.protocol = protocol;
    this.transport = transport;
    this.host = host;
    this.port = port;
    this.params = params;
    this.#sent = sentBy;
  }

  static make(fields: {
    readonly transport: string;
    readonly host: string;
    readonly port?: number | undefined;
    readonly branch: string;
    /** Ask for `rport` (RFC 3581 section 3). */
    readonly rport?: boolean;
  }): Via {
    const { transport, host, port, branch, rport = false } = fields;
    const params = Params.of([['branch', branch], ...(rport ? [['rport'] as const] : [])]);
    return new Via('SIP/2.0', transport.toUpperCase(), hostPort(host, port), host.toLowerCase(), port, params);
  }

  /** One via-parm: sent-protocol LWS sent-by *( SEMI via-params ). Undefined when it is malformed. */
  static parse(text: string): Via | undefined {
    const scanner = new Scanner(text);
    scanner.space();
    const name = scanner.token();
    const version = scanner.separator('/') ? scanner.token() : '';
    const transport = scanner.separator('/') ? scanner.token() : '';
    if (name === '' || version === '' || transport === '' || !isSpace(scanner.next)) return undefined;
    scanner.space();
    const sentBy = readSentBy(scanner);
    const sent = parseHostPort(sentBy);
    const params = sent && Params.read(scanner);
    scanner.space();
    if (sent === undefined || params === undefined || !scanner.done || !areValid(params)) return undefined;
    const protocol = `${name}/${version}`.toUpperCase();
    return new Via(protocol, transport.toUpperCase(), sentBy, sent.host, sent.port, params);
  }

  /** All elements of all Via values, topmost first; undefined when one is malformed or there are too many. */
  static parseList(values: readonly string[]): readonly Via[] | undefined {
    const list: Via[] = [];
    for (const value of values) {
      for (const element of splitList(value)) {
        const via = Via.parse(element);
        if (via === undefined || list.length >= MAX_LIST) return undefined;
        list.push(via);
      }
    }
    return list;
  }

  get branch(): string | undefined {
    return this.params.get('branch');
  }

  /**
   * Whether the branch identifies a transaction as RFC 3261 has it. "Z9HG4BK" in any case, since tokens are case-insensitive; alone it
   * identifies nothing, and RFC 2543's matching has to do (RFC 4475 section 3.2.1).
   */
  get hasCookie(): boolean {
    const branch = this.branch ?? '';
    if (branch.length <= MAGIC_COOKIE.length) return false;
    return branch.startsWith(MAGIC_COOKIE) || branch.toLowerCase().startsWith('z9hg4bk');
  }

  /** The address the request came from, without brackets. */
  get received(): string | undefined {
    const value = this.params.get('received');
    return value?.startsWith('[') ? value.slice(1, -1) : value;
  }

  /** The port that `rport` names; undefined when it is absent or has no value. */
  get rport(): number | undefined {
    return decimal(this.params.get('rport') ?? '', 65_535);
  }

  /** `rport` without a value: the client asks for its port (RFC 3581 section 3). */
  get wantsRport(): boolean {
    return this.params.get('rport') === '';
  }

  get maddr(): string | undefined {
    return this.params.get('maddr');
  }

  get ttl(): number | undefined {
    return decimal(this.params.get('ttl') ?? '', 255);
  }

  /** Host and port of sent-by, in lower case, as transactions are matched by it (RFC 3261 section 17.2.3). */
  get sentBy(): string {
    return hostPort(this.host, this.port);
  }

  with(name: string, value?: string): Via {
    return this.withAll([[name, value]]);
  }

  /** With several parameters set. */
  withAll(entries: Iterable<readonly [name: string, value: string | undefined]>): Via {
    const params = this.params.withAll(entries);
    return new Via(this.protocol, this.transport, this.#sent, this.host, this.port, params);
  }

  toString(): string {
    return `${this.protocol}/${this.transport} ${this.#sent}${this.params.toString()}`;
  }
}

// host [ COLON port ], in which white space may stand around the colon.
function readSentBy(scanner: Scanner): string {
  let text = scanner.run(HOST_CHARS);
  const { at } = scanner;
  scanner.space();
  if (text.endsWith(':') || scanner.sees(':')) {
    if (!text.endsWith(':')) text += scanner.separator(':') ? ':' : '';
    text += scanner.run(HOST_CHARS);
  } else scanner.at = at;
  return text;
}

function areValid(params: Params): boolean {
  const ttl = params.get('ttl');
  const received = params.get('received');
  const rport = params.get('rport');
  if (ttl !== undefined && decimal(ttl, 255) === undefined) return false;
  // via-received = IPv4address / IPv6address; RFC 5118 section 4.5 has those with brackets accepted too.
  if (
    received !== undefined &&
    parseIp(received.startsWith('[') && received.endsWith(']') ? received.slice(1, -1) : received) === undefined
  )
    return false;
  if (rport !== undefined && rport !== '' && decimal(rport, 65_535) === undefined) return false;
  return params.get('branch') !== '';
}
