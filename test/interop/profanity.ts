import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Checks } from './checks.ts';
import { Person } from './profanity-person.ts';
import { DOMAIN, type Ports } from './server.ts';
import { type Account, account, DIFFICULT, type Scene, type Transcript } from './transcript.ts';

/** profanity 0.13 of Debian, as somebody sits before it: in a terminal, with its commands. */
export const profanity: Transcript = {
  name: 'profanity',
  protocol: 'xmpp',
  missing: () => {
    const absent = ['profanity', 'tmux'].filter((program) => spawnSync(program, ['-v']).error !== undefined);
    return absent.length === 0 ? undefined : `missing: apt-get install ${absent.join(' ')}`;
  },
  play,
};

const DIFFICULT_PARTING = `parting ${DIFFICULT}`;

async function play({ server, checks, directory }: Scene): Promise<void> {
  const [juliet, romeo] = [account('profanity', 'juliet'), account('profanity', 'romeo')];
  const { ports } = server;
  await server.register(juliet.user, juliet.password);
  await server.register(romeo.user, romeo.password);
  const open: Person[] = [];
  const sit = async (who: Account, resource: string): Promise<Person> => {
    const person = await Person.sit(directory, who, resource);
    open.push(person);
    return person;
  };
  try {
    const balcony = await sit(juliet, 'balcony');
    const orchard = await sit(romeo, 'orchard');
    await login(checks, ports, balcony, orchard);
    await subscribe(checks, balcony, orchard);
    await chat(checks, balcony, orchard);
    await presence(checks, balcony, orchard);
    await carbons(checks, ports, balcony, orchard, await sit(romeo, 'phone'));
    await queries(checks, balcony, orchard);
    await blocking(checks, balcony, orchard);
    await offline(checks, ports, balcony, orchard);
    await removal(checks, balcony, orchard);
    await registration(checks, ports, await sit(account('profanity', 'nurse'), 'kitchen'));
  } finally {
    for (const { terminal } of open) await terminal.close();
  }
}

async function login(checks: Checks, ports: Ports, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('a wrong password is refused', async () => {
    await juliet.connect(ports, 'STARTTLS', 'guess');
    await juliet.see('Login failed.');
  });
  await checks.need('juliet logs in over STARTTLS', async () => {
    await juliet.connect(ports, 'STARTTLS');
    await juliet.online();
  });
  await checks.need('romeo looks at the certificate, allows it, and logs in over direct TLS', async () => {
    await romeo.connect(ports, 'direct TLS');
    await romeo.terminal.see(
      /TLS certificate verification failed: self-signed certificate[^]*Common name +: localhost[^]*'\/tls allow'/,
    );
    await romeo.terminal.type('/tls allow');
    await romeo.online();
  });
}

async function subscribe(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  const [hers, his] = [juliet.account.jid, romeo.account.jid];
  await checks.step('juliet adds romeo and asks for his presence; he accepts', async () => {
    await juliet.command(`/roster add ${his} Romeo`, `/sub request ${his}`);
    await juliet.see(`Roster item added: ${his} (Romeo)`);
    await romeo.see(`Received authorization request from ${hers}`);
    await romeo.command(`/sub allow ${hers}`);
    await romeo.see(`Accepted subscription for ${hers}`);
    await juliet.see(`Subscription received from ${his}`);
    await juliet.see('++ Romeo (orchard) is online');
  });
  await checks.step('the other way round', async () => {
    await romeo.command(`/sub request ${hers}`);
    await juliet.see(`Received authorization request from ${his}`);
    await juliet.command(`/sub allow ${his}`);
    await romeo.see(`Subscription received from ${hers}`);
    await romeo.see(`++ ${hers} (balcony) is online`);
  });
  await checks.step('juliet renames romeo and puts him in a group', async () => {
    await juliet.command(`/roster nick ${his} "My Romeo"`, `/roster group add Montagues "My Romeo"`);
    await juliet.see('My Romeo added to group Montagues');
    await juliet.command('/roster');
    await juliet.see(`${his} (My Romeo) - both - Montagues`);
  });
}

async function chat(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('juliet writes to romeo', async () => {
    await juliet.terminal.type(`/msg ${romeo.account.jid} Wherefore art thou?`);
    await romeo.see(`<< chat message: ${juliet.jid} (win 2)`);
    await romeo.hear(juliet.jid, 'Wherefore art thou?');
  });
  await checks.step('romeo answers', async () => {
    await romeo.say('Shall I speak at this?');
    await juliet.hear('My Romeo/orchard', 'Shall I speak at this?');
  });
  await checks.step('markup, emoji and other scripts arrive as written', async () => {
    await juliet.say(DIFFICULT);
    await romeo.hear(juliet.jid, DIFFICULT);
  });
}

