import { RTCPeerConnection } from 'werift';
import { ADDRESS } from '../server.ts';
import { account, type Scene, type Transcript } from '../transcript.ts';

/** WebRTC in Node: two peers that may only meet at the relay. */
export const werift: Transcript = { name: 'werift', protocol: 'turn', missing: () => undefined, play };

const PATIENCE = 30_000;

async function play({ checks, server }: Scene): Promise<void> {
  const { user } = account('werift', 'juliet');
  const password = 'o-romeo';
  await server.register(user, password);
  await checks.step('a data channel through two relays over UDP', () =>
    exchange(user, password, `turn:${ADDRESS}:${server.ports.turn}?transport=udp`),
  );
  await checks.step('a data channel through two relays over TCP', () =>
    exchange(user, password, `turn:${ADDRESS}:${server.ports.turn}?transport=tcp`),
  );
}

async function exchange(username: string, credential: string, urls: string): Promise<void> {
  const make = () =>
    new RTCPeerConnection({ iceServers: [{ urls, username, credential }], iceTransportPolicy: 'relay' });
  const juliet = make();
  const romeo = make();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('nothing came through the relays')), PATIENCE);
  try {
    const heard = Promise.withResolvers<string>();
    const echoed = Promise.withResolvers<string>();
    const channel = juliet.createDataChannel('balcony');
    romeo.onDataChannel.subscribe((other) => {
      other.onMessage.subscribe((said) => {
        heard.resolve(said.toString());
        other.send(`echo of ${said.toString()}`);
      });
    });
    channel.onMessage.subscribe((said) => echoed.resolve(said.toString()));
    channel.stateChanged.subscribe((state) => state === 'open' && channel.send('wherefore'));
    await juliet.setLocalDescription(await juliet.createOffer());
    const offer = juliet.localDescription;
    if (offer === null || offer === undefined) throw new Error('no offer');
    checkCandidates(offer.sdp);
    await romeo.setRemoteDescription(offer);
    await romeo.setLocalDescription(await romeo.createAnswer());
    const answer = romeo.localDescription;
    if (answer === null || answer === undefined) throw new Error('no answer');
    checkCandidates(answer.sdp);
    await juliet.setRemoteDescription(answer);
    const got = await Promise.race([Promise.all([heard.promise, echoed.promise]), late.promise]);
    if (got.join() !== 'wherefore,echo of wherefore') throw new Error(got.join());
  } finally {
    clearTimeout(timer);
    await Promise.all([juliet.close(), romeo.close()]);
  }
}

/** Relay candidates, and nothing else. */
function checkCandidates(sdp: string): void {
  const candidates = sdp.split(/\r?\n/).filter((line) => line.startsWith('a=candidate'));
  if (candidates.length === 0 || !candidates.every((line) => line.includes('typ relay')))
    throw new Error(`candidates: ${candidates.join('\n')}`);
}
