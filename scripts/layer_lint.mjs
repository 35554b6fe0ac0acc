// Includes go down the layers only, each third-party library is included by one folder only, and no daemon knows another.
// usage: node scripts/layer_lint.mjs [ROOT]   prints FILE:LINE: what is wrong; exit 1 when anything is.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

// Each layer and the layers it may include, itself aside. The most specific folder counts.
const kCore = ['core/base', 'core/async', 'core/pg', 'core/http', 'core/service', 'core/flow', 'sql'];
const kDaemons = ['listener', 'workers', 'notifier', 'console'];
const kLayers = {
  sql: [],
  'core/base': [],
  'core/async': ['core/base'],
  'core/pg': ['core/base', 'core/async'],
  'core/http': ['core/base', 'core/async'],
  'core/service': ['core/base', 'core/async', 'core/pg', 'core/http', 'sql'],
  'core/flow': ['core/base'],
  listener: kCore,
  workers: kCore,
  notifier: kCore,
  console: kCore,
  cli: [...kCore, ...kDaemons],
};

// The folder that owns each library. fmt and the standard library belong to everybody; tests and bench may use anything.
const kOwners = {
  'uv.h': 'core/async',
  'libpq-fe.h': 'core/pg', 'libpq/': 'core/pg',
  'curl/': 'core/http', 'microhttpd.h': 'core/http',
  'toml++/': 'core/service', 'systemd/': 'core/service',
  'openssl/': 'core/base', 'rapidjson/': 'core/base', 'spdlog/': 'core/base',
  'tao/': 'core/flow', 're2/': 'core/flow', 'valijson/': 'core/flow',
};

function* sources(folder) {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (name === 'node_modules') continue;
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (/\.(h|cpp)$/.test(name)) yield path;
  }
}

function layerOf(path) {
  const layers = Object.keys(kLayers).filter((layer) => path.startsWith(`${layer}/`));
  return layers.sort((a, b) => b.length - a.length)[0];
}

function judgeQuoted(root, file, layer, header) {
  const target = layerOf(header);
  if (target === undefined) {
    return existsSync(join(root, dirname(file), header)) ? `name ${header} by its path from the root` : null; // else generated
  }
  if (target === layer || kLayers[layer].includes(target)) return null;
  if (kDaemons.includes(layer) && kDaemons.includes(target)) return `${layer} must not know ${target}: daemons meet in the schema`;
  return `${layer} must not include ${target}, which is no layer below it`;
}

function judgeAngled(layer, header) {
  const library = Object.keys(kOwners).find((prefix) => header.startsWith(prefix));
  if (library === undefined || kOwners[library] === layer) return null;
  return `<${header}> belongs to ${kOwners[library]} alone`;
}

export function lint(root) {
  const complaints = [];
  const tops = [...new Set(Object.keys(kLayers).map((layer) => layer.split('/')[0]))];
  for (const top of tops.filter((name) => existsSync(join(root, name)))) {
    for (const path of sources(join(root, top))) {
      const file = relative(root, path);
      const layer = layerOf(file);
      readFileSync(path, 'utf8').split('\n').forEach((text, index) => {
        const [, open, header] = /^\s*#\s*include\s*(["<])([^">]+)[">]/.exec(text) ?? [];
        if (!header) return;
        const wrong = layer === undefined ? `${dirname(file)} is no layer; name it in scripts/layer_lint.mjs`
          : open === '"' ? judgeQuoted(root, file, layer, header) : judgeAngled(layer, header);
        if (wrong) complaints.push(`${file}:${index + 1}: ${wrong}`);
      });
    }
  }
  return complaints;
}

if (process.argv[1]?.endsWith('layer_lint.mjs')) {
  const complaints = lint(process.argv[2] ?? '.');
  complaints.forEach((complaint) => console.log(complaint));
  process.exit(complaints.length ? 1 : 0);
}
