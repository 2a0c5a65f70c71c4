import type { Attribute } from '../attribute.ts';
import {
  algorithmSize,
  paddedSize,
  type PasswordAlgorithm,
  readAlgorithm,
  writeAlgorithm,
} from './password-algorithm.ts';

/** RFC 8489 section 14.11: the algorithms that the server takes, the preferred one first. */
export const passwordAlgorithms: Attribute<readonly PasswordAlgorithm[]> = {
  type: 0x8002,
  name: 'PASSWORD-ALGORITHMS',
  size: (list) =>
    list.reduce((sum, each, index) => sum + (index < list.length - 1 ? paddedSize(each) : algorithmSize(each)), 0),
  write(bytes, at, list) {
    let next = at;
    for (const [index, each] of list.entries()) {
      writeAlgorithm(bytes, next, each);
      const end = next + algorithmSize(each);
      next += paddedSize(each);
      if (index < list.length - 1) bytes.fill(0, end, next);
    }
  },
  read(bytes, start, end) {
    const list: PasswordAlgorithm[] = [];
    for (let at = start; at < end;) {
      const found = readAlgorithm(bytes, at, end);
      if (found === undefined) return undefined;
      list.push(found);
      at += paddedSize(found);
    }
    return list;
  },
};
