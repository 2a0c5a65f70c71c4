import test from 'ava';
import {
  compileAccess,
  type Access,
  type AccessContext,
  type AccessData,
  type AclData,
  type Subject,
} from '#src/accounts/access.ts';
import { matchGlob } from '#src/accounts/glob.ts';
import { accessData, accessSection, aclSection } from '#src/settings/access.ts';
import { parseIp, type IpAddress } from '#src/address/ip.ts';

const context: AccessContext = {
  isLocal: (domain) => domain === 'example.org' || domain === 'localhost',
  exists: (domain, local) => domain === 'example.org' && (local === 'romeo' || local === 'juliet'),
};

/** What the settings give when the file says nothing. */
const defaults = accessData(aclSection.schema.parse({}), accessSection.schema.parse({}));

function compile(data: Partial<AccessData>): Access {
  const result = compileAccess(
    { acl: { ...defaults.acl, ...data.acl }, access: { ...defaults.access, ...data.access } },
    context,
  );
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.access;
}

function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (address === undefined) throw new Error(text);
  return address;
}

const romeo: Subject = {
  local: 'romeo',
  domain: 'example.org',
  resource: 'orchard',
  address: ip('192.0.2.7'),
  protocol: 'xmpp',
  listener: 'c2s',
};
const foreign: Subject = { local: 'romeo', domain: 'evil.example', address: ip('2001:db8::1') };
const nobody: Subject = {};

const acls: readonly (readonly [acl: AclData, in_: readonly Subject[], out: readonly Subject[]])[] = [
  [{ all: true }, [romeo, foreign, nobody], []],
  [{ all: false }, [], [romeo, nobody]],
  [[], [], [romeo, nobody]],
  [{ user: 'romeo@example.org' }, [romeo], [foreign, nobody]],
  [{ user: 'romeo' }, [romeo], [foreign, nobody]],
  [{ user: ['tybalt', 'romeo'] }, [romeo], [foreign]],
  [{ user: 'romeo@example.or' }, [], [romeo]],
  [{ user: 'rome@oexample.org' }, [], [romeo]],
  [{ userGlob: 'r*' }, [romeo], [foreign, nobody]],
  [{ userGlob: 'r*@*.example' }, [foreign], [romeo]],
  [{ userGlob: '?????@example.*' }, [romeo], [foreign]],
  [{ server: ['example.org', 'x.example'] }, [romeo], [foreign, nobody]],
  [{ serverGlob: '*.example' }, [foreign], [romeo, nobody]],
  [{ resource: 'orchard' }, [romeo], [foreign]],
  [{ resourceGlob: 'or*d' }, [romeo], [foreign]],
  [{ ip: '192.0.2.0/24' }, [romeo], [foreign, nobody]],
  [{ ip: ['10.0.0.0/8', '2001:db8::/32'] }, [foreign], [romeo]],
  [
    { loopback: true },
    [{ address: ip('127.9.9.9') }, { address: ip('::1') }, { address: ip('::ffff:127.0.0.1') }],
    [romeo, nobody],
  ],
  [{ loopback: false }, [romeo, nobody], [{ address: ip('::1') }]],
  [{ registered: true }, [romeo], [foreign, nobody, { local: 'tybalt', domain: 'example.org' }]],
  [{ protocol: ['mqtt', 'xmpp'] }, [romeo], [foreign]],
  [{ listener: 'c2s' }, [romeo], [nobody]],
  [{ user: 'romeo', ip: '10.0.0.0/8' }, [{ ...romeo, address: ip('10.1.1.1') }], [romeo]],
  [[{ ip: '10.0.0.0/8' }, { user: 'romeo' }], [romeo, { address: ip('10.0.0.1') }], [foreign]],
];

for (const [acl, inside, outside] of acls) {
  test(`acl ${JSON.stringify(acl)}`, (t) => {
    const access = compile({ acl: { it: acl } });
    for (const subject of inside) t.true(access.matches('it', subject), JSON.stringify(subject));
    for (const subject of outside) t.false(access.matches('it', subject), JSON.stringify(subject));
  });
}

