/* Claims, leases and fencing of tasks (sql/queries/workers.sql, sql/api/steps.sql): workers that crash and workers that are stopped for longer
 * than their lease and go on, a state patch, a deadline; a session of STEPS tasks one after another.
 *
 * A commit takes its locks and looks in the order in which commit_steps does: its claim as of a snapshot, then the session's row, then
 * the task's row, unless that follows the session already and its next task is taken on: then the row is neither locked nor looked at again. What it writes becomes visible in one step at its end. A claim skips a locked row. Its commit is not flushed: a crash of the
 * server undoes it, and with it what the sequence of tokens gave out; every other commit flushes what came before it.
 *
 * Checked: a worker changes a session only while the claim is its own, only from the state that it has seen, and once for each task; a
 * task is never given to a worker while another that has not lapsed runs it; as long as a worker lives, the session ends.
 *
 * Wrong variants, each of which must be caught:
 *   NO_FENCE          writes of a claim do not name its token
 *   TOKEN_IS_ATTEMPT  the token is the number of the attempt, which recovery does not raise
 *   NO_RECHECK        what writes to the task's row is not asked whether it found the claim
 *   DISCARD_PASSED    what is late is discarded with its row, also when the row follows a session that went on
 *   NO_REVISION       the session's revision is not compared
 *   NO_LEASE          whatever is due is claimed, also from the living
 *   NO_RECOVERY       what a dead process has claimed stays claimed
 *   NO_RESTAMP        a patch leaves the pending task's revision as it was
 *   FORGET_NEXT       the next task is queued in a transaction of its own
 *   TOKEN_IS_SEQUENCE the token does not name the process, so a crash of the server lets it be given twice
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef STEPS
#define STEPS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef STOPS
#define STOPS 1
#endif
#ifndef SERVER_CRASHES
#define SERVER_CRASHES 0
#endif
#define NOBODY WORKERS
#define KEYS (STEPS + 4)

byte revision = 1, waits = 1;               /* the session; waits for a task's key (the revision it was made at), 0: it has ended */
byte task = 1, stamp = 1, owner = NOBODY;   /* the task's row: its key (0: none), its revision, who has claimed it */
bool follows;                               /* the row stands for what the session waits for, whatever it says itself */
byte token, next_token = 1, attempt = 1;
bool session_locked, task_locked;
byte done, applied[KEYS];
bool alive[WORKERS] = true, dead[WORKERS], holds[WORKERS], lapsed[WORKERS];
byte crashes, stops;
bool unflushed;                             /* the last claim, and what was before it */
byte saved_owner, saved_epoch, saved_token, saved_next;
byte epoch, owner_epoch;                    /* of the server; process ids, the upper half of a token, are new in each, and the
                                             * old ones live as long as a worker holds a claim of theirs */

#define STANDS_FOR (follows -> waits : task)
#ifdef NO_FENCE
#define MINE (task != 0 && STANDS_FOR == key)
#else
#define MINE (task != 0 && token == mine)
#endif
#ifdef NO_LEASE
#define FREE true
#elif defined(NO_RECOVERY)
#define FREE (owner == NOBODY)
#else
#define FREE (owner == NOBODY || !alive[owner] || owner_epoch != epoch && !holds[owner])
#endif

inline new_token() {
#ifdef TOKEN_IS_ATTEMPT
  token = attempt;
#elif defined(TOKEN_IS_SEQUENCE)
  token = next_token;
  next_token++;
#else
  token = epoch * 32 + next_token;
  next_token++;
#endif
  mine = token
}

inline remember() {
  if
  :: SERVER_CRASHES > 0 && !unflushed -> unflushed = true; saved_owner = owner; saved_epoch = owner_epoch; saved_token = token; saved_next = next_token
  :: else
  fi
}

inline take() {
  byte other;
  for (other : 0 .. WORKERS - 1) {
    assert(other == me || !holds[other] || lapsed[other])
  }
  other = 0;
  owner = me;
  owner_epoch = epoch;
  new_token();
  key = STANDS_FOR;
  seen = revision;
  holds[me] = true;
  lapsed[me] = !alive[me]
}

/* The process is gone, with its connections: an open transaction is rolled back. */
inline may_crash() {
  if
  :: atomic { crashes < CRASHES -> crashes++; alive[me] = false; lapsed[me] = true; dead[me] = true; goto gone }
  :: skip
  fi
}

