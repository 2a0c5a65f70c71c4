/** The parts of \@xmpp/client, which has no types of its own, that its transcript uses. */
declare module '@xmpp/client' {
  import type { EventEmitter } from 'node:events';
  import type { Element } from 'ltx';

  export interface Jid {
    readonly resource: string;
    toString(): string;
  }

  export interface Client extends EventEmitter {
    readonly status: string;
    readonly jid: Jid | null;
    readonly socket: EventEmitter | null;
    readonly iqCaller: {
      request(iq: Element): Promise<Element>;
      get(child: Element, to?: string): Promise<Element | undefined>;
      set(child: Element, to?: string): Promise<Element | undefined>;
    };
    readonly reconnect: { delay: number; stop(): void; reconnect(): Promise<void> };
    readonly streamManagement: EventEmitter & { readonly enabled: boolean; readonly id: string };
    start(): Promise<Jid>;
    stop(): Promise<unknown>;
    send(element: Element): Promise<void>;
  }

  export interface Options {
    readonly service: string;
    readonly domain: string;
    readonly resource: string;
    readonly username: string;
    readonly password: string;
    readonly timeout?: number;
  }

  export function client(options: Options): Client;
  export function xml(
    name: string,
    attributes?: Readonly<Record<string, string | undefined>> | null,
    ...children: readonly (Element | string)[]
  ): Element;
}
