// Two witnesses of what happens: a plain LISTEN flow_events client, and the receiver's list of the webhooks it got.
import pg from 'pg';
import { green, line } from './printing.mjs';

const kPollMilliseconds = 25;
export const pause = () => new Promise((resolve) => setTimeout(resolve, kPollMilliseconds));

export class EventWitness {
  constructor(dsn) {
    this.client = new pg.Client({ connectionString: dsn, application_name: 'play: listen' });
    this.events = [];
  }

  async start() {
    this.client.on('notification', ({ payload }) => this.#take(JSON.parse(payload)));
    await this.client.connect();
    await this.client.query('listen flow_events');
  }

  #take(event) {
    this.events.push(event);
    const { current_node, previous_node, status, revision, previous_revision } = event.data ?? {};
    const moved = previous_node !== current_node ? `${previous_node ?? '·'} → ${current_node ?? '·'}` : `at ${current_node}`;
    const revisions = `revision ${previous_revision ?? '-'} → ${revision}`;
    line('event', `${revisions.padEnd(16)}  ${event.type.padEnd(22)}  ${moved}${status === 'active' ? '' : `  (${status})`}`);
  }

  of(session) {
    return this.events.filter((event) => event.session_id === session);
  }

  hasSeen(session, revision) {
    return this.of(session).some((event) => event.data?.revision === revision);
  }

  async stop() {
    await this.client.end();
  }
}

export class WebhookWitness {
  constructor(receiver) {
    this.address = `${receiver}/received`;
    this.webhooks = [];
  }

  // Fetches what came since the last time, and prints it.
  async look() {
    const response = await fetch(`${this.address}?after=${this.webhooks.length}`);
    for (const webhook of await response.json()) {
      webhook.event = JSON.parse(webhook.body);
      this.webhooks.push(webhook);
      const verdict = webhook.verified ? green('signature verified') : `NOT VERIFIED: ${webhook.error}`;
      const what = `${webhook.event.type} revision ${webhook.event.data?.revision ?? '-'}`;
      line('webhook', `${what.padEnd(40)}  ${shortId(webhook.id)} try ${webhook.attempt}: ${verdict}, answered ${webhook.status}`);
    }
  }

  of(session) {
    return this.webhooks.filter((webhook) => webhook.event.session_id === session);
  }

  // The revisions of a session whose webhook was verified and accepted.
  accepted(session) {
    return new Set(this.of(session).filter((webhook) => webhook.status === 204).map((webhook) => webhook.event.data.revision));
  }
}

function shortId(id) {
  return id.length > 16 ? `${id.slice(0, 12)}…${id.slice(-3)}` : id;
}
