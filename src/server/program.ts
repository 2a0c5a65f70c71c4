import { bridges } from '#bridges/index.ts';
import { frontEnds } from '#protocols/index.ts';
import type { FrontEnd } from '#src/plugin/front-end.ts';

/** What this program is made of, in the order in which it starts: the front ends, then the bridges between them. */
export const plugins: readonly FrontEnd[] = [...frontEnds, ...bridges];
