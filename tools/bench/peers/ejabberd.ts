import { existsSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Peer, accepting, launch, writeTemplate } from '#tools/bench/peers/peer.ts';

const ERL = '/usr/bin/erl';

function libraries(): string | undefined {
  const [found] = globSync(['/usr/lib/*/ejabberd-*/', '/usr/lib/ejabberd-*/']);
  return found && dirname(found);
}

/** ejabberd as Debian packages it, and an Erlang expression that is evaluated when it has started, without Erlang distribution (no node name, no cookie, no epmd). */
function ejabberdWith(template: string, then?: string): Peer {
  return {
    name: 'ejabberd',
    available: () => existsSync(ERL) && libraries() !== undefined,
    configure: (place) => void writeTemplate(template, place),
    start: async (place) => {
      const { directory } = place;
      const env = {
        HOME: directory,
        ERL_LIBS: libraries() ?? '',
        ERL_MAX_PORTS: '32000',
        ERL_CRASH_DUMP: join(directory, 'crash.dump'),
        EJABBERD_CONFIG_PATH: join(directory, template),
        EJABBERD_LOG_PATH: join(directory, 'ejabberd.log'),
        EJABBERD_PID_PATH: join(directory, 'ejabberd.pid'),
      };
      const after = then === undefined ? [] : ['-eval', then];
      // The virtual machine's options are those of ejabberdctl.
      const args = ['+K', 'true', '+P', '250000', '-noinput', '-mnesia', 'dir', `"${join(directory, 'data')}"`];
      return await launch(place, { command: ERL, args: [...args, '-s', 'ejabberd', ...after], env }, () =>
        accepting(place.port, place.tlsPort),
      );
    },
  };
}

export const ejabberd: Peer = ejabberdWith('ejabberd.yml');
/** Its proxy for bytestreams, mod_proxy65, at the second port. */
export const ejabberdProxy65: Peer = ejabberdWith('ejabberd-proxy65.yml');
/**
 * Its registrar and proxy, mod_sip, at the second port. Its 10,000 transactions at once are those of five seconds here, since each lives for 32 s, and
 * no option raises that number.
 */
export const ejabberdSip: Peer = ejabberdWith(
  'ejabberd-sip.yml',
  '[esip:set_config_value(Which, 1000000) || Which <- [max_server_transactions, max_client_transactions]].',
);
/** Its MQTT broker, mod_mqtt. */
export const ejabberdMqtt: Peer = { ...ejabberdWith('ejabberd-mqtt.yml'), named: true };
