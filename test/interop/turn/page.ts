// The script of the page that a browser opens: two peers in it that may meet at the relay only.
import { playPage } from '../page.ts';

/** A way to the relay and what to call it. */
export interface Way {
  readonly what: string;
  readonly urls: string;
  readonly username: string;
  readonly credential: string;
}

/** As much of WebRTC as is used here: the types of browsers are not those of Node. */
interface Channel {
  addEventListener(event: 'open', hear: () => void): void;
  addEventListener(event: 'message', hear: (event: { readonly data: string }) => void): void;
  send(text: string): void;
}
interface Description {
  readonly type: string;
  readonly sdp: string;
}
interface Connection {
  readonly iceGatheringState: string;
  readonly localDescription: Description | null;
  ondatachannel: (event: { readonly channel: Channel }) => void;
  onicecandidateerror: (event: { readonly errorCode: number; readonly errorText: string }) => void;
  onicegatheringstatechange: () => void;
  createDataChannel(name: string): Channel;
  setLocalDescription(): Promise<void>;
  setRemoteDescription(description: Description): Promise<void>;
  close(): void;
}
interface Browser {
  readonly RTCPeerConnection: new (options: unknown) => Connection;
}

const LIMIT = 20_000;
const TEXT = 'x'.repeat(10_000);

playPage(async (data, tell) => {
  for (const way of data as readonly Way[]) {
    try {
      await exchange(way);
      tell(way.what);
    } catch (error) {
      tell(way.what, String(error));
    }
  }
});

async function exchange({ credential, urls, username }: Way): Promise<void> {
  const { RTCPeerConnection } = globalThis as unknown as Browser;
  const options = { iceServers: [{ urls, username, credential }], iceTransportPolicy: 'relay' };
  const juliet = new RTCPeerConnection(options);
  const romeo = new RTCPeerConnection(options);
  const problems: string[] = [];
  for (const one of [juliet, romeo])
    one.onicecandidateerror = ({ errorCode, errorText }) => void problems.push(`${errorCode} ${errorText}`);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`nothing came: ${problems.join('; ')}`)), LIMIT);
  const echoed = Promise.withResolvers<string>();
  romeo.ondatachannel = ({ channel }) => {
    channel.addEventListener('message', ({ data }) => channel.send(data));
  };
  const channel = juliet.createDataChannel('balcony');
  channel.addEventListener('message', ({ data }) => echoed.resolve(data));
  channel.addEventListener('open', () => channel.send(TEXT));
  try {
    await romeo.setRemoteDescription(await Promise.race([described(juliet), late.promise]));
    await juliet.setRemoteDescription(await Promise.race([described(romeo), late.promise]));
    const got = await Promise.race([echoed.promise, late.promise]);
    if (got !== TEXT) throw new Error(`${got.length} of ${TEXT.length} characters came`);
  } finally {
    clearTimeout(timer);
    juliet.close();
    romeo.close();
  }
}

/** The description once all candidates are in it: relayed ones, and no others. */
async function described(connection: Connection): Promise<Description> {
  const gathered = Promise.withResolvers<void>();
  connection.onicegatheringstatechange = () => {
    if (connection.iceGatheringState === 'complete') gathered.resolve();
  };
  await connection.setLocalDescription();
  await gathered.promise;
  const { localDescription } = connection;
  const candidates = (localDescription?.sdp ?? '').split('\r\n').filter((line) => line.startsWith('a=candidate'));
  if (localDescription === null || candidates.length === 0) throw new Error('no relay candidate was gathered');
  if (!candidates.every((line) => line.includes('typ relay'))) throw new Error(candidates.join('; '));
  return localDescription;
}