test('the first line that matches gives the answer, and none is a denial', (t) => {
  const access = compile({
    acl: { bad: { user: 'tybalt' }, near: { ip: '192.0.2.0/24' } },
    access: {
      c2s: [{ deny: 'bad' }, { allow: ['near', 'local'] }],
      speed: [
        { value: 'none', for: 'bad' },
        { value: 5000, for: 'near' },
        { value: 'infinite', for: 'loopback' },
      ],
    },
  });
  t.true(access.allows('c2s', romeo));
  t.false(access.allows('c2s', { ...romeo, local: 'tybalt' }));
  t.false(access.allows('c2s', { ...romeo, address: ip('10.0.0.1') }), 'all the ACLs of a line must match');
  t.is(access.value('speed', { local: 'tybalt', domain: 'localhost' }), 'none');
  t.is(access.limit('speed', romeo, 1), 5000);
  t.is(access.limit('speed', { address: ip('::1') }, 1), Number.POSITIVE_INFINITY);
  t.is(access.limit('speed', nobody, 1), 1);
  t.is(access.value('speed', nobody), undefined);
  t.false(access.allows('no such rule', romeo));
});

test('the defaults of the settings compile, and are safe', (t) => {
  const access = compile({});
  const local = { ...romeo, address: ip('127.0.0.1') };
  t.true(access.allows('c2s', nobody));
  t.false(access.allows('registration', romeo));
  t.true(access.allows('registration', local));
  t.false(access.allows('admin', local), 'nobody is an admin until the settings name one');
  t.is(access.limit('max_sessions', romeo, 0), 10);
  t.is(access.value('shaper', romeo), 'normal');
  t.true(access.allows('ban_exempt', local));
  t.true(access.matches('local', romeo));
});

test('an admin named in the settings has the defaults of an admin', (t) => {
  const access = compile({ acl: { admin: { user: 'juliet@example.org' } } });
  const juliet = { local: 'juliet', domain: 'example.org' };
  t.true(access.allows('admin', juliet));
  t.is(access.value('shaper', juliet), 'none');
  t.false(access.allows('admin', { ...juliet, domain: 'evil.example' }));
});

test('every problem is told with its place', (t) => {
  const result = compileAccess(
    {
      acl: {
        all: { all: true },
        empty: {},
        net: [{ ip: ['10.0.0.0/8', '10.0.0.0/33'] }],
        odd: { colour: 'red' } as AclData,
        long: { userGlob: '*'.repeat(300) },
      },
      access: { c2s: [{ deny: 'nett' }, { value: 1, for: [] }] },
    },
    context,
  );
  t.deepEqual('problems' in result ? result.problems : [], [
    { path: ['acl', 'all'], text: "'all' is built in and cannot be changed" },
    { path: ['acl', 'empty'], text: 'an entry needs a condition' },
    { path: ['acl', 'net', 0, 'ip'], text: "'10.0.0.0/33' is no address and no CIDR block" },
    { path: ['acl', 'odd', 'colour'], text: 'no such condition' },
    { path: ['acl', 'long', 'userGlob'], text: 'a pattern has at most 256 characters' },
    { path: ['access', 'c2s', 0, 'deny'], text: "there is no acl 'nett', did you mean 'net'?" },
    { path: ['access', 'c2s', 1, 'for'], text: 'a line needs an acl' },
  ]);
});

test('names from Object.prototype are no conditions and no acls', (t) => {
  const result = compileAccess(
    { acl: { a: { constructor: 'x' } as unknown as AclData }, access: { r: [{ allow: 'toString' }] } },
    context,
  );
  t.is('problems' in result && result.problems.length, 2);
});

const globs: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'anything', true],
  ['?', '', false],
  ['?', 'a', true],
  ['a*c', 'abbbc', true],
  ['a*c', 'abbbd', false],
  ['*a*b*', 'xxaxxbxx', true],
  ['*a*b', 'ab', true],
  ['a**', 'a', true],
  ['a?c', 'ac', false],
  ['*.example', 'x.example.org', false],
  ['*ab', 'aab', true],
  ['a', '*', false],
];

for (const [pattern, text, matches] of globs) {
  test(`glob '${pattern}' on '${text}': ${matches}`, (t) => {
    t.is(matchGlob(pattern, text), matches);
  });
}

test('a pattern full of stars is answered at once', (t) => {
  t.false(matchGlob(`${'*a'.repeat(120)}b`, 'a'.repeat(1000)));
});
