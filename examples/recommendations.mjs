// The library that the bookbot asks: a small JSON service on the loopback network. It wants the bearer token that stands in the
// environment variable BOOKS_TOKEN, and answers a repeated Idempotency-Key as it answered the first time.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const kShelves = {
  beginner: [
    { title: 'The Lighthouse Mouse', author: 'M. Okafor' },
    { title: 'Seven Tides', author: 'J. Lindqvist' },
  ],
  explorer: [
    { title: 'A Map of Small Rivers', author: 'R. Banerjee' },
    { title: 'The Clockmaker of Port Ansel', author: 'D. Whitlock' },
    { title: 'Nine Ways to Cross a Desert', author: 'L. Amari' },
  ],
  scholar: [
    { title: 'On the Weight of Letters', author: 'H. Brandt' },
    { title: 'The Salt Archive', author: 'I. Moreno' },
  ],
};

function levelFor(age) {
  if (age < 13) return 'beginner';
  return age < 18 ? 'explorer' : 'scholar';
}

function sameToken(given, wanted) {
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

async function readJson(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 65536) throw new Error('body above 64 KiB');
  }
  return JSON.parse(text);
}

function profile(url) {
  const age = Number(url.searchParams.get('age'));
  if (!Number.isFinite(age) || !url.searchParams.get('age')) return [400, { error: 'age must be a number' }];
  return [200, { level: levelFor(age), loan_days: age < 18 ? 28 : 21 }];
}

async function recommend(request, token) {
  if (!sameToken(request.headers.authorization ?? '', `Bearer ${token}`)) return [401, { error: 'bearer token missing or wrong' }];
  let wish;
  try {
    wish = await readJson(request);
  } catch (error) {
    return [400, { error: `not JSON: ${error.message}` }];
  }
  const books = kShelves[wish.level];
  if (!books) return [422, { error: `unknown level ${JSON.stringify(wish.level)}`, levels: Object.keys(kShelves) }];
  return [200, { data: { books, total: books.length } }];
}

// A server, not yet listening.
export function makeRecommendations({ token }) {
  const requests = [];
  const answers = new Map(); // by Idempotency-Key

  async function answer(request, url) {
    const key = request.headers['idempotency-key'];
    if (key && answers.has(key)) return answers.get(key);
    let result = [404, { error: `nothing at ${request.method} ${url.pathname}` }];
    if (request.method === 'GET' && url.pathname === '/profile') result = profile(url);
    if (request.method === 'POST' && url.pathname === '/recommendations') result = await recommend(request, token);
    if (key && result[0] === 200) answers.set(key, result);
    return result;
  }

  return createServer(async (request, response) => {
    const url = new URL(request.url, 'http://recommendations');
    const served = request.method === 'GET' && url.pathname === '/requests';
    const [status, value] = served ? [200, requests] : await answer(request, url);
    if (!served) {
      const { 'idempotency-key': idempotency_key = null } = request.headers;
      requests.push({ method: request.method, path: url.pathname, status, idempotency_key });
    }
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  });
}

function main() {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '8098' } } });
  const token = process.env.BOOKS_TOKEN;
  if (!token) {
    console.error('error: BOOKS_TOKEN is not set\nHINT: give the same value as the secret books_token of the daemons');
    process.exit(2);
  }
  const server = makeRecommendations({ token });
  server.listen(Number(values.port), '127.0.0.1', () => console.log(`recommendations on http://127.0.0.1:${server.address().port}`));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main();
