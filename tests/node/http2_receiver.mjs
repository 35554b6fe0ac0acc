// An HTTP/2 receiver: takes so many requests, then says over how many connections they came and how many streams were open at once.
// usage: node http2_receiver.mjs CERTIFICATE KEY PORT_FILE REQUESTS
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';

const [certificate, key, portFile, requests] = process.argv.slice(2);
const server = createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) });
let connections = 0;
let open = 0;
let mostOpen = 0;
let answered = 0;

server.on('session', () => (connections += 1));
server.on('stream', (stream) => {
  open += 1;
  mostOpen = Math.max(mostOpen, open);
  stream.resume();
  stream.on('close', () => {
    open -= 1;
    answered += 1;
    if (answered === Number(requests)) {
      console.log(`connections ${connections}, streams at once ${mostOpen}`);
      setTimeout(() => process.exit(0), 200); // the last answer is still on its way
    }
  });
  setTimeout(() => stream.respond({ ':status': 204 }, { endStream: true }), 20); // so that requests overlap
});
server.listen(0, '127.0.0.1', () => {
  writeFileSync(`${portFile}.new`, String(server.address().port));
  renameSync(`${portFile}.new`, portFile);
});
setTimeout(() => process.exit(1), 30_000).unref();
