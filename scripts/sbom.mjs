// The bill of materials: every foreign package whose code is in the program, is linked by it, or is used to build and test it, as the
// package managers know them, in CycloneDX 1.5.
// usage: node scripts/sbom.mjs write|check PROGRAM   writes docs/sbom.json, or says what is not in it or should not be. A check leaves
// out the versions of Debian packages: those are what the machine's mirror has today.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const file = join(root, 'docs/sbom.json');
const run = (command, ...args) => execFileSync(command, args, { cwd: root, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });

// Names that Debian's copyright files use, and SPDX's for the same text. What is in neither list is given as a name.
const kSpdxOfDebian = { Expat: 'MIT', Apache: 'Apache-2.0', 'BSD-3-clause': 'BSD-3-Clause', 'BSD-2-clause': 'BSD-2-Clause',
  'GPL-2+': 'GPL-2.0-or-later', 'GPL-3+': 'GPL-3.0-or-later', 'LGPL-2.1+': 'LGPL-2.1-or-later', 'LGPL-2+': 'LGPL-2.0-or-later',
  'LGPL-3+': 'LGPL-3.0-or-later' };
const kSpdx = ['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BSL-1.0', 'CC0-1.0', 'ISC', 'PostgreSQL', 'Zlib', '0BSD', 'MPL-2.0', 'curl', ...Object.values(kSpdxOfDebian)];

function licences(names) {
  const ids = [...new Set(names.map((name) => kSpdxOfDebian[name] ?? name))].sort();
  return ids.map((id) => ({ license: kSpdx.includes(id) ? { id } : { name: id } }));
}

