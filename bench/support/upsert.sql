\set n random(1, 100000000)
insert into bench_upsert (phone, name) values ('+49' || :n, 'Dana Levi') on conflict (phone) do update set name = excluded.name;
