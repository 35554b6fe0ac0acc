// nginx as a receiver: answers every POST with 204 and counts it. A process for each processor, as Debian configures it, but no access log, and
// connections that are kept for as long as somebody uses them.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, start } from './children.mjs';
import { until } from './measure.mjs';

const configuration = (folder, port) => `
daemon off;
worker_processes auto;
pid ${folder}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { return 204; }
    location = /status { stub_status; }
  }
}
`;

// ./dev bench takes it out of Debian's package where it is not installed.
function program(bench) {
  const fetched = join(bench.root, '.sluice/tools/nginx');
  return existsSync(fetched) ? fetched : 'nginx';
}

export async function startNginx(bench) {
  const folder = join(bench.folder, 'nginx');
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port));
  const child = start([program(bench), '-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'inherit', 'inherit'], deathSignal: 'TERM' });
  const url = `http://127.0.0.1:${port}`;
  let asked = 0; // nginx counts what it is asked as well
  const count = async () => {
    const text = await (await fetch(`${url}/status`)).text();
    return Number(/^ *\d+ +\d+ +(\d+) *$/m.exec(text)[1]) - ++asked;
  };
  await until('nginx', 10, () => count().catch(() => false).then((requests) => requests !== false));
  return { url, count, stop: () => child.kill('SIGTERM') };
}
