\if :p = 0
SELECT sluice_private.register_process('worker', 'bench', :client_id) AS p \gset
\endif
SELECT bench.work(:p, :batch, :mark) AS mark \gset
