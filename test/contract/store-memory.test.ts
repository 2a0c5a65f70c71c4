import test from 'ava';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';
import { storeSuite } from './store.ts';

storeSuite(test, {
  name: 'memory',
  place: () => {
    const data = new MemoryData();
    return { open: (options) => openMemoryStore(options, data) };
  },
});
