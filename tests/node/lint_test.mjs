// The lints find what they are for, and the tree is clean of it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lint as lintLayers } from '../../scripts/layer_lint.mjs';
import { lint as lintSql } from '../../scripts/sql_lint.mjs';

const kRoot = fileURLToPath(new URL('../..', import.meta.url));

function treeWith(t, files) {
  const root = mkdtempSync(join(tmpdir(), 'sluice-lint-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('the tree keeps its layers', () => assert.deepEqual(lintLayers(kRoot), []));
test('the schema keeps its search_path', () => assert.deepEqual(lintSql(kRoot), []));

for (const [what, file, include, complaint] of [
  ['base includes async', 'core/base/a.h', '"core/async/loop.h"', 'no layer below it'],
  ['the engine includes the database', 'core/flow/a.cpp', '"core/pg/connection.h"', 'no layer below it'],
  ['core includes a daemon', 'core/service/a.cpp', '"workers/worker.h"', 'no layer below it'],
  ['a daemon includes another', 'listener/a.cpp', '"notifier/lane.h"', 'daemons meet in the schema'],
  ['libuv outside async', 'core/pg/a.cpp', '<uv.h>', 'belongs to core/async alone'],
  ['curl in a daemon', 'notifier/a.cpp', '<curl/curl.h>', 'belongs to core/http alone'],
  ['a path that is not from the root', 'core/pg/a.cpp', '"a.h"', 'by its path from the root'],
]) {
  test(`layers: ${what} is found`, (t) => {
    const root = treeWith(t, { 'core/pg/a.h': '', [file]: `// one\n#include ${include}\n` });
    const complaints = lintLayers(root);
    assert.equal(complaints.length, 1);
    assert.ok(complaints[0].startsWith(`${file}:2: `) && complaints[0].includes(complaint), complaints[0]);
  });
}

test('layers: going down is allowed', (t) => {
  const root = treeWith(t, {
    'workers/a.cpp': '#include "core/flow/engine.h"\n#include "core/pg/pool.h"\n#include <fmt/format.h>\n#include "sql_files.h"\n',
    'cli/main.cpp': '#include "listener/listener.h"\n#include "notifier/notifier.h"\n',
  });
  assert.deepEqual(lintLayers(root), []);
});

const definer = (head, tail = '') => `create function sluice.f() returns int language sql ${head} as $$ select 1 $$ ${tail};\n`;

test('sql: a definer without search_path is found, wherever the words stand', (t) => {
  for (const text of [definer('security definer'), definer('', 'security definer'), `${definer('')}${definer('SECURITY DEFINER')}`,
    definer('security definer -- set search_path = x\n')]) {
    assert.equal(lintSql(treeWith(t, { 'sql/api/a.sql': text })).length, 1, text);
  }
});

test('sql: invokers, fixed paths and standard bodies are allowed', (t) => {
  const text = definer('') + definer('security definer set search_path = pg_catalog, pg_temp') +
    definer('security definer', 'set search_path = pg_catalog, pg_temp') +
    'create function sluice.g() returns int security definer begin atomic select 1; end;\n';
  assert.deepEqual(lintSql(treeWith(t, { 'sql/api/a.sql': text })), []);
});
