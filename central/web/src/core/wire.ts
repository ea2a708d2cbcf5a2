/**
 * What central says and is told, as it stands on the wire (central/api/openapi).
 * Bytes are unpadded base64url; moments are RFC 3339 unless they say Unix.
 */

export type Purpose =
  | 'register'
  | 'sign_in'
  | 'recover'
  | 'recovery_code'
  | 'did'
  | 'transfer'
  | 'transfer_accept'
  | 'ask'
  | 'add_passkey'
  | 'new_password'
  | 'delete_account';

export interface Challenge {
  readonly challenge: string;
  readonly expires: string;
  readonly rp: { readonly id: string; readonly name: string };
  /** For a registration: what the authenticator files the passkey under. */
  readonly user_id?: string;
}

/** A new passkey. */
export interface NewCredential {
  readonly id: string;
  readonly attestation_object: string;
  readonly client_data_json: string;
  readonly transports: readonly string[];
}

/** The answer of a passkey to a challenge of central. */
export interface Signed {
  readonly challenge: string;
  readonly authenticator_data: string;
  readonly client_data_json: string;
  readonly signature: string;
}

export interface PasskeyName {
  readonly id: string;
  readonly public_key: string;
}

/** Somebody who came in. */
export interface Entry {
  readonly account: string;
  readonly email: string;
  /** Absent for an account that has a password alone. */
  readonly passkey?: PasskeyName;
  /** Shown once; absent after a sign-in. */
  readonly recovery_code?: string;
}

export interface Account {
  readonly account: string;
  /** Empty once somebody else has confirmed the address. */
  readonly email: string;
  readonly email_confirmed: boolean;
  /** Whether there is one. */
  readonly password: boolean;
  readonly did?: string;
  readonly passkeys: readonly (PasskeyName & { readonly created: string; readonly last_used: string; readonly current: boolean })[];
}

export type Language = 'ko' | 'en';

/** What signing up takes. */
export interface Joining {
  /** Whether an account can be made with a password: central sends letters. */
  readonly password: boolean;
  readonly min_password: number;
  /** Of the proof of work that is due; 0 for none. */
  readonly work_bits: number;
  readonly work_purpose: string;
}

/** That a letter is sent if there is reason to; nothing more is said. */
export interface LetterSent {
  readonly expires: string;
}

/** Shows that it is still the same person: one of the two. */
export interface Proof {
  readonly password?: string;
  readonly assertion?: Signed;
}

export interface SessionView {
  readonly id: string;
  readonly method: 'passkey' | 'password';
  /** What the program there called itself. */
  readonly agent: string;
  readonly created: string;
  readonly expires: string;
  readonly current: boolean;
}

export type LeasePolicy = 'advisory' | 'off' | 'required';

export interface RelyingPartyView {
  readonly id: string;
  readonly origin: string;
}

/** The event that a ticket is for, as far as the phone needs it. */
export interface TicketEvent {
  readonly id: number;
  readonly name: string;
  readonly venue: string;
  readonly timezone: string;
  readonly doors: string;
  readonly starts: string;
  readonly ends: string;
  readonly relying_party: RelyingPartyView;
  readonly always_challenge?: boolean;
  readonly leases?: LeasePolicy;
  readonly minimum_age?: number;
}

export interface Named {
  readonly id: number;
  readonly name: string;
}

export type TicketForm = 'passkey' | 'paper' | 'staff';
export type TicketState = 'ready' | 'moved' | 'used' | 'refunded' | 'revoked' | 'blocked';

/** A ticket that the account owns, or once owned. */
export interface WalletTicket {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly event: TicketEvent;
  readonly zone: Named;
  readonly class: Named;
  readonly seat?: string;
  /** The signed ticket; absent once it is somebody else's. */
  readonly signed?: string;
  readonly version: number;
  readonly status: string;
  readonly holder?: string;
  readonly state: TicketState;
  /** When it was last bound to this key: gates may not know it for a while. */
  readonly bound?: string;
  readonly admitted?: { readonly at: string; readonly gate: string; readonly lane: string };
  readonly receipt?: boolean;
  readonly form: TicketForm;
}

