/**
 * Loaded before the server (`node --import`): a write to the disk takes up to SLOW_DISK milliseconds longer, some of it before it is made, the
 * rest before it is told. A fast disk hides what is acknowledged too early.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ClassicLevel } from 'classic-level';

type Write = (options?: object) => Promise<void>;

const most = Number(process.env['SLOW_DISK']);
const begin = Reflect.get(ClassicLevel.prototype, 'batch') as (this: ClassicLevel) => { write: Write };

function slowBatch(this: ClassicLevel): { write: Write } {
  const batch = begin.call(this);
  const write = batch.write.bind(batch);
  batch.write = async (options) => {
    const longer = Math.random() * most;
    const before = Math.random() * longer;
    await delay(before);
    await write(options);
    await delay(longer - before);
  };
  return batch;
}

Object.defineProperty(ClassicLevel.prototype, 'batch', { value: slowBatch });
