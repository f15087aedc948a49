-- The spine: tenants and keys, leads and their identity, campaigns, agents, calls, events.
--
-- Every table of a workspace has workspace_id first in its primary key, its unique indexes and its foreign keys, so that it
-- can be distributed by workspace. What must be unique everywhere (a workspace's uid, a key's hash) is in a small global
-- table. `live_calls`, `queued_calls` and `nodes` span workspaces and hold only what is due or running now.

-- Tenants ------------------------------------------------------------------------------------------------------------

create table directories (
  id uuid primary key,
  uid text not null unique check (uid ~ '^[a-z0-9]{16}$'),
  name text not null,
  created_at timestamptz not null
);

create table workspaces (
  id uuid primary key,
  uid text not null unique check (uid ~ '^[a-z0-9]{16}$'),
  nickname text unique,
  name text not null,
  directory_id uuid references directories,
  time_zone text not null,
  country text not null check (country ~ '^[A-Z]{2}$'),
  call_limit integer not null check (call_limit >= 0),
  owner_name text,
  owner_email text,
  owner_phone text,
  webhook_secret bytea not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index workspaces_directory on workspaces (directory_id);

create table api_keys (
  id uuid primary key,
  number bigint generated always as identity unique,
  kind text not null check (kind in ('workspace', 'staff', 'app', 'directory')),
  dialect text not null,
  workspace_id uuid references workspaces on delete cascade,
  directory_id uuid references directories on delete cascade,
  name text not null,
  token_hash bytea not null unique,
  token_prefix text not null,
  scopes text[] not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null,
  check (num_nonnulls(workspace_id, directory_id) = 1)
);
create index api_keys_workspace on api_keys (workspace_id);

-- Leads --------------------------------------------------------------------------------------------------------------

-- leads and events name their workspace without a foreign key: they are written at every intake, always for a workspace that
-- an API key belongs to, and the key has one.
create table leads (
  workspace_id uuid not null,
  id uuid not null,
  name text not null default '',
  first_name text,
  last_name text,
  phone text,             -- E.164 when it could be read as a number
  phone_as_typed text,    -- only when it differs from phone
  owns_phone boolean not null default false,   -- phone is one of this lead's keys
  email text,
  external_id text,
  stage text not null default 'new' check (stage in ('new', 'contacted', 'converted', 'unsubscribed')),
  relationship text not null default 'lead',
  origin text not null check (origin in ('api', 'manual', 'inbound_call')),
  source_name text,
  source_url text,
  address text,
  notes text,
  long_term_context text,
  opt_in boolean,
  opt_in_transactional_sms boolean,
  metadata jsonb not null default '{}',
  custom_fields jsonb not null default '{}',
  converted_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, id)
);
create index leads_shared_phone on leads (workspace_id, phone) where phone is not null and not owns_phone;

-- Who a lead is: each phone (E.164), email (lower case) and external id belongs to one lead of the workspace.
create table lead_keys (
  workspace_id uuid not null,
  kind text not null check (kind in ('phone', 'email', 'external_id')),
  value text not null,
  lead_id uuid not null,
  primary key (workspace_id, kind, value),
  foreign key (workspace_id, lead_id) references leads on delete cascade
);
create index lead_keys_lead on lead_keys (workspace_id, lead_id);

create table lists (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  name text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, id),
  unique (workspace_id, name)
);

create table list_members (
  workspace_id uuid not null,
  lead_id uuid not null,
  list_id uuid not null,
  created_at timestamptz not null,
  primary key (workspace_id, lead_id, list_id),
  foreign key (workspace_id, lead_id) references leads on delete cascade,
  foreign key (workspace_id, list_id) references lists on delete cascade
);
create index list_members_list on list_members (workspace_id, list_id, lead_id);

create table tags (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  name text not null,
  description text,
  color text,
  sort_order integer not null,
  created_at timestamptz not null,
  primary key (workspace_id, id),
  unique (workspace_id, name)
);

create table lead_tags (
  workspace_id uuid not null,
  lead_id uuid not null,
  tag_id uuid not null,
  position integer not null,
  primary key (workspace_id, lead_id, tag_id),
  foreign key (workspace_id, lead_id) references leads on delete cascade,
  foreign key (workspace_id, tag_id) references tags on delete cascade
);
create index lead_tags_tag on lead_tags (workspace_id, tag_id, lead_id);

-- Conversations ------------------------------------------------------------------------------------------------------

create table conversations (
  workspace_id uuid not null,
  id uuid not null,
  lead_id uuid not null,
  title text,
  source_name text,
  source_url text,
  business_unread boolean not null,
  client_unread boolean not null default false,
  last_business_action_at timestamptz,
  last_client_action_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, id),
  foreign key (workspace_id, lead_id) references leads on delete cascade
);
create index conversations_lead on conversations (workspace_id, lead_id, id);

