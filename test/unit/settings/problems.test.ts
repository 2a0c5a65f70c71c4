/** What an operator reads when a settings file is wrong: text of the file, and the exact lines that are printed. */
import test from 'ava';
import { problemsIn } from '#test/unit/settings/fixture.ts';

type Case = readonly [name: string, text: string, ...problems: readonly string[]];

const cases: readonly Case[] = [
  ['unknown section', 'lgo: {}', 'trivium.yml:1:1: lgo: unknown section (did you mean log?)'],
  ['unknown section, nothing near', 'frobnicate: 1', 'trivium.yml:1:1: frobnicate: unknown section'],
  [
    'unknown option',
    'limits:\n  stanza_siz: 1MB',
    'trivium.yml:2:3: limits.stanza_siz: unknown option (did you mean stanza_size?)',
  ],
  [
    'unknown option with a swap of letters',
    'limits:\n  stanza_szie: 1MB',
    'trivium.yml:2:3: limits.stanza_szie: unknown option (did you mean stanza_size?)',
  ],
  [
    'unknown option with a dash',
    'limits:\n  stanza-depth: 10',
    'trivium.yml:2:3: limits.stanza-depth: unknown option (did you mean stanza_depth?)',
  ],
  [
    'unknown option in a list',
    'listeners:\n  - kind: c2s\n    prot: 5222',
    'trivium.yml:2:5: listeners[0].port: needs a port or the path of a unix socket',
    'trivium.yml:3:5: listeners[0].prot: unknown option (did you mean port?)',
  ],
  [
    'unknown option in a flow map',
    'log: {levle: info}',
    'trivium.yml:1:7: log.levle: unknown option (did you mean level?)',
  ],
  [
    'whole number given as text',
    'limits:\n  stanza_depth: many',
    'trivium.yml:2:17: limits.stanza_depth: expected a whole number from 8 to 1024, got "many"',
  ],
  [
    'whole number given as a quoted number',
    'limits: {stanza_depth: "10"}',
    'trivium.yml:1:24: limits.stanza_depth: expected a whole number from 8 to 1024, got "10"',
  ],
  [
    'whole number with a fraction',
    'limits: {stanza_depth: 10.5}',
    'trivium.yml:1:24: limits.stanza_depth: expected a whole number from 8 to 1024, got 10.5',
  ],
  [
    'number not finite',
    'gateway: {ratio: .inf}',
    'trivium.yml:1:18: gateway.ratio: expected a number from 0 to 1, got .inf',
  ],
  [
    'number that is not one',
    'gateway: {ratio: .nan}',
    'trivium.yml:1:18: gateway.ratio: expected a number from 0 to 1, got .nan',
  ],
  [
    'number out of range',
    'gateway:\n  ratio: 1.5',
    'trivium.yml:2:10: gateway.ratio: expected a number from 0 to 1, got 1.5',
  ],
  [
    'port above the range',
    'listeners:\n- kind: c2s\n  port: 70000',
    'trivium.yml:3:9: listeners[0].port: expected a whole number from 0 to 65535, got 70000',
  ],
  [
    'port below the range',
    'listeners:\n- {kind: c2s, port: -1}',
    'trivium.yml:2:21: listeners[0].port: expected a whole number from 0 to 65535, got -1',
  ],
  [
    'too small',
    'accounts:\n  scram_iterations:\n    sha_1: 1000',
    'trivium.yml:3:12: accounts.scram_iterations.sha_1: expected a whole number from 4096 to 10000000, got 1000',
  ],
  [
    'boolean of YAML 1.1',
    'registration:\n  enabled: yes',
    'trivium.yml:2:12: registration.enabled: expected true or false, got "yes"',
  ],
  [
    'value not in the list',
    'log:\n  level: inf',
    'trivium.yml:2:10: log.level: expected one of off, fatal, error, warn, info, debug, trace, got "inf" (did you mean info?)',
  ],
  [
    'value not in the list, nothing near',
    'log:\n  level: loud',
    'trivium.yml:2:10: log.level: expected one of off, fatal, error, warn, info, debug, trace, got "loud"',
  ],
  [
    'duration without a unit',
    'gateway: {wait: 30}',
    'trivium.yml:1:17: gateway.wait: expected a duration from 1s to 1h, got 30',
  ],
  [
    'duration out of range',
    'gateway: {wait: 2h}',
    'trivium.yml:1:17: gateway.wait: expected a duration from 1s to 1h, got "2h"',
  ],
  [
    'duration with an unknown unit',
    'shutdown:\n  grace: 5 seconds',
    'trivium.yml:2:10: shutdown.grace: expected a duration such as 30s, 5m or 1h, got "5 seconds"',
  ],
  [
    'size out of range',
    'limits:\n  stanza_size: 1KB',
    'trivium.yml:2:16: limits.stanza_size: expected a size from 10000 to 16MB, got "1KB"',
  ],
  [
    'size with an unknown unit',
    'gateway: {room: 5XB}',
    'trivium.yml:1:17: gateway.room: expected a size such as 256KB or 1MB, got "5XB"',
  ],
  [
    'rate that is no rate',
    'gateway: {speed: fast}',
    'trivium.yml:1:18: gateway.speed: expected a rate such as 64KB/s, got "fast"',
  ],
  [
    'map where a value is wanted',
    'limits:\n  stanza_depth:\n    a: 1',
    'trivium.yml:2:3: limits.stanza_depth: expected a whole number from 8 to 1024, got a map',
  ],
  [
    'list where a value is wanted',
    'limits:\n  stanza_depth: [1]',
    'trivium.yml:2:17: limits.stanza_depth: expected a whole number from 8 to 1024, got a list',
  ],
  ['value where a map is wanted', 'limits: 5', 'trivium.yml:1:9: limits: expected a map of options, got 5'],
  [
    'list where a map is wanted',
    'limits:\n  - stanza_depth: 5',
    'trivium.yml:2:3: limits: expected a map of options, got a list',
  ],
  ['value where a list is wanted', 'listeners: 5222', 'trivium.yml:1:12: listeners: expected a list, got 5222'],
  ['map where a list is wanted', 'listeners:\n  kind: c2s', 'trivium.yml:2:3: listeners: expected a list, got a map'],
  ['nothing where a list is wanted', 'listeners:\n', 'trivium.yml:1:11: listeners: expected a list, got nothing'],
  [
    'nothing where a value is wanted',
    'limits:\n  stanza_depth:',
    'trivium.yml:2:3: limits.stanza_depth: expected a whole number from 8 to 1024, got nothing',
  ],
  [
    'list too long',
    'gateway: {peers: [a, b, c]}',
    'trivium.yml:1:18: gateway.peers: expected a list of at most 2, got a list',
  ],
  [
    'text too long',
    'gateway:\n  title: a title of more than twenty characters',
    'trivium.yml:2:10: gateway.title: expected text of at most 20 characters, got "a title of more than twenty characters"',
  ],
  [
    'text with control characters',
    'log: {level: "in\\e[31mfo\\u2028"}',
    'trivium.yml:1:14: log.level: expected one of off, fatal, error, warn, info, debug, trace, got "in\\u001b[31mfo\\u2028"',
  ],
  [
    'required option missing in a list',
    'listeners:\n  - port: 5222',
    'trivium.yml:2:5: listeners[0].kind: is missing: expected one of c2s, admin, http',
  ],
  [
    'listener without port and path',
    'listeners:\n  - kind: c2s',
    'trivium.yml:2:5: listeners[0].port: needs a port or the path of a unix socket',
  ],
  [
    'listener with port and path',
    'listeners:\n  - kind: c2s\n    port: 1\n    path: x.sock',
    'trivium.yml:4:11: listeners[0].path: takes the place of port: give only one of them',
  ],
  [
    'operator commands over a network',
    'listeners:\n  - kind: admin\n    port: 1',
    'trivium.yml:3:11: listeners[0].port: admin listens on a unix socket only: give a path',
  ],
  [
    'file mode as a number',
    'listeners:\n  - {kind: admin, path: a.sock, mode: 0600}',
    "trivium.yml:2:39: listeners[0].mode: expected octal digits in quotes such as '0600', got 0600",
  ],
  [
    'bad address',
    'listeners:\n  - {kind: c2s, port: 5222, address: localhost}',
    'trivium.yml:2:38: listeners[0].address: expected an IP address such as 127.0.0.1 or ::, got "localhost"',
  ],
  [
    'bad network',
    'acl:\n  office:\n    - ip: 10.0.0.0/33',
    'trivium.yml:3:11: acl.office[0].ip: expected an IP address or a network such as 10.0.0.0/8, got "10.0.0.0/33"',
  ],
  [
    'bad name of an entry',
    'log:\n  scopes:\n    "c 2 s": debug',
    'trivium.yml:3:5: log.scopes."c 2 s": expected a name of letters, digits, _ . and - that begins with a letter',
  ],
  [
    'same address, port and transport',
    'listeners:\n  - {kind: c2s, address: 127.0.0.1, port: 5222}\n  - {kind: c2s, address: 127.0.0.1, port: 5222}',
    'trivium.yml:3:43: listeners[1].port: tcp port 5222 of 127.0.0.1 is already taken by listeners[0] (trivium.yml:2:43)',
  ],
  [
    'wildcard over an address',
    'listeners:\n  - kind: c2s\n    port: 5222\n  - kind: http\n    address: 127.0.0.1\n    port: 5222',
    'trivium.yml:6:11: listeners[1].port: tcp port 5222 of 127.0.0.1 is already taken by listeners[0] (trivium.yml:3:11)',
  ],
  [
    'same socket',
    'listeners:\n  - {kind: admin, path: a.sock}\n  - {kind: admin, path: a.sock}',
    'trivium.yml:3:25: listeners[1].path: the socket "a.sock" is already taken by listeners[0] (trivium.yml:2:25)',
  ],
  [
    'same name of two listeners',
    'listeners:\n  - {name: a, kind: c2s, port: 1}\n  - {name: a, kind: c2s, port: 2}',
    'trivium.yml:3:12: listeners[1].name: "a" is already the name of listeners[0] (trivium.yml:2:12)',
  ],
  [
    'unknown acl in a rule',
    'access:\n  c2s:\n    - allow: amdin',
    'trivium.yml:3:14: access.c2s[0].allow: there is no "amdin" in acl (did you mean admin?)',
  ],
  [
    'unknown shaper in a rule',
    'access:\n  shaper:\n    - {value: norml, for: all}',
    'trivium.yml:3:15: access.shaper[0].value: there is no "norml" in shapers (did you mean normal?)',
  ],
  [
    'rule that gives nothing',
    'access:\n  c2s:\n    - {}',
    'trivium.yml:3:7: access.c2s[0]: give one of "allow", "deny", or "value" with "for" in each entry of the list',
  ],
  [
    'rule that allows and denies',
    'access:\n  c2s:\n    - {allow: all, deny: none}',
    'trivium.yml:3:7: access.c2s[0]: give one of "allow", "deny", or "value" with "for" in each entry of the list',
  ],
  [
    'unknown rule',
    'registration:\n  access: registraton',
    'trivium.yml:2:11: registration.access: there is no "registraton" in access (did you mean registration?)',
  ],
  [
    'acl that names nobody',
    'acl:\n  staff:\n    - {}',
    'trivium.yml:3:7: acl.staff[0]: names nobody: give user, server, resource or ip',
  ],
  [
    'acl that always exists',
    'acl:\n  loopback:\n    - {user: a}',
    'trivium.yml:2:3: acl.loopback: always exists and cannot be changed',
  ],
  ['unknown module', 'modules:\n  pign: {}', 'trivium.yml:2:3: modules.pign: unknown option (did you mean ping?)'],
  [
    'unknown option of a module',
    'modules:\n  echo:\n    tims: 3',
    'trivium.yml:3:5: modules.echo.tims: unknown option (did you mean times?)',
  ],
  [
    'module switched with a word',
    'modules:\n  echo: on',
    'trivium.yml:2:9: modules.echo: expected a map of options, true or false, got "on"',
  ],
  [
    'section of a host that is unknown',
    'hosts:\n  a.example:\n    acess: {}',
    'trivium.yml:3:5: hosts."a.example".acess: unknown section (did you mean access?)',
  ],
  [
    'section of a host that holds for all',
    'hosts:\n  a.example:\n    log: {level: info}',
    'trivium.yml:3:5: hosts."a.example".log: holds for the whole server and cannot be set for one host',
  ],
  [
    'option of a host',
    'hosts:\n  a.example:\n    gateway:\n      ratio: 7',
    'trivium.yml:4:14: hosts."a.example".gateway.ratio: expected a number from 0 to 1, got 7',
  ],
  [
    'host twice, in another case',
    'hosts:\n  a.example:\n  A.example:',
    'trivium.yml:3:3: hosts."A.example": set twice',
  ],
  [
    'host that is none',
    'hosts:\n  juliet@a.example:',
    'trivium.yml:2:3: hosts."juliet@a.example": expected the name of a host such as example.org',
  ],
  ['no host', 'hosts: {}', 'trivium.yml:1:8: hosts: needs at least one host'],
  [
    'hosts as text',
    'hosts: a.example',
    'trivium.yml:1:8: hosts: expected a list of host names, or a map of host names and their sections',
  ],
  ['set twice', 'log:\n  level: info\n  level: debug', 'trivium.yml:3:3: log.level: set twice, first at line 2'],
  ['section twice', 'log: {}\nlimits: {}\nlog: {}', 'trivium.yml:3:1: log: set twice, first at line 1'],
  ['tab as indentation', 'log:\n\tlevel: info', 'trivium.yml:2:1: not valid YAML: tabs are not allowed as indentation'],
  [
    'unclosed list',
    'tls:\n  certificates: [a, b\nlog: {}',
    'trivium.yml:3:1: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  ['unclosed quote', 'data:\n  directory: "x', 'trivium.yml:2:16: not valid YAML: missing closing "quote'],
  [
    'bad indentation',
    'log:\n  level: info\n format: json',
    'trivium.yml:3:1: not valid YAML: all mapping items must start at the same column',
  ],
  ['two documents', 'log: {}\n---\nlog: {}', 'trivium.yml:2:1: the file holds more than one YAML document (---)'],
  ['not a map', '- log', 'trivium.yml:1:1: expected a map of options (name: value)'],
  ['alias without anchor', 'log: *x', 'trivium.yml:1:6: log: there is no anchor &x above this alias'],
  ['unknown tag', 'log: !secret x', 'trivium.yml:1:6: not valid YAML: unresolved tag: !secret'],
  ['name that is a list', '? [log]\n: 1', 'trivium.yml:1:3: expected the name of an option'],
  ['name __proto__', 'log:\n  __proto__: 1', 'trivium.yml:2:3: log: expected the name of an option, got "__proto__"'],
  [
    'secret of the wrong type is not shown',
    'gateway:\n  password: [hunter2]',
    'trivium.yml:2:13: gateway.password: expected a secret: text, {file: path} or {env: NAME}, got a list',
  ],
  [
    'environment variable not set',
    'gateway:\n  password: {env: GATE_PASSWORD}',
    'trivium.yml:2:19: gateway.password: the environment variable "GATE_PASSWORD" is not set',
  ],
  [
    'secret file missing',
    'gateway:\n  password: {file: /nonexistent/secret}',
    'trivium.yml:2:20: gateway.password: cannot read "/nonexistent/secret": it does not exist',
  ],
  [
    'file where no secret is wanted',
    'gateway:\n  title: {file: /etc/hostname}',
    'trivium.yml:2:10: gateway.title: expected text, got a map',
  ],
  [
    'several at once, in order',
    'limts: {}\nlog:\n  level: x1\n  color: true',
    'trivium.yml:1:1: limts: unknown section (did you mean limits?)',
    'trivium.yml:3:10: log.level: expected one of off, fatal, error, warn, info, debug, trace, got "x1"',
    'trivium.yml:4:3: log.color: unknown option',
  ],
];

for (const [name, text, ...problems] of cases) {
  test(name, (t) => t.deepEqual(problemsIn(text), problems));
}
