-- Telephone lines: SIP trunks, the numbers on them, what a call met there, recordings.

-- Trunks belong to the installation: numbers of any workspace can be on one.
create table trunks (
  id uuid primary key,
  name text not null,
  gateways jsonb not null,              -- [{"protocol", "host", "port"}], the first is tried first
  domain text,                          -- of our address and the callee's; null: the gateway's host
  username text,
  password bytea,                       -- sealed
  register boolean not null,
  codecs text[] not null,               -- PCMA, PCMU; the first is preferred
  caller_id text not null check (caller_id in ('e164', 'international', 'national')),
  srtp text not null check (srtp in ('off', 'offer', 'require')),
  max_channels integer check (max_channels > 0),
  calls_per_second double precision check (calls_per_second > 0),
  inbound_networks cidr[] not null,     -- where calls may come from without credentials
  version integer not null default 1,   -- counts changes
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index trunks_name on trunks (lower(name));

-- How many channels are taken, changed only together with live_calls; and when the next call may be dialled.
create table trunk_capacity (
  trunk_id uuid primary key references trunks on delete cascade,
  in_use integer not null default 0 check (in_use >= 0),
  served_workspace_id uuid,             -- who got a channel last: the next one goes to the workspace after it
  next_dial_at timestamptz not null default '-infinity'
);

-- What a voice node finds when it talks to a gateway: to OPTIONS, to REGISTER, and with the last call.
create table trunk_health (
  trunk_id uuid not null references trunks on delete cascade,
  node_id uuid not null references nodes on delete cascade,
  gateway text not null,                -- such as udp:sip.example.com:5060
  check_kind text not null check (check_kind in ('options', 'registration', 'calls')),
  state text not null check (state in ('up', 'down')),
  detail text not null,                 -- for people
  changed_at timestamptz not null,
  checked_at timestamptz not null,
  primary key (trunk_id, node_id, gateway, check_kind)
);

alter table phone_numbers add trunk_id uuid references trunks;
create index phone_numbers_trunk on phone_numbers (trunk_id) where trunk_id is not null;

-- Whose a number is that a trunk hands us a call for; written together with phone_numbers.trunk_id.
create table trunk_numbers (
  trunk_id uuid not null references trunks,
  phone text not null,
  workspace_id uuid not null,
  phone_number_id uuid not null,
  primary key (trunk_id, phone)
);
create index trunk_numbers_number on trunk_numbers (workspace_id, phone_number_id);

-- trunk_id: null is the simulated carrier. A call keeps the trunk it was placed on, also when the trunk is gone.
alter table calls add trunk_id uuid;
alter table calls add rang_at timestamptz;
alter table calls add sip_status integer;      -- the final answer to our INVITE, or ours to theirs
alter table calls add sip_reason text;         -- its reason phrase, or the text of a Reason header
alter table calls add q850_cause integer;
alter table calls add media_quality jsonb;
alter table calls add transferred_at timestamptz;
alter table calls add transfer_target text;

alter table live_calls add trunk_id uuid;
alter table live_calls add holds_channel boolean not null default false;   -- counted in trunk_capacity; a trunk without a limit counts nothing
create index live_calls_trunk on live_calls (trunk_id) where trunk_id is not null;

-- A workspace's queue has a lane per trunk, so that a full trunk holds up nothing but its own calls.
alter table queued_calls add trunk_id uuid;
drop index queued_calls_order;
create index queued_calls_order on queued_calls (workspace_id, trunk_id, seq);
create index queued_calls_trunk on queued_calls (trunk_id, workspace_id, seq) where trunk_id is not null;

create table recordings (
  workspace_id uuid not null,
  call_id uuid not null,
  file text not null,           -- under RECORDINGS_DIR
  started_at timestamptz not null,
  duration_ms integer,          -- null until it is finished
  bytes bigint,
  primary key (workspace_id, call_id),
  foreign key (workspace_id, call_id) references calls on delete cascade
);

update agents set settings = '{"recording_enabled": true, "keypad_actions": {}}'::jsonb || settings;
update agent_versions set settings = '{"recording_enabled": true, "keypad_actions": {}}'::jsonb || settings;
