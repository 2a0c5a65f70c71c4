import type { SipServer } from './server.ts';

declare module '#src/plugin/contracts.ts' {
  interface Services {
    /** The SIP server of all hosts. */
    readonly sip: SipServer;
  }
}