export interface WalletTickets {
  /** Central's clock, Unix milliseconds. */
  readonly now: number;
  readonly tickets: readonly WalletTicket[];
}

export interface EntryReceipt {
  readonly receipt: string;
  /** DER of the gate's certificate. */
  readonly certificate: string;
  readonly gate: string;
  readonly lane: string;
  readonly at: string;
}

export interface LeaseGiven {
  /** 8 bytes. */
  readonly lease: string;
  readonly every_ms: number;
  readonly expires_ms: number;
}

export type CredentialType = 'family' | 'age' | 'staff';

/** A credential that central has verified and keeps. */
export interface CredentialView {
  readonly id: string;
  readonly type: CredentialType;
  readonly issuer: string;
  readonly issuer_name?: string;
  readonly issued: string;
  readonly expires: string;
  readonly revoked?: boolean;
  readonly relation?: string;
  readonly relative?: string;
  readonly over?: number;
  readonly role?: string;
  readonly events?: readonly number[];
}

export interface Relative {
  readonly did: string;
  /** Of their passkey, which the terms of a transfer name. */
  readonly public_key: string;
  readonly relation: string;
  /** A masked e-mail address, "k***@x.kr". */
  readonly name: string;
  readonly verified_until: string;
}

export type TransferState = 'pending' | 'accepted' | 'declined' | 'cancelled' | 'expired' | 'void';

export interface Transfer {
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly ticket: string;
  readonly version: number;
  /** The keys that the terms name, compressed. */
  readonly from_key: string;
  readonly to_key: string;
  readonly name?: string;
  readonly event: TicketEvent;
  readonly zone: Named;
  readonly class: Named;
  readonly seat?: string;
  readonly state: TransferState;
  readonly created: string;
  readonly expires: string;
}

export type AskState = 'pending' | 'fulfilled' | 'declined' | 'cancelled' | 'expired';

/** A relative's wish that somebody books for them (예매부탁). */
export interface Ask {
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly event: TicketEvent;
  readonly zone: Named;
  readonly class: Named;
  readonly seat?: string;
  /** The DID of who is asked. */
  readonly to: string;
  readonly name?: string;
  readonly max_amount: number;
  readonly currency: string;
  /** An order holds a place for it. */
  readonly booked: boolean;
  readonly state: AskState;
  readonly created: string;
  readonly expires: string;
}

export interface EventSummary {
  readonly id: number;
  readonly name: string;
  readonly venue: string;
  readonly timezone: string;
  readonly doors: string;
  readonly starts: string;
  readonly ends: string;
  readonly currency: string;
  readonly places: number;
  readonly free: number;
  readonly sold: number;
  /** When it was called off. */
  readonly cancelled?: string;
}

/** How an event is sold. */
export interface SaleTerms {
  readonly method: string;
  readonly max_per_order: number;
  /** Held and sold together; absent for any number. */
  readonly max_per_person?: number;
  /** Until then whoever ordered may give it back; absent for never. */
  readonly refund_until?: string;
  readonly offer_minutes: number;
}

export interface EventDetail extends EventSummary {
  readonly zones: readonly (Named & { readonly places: number; readonly free: number; readonly held: number; readonly sold: number })[];
  readonly classes: readonly (Named & { readonly paper: boolean; readonly max_entries: number; readonly staff?: boolean })[];
  /** What is not listed is not sold. Amounts are in the currency's smallest unit. */
  readonly prices: readonly { readonly zone: number; readonly class: number; readonly amount: number }[];
  readonly gates: readonly { readonly name: string; readonly zones: readonly number[] }[];
  readonly relying_party: RelyingPartyView;
  readonly minimum_age?: number;
  readonly sale: SaleTerms;
}

