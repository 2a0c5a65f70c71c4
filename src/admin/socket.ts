import { Buffer } from 'node:buffer';
import type { Connection, ConnectionHandler } from '#src/net/connection.ts';
import type { Acceptor } from '#src/net/listeners.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import { CommandError, type Commands } from './commands.ts';
import type { AdminParts } from './parts.ts';
import { failureOf, readRequest, REQUEST_BYTES, type Reply, writeGreeting, writeReply } from './protocol.ts';
import { runCommand } from './run.ts';

/** Milliseconds that a client has to send its request. */
const REQUEST_WAIT = 30_000;
const CONNECTIONS = 64;
const NEWLINE = 0x0a;

/**
 * Operator commands over local sockets: whoever may open the file is the operator. See protocol.ts. Connections that come over a
 * network are refused, since nobody proves there who he is.
 */
export class AdminSocket implements Acceptor {
  readonly alpn = [];
  /** An operator gets in when the server is full, and hears how its stop ends. */
  readonly apart = true;
  readonly commands: Commands;
  readonly #parts: AdminParts;
  readonly #timers: Timers;
  readonly #open = new Set<AdminConnection>();

  constructor(commands: Commands, parts: AdminParts, timers: Timers) {
    this.commands = commands;
    this.#parts = parts;
    this.#timers = timers;
  }

  accept(connection: Connection): void {
    if (connection.remoteAddress !== '') return connection.destroy();
    if (this.#open.size >= CONNECTIONS)
      return connection.end(writeReply(failureOf(new CommandError(503, 'too many operators at once'))));
    const one = new AdminConnection(connection, this);
    this.#open.add(one);
    connection.handler = one;
    this.#timers.add(one, REQUEST_WAIT);
    connection.write(writeGreeting(this.#parts.version));
  }

  /** The request is there, or the connection is gone. */
  heard(one: AdminConnection): void {
    this.#timers.remove(one);
  }

  left(one: AdminConnection): void {
    this.heard(one);
    this.#open.delete(one);
  }

  /** Answers one request. @returns the reply, and whether the connection stays until the server has stopped */
  async answer(line: string): Promise<{ readonly reply: Reply; readonly final: boolean }> {
    try {
      const { arguments: given, command: name } = readRequest(line);
      const command = this.commands.find(name);
      if (command === undefined) throw new CommandError(404, `there is no command ${JSON.stringify(name)}`);
      const result = await runCommand(command, this.#parts, given);
      return { reply: { ok: true, ...result }, final: command.final === true };
    } catch (error) {
      return { reply: failureOf(error), final: false };
    }
  }

  /** The server has stopped. */
  close(): void {
    for (const one of this.#open) one.end();
  }
}

/** One operator's connection: a line in, a line out. */
class AdminConnection implements ConnectionHandler, Timed {
  readonly #connection: Connection;
  readonly #socket: AdminSocket;
  #chunks: Buffer[] = [];
  #size = 0;
  #heard = false;

  constructor(connection: Connection, socket: AdminSocket) {
    this.#connection = connection;
    this.#socket = socket;
  }

  onData(chunk: Buffer): void {
    if (this.#heard) return;
    const end = chunk.indexOf(NEWLINE);
    this.#chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
    this.#size += chunk.length;
    if (this.#size > REQUEST_BYTES) return this.#refuse(`a request has at most ${REQUEST_BYTES} bytes`);
    if (end >= 0) void this.#answer(this.#take());
  }

  onClose(): void {
    this.#socket.left(this);
  }

  onTimeout(): void {
    this.#refuse('no request came');
  }

  end(): void {
    this.#connection.end();
  }

  #refuse(text: string): void {
    this.#take();
    this.#connection.end(writeReply(failureOf(new CommandError(400, text))));
  }

  #take(): string {
    const line = Buffer.concat(this.#chunks).toString();
    this.#heard = true;
    this.#chunks = [];
    this.#socket.heard(this);
    return line;
  }

  async #answer(line: string): Promise<void> {
    const { final, reply } = await this.#socket.answer(line);
    if (final) this.#connection.write(writeReply(reply));
    else this.#connection.end(writeReply(reply));
  }
}
