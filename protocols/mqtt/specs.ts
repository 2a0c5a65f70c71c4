import type { Spec } from '#src/plugin/contracts.ts';

/** What the broker implements, beside its modules. */
export const specs: readonly Spec[] = [
  {
    document: 'MQTT 5.0',
    title: 'MQTT Version 5.0',
    version: 'OASIS Standard, 2019',
    status: 'complete',
    note: 'no server redirection',
  },
  { document: 'MQTT 3.1.1', title: 'MQTT Version 3.1.1', version: 'OASIS Standard, 2014', status: 'complete' },
  { document: 'MQTT 3.1', title: 'MQ Telemetry Transport 3.1', version: 'Protocol Specification', status: 'complete' },
  {
    document: 'RFC 6455',
    title: 'The WebSocket Protocol',
    version: 'subprotocols mqtt and mqttv3.1',
    status: 'complete',
  },
  {
    document: 'RFC 7677',
    title: 'SCRAM-SHA-256 and SCRAM-SHA-256-PLUS',
    version: 'enhanced authentication of MQTT 5',
    status: 'partial',
    note: 'without channel binding',
  },
];