proctype worker(byte me) {
  byte key, mine, seen;
  bool fits, followed;
again:
  do
  :: atomic { waits == 0 && task == 0 -> goto gone }
  :: atomic { !alive[me] -> alive[me] = true }                  /* stopped before: its heartbeat goes on */
  :: atomic { alive[me] && task != 0 && !task_locked && FREE -> remember(); take(); fits = (follows || stamp == revision && waits == key) } -> break
  od;
execute:
  may_crash();
  if
  :: !fits -> atomic {                                           /* no longer wanted: discarded */
       if
       :: MINE && !task_locked -> task = 0; owner = NOBODY; unflushed = false
       :: else
       fi;
       holds[me] = false; goto again }
  :: fits && attempt < 2 -> atomic {                             /* failed: again later */
       if
       :: MINE && !task_locked -> owner = NOBODY; token = 0; attempt++; unflushed = false
       :: else
       fi;
       holds[me] = false; goto again }
  :: fits -> skip
  fi;
commit:
  if
  :: atomic { !MINE -> holds[me] = false; goto again }           /* told lost */
  :: atomic { MINE -> followed = follows && attempt == 1 }
  fi;
  atomic { !session_locked -> session_locked = true;
#ifdef NO_REVISION
    fits = (waits == key)
#else
    fits = (waits == key && revision == seen)
#endif
  };
  if
  :: atomic { !fits && waits == key -> session_locked = false; seen = revision; fits = true; goto commit }   /* restamped: made again */
  :: atomic { !fits && waits != key ->                                                                      /* late: discarded */
       if
#ifndef DISCARD_PASSED
       :: MINE && follows && waits != 0 -> owner = NOBODY; token = 0; unflushed = false                   /* the row is a later task's */
       :: MINE && !(follows && waits != 0) -> task = 0; owner = NOBODY; unflushed = false
#else
       :: MINE -> task = 0; owner = NOBODY; unflushed = false
#endif
       :: else
       fi;
       session_locked = false; holds[me] = false; goto again }
  :: fits
  fi;
  if
  :: followed && done + 1 < STEPS                                /* taken on: nothing is written to the row */
  :: followed = false;
     if
#ifdef NO_RECHECK
     :: atomic { true -> task_locked = true }
#else
     :: atomic { MINE -> task_locked = true }
     :: atomic { !MINE -> session_locked = false; goto commit }  /* rolled back, and given once more */
#endif
     fi
  fi;
  if
  :: atomic { crashes < CRASHES -> crashes++; alive[me] = false; lapsed[me] = true; dead[me] = true;
       session_locked = false; task_locked = task_locked && followed; goto gone }
  :: skip
  fi;
  atomic {
    assert(waits == key && revision == seen);
    assert(followed || STANDS_FOR == key && token == mine && owner == me);
    unflushed = false;
    applied[key]++;
    assert(applied[key] == 1);
    revision++;
    done++;
    if
    :: followed -> waits = revision; key = waits; seen = revision
    :: !followed -> attempt = 1;
       if
       :: done == STEPS -> waits = 0; task = 0; follows = false; owner = NOBODY; holds[me] = false
#ifdef FORGET_NEXT
       :: else -> waits = revision; task = 0; owner = NOBODY; holds[me] = false
#else
       :: else -> waits = revision;
          if
          :: task = revision; stamp = revision; follows = false; owner = NOBODY; holds[me] = false
          :: follows = true; key = waits; seen = revision        /* taken on, by the claim that it has */
          fi
#endif
       fi;
       task_locked = false
    fi;
    fits = true;
    session_locked = false
  };
#ifdef FORGET_NEXT
  may_crash();
  atomic { waits != 0 && task == 0 && waits == revision -> task = waits; stamp = waits }
#endif
  if
  :: atomic { holds[me] -> goto execute }
  :: else -> goto again
  fi;
gone:
  skip
}

/* The end of a lease in the life of a worker: for the others it is dead, and it does not know. */
proctype stopper() {
  byte who;
  do
  :: atomic { stops < STOPS ->
       stops++;
       select(who : 0 .. WORKERS - 1);
       if
       :: alive[who] -> alive[who] = false; lapsed[who] = true
       :: else
       fi }
  :: break
  od
}

/* The server crashes between two transactions: one under way is as if it had not begun, which is tried again like any other. Or it flushes. */
proctype server() {
  do
  :: atomic { unflushed -> unflushed = false }
  :: atomic { epoch < SERVER_CRASHES && !session_locked && !task_locked ->
       if
       :: unflushed -> lapsed[owner] = true; owner = saved_owner; owner_epoch = saved_epoch; token = saved_token; next_token = saved_next; unflushed = false
       :: else
       fi;
       epoch++ }
  :: break
  od
}

proctype patch() {
  atomic { !session_locked && waits != 0 ->
    unflushed = false;
    revision++;
#ifndef NO_RESTAMP
    stamp = revision
#endif
  }
}

/* A deadline passes: the session takes another way and ends, whatever task it had. */
proctype deadline() {
  if
  :: atomic { !session_locked && waits != 0 -> revision++; waits = 0; task = 0; follows = false; owner = NOBODY; unflushed = false }
  :: skip
  fi
}

init {
  byte n;
  atomic {
    for (n : 0 .. WORKERS - 1) {
      run worker(n)
    }
    n = 0;
    run stopper();
    run server();
    run patch();
    run deadline()
  };
  /* When nothing can happen any more and somebody lives, the session has ended. */
  timeout -> atomic {
    bool somebody;
    for (n : 0 .. WORKERS - 1) {
      somebody = somebody || !dead[n]
    }
    assert(!somebody || (waits == 0 && task == 0))
  }
}
