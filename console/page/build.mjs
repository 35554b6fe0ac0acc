// Bundles the page and writes it as a header, so that the binary carries it. usage: node build.mjs OUT
// Makes OUT/{index.html,assets/...} as they are served, and OUT/console_page.h with the same, each also gzipped.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];

// The libraries whose code is in the bundle; their licences ask to go along with it.
const kBundled = ['preact', 'uplot', '@dagrejs/dagre', '@dagrejs/graphlib'];

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

// As scripts/deps.sh does, for who builds without ./dev.
function installPackages() {
  const stamp = join(here, 'node_modules/.package-lock.json');
  if (modified(stamp) > modified(join(here, 'package-lock.json'))) return;
  try {
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] });
  } catch {
    console.error('console/page: npm could not install the packages that the page is made of');
    console.error("HINT: run './dev deps', or 'npm ci' in console/page, once where a package registry can be reached; the build needs none after that");
    process.exit(1);
  }
  utimesSync(stamp, new Date(), new Date());
}

async function bundle() {
  const { build } = await import('esbuild');
  const licences = kBundled.map((name) => `${name}\n${readFileSync(join(here, 'node_modules', name, 'LICENSE'), 'utf8').trim()}`);
  await build({
    entryPoints: { app: join(here, 'src/main.tsx') },
    outdir: join(out, 'assets'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    footer: { js: `/*\n${licences.join('\n\n')}\n*/` },
    logLevel: 'warning',
  });
}

// Three octal digits for each byte that is no plain character: whatever follows, the escape ends there.
function literal(bytes) {
  const escaped = Array.from(bytes, (byte) =>
    byte < 32 || byte > 126 || byte === 34 || byte === 63 || byte === 92 ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte));
  const lines = [];
  for (let at = 0; at < escaped.length; at += 4000) lines.push(`"${escaped.slice(at, at + 4000).join('')}"`);
  return `${lines.join('\n')}sv`;
}

function header(files) {
  const rows = files.map(([path, type]) => {
    const body = readFileSync(join(out, path));
    const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
    return `  {"${path}"sv, "${type}"sv, ${literal(Buffer.from(etag))},\n${literal(body)},\n${literal(gzipSync(body, { level: 9 }))}},\n`;
  });
  return `#pragma once
#include <array>
#include <string_view>

namespace sluice::console::page {
using namespace std::string_view_literals;
struct File {
  std::string_view path, type, etag, body, gzip;  // etag with its quotes; gzip is body compressed
};
inline constexpr std::array<File, ${files.length}> kFiles{{
${rows.join('')}}};
}  // namespace sluice::console::page
`;
}

installPackages();
mkdirSync(join(out, 'assets'), { recursive: true });
await bundle();
writeFileSync(join(out, 'index.html'), readFileSync(join(here, 'index.html')));
writeFileSync(join(out, 'assets/icon.svg'), readFileSync(join(here, 'icon.svg')));
writeFileSync(join(out, 'console_page.h'), header([
  ['/index.html', 'text/html; charset=utf-8'],
  ['/assets/app.js', 'text/javascript; charset=utf-8'],
  ['/assets/app.css', 'text/css; charset=utf-8'],
  ['/assets/icon.svg', 'image/svg+xml'],
]));
