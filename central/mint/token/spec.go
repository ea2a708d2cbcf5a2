package token

// Spec is what a token is made of.
type Spec struct {
	// Seed is what Mint was derived with, see [TicketSeed] and [Address].
	Seed string

	Name, Symbol, URI string
	Extra             []Pair // further text, in order; keys must differ

	// Group is the address of the collection's mint, or zero. For [Group] itself it is
	// not used.
	Group Key

	// Max is the most members that a collection may have; for [Group] only.
	Max uint64
}

// Pair is one further text of a token.
type Pair struct{ Key, Value string }
