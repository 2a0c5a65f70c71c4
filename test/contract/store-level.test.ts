import path from 'node:path';
import test from 'ava';
import { openLevelStore } from '#src/store/level.ts';
import { storeSuite } from './store.ts';

storeSuite(test, {
  name: 'level',
  place: (directory) => ({
    open: (options) => openLevelStore({ ...options, location: path.join(directory, 'data', 'store') }),
  }),
});
