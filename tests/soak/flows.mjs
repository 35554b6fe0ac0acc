// The flows of the load. talk: a conversation with a call between its questions; chain: calls one after another; late: a question whose time
// runs out; idle: a session that is left alone until it is abandoned.
const edge = (source, target, type = 'default') => ({ source_node_id: source, target_node_id: target, connection_type: type });
const question = (id, text, variable, more = {}) => ({ node_id: id, node_type: 'question', content: { question: text, input_type: 'text', variable, ...more } });
const call = (id, url) => ({
  node_id: id, node_type: 'webhook',
  content: { url: `${url}/service/${id}`, body: { node: id }, response_mapping: { [id]: '$.answer' }, retry: { attempts: 12, delay: 0.2, backoff: 1.5 } },
});
const say = (id, text) => ({ node_id: id, node_type: 'message', content: { messages: [{ type: 'text', text }] } });

export function flowsFor(url) {
  return [
    {
      name: 'talk', entry_node_id: 'name',
      nodes: [question('name', 'Who is there?', 'user.name'), call('lookup', url), question('age', 'How old are you, {{user.name}}?', 'user.age'), say('bye', 'Bye, {{user.name}}.')],
      connections: [edge('name', 'lookup'), edge('lookup', 'age', 'success'), edge('age', 'bye')],
    },
    {
      name: 'chain', entry_node_id: 'one',
      nodes: [call('one', url), call('two', url), call('three', url), call('four', url), say('end', 'Done.')],
      connections: [edge('one', 'two', 'success'), edge('two', 'three', 'success'), edge('three', 'four', 'success'), edge('four', 'end', 'success')],
    },
    {
      name: 'late', entry_node_id: 'hurry',
      nodes: [question('hurry', 'Quick?', 'user.quick', { timeout: 2 }), say('on_time', 'In time.'), say('too_late', 'Too late.')],
      connections: [edge('hurry', 'on_time'), edge('hurry', 'too_late', 'timeout')],
    },
    {
      name: 'idle', entry_node_id: 'anyone', settings: { session_timeout: 3 },
      nodes: [question('anyone', 'Anyone?', 'user.anyone'), say('someone', 'Yes.')],
      connections: [edge('anyone', 'someone')],
    },
  ];
}