async function presence(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('romeo sees juliet go away, with a status, and come back', async () => {
    await romeo.command();
    await juliet.command('/status set away "On the balcony 🌙"');
    await romeo.see(`++ ${juliet.account.jid} (balcony) is away, "On the balcony 🌙"`);
    await juliet.command('/status set online');
    await romeo.see(`++ ${juliet.account.jid} (balcony) is online`);
  });
}

async function carbons(checks: Checks, ports: Ports, juliet: Person, romeo: Person, phone: Person): Promise<void> {
  await checks.step('romeo logs in a second time, without TLS; juliet and his first resource see it', async () => {
    await phone.terminal.type('/carbons on');
    await phone.connect(ports, 'no TLS');
    await phone.online();
    await juliet.see('++ My Romeo (phone) is online');
  });
  await checks.step('the second shows what the first gets and writes', async () => {
    await romeo.say('from the orchard');
    await phone.hear('me', 'from the orchard');
    await juliet.hear('My Romeo/orchard', 'from the orchard');
    await juliet.say('to both');
    await romeo.hear(juliet.jid, 'to both');
    await phone.hear(juliet.jid, 'to both');
  });
  await checks.step('juliet sees the second go', async () => {
    await phone.terminal.type('/quit');
    await juliet.see('-- My Romeo (phone) is offline');
  });
}

async function queries(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('ping: server, and romeo through the server', async () => {
    await juliet.command('/ping', `/ping ${romeo.jid}`);
    await juliet.see('Ping response from');
    await juliet.see(`Ping response from ${romeo.jid}`);
  });
  await checks.step('the server tells its name, uptime and features', async () => {
    await juliet.command(`/serversoftware ${DOMAIN}`, '/lastactivity get', '/disco info');
    await juliet.see('Name    :');
    await juliet.see(`${DOMAIN} up since`);
    for (const feature of ['urn:xmpp:carbons:2', 'urn:xmpp:ping', 'urn:xmpp:blocking']) await juliet.see(feature);
  });
  await checks.step('romeo tells the name of his client', async () => {
    await juliet.command(`/software ${romeo.jid}`);
    await juliet.see('Name    : Profanity');
  });
}

async function blocking(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('romeo, blocked, sees juliet go offline; unblocked, he sees her again', async () => {
    await romeo.command();
    await juliet.command(`/blocked add ${romeo.account.jid}`);
    await juliet.see(`User ${romeo.account.jid} successfully blocked.`);
    await romeo.see(`-- ${juliet.account.jid} (balcony) is offline`);
    await juliet.command(`/blocked remove ${romeo.account.jid}`);
    await juliet.see(`User ${romeo.account.jid} successfully unblocked.`);
    await romeo.see(`++ ${juliet.account.jid} (balcony) is online`);
  });
}

async function offline(checks: Checks, ports: Ports, juliet: Person, romeo: Person): Promise<void> {
  const password = 'a new one';
  await checks.step('juliet changes her password', async () => {
    await juliet.command('/changepassword');
    await juliet.terminal.see('Enter password:');
    await juliet.terminal.type(password);
    await juliet.terminal.see('Confirm password:');
    await juliet.terminal.type(password);
    await juliet.see('Password successfully changed.');
  });
  await checks.step('romeo sees juliet go offline', async () => {
    await romeo.command();
    await juliet.command('/disconnect');
    await romeo.see(`-- ${juliet.account.jid} (balcony) is offline`);
  });
  await checks.step('what he writes then waits for her next login', async () => {
    await romeo.say('good night');
    await romeo.say(DIFFICULT_PARTING);
    await juliet.connect(ports, 'STARTTLS', password);
    await juliet.see(`${juliet.jid} logged in successfully`);
    await juliet.hear('My Romeo/orchard', 'good night');
    await juliet.terminal.see(DIFFICULT_PARTING);
  });
}

async function removal(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('juliet removes romeo: her roster is empty, he sees her go', async () => {
    await romeo.command();
    await juliet.command(`/roster remove ${romeo.account.jid}`);
    await juliet.see(`Roster item removed: ${romeo.account.jid}`);
    await romeo.see(`-- ${juliet.account.jid} (balcony) is offline`);
    await romeo.command('/roster');
    await romeo.see(`${juliet.account.jid} - none`);
    await juliet.command('/roster');
    await juliet.terminal.see(/Roster: jid \(nick\) - subscription - groups\s+\[/);
  });
}

async function registration(checks: Checks, ports: Ports, nurse: Person): Promise<void> {
  const {
    terminal,
    account: { user, password },
  } = nurse;
  await checks.step('the nurse registers herself, and logs in', async () => {
    await terminal.type(`/register ${user} ${DOMAIN} port ${ports.c2s} tls trust`);
    for (const prompt of ['Enter password:', 'Confirm password:']) {
      await terminal.see(prompt);
      await terminal.type(password);
    }
    await terminal.see(/Registration successful/);
    await nurse.connect(ports, 'STARTTLS');
    await nurse.online();
    assert(nurse.jid.startsWith(user));
  });
}
