// The script of the page that a browser opens: phones of JsSIP and of SIP.js register over WebSocket and call each other.
import JsSIP, { type UA } from 'jssip';
import type { RTCSession } from 'jssip/lib/RTCSession.js';
import { Web } from 'sip.js';
import { playPage, type TellStep } from '../page.ts';

export interface Person {
  readonly user: string;
  readonly jid: string;
  readonly password: string;
}

export interface PageData {
  /** WebSocket, plain and over TLS. */
  readonly ws: string;
  readonly wss: string;
  readonly juliet: Person;
  readonly romeo: Person;
  readonly nurse: Person;
}

/** As much of an RTCPeerConnection as is asked here. */
interface Statistics {
  getStats(): Promise<ReadonlyMap<string, unknown>>;
}

const LIMIT = 15_000;
/** The tree of the page, as far as it is used here. */
interface Page {
  readonly document: { createElement(name: 'audio'): never };
}

const MEDIA = { audio: true, video: false };

/** Resolves when it is told to, rejects when it takes too long. */
function soon<T>(
  what: string,
  begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not come`)), LIMIT);
    begin(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

async function step(tell: TellStep, what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    tell(what);
  } catch (error) {
    tell(what, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

class JsSipPhone {
  readonly ua: UA;

  constructor(url: string, { jid, password, user }: Person) {
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)],
      uri: `sip:${jid}`,
      authorization_user: user,
      password,
      register: false,
      session_timers: true,
    });
  }

  async register(): Promise<void> {
    await soon('registered', (resolve, reject) => {
      this.ua.once('registered', () => resolve(undefined));
      this.ua.once('registrationFailed', ({ cause }) => reject(new Error(`registration failed: ${String(cause)}`)));
      this.ua.once('connected', () => this.ua.register());
      this.ua.start();
    });
  }

  /** The next call that comes in; it is answered. */
  answer(): Promise<RTCSession> {
    return soon('a call', (resolve) => {
      this.ua.once('newRTCSession', ({ originator, session }: { originator: string; session: RTCSession }) => {
        if (originator !== 'remote') return;
        session.answer({ mediaConstraints: MEDIA });
        resolve(session);
      });
    });
  }

  async call(to: Person): Promise<RTCSession> {
    let session: RTCSession | undefined;
    await soon('the call is taken', (resolve, reject) => {
      session = this.ua.call(`sip:${to.jid}`, {
        mediaConstraints: MEDIA,
        eventHandlers: {
          confirmed: () => resolve(undefined),
          failed: ({ cause }: { cause: string }) => reject(new Error(`the call failed: ${cause}`)),
        },
      });
    });
    if (session === undefined) throw new Error('no session');
    return session;
  }

  async say(to: Person, text: string): Promise<number> {
    return await soon('an answer to MESSAGE', (resolve, reject) => {
      this.ua.sendMessage(`sip:${to.jid}`, text, {
        eventHandlers: {
          succeeded: ({ response }: { response: { status_code: number } }) => resolve(response.status_code),
          failed: ({ cause }: { cause?: string }) => reject(new Error(`MESSAGE failed: ${cause}`)),
        },
      });
    });
  }

  hear(): Promise<string> {
    return soon('a message', (resolve) => {
      this.ua.once('newMessage', ({ request }: { request: { body?: string } }) => resolve(request.body ?? ''));
    });
  }

  ended(session: RTCSession): Promise<void> {
    return soon('the end of the call', (resolve) => session.once('ended', () => resolve(undefined)));
  }
}

/** Waits until sound of the other one has come in. */
async function hears(session: RTCSession): Promise<void> {
  const connection = session.connection as unknown as Statistics;
  const end = Date.now() + LIMIT;
  while (Date.now() < end) {
    const reports = [...(await connection.getStats()).values()] as { type: string; bytesReceived?: number }[];
    if (reports.some(({ bytesReceived = 0, type }) => type === 'inbound-rtp' && bytesReceived > 4000)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('no sound came');
}

async function jsSipCalls(tell: TellStep, data: PageData): Promise<void> {
  const juliet = new JsSipPhone(data.ws, data.juliet);
  const romeo = new JsSipPhone(data.wss, data.romeo);
  await step(tell, 'JsSIP registers over ws', () => juliet.register());
  await step(tell, 'JsSIP registers over wss', () => romeo.register());
  await step(tell, 'JsSIP calls JsSIP: answered, sound both ways, hold, resume, hung up by the callee', async () => {
    const taken = romeo.answer();
    const calling = await juliet.call(data.romeo);
    const called = await taken;
    await Promise.all([hears(calling), hears(called)]);
    await soon('hold', (resolve) => {
      called.once('hold', () => resolve(undefined));
      calling.hold();
    });
    await soon('resume', (resolve) => {
      called.once('unhold', () => resolve(undefined));
      // Not before the transaction that put it on hold is over.
      const again = setInterval(() => calling.unhold() && clearInterval(again), 50);
    });
    const over = juliet.ended(calling);
    called.terminate();
    await over;
  });
  await step(tell, 'JsSIP: a call is given up while it rings', async () => {
    const given = soon('CANCEL', (resolve) => {
      romeo.ua.once('newRTCSession', ({ session }: { session: RTCSession }) => {
        session.once('failed', ({ cause }: { cause: string }) => resolve(cause));
      });
    });
    await soon('ringing', (resolve) => {
      const session = juliet.ua.call(`sip:${data.romeo.jid}`, { mediaConstraints: MEDIA });
      session.once('progress', () => {
        resolve(undefined);
        session.terminate();
      });
    });
    if ((await given) !== 'Canceled') throw new Error(`it ended by ${String(await given)}`);
  });
  await step(tell, 'JsSIP: MESSAGE to the other one is answered 200 and arrives', async () => {
    const heard = romeo.hear();
    const status = await juliet.say(data.romeo, 'wherefore art thou? été 日本 🙂');
    if (status !== 200) throw new Error(`answered ${status}`);
    const text = await heard;
    if (text !== 'wherefore art thou? été 日本 🙂') throw new Error(`heard ${text}`);
  });
  await sipJsCalls(tell, data, romeo);
  await step(tell, 'JsSIP unregisters', async () => {
    await soon('unregistered', (resolve) => {
      juliet.ua.once('unregistered', () => resolve(undefined));
      juliet.ua.unregister();
    });
    juliet.ua.stop();
    romeo.ua.stop();
  });
}

async function sipJsCalls(tell: TellStep, data: PageData, romeo: JsSipPhone): Promise<void> {
  const { document } = globalThis as unknown as Page;
  const audio = document.createElement('audio');
  const user = new Web.SimpleUser(data.ws, {
    aor: `sip:${data.nurse.jid}`,
    media: { constraints: MEDIA, remote: { audio } },
    userAgentOptions: {
      authorizationUsername: data.nurse.user,
      authorizationPassword: data.nurse.password,
      logLevel: 'error',
    },
  });
  await step(tell, 'SIP.js registers over ws', async () => {
    await user.connect();
    await soon('registered', (resolve) => {
      user.delegate = { onRegistered: () => resolve(undefined) };
      void user.register();
    });
  });
  await step(tell, 'SIP.js calls JsSIP: answered, and hung up by the caller', async () => {
    const taken = romeo.answer();
    const answered = soon('answered', (resolve) => {
      user.delegate = { onCallAnswered: () => resolve(undefined) };
    });
    await user.call(`sip:${data.romeo.jid}`);
    const called = await taken;
    await answered;
    await hears(called);
    const over = romeo.ended(called);
    await user.hangup();
    await over;
  });
  await step(tell, 'JsSIP calls SIP.js: answered, and hung up by the caller', async () => {
    const over = soon('hung up', (resolve) => {
      user.delegate = { onCallReceived: () => void user.answer(), onCallHangup: () => resolve(undefined) };
    });
    const calling = await romeo.call(data.nurse);
    await hears(calling);
    calling.terminate();
    await over;
  });
  await step(tell, 'SIP.js: MESSAGE both ways', async () => {
    const heard = romeo.hear();
    await user.message(`sip:${data.romeo.jid}`, 'a message of SIP.js');
    if ((await heard) !== 'a message of SIP.js') throw new Error(`heard ${await heard}`);
    const told = soon<string>('a message', (resolve) => {
      user.delegate = { onMessageReceived: (text) => resolve(text) };
    });
    await romeo.say(data.nurse, 'a message of JsSIP');
    if ((await told) !== 'a message of JsSIP') throw new Error(`heard ${await told}`);
  });
  await step(tell, 'SIP.js unregisters', async () => {
    await user.unregister();
    await user.disconnect();
  });
}

playPage((data, tell) => jsSipCalls(tell, data as PageData));
