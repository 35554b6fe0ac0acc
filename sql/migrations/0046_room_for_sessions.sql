-- A session's row is written a dozen times and more, and each version finds its place on the page of the one before, without a word to any index,
-- as long as there is room. With a fifth of a page free there was too little: every sixth step wrote into three indexes, and three of four while
-- a transaction held open kept the old versions (docs/decisions/0047). Pages from before get their room as their rows move.
ALTER TABLE sluice.conversation_sessions SET (fillfactor = 30);
