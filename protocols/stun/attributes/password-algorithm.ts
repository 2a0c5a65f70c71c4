import { Buffer } from 'node:buffer';
import type { Attribute } from '../attribute.ts';

/** RFC 8489 section 18.5. */
export const passwordAlgorithmNumbers = { md5: 0x0001, sha256: 0x0002 } as const;

/** An algorithm with its parameters, which are empty for those that are known. */
export interface PasswordAlgorithm {
  readonly algorithm: number;
  readonly parameters: Buffer;
}

export const NO_PARAMETERS = Buffer.alloc(0);

/** RFC 8489 section 14.12: the algorithm that the client has chosen. */
export const passwordAlgorithm: Attribute<PasswordAlgorithm> = {
  type: 0x001d,
  name: 'PASSWORD-ALGORITHM',
  size: algorithmSize,
  write: writeAlgorithm,
  read(bytes, start, end) {
    const found = readAlgorithm(bytes, start, end);
    return found === undefined || start + paddedSize(found) < end ? undefined : found;
  },
};

export function algorithmSize({ parameters }: PasswordAlgorithm): number {
  return 4 + parameters.length;
}

/** Section 14.11: parameters are padded to 4 bytes, in the same manner as attributes. */
export const paddedSize = (value: PasswordAlgorithm): number => (algorithmSize(value) + 3) & ~3;

export function writeAlgorithm(bytes: Buffer, at: number, { algorithm, parameters }: PasswordAlgorithm): void {
  bytes.writeUInt16BE(algorithm, at);
  bytes.writeUInt16BE(parameters.length, at + 2);
  bytes.set(parameters, at + 4);
}

export function readAlgorithm(bytes: Buffer, start: number, end: number): PasswordAlgorithm | undefined {
  if (end - start < 4) return undefined;
  const stop = start + 4 + bytes.readUInt16BE(start + 2);
  if (stop > end) return undefined;
  return { algorithm: bytes.readUInt16BE(start), parameters: bytes.subarray(start + 4, stop) };
}
