package token

// Observed is what a token is, as two accounts show it.
type Observed struct {
	Form Form

	// Holds says that the wallet's account holds the token; Frozen that the account is
	// frozen. A free token may be anywhere.
	Holds, Frozen bool

	// Why says, where the mint is not one that could have been made here, what is wrong
	// with it. Form is then None.
	Why Why
}

// Observe says what the token at mint is and whether wallet has it. Its accounts are the
// mint's and that at [Holder] of wallet and mint. An error wraps [ErrUnreadable].
func Observe(roles Roles, wallet Key, mint, holding *Account) (Observed, error) {
	return Observed{}, ErrUnreadable
}
