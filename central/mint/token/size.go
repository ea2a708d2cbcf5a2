package token

import "fmt"

// Sizes in bytes of what Token-2022 keeps.
const (
	baseMint    = 82                // a mint without extensions
	baseHolding = 165               // a token account without; a mint with them is padded to it
	extended    = baseHolding + 1   // and the kind of account, before the first extension
	header      = 2 + 2             // kind and length of an extension
	holdingSize = extended + header // an associated account has one empty extension: immutable owner

	delegateSize = header + 32
	defaultSize  = header + 1
	pointerSize  = header + 2*32
	groupSize    = header + 32 + 32 + 8 + 8
	memberSize   = header + 32 + 32 + 8
)

// maxRent bounds what a node may say the rent of a byte is, in lamports: four times the
// most that it ever was. What is laid down in a mint never comes back.
const maxRent = 4 * 6960

// overhead is what an account is charged for besides its data, in bytes.
const overhead = 128

// rentOf returns the rent of an account of a size; it is called where there is one.
func (d *draft) rentOf(size uint64) uint64 {
	if d.price == nil {
		d.blame(fmt.Errorf("%w: nobody says what the rent is", ErrAsk))
		return 0
	}
	lamports := d.price(size)
	if lamports > maxRent*(overhead+size) {
		d.blame(fmt.Errorf("%w: %d lamports for %d bytes", ErrRent, lamports, size))
		return 0
	}
	return lamports
}

// metadataSize returns how long the extension with the text is.
func (s *Spec) metadataSize() uint64 {
	n := header + 32 + 32 + 4 + len(s.Name) + 4 + len(s.Symbol) + 4 + len(s.URI) + 4
	for _, p := range s.Extra {
		n += 4 + len(p.Key) + 4 + len(p.Value)
	}
	return uint64(n)
}

// mintSpace returns how much a token's mint is allocated, and how long it is in the end:
// the program makes room for text and membership itself, and rent is due for all of it.
func (s *Spec) mintSpace(form Form) (space, final uint64) {
	space = extended + pointerSize
	if form == Held {
		space += delegateSize + defaultSize
	}
	final = s.metadataSize()
	if s.Group != (Key{}) {
		space += pointerSize
		final += memberSize
	}
	return space, space + final
}

// groupSpace is the same of a collection's mint.
func (s *Spec) groupSpace() (space, final uint64) {
	space = extended + 2*pointerSize
	return space, space + s.metadataSize() + groupSize
}

// Sizes lists the account sizes whose rent [PlanFor] may ask for.
func Sizes(ask Ask) []uint64 {
	switch ask.Kind {
	case Mint:
		_, final := ask.Spec.mintSpace(ask.Form)
		return []uint64{final, holdingSize}
	case Group:
		_, final := ask.Spec.groupSpace()
		return []uint64{final}
	case Move, Send:
		return []uint64{holdingSize}
	case Release, Burn, Commit: // make no account
	}
	return nil
}
