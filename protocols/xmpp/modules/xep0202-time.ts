/** XEP-0202: Entity Time, version 2.0, Final. */
import { defineModule } from '#src/plugin/contracts.ts';

const TIME = 'urn:xmpp:time';

export const time = defineModule({
  name: 'time',
  description: 'Tells the time of the server.',
  specs: [{ document: 'XEP-0202', version: '2.0', title: 'Entity Time', status: 'complete' }],
  needs: [],
  start(scope) {
    scope.feature('host', TIME);
    scope.iq('host', 'get', TIME, 'time', ({ stanza }) => {
      const now = new Date();
      return stanza.result(`<time xmlns='${TIME}'><tzo>${zoneOf(now)}</tzo><utc>${now.toISOString()}</utc></time>`);
    });
  },
});

/** The offset of local time from UTC in the format of XEP-0082 section 3: `+01:00`. `Z` is UTC. */
export function zoneOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return 'Z';
  const digits = (value: number): string => String(value).padStart(2, '0');
  const distance = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${digits(Math.floor(distance / 60))}:${digits(distance % 60)}`;
}