export interface Seat {
  readonly number: number;
  readonly seat?: string;
  readonly state: 'free' | 'held' | 'sold';
  readonly accessible?: boolean;
  readonly companion?: boolean;
}

/** Proof that the buyer holds the key that the ticket shall be bound to. */
export interface Holder extends Signed {
  readonly public_key: string;
}

/** One place of several that differ. */
export interface ItemRequest {
  readonly zone: number;
  readonly class: number;
  readonly seat?: string;
  readonly paper?: boolean;
  readonly accessible?: boolean;
  readonly companion?: boolean;
}

/** Places alike, which zone and class say, or items that differ. */
export interface OrderRequest {
  readonly zone?: number;
  readonly class?: number;
  readonly seat?: string;
  readonly count?: number;
  readonly seats?: readonly string[];
  /** Side by side, or not at all. */
  readonly adjacent?: boolean;
  /** How many of them need step-free entry, and how many come with those. */
  readonly accessible?: number;
  readonly companions?: number;
  readonly items?: readonly ItemRequest[];
  /** Absent for a paper ticket and for an ask. */
  readonly holder?: Holder;
  readonly paper?: boolean;
  /** The ask that this order fulfils. */
  readonly ask?: string;
}

export interface OrderItem {
  readonly zone: number;
  readonly class: number;
  readonly seat?: string;
  readonly paper?: boolean;
  readonly ask?: string;
  readonly accessible?: boolean;
  readonly companion?: boolean;
  readonly amount: number;
}

/** `lapsed`: charged after the hold had run out; the money goes back. */
export type OrderState = 'held' | 'expired' | 'paying' | 'paid' | 'lapsed' | 'refunded';

export interface Order {
  readonly id: string;
  /** Only in the answer that made the order. Whoever has it owns the order. */
  readonly secret?: string;
  readonly event: number;
  readonly zone: number;
  readonly class: number;
  readonly seat?: string;
  readonly items: readonly OrderItem[];
  readonly state: OrderState;
  readonly amount: number;
  readonly currency: string;
  readonly created: string;
  readonly expires: string;
  readonly money_returned?: boolean;
  readonly tickets: readonly {
    readonly id: string;
    readonly signed?: string;
    readonly event: number;
    readonly zone: number;
    readonly class: number;
    readonly seat?: string;
    readonly version?: number;
    readonly holder?: string;
    readonly status: string;
    /** It belongs to another account: signed form, version and holder are left out. */
    readonly withheld?: boolean;
  }[];
}

/** An order as the list of all orders has it: without its secret. */
export interface PastOrder extends Order {
  readonly show: TicketEvent;
}