create table messages (
  workspace_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  direction text not null check (direction in ('client_to_business', 'business_to_client')),
  text text not null,
  business_note text,     -- shown to the business only
  fields jsonb not null default '{}',
  created_at timestamptz not null,
  primary key (workspace_id, id),
  foreign key (workspace_id, conversation_id) references conversations on delete cascade
);
create index messages_conversation on messages (workspace_id, conversation_id, id);

-- Agents and numbers -------------------------------------------------------------------------------------------------

create table agents (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  number bigint generated by default as identity (start with 1001),
  version integer not null,
  is_active boolean not null,
  idempotency_key text,
  settings jsonb not null,   -- the settings of `version`
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, id),
  unique (workspace_id, number),
  unique (workspace_id, idempotency_key)
);

create table agent_versions (
  workspace_id uuid not null,
  agent_id uuid not null,
  version integer not null,
  settings jsonb not null,
  created_at timestamptz not null,
  primary key (workspace_id, agent_id, version),
  foreign key (workspace_id, agent_id) references agents on delete cascade
);

create table phone_numbers (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  number bigint generated by default as identity (start with 1001),
  phone text not null,
  friendly_name text,
  country text not null,
  is_active boolean not null default true,
  inbound_agent_id uuid,
  outbound_agent_id uuid,
  created_at timestamptz not null,
  primary key (workspace_id, id),
  unique (workspace_id, phone),
  unique (workspace_id, number),
  foreign key (workspace_id, inbound_agent_id) references agents,
  foreign key (workspace_id, outbound_agent_id) references agents
);

-- Campaigns ----------------------------------------------------------------------------------------------------------

create table campaigns (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  number bigint generated by default as identity (start with 1001),
  name text not null,
  status text not null check (status in ('draft', 'running', 'stopped', 'completed')),
  agent_id uuid not null,
  time_zone text not null,
  max_parallel_calls integer not null,
  window_start time not null,
  window_end time not null,
  days text[] not null,
  max_retries integer not null,
  retry_interval_minutes integer not null,
  retry_on_voicemail boolean not null,
  retry_on_goal_incomplete boolean not null,
  goal_variable text,
  complete_when_empty boolean not null,
  phone_number_ids uuid[] not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, id),
  unique (workspace_id, number),
  foreign key (workspace_id, agent_id) references agents
);

create table campaign_contacts (
  workspace_id uuid not null,
  id uuid not null,
  number bigint generated by default as identity (start with 1001),
  campaign_id uuid not null,
  lead_id uuid not null,
  phone text not null,
  variables jsonb not null default '{}',
  status text not null check (status in ('created', 'scheduled', 'processing', 'rescheduled', 'completed', 'exhausted', 'blocked')),
  attempts integer not null default 0,
  parent_id uuid,
  position integer not null default 0,   -- of a secondary contact, from 1
  is_first boolean not null,             -- the primary contact that keeps its phone unique in the campaign
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, id),
  unique (workspace_id, number),
  foreign key (workspace_id, campaign_id) references campaigns on delete cascade,
  foreign key (workspace_id, lead_id) references leads on delete cascade,
  foreign key (workspace_id, parent_id) references campaign_contacts on delete cascade
);
create unique index campaign_contacts_phone on campaign_contacts (workspace_id, campaign_id, phone) where is_first;
create index campaign_contacts_campaign on campaign_contacts (workspace_id, campaign_id, number);
create index campaign_contacts_lead on campaign_contacts (workspace_id, lead_id);
create index campaign_contacts_parent on campaign_contacts (workspace_id, parent_id) where parent_id is not null;

-- Calls --------------------------------------------------------------------------------------------------------------

create table dnc_entries (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  version integer not null default 1,
  phone text not null,
  reason text,
  source text not null check (source in ('manual', 'api', 'auto')),
  agent_ids uuid[] not null default '{}',   -- empty: every agent
  expires_at timestamptz,
  created_by uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (workspace_id, id),
  unique (workspace_id, phone)
);

