/* The doorbell and the snapshot cursors of the event stream (sql/api/doorbell.sql, sql/api/event_read.sql): writers, listeners, crashes.
 *
 * Transactions are bits: bit x of `finished` is set when transaction x is over, so a snapshot is a copy of `finished`, and
 * what a cursor C did not see is `committed & ~C`. There is no heartbeat in this model: a lost wake-up is an event that nobody ever handles.
 *
 * Sizes: WRITERS, LISTENERS (each has a consumer of its own), DECLARES per listener, CRASHES in all. PLAIN leaves out what the doorbell does
 * not depend on (rollbacks, a second session, cursors moved by empty polls), so that two listeners can be explored.
 * Wrong variants, each of which must be caught:
 *   NO_DRAIN          sleep right after declaring
 *   DRAIN_BY_XMAX     end the drain when pg_snapshot_xmax >= B
 *   SAME_TRANSACTION  take B in the transaction that raises the flag
 *   FLAG_IN_ROW       the flag is a table row: a writer sees it as of its snapshot
 *   READ_FIRST        read the flag before the first write
 *   NEVER_RING        a writer does not notify
 *   LISTEN_LATE       LISTEN after the drain
 *   LOWER_SILENTLY    lower the flag without waking the other listeners
 *   DEAF_TO_AWAKE     answer another listener's lowering as if a writer had rung: look once, sleep again
 *   CLEAR_LATE        forget the notifications that came while looking
 *   PAGE_BY_ID        read what has an id above the last one
 *   HORIZON           read what is below xmin, in order of xid
 *   CURSOR_FIRST      move the cursor before the batch is handled
 *   KEEP_CURSOR       do not read the cursor again after a reconnect
 */
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef LISTENERS
#define LISTENERS 1
#endif
#ifndef DECLARES
#define DECLARES 2
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#define XIDS (WRITERS + LISTENERS * DECLARES)
#define BELOW(x) ((1 << (x)) - 1)

byte flag = 1;                     /* the sequence: seen by all at once, outside transactions */
byte next_xid, next_id, latest;    /* latest: one above the greatest finished transaction */
short finished, committed;
byte id_of[XIDS], session_of[XIDS];
bool locked[2];                    /* row locks of two sessions */
byte writers_done, crashes;

bool listening[LISTENERS], notified[LISTENERS], asleep[LISTENERS];
bool told[LISTENERS];              /* another listener lowered the flag */
short cursor[LISTENERS], handled[LISTENERS];
byte last_id[LISTENERS];           /* for PAGE_BY_ID */
byte shown[LISTENERS * 2];         /* greatest id handled, by listener and session */

inline notify_all() {
  byte n;
  for (n : 0 .. LISTENERS - 1) {
    if
    :: listening[n] -> notified[n] = true
    :: else
    fi
  }
  n = 0
}

inline tell_all() {
  byte n;
  for (n : 0 .. LISTENERS - 1) {
    if
    :: listening[n] && n != l -> told[n] = true
    :: else
    fi
  }
  n = 0
}

inline finish(x) {
  finished = finished | (1 << (x));
  if
  :: latest <= x -> latest = x + 1
  :: else
  fi
}

proctype writer() {
  byte x, s;
  byte seen;
#if defined(READ_FIRST) || defined(FLAG_IN_ROW)
  seen = flag;
#endif
  atomic { x = next_xid; next_xid++ }
#ifndef PLAIN
  if
  :: s = 0
  :: s = 1
  fi;
#endif
  atomic { !locked[s] -> locked[s] = true; id_of[x] = next_id + 1; next_id++; session_of[x] = s }
#if !defined(READ_FIRST) && !defined(FLAG_IN_ROW)
  seen = flag;
#endif
  if
  :: atomic {
      finish(x); committed = committed | (1 << x);
#ifndef NEVER_RING
      if
      :: seen != 0 -> notify_all()
      :: else
      fi;
#endif
      locked[s] = false; writers_done++
     }
#ifndef PLAIN
  :: atomic { finish(x); locked[s] = false; writers_done++ }  /* rolled back */
#endif
  fi
}

/* Hands a set of transactions to consumer l, in order of id: each once, and of one session in order. */
inline handle(l, set) {
  byte i, best, x;
  assert((handled[l] & set) == 0);
  rest = set;
  do
  :: rest == 0 -> break
  :: else ->
     best = 255; x = 0;
     for (i : 0 .. XIDS - 1) {
       if
#ifdef HORIZON
       :: (rest & (1 << i)) && i < best -> best = i; x = i
#else
       :: (rest & (1 << i)) && id_of[i] < best -> best = id_of[i]; x = i
#endif
       :: else
       fi
     }
     assert(id_of[x] > shown[l * 2 + session_of[x]]);
     shown[l * 2 + session_of[x]] = id_of[x];
     if
     :: id_of[x] > last_id[l] -> last_id[l] = id_of[x]
     :: else
     fi;
     rest = rest & ~(1 << x)
  od;
  handled[l] = handled[l] | set;
  i = 0; best = 0; x = 0
}

