/**
 * Words in braces: text that a script's author would not want to compute.
 *
 *     {name}                                  what was received there
 *     {repeat 3000 x}                         x, three thousand times
 *     {base64 \0romeo\0secret}                \0 is the byte 0
 *     {scram SHA-256 romeo}                   the first message of SCRAM, with the GS2 header n,,
 *     {scram SHA-256 romeo p=tls-exporter,,}  with another one; y,,  or n,a=juliet@localhost,
 *     {scram SHA-256 romeo p=tls-exporter,, wrong}  bound to another channel
 *     {scram proof secret}                    the second, an answer to the text received last
 *     {scram server}                          what the server has to say then
 *     {hashed-token NONE romeo token}         the message of HT-SHA-256-NONE, with the token that was received as {token}
 */
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import type { ScriptClient } from './client.ts';
import type { Names } from './match.ts';
import { ScramClient } from './scram.ts';

const TYPES = new Map([
  ['EXPR', 'tls-exporter'],
  ['ENDP', 'tls-server-end-point'],
]);

/** Puts in what stands for the words in braces, the innermost first; others stay as they are. */
export function say(text: string, names: Names, client?: ScriptClient): string {
  const said = sayOnce(text, names, client);
  return said === text ? text : say(said, names, client);
}

function sayOnce(text: string, names: Names, client?: ScriptClient): string {
  return text.replaceAll(/\{([^{}]+)\}/g, (whole, inside: string) => {
    const known = names.get(inside);
    if (known !== undefined) return known;
    const [verb = '', ...words] = inside.split(' ');
    if (verb === 'repeat') return words.slice(1).join(' ').repeat(Number(words[0]));
    if (verb === 'base64') return Buffer.from(words.join(' ').replaceAll('\\0', '\0')).toString('base64');
    if (client === undefined) return whole;
    if (verb === 'scram') return scram(client, words);
    if (verb === 'hashed-token') return hashedToken(client, names, words);
    return whole;
  });
}

function scram(client: ScriptClient, [what = '', name = '', header = 'n,,', wrong]: readonly string[]): string {
  if (what === 'server') return encode(client.scram?.serverFinal ?? '');
  if (what === 'proof') {
    const challenge = Buffer.from(client.lastText, 'base64').toString();
    return encode(client.scram?.final(challenge, name) ?? '');
  }
  const type = /^p=([^,]*)/.exec(header)?.[1];
  client.scram = new ScramClient(
    what,
    name,
    header,
    type === undefined || wrong !== undefined ? Buffer.alloc(0) : client.binding(type),
  );
  return encode(client.scram.first());
}

/** `authcid NUL HMAC(token, "Initiator" || cb-data)`: draft-ietf-kitten-sasl-ht-00 section 3.1. */
function hashedToken(
  client: ScriptClient,
  names: Names,
  [kind = '', user = '', token = '']: readonly string[],
): string {
  const type = TYPES.get(kind);
  const hash = createHmac('sha256', names.get(token) ?? token).update('Initiator');
  if (type !== undefined) hash.update(client.binding(type));
  return Buffer.concat([Buffer.from(`${user}\0`), hash.digest()]).toString('base64');
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}
