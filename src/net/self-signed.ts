import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import forge from 'node-forge';
import { parseIp } from '#src/address/ip.ts';
import { asciiHost } from './certificates.ts';

const { asn1 } = forge;
const { UNIVERSAL, CONTEXT_SPECIFIC } = asn1.Class;
type Node = forge.asn1.Asn1;

/** A context-specific type is any number; the library types the universal ones. */
const create: (tagClass: number, type: number, constructed: boolean, value: string | Node[]) => Node = asn1.create;

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  subjectAltName: '2.5.29.17',
} as const;

/** Choices of GeneralName (section 4.2.1.6). */
const DNS_NAME = 2;
const IP_ADDRESS = 7;
const LOOPBACK = ['127.0.0.1', '::1'];
const YEARS = 10;

/**
 * A self-signed certificate (RFC 5280) with an ECDSA P-256 key for a host and the services below it. The key comes from node:crypto
 * and signs; node-forge, which knows no elliptic curves, writes the DER.
 * @param host a domain name in any script, or an IP address with or without brackets
 */
export function selfSigned(host: string, now: Date): { readonly certificate: string; readonly key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  // Upper bound of a common name: appendix A.1.
  const name = sequence(set(sequence(oid(OID.commonName), text(asciiHost(host).slice(0, 64)))));
  const until = new Date(now);
  until.setUTCFullYear(now.getUTCFullYear() + YEARS);
  const tbs = sequence(
    constructed(CONTEXT_SPECIFIC, 0, [integer('\x02')]),
    // Section 4.1.2.2: positive, at most 20 octets, unpredictable.
    integer(`\x01${randomBytes(15).toString('latin1')}`),
    algorithm,
    name,
    sequence(time(now), time(until)),
    name,
    asn1.fromDer(publicKey.toString('latin1')),
    constructed(CONTEXT_SPECIFIC, 3, [sequence(...extensions(host))]),
  );
  const signature = sign('sha256', Buffer.from(asn1.toDer(tbs).getBytes(), 'latin1'), createPrivateKey(privateKey));
  const whole = sequence(tbs, algorithm, bits(`\0${signature.toString('latin1')}`));
  const base64 = Buffer.from(asn1.toDer(whole).getBytes(), 'latin1').toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey,
  };
}

/** Writes `<host>.crt` and `<host>.key` into the directory, both for their owner only. A pair that is half written is never seen as a pair. */
export function writeSelfSigned(directory: string, host: string, now: Date): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { certificate, key } = selfSigned(host, now);
  const file = join(directory, asciiHost(host).replaceAll(/[^a-z0-9.-]/g, '_'));
  for (const [path, pem] of [
    [`${file}.key`, key],
    [`${file}.crt`, certificate],
  ] as const) {
    writeFileSync(`${path}.new`, pem, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

function extensions(host: string): readonly Node[] {
  return [
    extension(OID.basicConstraints, true, sequence()),
    // digitalSignature
    extension(OID.keyUsage, true, bits('\x07\x80')),
    // A server is the client of other servers.
    extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth), oid(OID.clientAuth))),
    extension(OID.subjectAltName, false, sequence(...alternativeNames(asciiHost(host)))),
  ];
}

function alternativeNames(host: string): readonly Node[] {
  if (parseIp(host) !== undefined) return [primitive(CONTEXT_SPECIFIC, IP_ADDRESS, addressBytes(host))];
  const names = [host, `*.${host}`].map((name) => primitive(CONTEXT_SPECIFIC, DNS_NAME, name));
  if (host !== 'localhost') return names;
  return [...names, ...LOOPBACK.map((address) => primitive(CONTEXT_SPECIFIC, IP_ADDRESS, addressBytes(address)))];
}

/** In network order. */
function addressBytes(address: string): string {
  const words = Uint32Array.from(parseIp(address)?.words ?? []);
  return [...words]
    .map((word) => String.fromCharCode(word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255))
    .join('');
}

function extension(id: string, critical: boolean, value: Node): Node {
  const flag = critical ? [primitive(UNIVERSAL, asn1.Type.BOOLEAN, '\xff')] : [];
  return sequence(oid(id), ...flag, primitive(UNIVERSAL, asn1.Type.OCTETSTRING, asn1.toDer(value).getBytes()));
}

function sequence(...parts: readonly Node[]): Node {
  return constructed(UNIVERSAL, asn1.Type.SEQUENCE, parts);
}

function set(part: Node): Node {
  return constructed(UNIVERSAL, asn1.Type.SET, [part]);
}

function constructed(tagClass: forge.asn1.Class, type: forge.asn1.Type | number, parts: readonly Node[]): Node {
  return create(tagClass, type, true, [...parts]);
}

function primitive(tagClass: forge.asn1.Class, type: forge.asn1.Type | number, value: string): Node {
  return create(tagClass, type, false, value);
}

function oid(id: string): Node {
  return primitive(UNIVERSAL, asn1.Type.OID, asn1.oidToDer(id).getBytes());
}

function integer(value: string): Node {
  return primitive(UNIVERSAL, asn1.Type.INTEGER, value);
}

function bits(value: string): Node {
  return primitive(UNIVERSAL, asn1.Type.BITSTRING, value);
}

function text(value: string): Node {
  return primitive(UNIVERSAL, asn1.Type.UTF8, Buffer.from(value).toString('latin1'));
}

/** Section 4.1.2.5: UTCTime through 2049. */
function time(date: Date): Node {
  const digits = date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  if (date.getUTCFullYear() < 2050) return primitive(UNIVERSAL, asn1.Type.UTCTIME, `${digits.slice(2)}Z`);
  return primitive(UNIVERSAL, asn1.Type.GENERALIZEDTIME, `${digits}Z`);
}