// What a machine-readable copyright file says of the files that are not Debian's own; nothing when only people can read it.
function debianLicences(name) {
  const path = `/usr/share/doc/${name}/copyright`;
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  if (!/^Format:.*copyright-format/m.test(text)) return [];
  const stanzas = text.split(/\n\s*\n/).filter((stanza) => /^Files:/m.test(stanza) && !/^Files:\s*debian\//m.test(stanza));
  return licences(stanzas.map((stanza) => /^License:\s*(.+)$/m.exec(stanza)?.[1].trim()).filter(Boolean));
}

// what: package to how it is used
function debianComponents(what) {
  const shown = run('dpkg-query', '--show', '--showformat=${Package} ${Version} ${Architecture}\n', ...what.keys());
  return shown.trim().split('\n').map((line) => {
    const [name, version, architecture] = line.split(' ');
    const found = debianLicences(name);
    return {
      type: 'library', 'bom-ref': `deb/${name}`, name, version, scope: 'required',
      ...(found.length > 0 && { licenses: found }),
      purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=bookworm`,
      properties: [{ name: 'sluice:use', value: what.get(name) }],
    };
  });
}

// The packages that files belong to. A merged /usr has two names for a file, and dpkg knows one.
function owners(paths) {
  const names = paths.flatMap((path) => [path, realpathSync(path)]).flatMap((path) => [path, path.replace(/^\/usr/, ''), path.replace(/^(?!\/usr)/, '/usr')]);
  const asked = spawnSync('dpkg-query', ['--search', ...new Set(names)], { encoding: 'utf8' });
  const found = new Map([...asked.stdout.matchAll(/^([^:\s]+)(?::\w+)?: (\S+)$/gm)].map(([, owner, path]) => [realpathSync(path), owner]));
  return paths.map((path) => {
    const owner = found.get(realpathSync(path));
    if (!owner) throw new Error(`no package has ${path}`);
    return owner;
  });
}

function linked(program) {
  const named = new Set([...run('readelf', '--dynamic', program).matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1]));
  const libraries = [...run('ldd', program).matchAll(/^\s*(\S+) => (\/\S+)/gm)];
  const packages = owners(libraries.map((match) => match[2]));
  const found = new Map();
  libraries.forEach(([, name], at) => {
    if (named.has(name) || !found.has(packages[at])) found.set(packages[at], named.has(name) ? 'linked' : 'linked by a library');
  });
  return found;
}

// Of the libraries in scripts/debian-packages.txt those of which nothing is linked: their headers are compiled in.
function headersOnly(found) {
  const section = /^# libraries.*\n((?:[^#\n].*\n)+)/m.exec(readFileSync(join(root, 'scripts/debian-packages.txt'), 'utf8'));
  const names = section[1].trim().split('\n');
  const depends = run('dpkg-query', '--show', '--showformat=${Package} ${Depends}\n', ...names).trim().split('\n');
  return depends.map((line) => line.split(/[\s,]+/)).filter(([, ...words]) => !words.some((word) => found.has(word))).map(([name]) => name);
}

// The folder of a lock file says what it is for: the console's page is part of the program, all others serve tests and benchmarks.
function npmComponents() {
  const found = new Map();
  for (const lock of run('git', 'ls-files', '*package-lock.json').trim().split('\n').sort()) {
    for (const [path, entry] of Object.entries(JSON.parse(readFileSync(join(root, lock), 'utf8')).packages)) {
      if (path === '' || (entry.os && !entry.os.includes('linux'))) continue;
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const bundled = lock === 'console/page/package-lock.json' && !entry.dev && !entry.devOptional;
      const purl = `pkg:npm/${name.replace('@', '%40')}@${entry.version}`;
      const component = found.get(purl) ?? { type: 'library', 'bom-ref': `npm/${name}@${entry.version}`, name, version: entry.version, scope: 'excluded', purl, properties: [] };
      if (bundled) component.scope = 'required';
      if (entry.license) component.licenses = /\s/.test(entry.license) ? [{ expression: entry.license }] : licences([entry.license]);
      if (entry.integrity?.startsWith('sha512-')) component.hashes = [{ alg: 'SHA-512', content: Buffer.from(entry.integrity.slice(7), 'base64').toString('hex') }];
      const value = `${bundled ? 'bundled' : 'development'}, ${dirname(lock)}`;
      if (!component.properties.some((property) => property.value === value)) component.properties.push({ name: 'sluice:use', value });
      found.set(purl, component);
    }
  }
  return [...found.values()];
}

function document(program) {
  const version = /VERSION (\S+)/.exec(readFileSync(join(root, 'CMakeLists.txt'), 'utf8').match(/project\(.*/)[0])[1];
  const debian = linked(program);
  for (const name of headersOnly(debian)) debian.set(name, 'headers');
  const byRef = (one, other) => (one['bom-ref'] < other['bom-ref'] ? -1 : 1);
  const components = [...debianComponents(debian), ...npmComponents()].sort(byRef);
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': 'sluice', name: 'sluice', version, licenses: [{ license: { id: 'Apache-2.0' } }] } },
    components,
    dependencies: [{ ref: 'sluice', dependsOn: components.filter((component) => component.scope === 'required').map((component) => component['bom-ref']) }],
  };
}

// What a component is but for what varies with the machine, as one line.
function essence(component) {
  const debian = component.purl.startsWith('pkg:deb/');
  const { version, purl, licenses, ...rest } = component;
  return JSON.stringify(debian ? rest : { ...rest, version, purl, licenses });
}

function check(program) {
  const wanted = new Set(document(program).components.map(essence));
  const written = new Set(JSON.parse(readFileSync(file, 'utf8')).components.map(essence));
  const faults = [...[...wanted].filter((line) => !written.has(line)).map((line) => `missing ${line}`),
    ...[...written].filter((line) => !wanted.has(line)).map((line) => `stale   ${line}`)];
  if (faults.length === 0) return;
  console.error(faults.join('\n'));
  console.error("docs/sbom.json is not what the tree uses\nHINT: './dev sbom' writes it anew");
  process.exit(1);
}

const [verb, program] = process.argv.slice(2);
if (verb === 'write' && program) writeFileSync(file, `${JSON.stringify(document(program), null, 1)}\n`);
else if (verb === 'check' && program) check(program);
else {
  console.error('usage: node scripts/sbom.mjs write|check PROGRAM');
  process.exit(2);
}
