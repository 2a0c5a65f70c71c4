import { writeFileSync } from 'node:fs';

const RATE = 8000;
const SECONDS = 60;
const PITCH = 440;
const LOUDNESS = 9000;

/** Writes a WAV file with a tone: 16 bits, one channel, 8,000 samples a second, as G.711 carries it. */
export function writeTone(path: string): void {
  const samples = RATE * SECONDS;
  const file = Buffer.alloc(44 + samples * 2);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(36 + samples * 2, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(RATE * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(samples * 2, 40);
  for (let n = 0; n < samples; n++) {
    file.writeInt16LE(Math.round(LOUDNESS * Math.sin((2 * Math.PI * PITCH * n) / RATE)), 44 + n * 2);
  }
  writeFileSync(path, file);
}