/* One statement: a snapshot and what the cursor did not see of it. */
inline poll() {
  atomic {
    snap = finished; snap_xmax = latest;
#if defined(PAGE_BY_ID)
    fresh = 0;
    for (k : 0 .. XIDS - 1) {
      if
      :: (committed & (1 << k)) && id_of[k] > last_id[l] -> fresh = fresh | (1 << k)
      :: else
      fi
    }
    k = 0
#elif defined(HORIZON)
    k = 0;
    do
    :: (finished & (1 << k)) && k < next_xid -> k++
    :: else -> break
    od;
    snap = BELOW(k);
    fresh = committed & snap & ~C;
    k = 0
#else
    fresh = committed & ~C
#endif
  }
}

/* Handling and moving the cursor are one transaction. A cursor with nothing to skip moves in memory alone. */
inline commit_batch() {
#ifdef CURSOR_FIRST
  cursor[l] = snap;
#ifdef KEEP_CURSOR
  C = snap;
#endif
  may_crash();
  atomic { handle(l, fresh); C = snap; fresh = 0 }
#elif defined(KEEP_CURSOR)
  C = snap;
  may_crash();
  atomic { handle(l, fresh); cursor[l] = snap; fresh = 0 }
#else
  may_crash();
  atomic { handle(l, fresh); cursor[l] = snap; C = snap; fresh = 0 }
#endif
}

inline keep_up() {
#ifdef PLAIN
  snap = 0; snap_xmax = 0
#else
  C = snap
#endif
}

inline may_crash() {
  if
  :: atomic { crashes < CRASHES -> crashes++; goto restart }
  :: true
  fi
}

proctype listener(byte l) {
  short C, snap, fresh, rest;
  byte B, declared, k, snap_xmax;
restart:
  atomic {
    asleep[l] = false; notified[l] = false; told[l] = false; fresh = 0; snap = 0; snap_xmax = 0; B = 0;
#ifndef LISTEN_LATE
    listening[l] = true;
#endif
#ifndef KEEP_CURSOR
    C = cursor[l]
#endif
  }
lower:
  atomic { notified[l] = false; told[l] = false }
  if
  :: flag != 0 ->
     flag = 0;
#ifndef LOWER_SILENTLY
     atomic { tell_all() }
#endif
  :: else
  fi;
hot:
  poll();
  if
  :: fresh != 0 -> commit_batch(); goto hot
  :: else -> keep_up()
  fi;
  may_crash();
  if
  :: notified[l] || told[l] -> goto lower
  :: !notified[l] && !told[l] && declared < DECLARES -> goto declare
  :: goto hot
  fi;
declare:
#ifdef SAME_TRANSACTION
  atomic { B = next_xid; next_xid++ }
  flag = 1;
  atomic { finish(B); declared++ }
#else
  flag = 1;
  may_crash();
  atomic { B = next_xid; next_xid++; finish(B); declared++ }
#endif
#ifdef NO_DRAIN
  goto sleep;
#endif
drain:
  poll();
  if
  :: fresh != 0 -> commit_batch(); goto lower
  :: else
  fi;
  if
  :: notified[l] || told[l] -> goto lower
#ifdef DRAIN_BY_XMAX
  :: !notified[l] && !told[l] && snap_xmax >= B -> goto sleep
#else
  :: !notified[l] && !told[l] && (BELOW(B) & ~snap) == 0 -> goto sleep
#endif
  :: else -> may_crash(); goto drain
  fi;
sleep:
#ifdef LISTEN_LATE
  listening[l] = true;
#endif
  atomic { asleep[l] = true; fresh = 0; snap = 0; snap_xmax = 0; B = 0 }
  if
  :: atomic { notified[l] || told[l] -> asleep[l] = false }
  :: atomic { crashes < CRASHES -> crashes++; asleep[l] = false; goto restart }
  fi;
  /* A writer's notification alone may be answered by one read with the flag left up, and so may the next. */
  if
  :: goto lower
#ifdef DEAF_TO_AWAKE
  :: goto look
#else
  :: !told[l] -> goto look
#endif
  fi;
look:
#ifdef DEAF_TO_AWAKE
  told[l] = false;
#endif
#ifndef CLEAR_LATE
  notified[l] = false;
#endif
  poll();  /* once: what commits after this read rings again */
  if
  :: fresh != 0 -> commit_batch()
  :: else -> keep_up()
  fi;
#ifdef CLEAR_LATE
  notified[l] = false;
#endif
  goto sleep
}

/* Everybody sleeps, all writers are done, nothing is under way: then nothing may be left. */
active proctype judge() {
  byte n;
  atomic {
    writers_done == WRITERS && asleep[0] && !notified[0] && !told[0] &&
    (LISTENERS == 1 || (asleep[LISTENERS - 1] && !notified[LISTENERS - 1] && !told[LISTENERS - 1])) ->
    for (n : 0 .. LISTENERS - 1) {
      assert(handled[n] == committed)
    }
  }
}

init {
  byte n;
  atomic {
    for (n : 1 .. LISTENERS) { run listener(n - 1) }
    for (n : 1 .. WRITERS) { run writer() }
  }
}
