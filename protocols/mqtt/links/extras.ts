import type { Extras } from '../packet/publish.ts';
import type { Publication } from '../publication.ts';

/** The aliases of topics towards one client (MQTT 5 section 3.3.2.3.4): the first topics that it is sent have one. */
export class TopicAliases {
  readonly #maximum: number;
  readonly #aliases = new Map<string, number>();

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** The alias of a topic, and whether the client knows it. */
  of(topic: string): Pick<Extras, 'topicAlias' | 'aliasKnown'> {
    const known = this.#aliases.get(topic);
    if (known !== undefined) return { topicAlias: known, aliasKnown: true };
    return this.#aliases.size < this.#maximum ? { topicAlias: this.#aliases.size + 1 } : {};
  }

  /** The client has been told what the alias stands for. */
  told(topic: string, { aliasKnown, topicAlias }: Extras): void {
    if (topicAlias !== undefined && aliasKnown !== true) this.#aliases.set(topic, topicAlias);
  }
}

/** What a client's copy has of its own; undefined for nothing, so that it shares the bytes of the others. */
export function extrasOf(
  publication: Publication,
  ids: readonly number[],
  aliases: TopicAliases | undefined,
  now: number,
): Extras | undefined {
  const { message } = publication;
  const { messageExpiry } = message.properties;
  const left = messageExpiry === undefined ? undefined : Math.max(1, publication.left(now) ?? 1);
  if (ids.length === 0 && left === messageExpiry && aliases === undefined) return undefined;
  return {
    ...(left === undefined ? {} : { messageExpiry: left }),
    ...(ids.length === 0 ? {} : { subscriptionIds: ids }),
    ...aliases?.of(message.topic),
  };
}
