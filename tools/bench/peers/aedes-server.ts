// aedes as its documentation starts it, with its persistence in memory: aedes-server.ts PORT TLS-PORT PEM
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes } from 'aedes';

const [port, tlsPort, pem = ''] = process.argv.slice(2);
// Its default, 100 concurrent deliveries, is kept.
const broker = await Aedes.createBroker();
const secret = readFileSync(pem);
createServer({ noDelay: true }, broker.handle).listen(Number(port), '127.0.0.1', 1024);
createTlsServer({ key: secret, cert: secret }, broker.handle).listen(Number(tlsPort), '127.0.0.1');
process.once('SIGTERM', () => process.exit());