/** What the buyer's browser does before a payment is confirmed. */
export interface PaymentAction {
  /** token: return one of a form · script: give secret and fields to the provider's script · redirect: go to url. */
  readonly kind: 'none' | 'token' | 'script' | 'redirect';
  readonly secret?: string;
  readonly url?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

export interface Payment {
  readonly id: string;
  readonly provider: string;
  readonly amount: number;
  readonly currency: string;
  readonly action: PaymentAction;
}

export type WaitState = 'waiting' | 'offered' | 'accepted' | 'declined' | 'missed' | 'left' | 'ended';

/** A place in line for a zone that is full. */
export interface Wait {
  readonly event: number;
  readonly number: number;
  readonly zone: number;
  readonly class: number;
  readonly places: number;
  readonly state: WaitState;
  /** How many wait for the zone before me. */
  readonly ahead: number;
  readonly created: string;
}

/** Places that are kept for the one whose turn it is. */
export interface Offer {
  readonly id: string;
  readonly event: TicketEvent;
  readonly zone: Named;
  readonly class: Named;
  readonly places: number;
  readonly seats?: readonly string[];
  readonly state: 'open' | 'accepted' | 'declined' | 'missed' | 'ended';
  readonly created: string;
  readonly expires: string;
  readonly order?: string;
}

/** What the tickets of an accepted offer shall be. */
export interface OfferAnswer {
  readonly paper?: boolean;
  readonly holder?: Holder;
}

/** Good for the waiting room alone, for ten minutes. */
export interface AccessToken {
  readonly token: string;
  readonly expires: string;
}

export type QueueState = 'lobby' | 'waiting' | 'admitted' | 'skipped' | 'left' | 'closed';

/** A person's place in a waiting room. */
export interface QueuePlace {
  readonly state: QueueState;
  /** Of left: they said so, were away too long, or did not begin to buy in time. */
  readonly reason?: 'left' | 'silent' | 'expired';
  /** To be shown the next time. */
  readonly token: string;
  readonly number: number;
  /** 1 is next; 0 where there is none. It never grows. */
  readonly position: number;
  readonly ahead: number;
  readonly people: number;
  /** When to ask again. */
  readonly retry_ms: number;
  readonly opens?: string;
  readonly eta: { readonly earliest: string; readonly latest: string } | null;
  readonly admission?: { readonly token: string; readonly expires: string };
  /** Signed by central; only in the answer to entering. */
  readonly receipt?: string;
}

/** What anybody may know of a waiting room. */
export interface QueueInfo {
  readonly event: number;
  readonly opens: string;
  readonly open: boolean;
  /** Whether the list of those before the opening is fixed. */
  readonly sealed: boolean;
  readonly paused: boolean;
  readonly closed: boolean;
  readonly people: number;
  /** SHA-256 of what the order will be drawn with, hexadecimal. */
  readonly commitment: string;
  readonly key: string;
  readonly beacon_source: string;
  readonly beacon: string;
  readonly work: { readonly bits: number; readonly purpose: string; readonly bucket: number } | null;
}

// Tickets' tokens. Amounts are in lamports.

export type TokenState = 'none' | 'unclaimed' | 'minting' | 'held' | 'moving' | 'releasing' | 'free' | 'sending' | 'burning' | 'burned' | 'delayed';
export type TokenKind = 'mint' | 'move' | 'release' | 'burn' | 'send' | 'commit';
export type TokenStep = 'wanted' | 'prepared' | 'sent' | 'confirmed' | 'finalized' | 'failed' | 'dropped';

/** Something that is done with a token, or was. */
export interface TokenAction {
  readonly kind: TokenKind;
  readonly state: TokenStep;
  /** Why it waits, or has failed. */
  readonly reason?: string;
  /** Of a token that was sent. */
  readonly to?: string;
  readonly signature?: string;
  readonly link?: string;
  readonly slot?: number;
  readonly fee: number;
  /** What was laid down in accounts; negative where it came back. */
  readonly rent: number;
  readonly created: string;
  readonly changed: string;
}

/** A ticket's token as its holder sees it. */
export interface TicketToken {
  readonly state: TokenState;
  /** How far what is under way has come. */
  readonly step?: TokenStep;
  readonly reason?: string;
  /** eager: made with the sale · lazy: when its holder asks. */
  readonly mode: 'eager' | 'lazy';
  readonly claimable: boolean;
  readonly sendable: boolean;
  readonly address?: string;
  readonly link?: string;
  readonly metadata?: string;
  readonly owner?: string;
  readonly owner_link?: string;
  /** Whose the owner's wallet is: kept by central, linked by the holder, or someone's. */
  readonly wallet?: 'custodial' | 'outside' | 'other';
  readonly fee: number;
  readonly rent: number;
  /** Newest first. */
  readonly history: readonly TokenAction[];
}

/** The wallet on chain that a person's tickets go to. */
export interface ChainWallet {
  readonly address: string;
  readonly kind: 'custodial' | 'outside';
  readonly link?: string;
  /** The one that is kept by central, also while another is linked. */
  readonly kept: string;
  readonly since?: string;
}

/** What an outside wallet signs to be linked. */
export interface ChainChallenge {
  readonly message: string;
  readonly expires: string;
}
