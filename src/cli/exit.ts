/** Exit codes of the program, as ejabberd's control script has them. */
export const EXIT = { ok: 0, error: 1, usage: 2, unreachable: 3 } as const;
