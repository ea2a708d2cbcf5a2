// Package chain speaks to a Solana cluster through the JSON-RPC of one or more nodes,
// and makes the transactions that are sent there.
//
// It knows accounts, signatures, slots and heights. What an account holds, what an
// instruction does and when something is to be sent again is not its business: see
// central/mint/token and central/mint.
//
// A node is not trusted. It may be slow, dead, overloaded, behind, of another cluster,
// or send anything at all in any amount. A call is answered by the first node, in the
// order of the configuration, that gives an answer which can be used; one that does
// not is rested for a while. What a node can do is to delay and, alone, to hide: an
// answer that is older than what has been seen is refused ([ErrBehind]), one that a
// caller needs to be as new as another names that one's slot. What a node says has
// happened is believed when it is the only one that is asked; nothing is signed because
// of what a node sends but a block hash. Keys never leave a [Signer].
//
// solana-go's own client is not used: its errors name the node's URL with the key in it,
// it reads answers of any length, and it shows neither Retry-After nor the slot that a
// node's view is of. What is used of solana-go are keys, messages and their bytes.
//
// Amounts are integers in lamports.
package chain

import (
	"time"

	"github.com/gagliardetto/solana-go"
)

// Key is an address: an Ed25519 public key, or one off the curve.
type Key = solana.PublicKey

// Signature is a transaction's first signature, which names it.
type Signature = solana.Signature

// Hash is that of a block.
type Hash = solana.Hash

// Commitment says how sure a block has to be.
type Commitment string

// The commitments, from the newest to the surest.
const (
	Processed Commitment = "processed" // in a block; may vanish
	Confirmed Commitment = "confirmed" // two thirds have voted for the block
	Finalized Commitment = "finalized" // cannot be undone
)

// Limits of one question; longer ones are asked in parts.
const (
	MaxAccounts = 100 // getMultipleAccounts
	MaxStatuses = 256 // getSignatureStatuses
)

// MaxData is how much of an account's data is read, in bytes. None of ours is as long.
const MaxData = 16 << 10

// Tip is the newest block that a node has at a commitment.
type Tip struct {
	Slot   uint64
	Height uint64 // number of blocks up to it: what the life of a block hash is counted in
}

// Blockhash is what makes a transaction current.
type Blockhash struct {
	Hash       Hash
	LastHeight uint64 // the greatest block height at which it is accepted
	Slot       uint64 // at which it was read
}

// Account is one account as it was at a slot.
type Account struct {
	Key        Key
	Lamports   uint64
	Owner      Key // the program
	Executable bool
	Space      uint64 // how long its data are
	Data       []byte // the first [MaxData] bytes of them
}

// Status is what became of a transaction.
type Status struct {
	Slot       uint64
	Commitment Commitment

	// Err is nil if it did what it should. Otherwise it has paid its fee and changed
	// nothing else; the error is one that [Client.Send] returns.
	Err error
}

// Simulation is what a transaction would have done.
type Simulation struct {
	Slot  uint64
	Units uint64 // compute units it took
	Logs  []string
	Err   error // as in [Status]
}

// Call is one request to one node, for figures.
type Call struct {
	Method string
	Node   string // its name: host and port, no more of its URL
	Took   time.Duration
	Err    error // nil, or why its answer was of no use
}

// NodeState is how a node fares.
type NodeState struct {
	Name    string        // host and port
	Slot    uint64        // the newest it has shown
	Behind  uint64        // slots, of the newest that any has shown
	Resting time.Duration // left until it is asked again; zero while it is well
	Problem string        // short code of its last failure; empty after a success
}
