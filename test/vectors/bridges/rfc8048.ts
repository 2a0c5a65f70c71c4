/** RFC 8048: the rows of its tables, as PIDF documents and presence stanzas. */

/** A row of table 1: stanzas of one account and what the tuples of its document are. */
export interface PidfCase {
  readonly title: string;
  readonly stanzas: readonly string[];
  readonly tuples: readonly string[];
  /** RFC 4480: the activities of the person. */
  readonly activities?: string;
}

const juliet = 'juliet@example.com';
const SHOW = "xmlns='jabber:client'";
const contact = (resource: string, rank = ''): string => `<contact${rank}>sip:${juliet};gr=${resource}</contact>`;

/** Table 1, from XMPP to SIP. */
export const toPidf: readonly PidfCase[] = [
  {
    title: 'examples 18 and 19: a resource is the id of a tuple (note 2), no type is open (note 4), show goes along (note 7)',
    stanzas: [`<presence from='${juliet}/yn0cl4bnw0yr3vym'><show>away</show></presence>`],
    tuples: [
      `<tuple id='ID-yn0cl4bnw0yr3vym'><status><basic>open</basic><show ${SHOW}>away</show></status>${contact('yn0cl4bnw0yr3vym')}</tuple>`,
    ],
    activities: 'away',
  },
  {
    title: 'notes 4 and 5: unavailable is closed; its status is a note',
    stanzas: [`<presence from='${juliet}/r' type='unavailable'><status>good night</status></presence>`],
    tuples: ["<tuple id='ID-r'><status><basic>closed</basic></status><note>good night</note></tuple>"],
  },
  {
    title: 'note 6: 0 is 0, and 127 is 1; status in two languages',
    stanzas: [
      `<presence from='${juliet}/a'><priority>0</priority></presence>`,
      `<presence from='${juliet}/b' xml:lang='en'><priority>127</priority><status>here</status><status xml:lang='cs'>tady</status></presence>`,
    ],
    tuples: [
      `<tuple id='ID-a'><status><basic>open</basic></status>${contact('a', " priority='0'")}</tuple>`,
      `<tuple id='ID-b'><status><basic>open</basic></status>${contact('b', " priority='1'")}<note xml:lang='en'>here</note><note xml:lang='cs'>tady</note></tuple>`,
    ],
  },
  {
    title: 'note 6: a negative priority is not mapped; two devices, of which one is busy',
    stanzas: [
      `<presence from='${juliet}/a'><priority>-1</priority></presence>`,
      `<presence from='${juliet}/b'><show>dnd</show></presence>`,
    ],
    tuples: [
      `<tuple id='ID-a'><status><basic>open</basic></status>${contact('a')}</tuple>`,
      `<tuple id='ID-b'><status><basic>open</basic><show ${SHOW}>dnd</show></status>${contact('b')}</tuple>`,
    ],
  },
  {
    title: 'note 2: a resource that is no name',
    stanzas: [`<presence from="${juliet}/1_ 'x' é"/>`],
    tuples: [
      `<tuple id='ID-1_5f._20._27.x_27._20._e9.'><status><basic>open</basic></status>${contact("1_%20'x'%20%C3%A9")}</tuple>`,
    ],
  },
];

/** Note 6: the priorities that the RFC names. */
export const priorities: readonly (readonly [priority: number, qvalue: string])[] = [
  [0, '0'],
  [1, '0.007'],
  [2, '0.015'],
  [126, '0.992'],
  [127, '1'],
];

/** Table 2, from SIP to XMPP. */
export const fromPidf: readonly { readonly title: string; readonly document: string; readonly stanzas: readonly string[] }[] = [
  {
    title: 'examples 20 and 21: closed is unavailable (note 1)',
    document: `<?xml version='1.0' encoding='UTF-8'?>
      <presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>
        <tuple id='ID-dr4hcr0st3lup4c'><status><basic>closed</basic></status></tuple>
      </presence>`,
    stanzas: ["<presence from='romeo@example.net/dr4hcr0st3lup4c' type='unavailable'/>"],
  },
  {
    title: 'example 4: open is no type, show is show (note 3), a note is status, a priority is a priority (note 2)',
    document: `<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>
        <tuple id='ID-dr4hcr0st3lup4c'><status><basic>open</basic><show xmlns='jabber:client'>away</show></status>
          <contact priority='0.015'>sip:romeo@example.net</contact><note xml:lang='en'>in the garden</note></tuple>
      </presence>`,
    stanzas: [
      "<presence from='romeo@example.net/dr4hcr0st3lup4c'><show>away</show><status xml:lang='en'>in the garden</status><priority>2</priority></presence>",
    ],
  },
  {
    title: 'RFC 4480: what phones say of the person, and a note of the document',
    document: `<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model'
        xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid' entity='pres:romeo@example.net'>
        <tuple id='t1'><status><basic>open</basic></status></tuple><note>on a call</note>
        <dm:person id='p1'><rpid:activities><rpid:on-the-phone/></rpid:activities></dm:person>
      </presence>`,
    stanzas: ["<presence from='romeo@example.net/t1'><show>dnd</show><status>on a call</status></presence>"],
  },
  {
    title: 'a tuple without a basic status says nothing',
    document: "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'><tuple id='a'><status/></tuple></presence>",
    stanzas: [],
  },
];

export const malformed: readonly string[] = [
  '',
  'text',
  '<presence/>',
  "<presence xmlns='urn:ietf:params:xml:ns:pidf'>",
  "<!DOCTYPE presence [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><presence xmlns='urn:ietf:params:xml:ns:pidf'><note>&x;</note></presence>",
];
