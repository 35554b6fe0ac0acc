// One conversation with a flow, by the SQL functions that any client would use: start_session, session, history, send_input.
import { line } from './printing.mjs';
import { pause } from './observers.mjs';

export class PlayError extends Error {}

// What a history row's content says in words.
function wordsOf(content) {
  if (typeof content === 'string') return content;
  if (Array.isArray(content.books)) return content.books.map((book) => `• ${book.title} (${book.author})`).join('   ');
  const text = content.text ?? content.question ?? '';
  const words = typeof text === 'string' ? text : (text.text ?? JSON.stringify(text));
  const options = content.options ?? content.choices ?? [];
  if (options.length === 0) return words || JSON.stringify(content);
  return `${words}  [${options.map((option) => option.label ?? option.text ?? option.value ?? option).join(' | ')}]`;
}

export class Conversation {
  constructor(database, { events, webhooks, deadlineMilliseconds = 30_000 }) {
    Object.assign(this, { database, events, webhooks, deadlineMilliseconds });
    this.seen = 0; // the last history row printed
    this.answers = 0;
  }

  // Plays the script to its end: each turn has the words that the bot must have said since the last answer, and the answer.
  async play({ flow, initialState = {}, turns, closing }) {
    await this.start(flow, initialState);
    await this.hear(0, turns[0].heard);
    for (const [index, turn] of turns.entries()) {
      await this.say(turn.say, turns[index + 1]?.heard ?? closing);
    }
    if (this.session.status !== 'completed') throw new PlayError(`${flow} ended as ${this.session.status}, not completed: ${JSON.stringify(this.session)}`);
  }

  async start(flow, initialState) {
    const { rows } = await this.database.query('select session_id, session_token from sluice.start_session($1, initial_state => $2)', [
      flow, initialState,
    ]);
    this.id = rows[0].session_id;
    this.token = rows[0].session_token;
  }

  async say(text, expected) {
    const before = this.session.revision;
    line('you', text);
    await this.database.query('select sluice.send_input($1, $2)', [this.token, JSON.stringify({ text })]);
    this.answers += 1;
    await this.hear(before, expected);
  }

  // Waits until the session rests at a later revision, shows what was said, and checks that it holds the expected words.
  async hear(after, expected) {
    await this.until(() => this.rests(after), `a rest after revision ${after}`);
    const words = await this.printNews();
    if (!words.includes(expected)) throw new PlayError(`expected to hear "${expected}", heard: ${JSON.stringify(words)}`);
    await this.until(() => this.events.hasSeen(this.id, this.session.revision), `the event of revision ${this.session.revision}`);
  }

  async rests(after) {
    const { rows } = await this.database.query('select sluice.session($1) as session', [this.token]);
    this.session = rows[0].session;
    await this.webhooks.look();
    return this.session.revision > after && (this.session.status !== 'active' || this.session.wait?.for === 'input');
  }

  async printNews() {
    const { rows } = await this.database.query('select id, interaction_type, content from sluice.history($1, $2)', [this.token, this.seen]);
    const said = [];
    for (const row of rows) {
      this.seen = row.id;
      if (row.interaction_type !== 'message') continue;
      said.push(wordsOf(row.content));
      line('bot', said.at(-1));
    }
    return said.join('\n');
  }

  async until(condition, what) {
    const deadline = Date.now() + this.deadlineMilliseconds;
    while (!(await condition())) {
      if (Date.now() > deadline) throw new PlayError(`waited ${this.deadlineMilliseconds / 1000} s for ${what}; the session: ${JSON.stringify(this.session)}`);
      await pause();
    }
  }

  // Every revision has one event, in order, and a verified webhook. Waits for the webhooks, which may be retried.
  async checkWitnesses() {
    const revisions = Array.from({ length: this.session.revision }, (_, index) => index + 1);
    const seen = this.events.of(this.id).map((event) => event.data.revision);
    if (seen.join() !== revisions.join()) throw new PlayError(`events came with revisions ${seen}, expected ${revisions}`);
    const complete = async () => {
      await this.webhooks.look();
      return revisions.every((revision) => this.webhooks.accepted(this.id).has(revision));
    };
    await this.until(complete, 'a verified webhook for each revision');
    const forged = this.webhooks.of(this.id).filter((webhook) => !webhook.verified);
    if (forged.length > 0) throw new PlayError(`${forged.length} webhooks were not verified: ${forged[0].error}`);
  }
}
