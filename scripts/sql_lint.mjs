// A SECURITY DEFINER function runs with its owner's rights, so its names must not be looked up in a caller's search_path: each has
// SET search_path or a SQL-standard body (which is resolved when it is created). The pgTAP tests ask pg_proc the same.
// usage: node scripts/sql_lint.mjs [ROOT]   prints FILE:LINE: what is wrong; exit 1 when anything is.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

function* sqlFiles(folder) {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* sqlFiles(path);
    else if (name.endsWith('.sql')) yield path;
  }
}

// The text between a function's name and its body, comments taken out so that words in them do not count.
function* functionHeads(text) {
  const plain = text.replace(/--[^\n]*/g, (comment) => ' '.repeat(comment.length));
  const starts = /\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure)\s+([\w.]+)/gi;
  for (let found = starts.exec(plain); found; found = starts.exec(plain)) {
    const rest = plain.slice(found.index);
    const quote = /\$\w*\$/.exec(rest);
    const next = /\bcreate\b/i.exec(rest.slice(6));
    const end = quote && (!next || quote.index < next.index + 6) ? quote.index : rest.search(/;/);
    const close = quote && end === quote.index ? rest.indexOf(quote[0], end + quote[0].length) + quote[0].length : end;
    const after = rest.slice(close, close + rest.slice(close).search(/;|$/));
    yield { name: found[1], head: rest.slice(0, end) + after, line: plain.slice(0, found.index).split('\n').length };
  }
}

export function lint(root) {
  const folder = join(root, 'sql');
  const complaints = [];
  if (!existsSync(folder)) return complaints;
  for (const path of sqlFiles(folder)) {
    for (const { name, head, line } of functionHeads(readFileSync(path, 'utf8'))) {
      const standardBody = /\bbegin\s+atomic\b|\breturn\s/i.test(head);
      if (/\bsecurity\s+definer\b/i.test(head) && !/\bset\s+search_path\b/i.test(head) && !standardBody) {
        complaints.push(`${relative(root, path)}:${line}: ${name} is SECURITY DEFINER without SET search_path = pg_catalog, pg_temp`);
      }
    }
  }
  return complaints;
}

if (process.argv[1]?.endsWith('sql_lint.mjs')) {
  const complaints = lint(process.argv[2] ?? '.');
  complaints.forEach((complaint) => console.log(complaint));
  process.exit(complaints.length ? 1 : 0);
}
