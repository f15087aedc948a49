import type { CallerIdFormat, Codec, Gateway, SrtpPolicy } from "./trunk.ts";

/** What an operator sets of a trunk, as typed. Null takes a setting away; what is left out is left as it is. */
export interface TrunkSettings {
  /** 1 to 64 characters; unique in the installation, small and capital letters alike. */
  name: string;
  /** 1 to 8, each as `parseGateway` reads it; the first is tried first. */
  gateways: readonly string[];
  /** Host name or IP address of our address and the callee's; else the gateway's host. */
  domain?: string | null;
  /** Goes with a password. */
  username?: string | null;
  password?: string | null;
  /** Keeps the trunk's address registered at its gateways (RFC 3261 10). Needs a username. */
  register?: boolean;
  /** PCMA and PCMU, by these names or as alaw and ulaw; the first is preferred. */
  codecs?: readonly string[];
  callerId?: CallerIdFormat;
  srtp?: SrtpPolicy;
  /** Calls at once, 1 to 100,000. */
  maxChannels?: number | null;
  /** New calls a second, 0.1 to 1,000. */
  callsPerSecond?: number | null;
  /** IP networks and addresses, at most 100, that may call in without credentials. */
  inboundNetworks?: readonly string[];
  /** Takes networks that hold much of the internet. */
  letAnybodyCallIn?: boolean;
}

/** The same, read and checked; the password still in the clear. */
export interface TrunkFields {
  name: string;
  gateways: Gateway[];
  domain: string | null;
  username: string | null;
  password: string | null;
  register: boolean;
  codecs: Codec[];
  caller_id: CallerIdFormat;
  srtp: SrtpPolicy;
  max_channels: number | null;
  calls_per_second: number | null;
  inbound_networks: string[];
}

export const MOST_GATEWAYS = 8;
export const MOST_NETWORKS = 100;
export const CALLER_ID_FORMATS: readonly CallerIdFormat[] = ["e164", "international", "national"];
export const SRTP_POLICIES: readonly SrtpPolicy[] = ["off", "offer", "require"];
