import type { Told } from './browser.ts';

// The side of a page: it gets its data from whoever opened it, and tells each step back.

async function tell(told: Told): Promise<void> {
  await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
}

export type TellStep = (what: string, problem?: string) => void;

/** Plays with the page's data; every step is told, and at last that it has ended. */
export function playPage(play: (data: unknown, tellStep: TellStep) => Promise<void>): void {
  const telling: Promise<void>[] = [];
  const tellStep: TellStep = (what, problem) => {
    telling.push(tell({ what, ...(problem === undefined ? {} : { problem }) }));
  };
  const main = async (): Promise<void> => {
    await play(await (await fetch('/data')).json(), tellStep);
    await Promise.all(telling);
  };
  main().then(
    () => tell({ what: 'ends', ended: true }),
    (error: unknown) => tell({ what: 'ends', ended: true, problem: String(error) }),
  );
}
