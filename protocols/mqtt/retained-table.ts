import type { Table } from '#src/store/store.ts';
import type { Retained, RetainedTable } from './topics/retained.ts';

/** Where the retained messages of a host are in the store. */
export function storedRetained(table: Table<Retained>, domain: string): RetainedTable {
  return {
    put: (topic, retained) => void table.put([domain, topic], retained),
    delete: (topic) => void table.delete([domain, topic]),
    async *load() {
      for await (const [[, topic = ''], retained] of table.scan([domain])) yield [topic, retained] as const;
    },
  };
}
