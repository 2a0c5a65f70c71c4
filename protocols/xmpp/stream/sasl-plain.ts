import { type Buffer, isUtf8 } from 'node:buffer';
import type { ClientStream } from '../links/client-stream.ts';
import { SECURED } from './feature.ts';
import { failure } from './sasl-failure.ts';
import { type SaslMechanism, type SaslStep, proven, simpleName } from './sasl-mechanism.ts';

export interface PlainMessage {
  readonly authzid: string | undefined;
  readonly authcid: string;
  readonly password: string;
}

/** RFC 7622 section 3: 1023 bytes a part, and a bare JID has two; nobody's password is longer than both. */
const NAME_BYTES = 2047;
const PASSWORD_BYTES = 1023;

/** `[authzid] NUL authcid NUL passwd`, RFC 4616 section 2; undefined when malformed. */
export function parsePlain(data: Buffer): PlainMessage | undefined {
  const first = data.indexOf(0);
  const second = first < 0 ? -1 : data.indexOf(0, first + 1);
  if (second < 0 || data.includes(0, second + 1) || !isUtf8(data)) return undefined;
  const passwordBytes = data.length - second - 1;
  const authcidBytes = second - first - 1;
  if (first > NAME_BYTES || authcidBytes < 1 || authcidBytes > NAME_BYTES) return undefined;
  if (passwordBytes < 1 || passwordBytes > PASSWORD_BYTES) return undefined;
  return {
    authzid: first === 0 ? undefined : data.toString('utf8', 0, first),
    authcid: data.toString('utf8', first + 1, second),
    password: data.toString('utf8', second + 1),
  };
}

/** The PLAIN mechanism: RFC 4616. The password is in the clear, so the connection must not be. */
export const plain: SaslMechanism = {
  name: 'PLAIN',

  /**
   * RFC 6120 section 13.8.3 has it over TLS only. A connection within one machine has no wire to listen on; whether that will do is
   * the operator's choice.
   */
  offered(stream: ClientStream): boolean {
    if (stream.has(SECURED)) return true;
    return stream.transport.loopback && stream.server.options.plainWithoutTls === 'loopback';
  },

  begin({ host, server }) {
    const domain = host?.host.domain ?? '';
    return {
      async step(data: Buffer): Promise<SaslStep> {
        const message = parsePlain(data);
        if (message === undefined) return failure('malformed-request');
        const { authcid, authzid, password } = message;
        const right = await server.accounts.checkPassword(domain, simpleName(domain, authcid), password);
        return right ? proven(domain, authcid, authzid) : failure('not-authorized');
      },
    };
  },
};
