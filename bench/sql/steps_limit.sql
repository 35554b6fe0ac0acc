\set first (:client_id * :per_client) + (random(0, :per_client / :batch - 1) * :batch)
SELECT bench.limit(:first, :batch);