create table calls (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  number bigint generated by default as identity (start with 1001),
  agent_id uuid not null,
  agent_version integer not null,
  lead_id uuid,
  campaign_contact_id uuid,
  direction text not null check (direction in ('outbound', 'inbound')),
  from_number text not null,
  to_number text not null,
  status text not null check (status in ('queued', 'admitted', 'ringing', 'in_progress', 'ended')),
  outcome text check (outcome in ('completed', 'voicemail', 'no_answer', 'busy', 'declined', 'unreachable', 'failed', 'canceled', 'expired', 'dnc_blocked')),
  answered_by text check (answered_by in ('human', 'machine', 'unknown')),
  ended_by text check (ended_by in ('caller', 'agent', 'system', 'unknown')),
  disconnect_reason text,
  error text,
  dnc_entry_id uuid,
  dnc_reason text,
  variables jsonb not null default '{}',
  metadata jsonb not null default '{}',
  transcript jsonb not null default '[]',
  created_at timestamptz not null,
  expires_at timestamptz,     -- of a queued call
  started_at timestamptz,     -- dialled
  answered_at timestamptz,
  ended_at timestamptz,
  updated_at timestamptz not null,
  primary key (workspace_id, id),
  unique (workspace_id, number),
  check ((status = 'ended') = (outcome is not null)),
  check ((status = 'ended') = (ended_at is not null)),
  foreign key (workspace_id, agent_id, agent_version) references agent_versions
) with (fillfactor = 50);   -- every step of a call rewrites its row: room for that on the same page spares the indexes
create index calls_to on calls (workspace_id, to_number, id);
create index calls_agent on calls (workspace_id, agent_id, id);

-- Why an attempt was allowed, delayed or refused.
create table call_decisions (
  workspace_id uuid not null,
  call_id uuid not null,
  id uuid not null,
  verdict text not null check (verdict in ('admitted', 'queued', 'blocked', 'expired')),
  reason text not null,
  detail jsonb not null default '{}',
  created_at timestamptz not null,
  primary key (workspace_id, call_id, id),
  foreign key (workspace_id, call_id) references calls on delete cascade
);

-- How many of a workspace's leases are taken; changed only together with live_calls.
create table workspace_capacity (
  workspace_id uuid primary key references workspaces on delete cascade,
  in_use integer not null default 0 check (in_use >= 0)
);

-- Calls that wait for a lease, over all workspaces.
create table queued_calls (
  workspace_id uuid not null,
  call_id uuid not null,
  seq bigint generated always as identity,   -- given under the workspace's capacity lock: the order of admission
  expires_at timestamptz not null,
  primary key (workspace_id, call_id)
);
create index queued_calls_order on queued_calls (workspace_id, seq);
create index queued_calls_expiry on queued_calls (expires_at);

-- Capacity leases, over all workspaces: taken at admission, handed to the voice node that dials, given back when the call ends.
create table live_calls (
  workspace_id uuid not null,
  call_id uuid not null,
  node_id uuid,            -- null: no voice node has taken it yet
  taken_at timestamptz not null default now(),
  primary key (workspace_id, call_id)
);
create index live_calls_untaken on live_calls (taken_at) where node_id is null;
create index live_calls_node on live_calls (node_id);

-- Running voice processes; a node whose heartbeat is too old is dead and its leases are free.
create table nodes (
  id uuid primary key,
  host text not null,
  pid integer not null,
  started_at timestamptz not null default now(),
  heartbeat_at timestamptz not null default now()
);

create table idempotency_keys (
  workspace_id uuid not null references workspaces on delete cascade,
  operation text not null,
  key text not null,
  request_hash bytea not null,
  result json not null,       -- not jsonb: it is replayed with its keys in the order they had
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (workspace_id, operation, key)
);
create index idempotency_keys_expiry on idempotency_keys (expires_at);

-- Events and what leaves the house -----------------------------------------------------------------------------------

create table events (
  workspace_id uuid not null,
  id uuid not null,
  type text not null,
  subject_id uuid not null,
  payload jsonb not null default '{}',
  created_at timestamptz not null,
  primary key (workspace_id, id)
);
create index events_call on events (workspace_id, subject_id, id) where type like 'call.%';

create table webhook_deliveries (
  workspace_id uuid not null,
  id uuid not null,
  event_id uuid not null,
  event_type text not null,
  format text not null,       -- which dialect words the body
  url text not null,
  headers jsonb not null default '{}',
  status text not null check (status in ('pending', 'delivered', 'failed')),
  attempts integer not null default 0,
  response_status integer,
  last_error text,
  created_at timestamptz not null,
  delivered_at timestamptz,
  updated_at timestamptz not null,
  primary key (workspace_id, id),
  foreign key (workspace_id, event_id) references events on delete cascade
);
create index webhook_deliveries_event on webhook_deliveries (workspace_id, event_id);
create index webhook_deliveries_open on webhook_deliveries (workspace_id, id) where status <> 'delivered';

-- Mails and texts to people: sent when the channel is configured, else readable here.
create table outbox (
  workspace_id uuid not null references workspaces on delete cascade,
  id uuid not null,
  channel text not null check (channel in ('email', 'sms')),
  purpose text not null,
  recipient text,
  subject text,
  body text not null,
  status text not null check (status in ('pending', 'sending', 'held', 'sent', 'failed')),
  attempts integer not null default 0,
  last_error text,
  lead_id uuid,
  conversation_id uuid,
  created_at timestamptz not null,
  sent_at timestamptz,
  updated_at timestamptz not null,
  primary key (workspace_id, id)
);
