// The flows of the load: a conversation with a call between its questions, and a chain of calls.
const edge = (source, target, type = 'default') => ({ source_node_id: source, target_node_id: target, connection_type: type });
const question = (id, text, variable) => ({ node_id: id, node_type: 'question', content: { question: text, input_type: 'text', variable } });
const call = (id, url) => ({
  node_id: id, node_type: 'webhook',
  content: { url: `${url}/service/${id}`, body: { node: id }, response_mapping: { [id]: '$.answer' }, retry: { attempts: 8, delay: 0.2, backoff: 1.5 } },
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
  ];
}
