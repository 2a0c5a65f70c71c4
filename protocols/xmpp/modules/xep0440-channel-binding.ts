/** XEP-0440: SASL Channel-Binding Type Capability, version 1.0.0, Draft. */
import { defineModule } from '#src/plugin/contracts.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { channelBindings } from '../stream/channel-binding.ts';
import { AUTHENTICATED, SECURED } from '../stream/feature.ts';
import { NS } from '../stream/namespaces.ts';
import { offeredMechanisms } from '../stream/sasl-mechanisms.ts';

export const channelBinding = defineModule({
  name: 'channel_binding',
  description: 'Tells clients which channel bindings they can use.',
  specs: [
    { document: 'XEP-0440', version: '1.0.0', title: 'SASL Channel-Binding Type Capability', status: 'complete' },
    { document: 'RFC 9266', version: '2', title: 'Channel Bindings for TLS 1.3', status: 'complete' },
    {
      document: 'RFC 5929',
      version: '4',
      title: 'Channel Bindings for TLS',
      status: 'partial',
      note: 'tls-server-end-point only: tls-unique is not defined for TLS 1.3',
    },
  ],
  needs: ['streams'],
  start(scope, { streams }) {
    const feature = {
      name: 'sasl-channel-binding',
      requires: SECURED,
      forbids: AUTHENTICATED,
      elements: [],
      offer: announce,
    };
    scope.own(streams(scope.host).features.add(feature));
  },
});

/** Section "Business Rules": types and mechanisms that use them are announced together, or clients take it for an attack. */
function announce(stream: ClientStream): string | undefined {
  const bound = offeredMechanisms(stream).some(({ name }) => name.endsWith('-PLUS'));
  const { types } = channelBindings(stream);
  if (!bound || types.length === 0) return undefined;
  const list = types.map((type) => `<channel-binding type='${type}'/>`).join('');
  return `<sasl-channel-binding xmlns='${NS.channelBinding}'>${list}</sasl-channel-binding>`;
}
